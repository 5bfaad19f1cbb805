"""A sentencepiece model read by ourselves, before sentencepiece may have it.

The C++ library trusts what it reads: a score that is not a number, or a table of characters that was tampered
with, lets it reach outside its memory. So pieces and scores are read here, held against what training writes,
and go into a model with settings of our own; nothing else of the file reaches the library.

The file is a message of protocol buffers (encoding: protobuf.dev/programming-guides/encoding; fields:
sentencepiece_model.proto of sentencepiece): pieces (field 1), each with text (1), score (2) and type (3);
then the settings of training (2) and of normalisation (3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from textrnn.tokenizers._files import damaged
from textrnn.tokenizers.base import BOS_ID, EOS_ID, NUM_SPECIAL, PAD_ID, SPECIAL_PIECES, UNK_ID

__all__ = ["FIRST_PIECE", "MODEL", "SPACE", "PieceModel", "read_piece_model"]

MODEL = "tokenizer.model"

SPACE = "▁"
"""How sentencepiece writes a space inside its pieces."""

FIRST_PIECE = NUM_SPECIAL + 256
"""The first learned piece's id; the bytes stand between it and the special ids."""

MOST_PIECES, LONGEST_PIECE = 1 << 20, 64
"""Pieces of a model, and characters of a piece: training learns at most 16."""
GREATEST_SCORE = 1e9
"""Scores are logarithms of probabilities, or the rank of a pair, negative."""

_UNKNOWN, _CONTROL, _BYTE = 2, 3, 6
_TYPES = {"unigram": 1, "bpe": 2}
_PIECE, _TEXT, _SCORE, _TYPE = 0x0A, 0x0A, 0x15, 0x18
"""Keys of the fields: number and wire type."""
_VARINT, _BYTES = 0, 2

_SPECIAL = (
    *((piece, _UNKNOWN if i == UNK_ID else _CONTROL) for i, piece in enumerate(SPECIAL_PIECES)),
    *((f"<0x{value:02X}>", _BYTE) for value in range(256)),
)
"""Text and type of the first pieces."""


@dataclass(frozen=True)
class PieceModel:
    """What a file says, checked.

    Attributes:
        pieces: The learned pieces, from ``FIRST_PIECE`` on, as sentencepiece writes them.
        scores: The score of every piece, the first ones included.
        content: The model for sentencepiece.
    """

    pieces: list[str]
    scores: list[float]
    content: bytes


def read_piece_model(model: bytes, kind: str) -> PieceModel:
    """Read a model that training has written.

    Args:
        model: The file.
        kind: ``bpe`` or ``unigram``.

    Raises:
        ModelError: it is none, of another kind, or not such as training writes.
    """
    try:
        texts, scores, end = _pieces(model)
        settings = _fields(model, end)
        trainer = _fields(_message_in(settings, 2))
        normalizer = _fields(_message_in(settings, 3))
    except (IndexError, ValueError):
        raise damaged(MODEL, "not a sentencepiece model such as textrnn writes") from None
    if len(texts) <= FIRST_PIECE or len(texts) > MOST_PIECES:
        raise damaged(MODEL, f"it has {len(texts)} pieces")
    learned = texts[FIRST_PIECE:]
    if SPACE not in learned:
        raise damaged(MODEL, "a sentencepiece model without the space")
    lengths = set(map(len, learned))
    if len(set(texts)) < len(texts) or min(lengths) < 1 or max(lengths) > LONGEST_PIECE:
        raise damaged(MODEL, "a piece stands there twice, is empty or too long")
    if "\0" in "".join(learned):
        raise damaged(MODEL, "a piece holds a character that none can have")
    if not (np.abs(scores) <= GREATEST_SCORE).all():
        raise damaged(MODEL, "a score is out of range")
    if trainer.get(3) != _TYPES[kind]:
        raise damaged(MODEL, f"not a {kind} model")
    if normalizer.get(1) != b"identity" or normalizer.get(2, b"") != b"":
        raise damaged(MODEL, "it normalises texts in a way of its own")
    content = model[:end] + _settings(kind, len(texts))
    return PieceModel(learned, scores.tolist(), content)


