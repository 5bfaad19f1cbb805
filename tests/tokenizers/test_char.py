"""Characters: the alphabet and its ids."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.errors import DataError, ModelError
from textrnn.tokenizers import UNK_ID, CharTokenizer


def test_ids_by_hand() -> None:
    tokenizer = CharTokenizer.train(["cab", "\nba"])
    assert tokenizer.vocab_size == 8  # four special ids, line end, a, b, c
    assert tokenizer.encode("abc\n").tolist() == [5, 6, 7, 4]
    assert tokenizer.encode("axé😀").tolist() == [5, UNK_ID, UNK_ID, UNK_ID]
    assert tokenizer.decode([7, 5, 6]) == "cab"
    assert [tokenizer.piece(i) for i in range(4, 8)] == ["\\n", "a", "b", "c"]
    assert tokenizer.unknown("axéax") == ["x", "é"]


@settings(deadline=None)
@given(text=st.text(min_size=1))
def test_round_trip_of_any_text_it_was_trained_on(text: str) -> None:
    tokenizer = CharTokenizer.train([text])
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.vocab_size == 4 + len(set(text))


def test_a_text_longer_than_a_block() -> None:
    text = "añ😀" * 50_000
    tokenizer = CharTokenizer.train([text])
    ids = tokenizer.encode(text)
    assert ids.tolist() == [4, 5, 6] * 50_000
    assert tokenizer.decode(ids) == text


def test_combining_marks_and_emoji_are_code_points() -> None:
    text = "e\u0301é👩\u200d👧"
    tokenizer = CharTokenizer.train([text])
    assert len(tokenizer.encode(text)) == len(text) == 6
    shown = {tokenizer.piece(i) for i in range(4, tokenizer.vocab_size)}
    assert shown == {"e", "\\u0301", "é", "👩", "\\u200d", "👧"}


def test_frequency_and_size_cut_the_alphabet() -> None:
    counted = "a" * 5 + "b" * 3 + "c" * 3 + "d"
    assert CharTokenizer.train([counted], min_frequency=2).unknown("abcd") == ["d"]
    # Of b and c, equally frequent, the lower code point stays.
    assert CharTokenizer.train([counted], vocab_size=6).unknown("abcd") == ["c", "d"]
    with pytest.raises(DataError, match="occurs 6 times"):
        CharTokenizer.train([counted], min_frequency=6)


def test_lone_surrogates_are_unknown_and_never_learned() -> None:
    tokenizer = CharTokenizer.train(["a\ud800"])
    assert tokenizer.vocab_size == 5
    assert tokenizer.encode("a\ud800\udfff").tolist() == [4, UNK_ID, UNK_ID]
    assert tokenizer.decode(tokenizer.encode("a\ud800")) == "a\ufffd"
    with pytest.raises(DataError):
        CharTokenizer.train(["\ud800"])


@pytest.mark.parametrize("characters", ['"ba"', '"aa"', '""', '"a\\ud800"', "7", "null"])
def test_a_wrong_alphabet_is_refused(characters: str) -> None:
    record = f'{{"format": 1, "kind": "char", "characters": {characters}}}'
    with pytest.raises(ModelError, match="'characters' is not"):
        CharTokenizer.from_files({"tokenizer.json": record.encode()})
