"""From the attention of tokens to that of words, worked by hand."""

import numpy as np
import pytest

from textrnn.tokenizers.base import EOS_ID, UNK_ID
from textrnn.tokenizers.byte import ByteTokenizer
from textrnn.tokenizers.char import CharTokenizer
from textrnn.tokenizers.word import WordTokenizer
from textrnn.translator.alignment import aligned, said
from textrnn.translator.units import source_units, token_texts, units_of

LETTERS = CharTokenizer(sorted("abcdehinu ."))
SPACED = WordTokenizer([" ", "\n", "ein", " haus", " und", " rot", ".", "an", " house", " and"])
BARE = WordTokenizer(["ein", "haus", ".", "an", "house"], spaces=False)


def ids_of(tokenizer, text):
    return np.array([*tokenizer.encode(text).tolist(), EOS_ID])


def test_letters_are_summed_up_to_words():
    src = ids_of(LETTERS, "ein dach")  # e i n _ d a c h </s>
    texts = token_texts(LETTERS, LETTERS.encode("an a."))  # a n _ a .
    weights = np.zeros((6, 9), np.float32)
    weights[0, :3] = [0.5, 0.25, 0.25]  # a: ein
    weights[1, [0, 5]] = [0.5, 0.5]  # n: half and half
    weights[2, 4] = 1.0  # the space belongs to the word behind it
    weights[3, [6, 8]] = [0.5, 0.5]  # a: dach, and the end
    weights[4, 3] = 1.0  # the full stop: the space of " dach"
    found = aligned(LETTERS, "ein dach", src, texts, weights)
    assert found.source == ["ein", "dach"]
    assert found.target == ["an", "a", "."]
    assert found.weights.tolist() == [[0.75, 0.25], [0.0, 0.75], [0.0, 1.0]]
    assert found.links == [0, 1, 1]


def test_a_source_that_was_cut_ends_in_the_middle_of_a_word():
    src = np.array([*LETTERS.encode("ein da").tolist(), EOS_ID])
    units = source_units(LETTERS, "ein dach", src[:-1])
    assert units.words == ["ein", "da"]
    assert units.owners.tolist() == [0, 0, 0, 1, 1, 1]
    words = source_units(SPACED, "ein haus und rot", SPACED.encode("ein haus und rot")[:2])
    assert words.owners.tolist() == [0, 1]


def test_unknown_words_of_the_source_are_read_from_the_text():
    text = "ein Zebra und X ."
    units = source_units(SPACED, text, SPACED.encode(text))
    assert units.words == ["ein", "Zebra", "und", "X", "."]
    assert [units.words[owner] for owner in units.owners] == ["ein", "Zebra", "und", "X", ".", "."]
    bare = source_units(BARE, text, BARE.encode(text))
    assert [bare.words[owner] for owner in bare.owners] == ["ein", "Zebra", "und", "X", "."]


@pytest.mark.parametrize(
    ("tokenizer", "tgt", "expected"),
    [
        # The space before an unknown word is lost with it, that before a known one is not.
        (SPACED, ["an", None, " and", None, "."], "an Zebra and X."),
        (SPACED, ["an", " ", None, "."], "an Zebra."),
        (SPACED, [None, " and"], "Zebra and"),
        (BARE, ["an", None, "house", None], "an Zebra house X"),
    ],
)
def test_unknown_words_are_copied(tokenizer, tgt, expected):
    text = "ein Zebra und X"
    src = ids_of(tokenizer, text)
    ids = np.array([UNK_ID if part is None else int(tokenizer.encode(part)[0]) for part in tgt])
    weights = np.zeros((len(ids) + 1, len(src)), np.float32)
    places = iter([1, 3])
    for row in np.flatnonzero(ids == UNK_ID):
        # The end is looked at even more, but is no word.
        weights[row, [next(places), len(src) - 1]] = [0.4, 0.6]
    texts = said((tokenizer, tokenizer), text, src, ids, weights)
    assert "".join(texts) == expected
    assert len(texts) == len(ids)
    assert (
        aligned(tokenizer, text, src, texts, weights).target == expected.replace(".", " .").split()
    )
    untouched = said((tokenizer, tokenizer), text, src, ids, None)
    assert "\ufffd" in "".join(untouched)


def test_bytes_of_a_letter_belong_to_its_word():
    tokenizer = ByteTokenizer()
    texts = token_texts(tokenizer, tokenizer.encode("für é"))
    units = units_of(texts)
    assert units.words == ["für", "é"]
    assert units.owners.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert token_texts(tokenizer, tokenizer.encode("é")[:1]) == ["\ufffd"]


def test_nothing_is_nothing():
    units = units_of([])
    assert (units.words, units.owners.tolist()) == ([], [])
    blank = units_of([" ", " "])
    assert (blank.words, blank.owners.tolist()) == ([], [0, 0])
    src = ids_of(LETTERS, "ein")
    empty = aligned(LETTERS, "ein", src, [], np.zeros((1, 4), np.float32))
    assert (empty.source, empty.target, empty.links) == (["ein"], [], [])