def _pieces(model: bytes) -> tuple[list[str], np.ndarray, int]:
    """Return texts and scores of all pieces, and where the settings begin.

    The first ones must be the special ones, all others learned; fields stand in the order of their numbers,
    as protocol buffers write them. A loop over bytes, since there may be tens of thousands of pieces.

    Raises:
        ValueError, IndexError: they are not.
    """
    texts, scores = [], bytearray()
    at, whole = 0, len(model)
    while at < whole and model[at] == _PIECE:
        size, start = _length(model, at + 1)
        end = start + size
        if model[start] != _TEXT:
            raise ValueError("no text")
        length, start = _length(model, start + 1)
        at = start + length
        if model[at] != _SCORE:
            raise ValueError("no score")
        texts.append(model[start:at])
        scores += model[at + 1 : at + 5]
        at += 5
        if at != end:
            number = len(texts) - 1
            if at + 2 != end or model[at] != _TYPE or number >= len(_SPECIAL):
                raise ValueError("a type that learned pieces do not have")
            if model[at + 1] != _SPECIAL[number][1]:
                raise ValueError("another type")
            at = end
        elif len(texts) <= len(_SPECIAL):
            raise ValueError("a special piece without its type")
    # No piece holds a line end, so that they can be decoded at once.
    joined = b"\n".join(texts).decode("utf-8").split("\n")
    if len(joined) != max(1, len(texts)) or len(scores) != 4 * len(texts):
        raise ValueError("a line end in a piece, or a file cut short")
    if joined[: len(_SPECIAL)] != [text for text, _ in _SPECIAL]:
        raise ValueError("other ids")
    return joined, np.frombuffer(bytes(scores), "<f4"), at


def _length(content: bytes, at: int) -> tuple[int, int]:
    """Return a length below 2^14, and what comes behind it."""
    low = content[at]
    if low < 0x80:
        return low, at + 1
    high = content[at + 1]
    if high >= 0x80:
        raise ValueError("too long")
    return (low & 0x7F) | high << 7, at + 2


def _message_in(fields: Mapping[int, int | bytes], number: int) -> bytes:
    """Return the message in a field; an empty one where there is none."""
    value = fields.get(number, b"")
    if not isinstance(value, bytes):
        raise ValueError("no message")  # noqa: TRY004  (of what the file says)
    return value


def _fields(content: bytes, at: int = 0) -> dict[int, int | bytes]:
    """Return the values of a message's fields by number, of repeated ones the last.

    Raises:
        ValueError, IndexError: it is no message.
    """
    found: dict[int, int | bytes] = {}
    while at < len(content):
        key, at = _varint(content, at)
        number, wire = key >> 3, key & 7
        value: int | bytes
        if wire == _VARINT:
            value, at = _varint(content, at)
        else:
            if wire == _BYTES:
                size, at = _varint(content, at)
            elif wire in (1, 5):
                size = {1: 8, 5: 4}[wire]
            else:
                raise ValueError("no such field")
            if size > len(content) - at:
                raise ValueError("cut short")
            value, at = content[at : at + size], at + size
        found[number] = value
    return found


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("too long")


def _settings(kind: str, size: int) -> bytes:
    """Return the settings that every model of ours is used with."""
    numbers = {
        3: _TYPES[kind],
        4: size,
        35: 1,  # characters without a piece become bytes
        40: UNK_ID,
        41: BOS_ID,
        42: EOS_ID,
        43: PAD_ID,
    }
    names = {45: UNK_ID, 46: BOS_ID, 47: EOS_ID, 48: PAD_ID}
    trainer = b"".join(
        [
            *(_written(number << 3) + _written(value) for number, value in numbers.items()),
            *(_message(number, SPECIAL_PIECES[i].encode()) for number, i in names.items()),
        ]
    )
    # As it is: no character is replaced (1, 2), no space added (3) or taken away (4).
    normalizer = _message(1, b"identity") + _message(2, b"") + b"\x18\x00\x20\x00"
    return _message(2, trainer) + _message(3, normalizer)


def _message(number: int, content: bytes) -> bytes:
    return _written(number << 3 | _BYTES) + _written(len(content)) + content


def _written(value: int) -> bytes:
    """Return a number as a varint."""
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
