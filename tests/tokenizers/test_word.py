"""Words: where a text is cut, and what becomes of rare words."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from textrnn.errors import ModelError
from textrnn.tokenizers import UNK_ID, WordTokenizer, word
from textrnn.tokenizers._normalization import NORMALIZATIONS
from textrnn.tokenizers._word_pieces import WordCutter, word_pattern


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("The cat, the  cat.", ["The", " cat", ",", " the", " ", " cat", "."]),
        ("don't  ‘stop’", ["don't", " ", " ‘", "stop", "’"]),
        ("a\n\n b\r\n\tc ", ["a", "\n", "\n", " b", "\r\n", "\t", "c", " "]),
        ("    def f(x):", ["   ", " def", " f", "(", "x", ")", ":"]),
        ("in 1984 3.14", ["in", " 1984", " 3", ".", "14"]),
        ("e\u0301tude हिन्दी", ["e\u0301tude", " हिन्दी"]),
        ("日本 カナ", ["日", "本", " カ", "ナ"]),
        ("I ❤\ufe0f 👩\u200d👧", ["I", " ❤\ufe0f", " 👩\u200d", "👧"]),
        ("a <unk> b<unk>", ["a", " <unk>", " b", "<unk>"]),
        ("<UNK> <unk", ["<", "UNK", ">", " <", "unk"]),
        ("x" * 130, ["x" * 64, "x" * 64, "xx"]),
        ("a" + " " * 66 + "\n", ["a", " " * 64, "  ", "\n"]),
        ("", []),
    ],
)
def test_pieces_by_hand(text: str, pieces: list[str]) -> None:
    assert word_pattern().findall(text) == pieces


@settings(deadline=None)
@given(st.text())
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(word_pattern().findall(text)) == text


@settings(deadline=None)
@given(text=st.text(), normalization=st.sampled_from(NORMALIZATIONS), spaces=st.booleans())
@example(text="a" + "\u0301" * 200 + "b’" + "ﬁ" * 99, normalization="nfkc_cf", spaces=False)
def test_pieces_of_pieces_are_the_same(text: str, normalization: str, spaces: bool) -> None:
    cutter = WordCutter(normalization, spaces=spaces)
    pieces = cutter.pieces(text)
    assert cutter.pieces(("" if spaces else " ").join(pieces)) == pieces
    assert spaces or not any(character.isspace() for piece in pieces for character in piece)


def test_pieces_without_spaces_by_hand() -> None:
    cutter = WordCutter("nfkc_cf", spaces=False)
    assert cutter.pieces(" The  CAT,\r\n\tIt\u2019s\u00a0ＦＩＮＥ — ﬁne… <UNK>Straße\u2028") == [
        *("the", "cat", ",", "it’s", "fine", "—", "fine", ".", ".", ".", "<unk>", "strasse")
    ]


def test_ids_by_hand() -> None:
    tokenizer = WordTokenizer.train(["the cat sat\nthe cat ran\n", "the dog ran\n"])
    # Space and line end first, then "the" (3), " cat" and " ran" (2), equals by the alphabet.
    assert [tokenizer.piece(i) for i in range(4, tokenizer.vocab_size)] == [
        *("▁", "\\n", "the", "▁cat", "▁ran")
    ]
    ids = tokenizer.encode("the dog ran\n")
    assert ids.tolist() == [6, UNK_ID, 8, 5]
    assert tokenizer.decode(ids) == "the\ufffd ran\n"
    assert tokenizer.unknown("dog the dog, sat") == ["dog", ",", "sat"]


def test_ids_without_spaces_by_hand() -> None:
    text = "The cat sat\n\tthe  Cat, ran\n"
    tokenizer = WordTokenizer.train([text], None, 2, "nfkc_cf", spaces=False)
    assert [tokenizer.piece(i) for i in range(4, tokenizer.vocab_size)] == ["cat", "the"]
    assert tokenizer.encode("\n THE\tdog cat <unk>the\n\n").tolist() == [5, UNK_ID, 4, UNK_ID, 5]
    assert tokenizer.decode([2, 5, UNK_ID, 0, 4, 3]) == "the \ufffd cat"
    assert tokenizer.unknown("dog the\n DOG, sat") == ["dog", ",", "sat"]
    assert tokenizer.encode(" \r\n\t\u2029").tolist() == []


def test_size_without_spaces_leaves_room_for_words_only() -> None:
    tokenizer = WordTokenizer.train(["b b b a a c c"], vocab_size=6, spaces=False)
    assert [tokenizer.piece(i) for i in range(4, 6)] == ["b", "a"]


def test_a_space_is_a_piece_where_the_word_has_none() -> None:
    tokenizer = WordTokenizer(["\n", " ", "the"])
    assert tokenizer.encode(" the   the").tolist() == [5, 6, 5, 5, 5, 6]
    assert tokenizer.decode([5, 6, 5, 5, 5, 6]) == " the   the"
    assert tokenizer.encode("the cat  ").tolist() == [6, UNK_ID, 5, 5]


def test_unknown_words_of_prepared_corpora() -> None:
    text = "the <unk> of <unk>" * 5
    tokenizer = WordTokenizer.train([text])
    assert tokenizer.encode("the <unk> of <unk>").tolist()[1::2] == [UNK_ID, UNK_ID]
    assert not any("unk" in tokenizer.piece(i) for i in range(4, tokenizer.vocab_size))


def test_size_cuts_the_rarest() -> None:
    text = "b b b a a c c"
    tokenizer = WordTokenizer.train([text], vocab_size=8)
    assert [tokenizer.piece(i) for i in range(4, 8)] == ["▁", "\\n", "▁a", "▁b"]
    assert WordTokenizer.train([text], vocab_size=6).vocab_size == 6


def test_counting_in_bounded_memory_keeps_the_frequent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word, "MAX_DISTINCT", 50)
    text = "".join(f" often w{i}" for i in range(1000))
    tokenizer = WordTokenizer.train([text[i : i + 100] for i in range(0, len(text), 100)])
    assert UNK_ID not in tokenizer.encode(" often")
    assert tokenizer.vocab_size < 60


@pytest.mark.parametrize(
    "pieces", ['["a"]', '[" ", "\\n", "a", "a"]', '[" ", "\\n", ""]', "[1]", "7"]
)
def test_a_wrong_list_is_refused(pieces: str) -> None:
    record = f'{{"format": 1, "kind": "word", "pieces": {pieces}}}'
    with pytest.raises(ModelError, match="'pieces'"):
        WordTokenizer.from_files({"tokenizer.json": record.encode()})


def test_the_record_says_what_departs_from_the_defaults() -> None:
    # Files written before there was anything to choose are the same, and so are fingerprints.
    old = b'{"format":1,"kind":"word","pieces":[" ","\\n","a"]}\n'
    assert WordTokenizer([" ", "\n", "a"]).to_files() == {"tokenizer.json": old}
    assert WordTokenizer.from_files({"tokenizer.json": old}).is_lossless
    new = b'{"format":1,"kind":"word","pieces":["a"],"normalization":"nfkc","spaces":false}\n'
    loaded = WordTokenizer.from_files({"tokenizer.json": new})
    assert loaded.encode("ａ a\n").tolist() == [4, 4]
    assert loaded.to_files() == {"tokenizer.json": new}
    explicit = old.replace(b"}", b',"normalization":"identity","spaces":true}')
    assert WordTokenizer.from_files({"tokenizer.json": explicit}).is_lossless


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ('"normalization": "nfd"', "'normalization' is 'nfd'"),
        ('"normalization": null', "'normalization' is None"),
        ('"normalization": ["nfc"]', "'normalization' is"),
        ('"spaces": 0', "'spaces' is 0"),
        ('"spaces": "no"', "'spaces' is 'no'"),
        ('"spaces": false', "'pieces' holds a space"),
    ],
)
def test_a_wrong_choice_is_refused(choice: str, problem: str) -> None:
    record = f'{{"format": 1, "kind": "word", "pieces": [" ", "\\n", "a b"], {choice}}}'
    with pytest.raises(ModelError, match=f"{problem}.*damaged"):
        WordTokenizer.from_files({"tokenizer.json": record.encode()})
