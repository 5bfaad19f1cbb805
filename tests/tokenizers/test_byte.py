"""Bytes: UTF-8 and what is not UTF-8."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.tokenizers import UNK_ID, ByteTokenizer

TOKENIZER = ByteTokenizer()


def ids_of(content: bytes) -> list[int]:
    return [value + 4 for value in content]


def test_ids_by_hand() -> None:
    assert TOKENIZER.vocab_size == 260
    assert TOKENIZER.encode("A€\n").tolist() == [69, 0xE2 + 4, 0x82 + 4, 0xAC + 4, 14]
    assert TOKENIZER.decode([69, 230, 134, 176, 14]) == "A€\n"
    assert [TOKENIZER.piece(i) for i in (69, 36, 14, 230)] == ["A", "▁", "\\n", "<0xE2>"]


@settings(deadline=None)
@given(content=st.binary())
def test_any_bytes_decode_as_python_decodes_them(content: bytes) -> None:
    expected = content.decode("utf-8", "replace")
    assert TOKENIZER.decode(ids_of(content)) == expected
    decoder = TOKENIZER.stream_decoder()
    assert "".join(map(decoder.feed, ids_of(content))) + decoder.flush() == expected


def test_broken_characters_become_u_fffd() -> None:
    assert TOKENIZER.decode(ids_of(b"a\xe2\x82b\xff")) == "a\ufffdb\ufffd"


def test_the_stream_holds_back_half_a_character() -> None:
    decoder = TOKENIZER.stream_decoder()
    assert [decoder.feed(i) for i in ids_of("😀".encode())] == ["", "", "", "😀"]
    assert [decoder.feed(i) for i in ids_of(b"\xe2\x82")] == ["", ""]
    assert decoder.flush() == "\ufffd"
    assert decoder.feed(69) == "A"  # afresh after the flush


def test_special_ids_inside_a_character() -> None:
    euro = ids_of("€".encode())
    assert TOKENIZER.decode([euro[0], 0, 2, 3, *euro[1:]]) == "€"
    assert TOKENIZER.decode([euro[0], UNK_ID, *euro[1:]]) == "\ufffd" * 4


def test_a_text_longer_than_a_block() -> None:
    text = "añ😀" * 50_000
    ids = TOKENIZER.encode(text)
    assert len(ids) == 7 * 50_000
    assert TOKENIZER.decode(ids) == text
    ids[3] = 0
    assert TOKENIZER.decode(ids)[:3] == "añ\ufffd"


def test_lone_surrogates_are_unknown() -> None:
    ids = TOKENIZER.encode("a\ud800\udfffb")
    assert ids.tolist() == [101, UNK_ID, UNK_ID, 102]
    assert TOKENIZER.unknown("a\ud800b\ud800") == ["\ud800"]
