"""The fallback for prompts that hold what a model never saw."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.tokenizers import UNK_ID, ByteTokenizer, CharTokenizer, WordTokenizer, substitute

ALPHABET = CharTokenizer.train(["abcdefgilnoqrstuvwxyz ABCDE'\"-.,\n"])


@pytest.mark.parametrize(
    ("prompt", "text", "unknown"),
    [
        ("a cat", "a cat", []),
        ("“a” — ‘b’…", "\"a\" -- 'b'...", ["“", "”", "—", "‘", "’", "…"]),
        ("café", "cafe", ["é"]),
        ("cafe\u0301", "cafe", ["\u0301"]),
        ("QUIT", "quit", ["Q", "U", "I", "T"]),
        ("ÄäÉ", "AaE", ["Ä", "ä", "É"]),
        ("straße\tﬁn", "strasse fin", ["ß", "\t", "ﬁ"]),
        ("a😀b日", "ab", ["😀", "日"]),
        ("a\r\nb", "a\nb", ["\r"]),
        ("a\ud800b", "ab", ["\ud800"]),
        ("ａ\u00a0ｂ", "a b", ["ａ", "\u00a0", "ｂ"]),
    ],
)
def test_characters(prompt: str, text: str, unknown: list[str]) -> None:
    assert substitute(ALPHABET, prompt) == (text, unknown)


def test_composition_is_the_alphabets() -> None:
    assert substitute(CharTokenizer("é"), "e\u0301") == ("é", ["e", "\u0301"])
    assert substitute(CharTokenizer("e\u0301"), "é") == ("e\u0301", ["é"])


def test_words_keep_their_place_and_stay_unknown() -> None:
    tokenizer = WordTokenizer([" ", "\n", "The", " cat", " sat", "'", "s"])
    assert substitute(tokenizer, "the Cat zat") == ("The cat zat", ["the", "Cat", "zat"])
    assert substitute(tokenizer, "cat’s concat") == ("cat’s concat", ["cat’s", "concat"])
    # The first word of a prompt, which the model knows inside sentences only.
    assert substitute(tokenizer, "Cat sat") == (" cat sat", ["Cat"])


def test_words_without_spaces_and_case() -> None:
    tokenizer = WordTokenizer(["the", "cat", "cafe", '"'], "nfkc_cf", spaces=False)
    assert substitute(tokenizer, "THE\n Cat") == ("THE\n Cat", [])
    text, unknown = substitute(tokenizer, "The “Café”\tzat")
    assert (text, unknown) == ('The "Cafe"\tzat', ["“", "café", "”", "zat"])
    assert tokenizer.encode(text).tolist() == [4, 7, 6, 7, UNK_ID]


def test_bytes_lack_surrogates_only() -> None:
    assert substitute(ByteTokenizer(), "😀\udcff!") == ("😀!", ["\udcff"])


@settings(deadline=None)
@given(st.text())
def test_the_result_is_always_known_to_characters(prompt: str) -> None:
    text, unknown = substitute(ALPHABET, prompt)
    assert UNK_ID not in ALPHABET.encode(text)
    assert unknown == ALPHABET.unknown(prompt)
