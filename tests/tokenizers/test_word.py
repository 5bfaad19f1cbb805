"""Words: where a text is cut, and what becomes of rare words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.errors import ModelError
from textrnn.tokenizers import UNK_ID, WordTokenizer, word
from textrnn.tokenizers.word import word_pattern


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
