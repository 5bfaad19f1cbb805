"""Bytes: the 256 bytes of UTF-8, whatever the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from textrnn.tokenizers._decoding import REPLACEMENT, Utf8StreamDecoder, check_id, check_ids
from textrnn.tokenizers._files import RECORD, read_record, write_record
from textrnn.tokenizers._text import SURROGATE, show
from textrnn.tokenizers.base import (
    NUM_SPECIAL,
    SPECIAL_PIECES,
    UNK_ID,
    Ids,
    StreamDecoder,
    Tokenizer,
)

__all__ = ["ByteTokenizer"]

BLOCK = 1 << 16
"""Characters or ids handled at a time, so that what lies between stays in the processor's cache."""

_TABLE = (b"", REPLACEMENT.encode(), b"", b"", *(bytes([value]) for value in range(256)))


class ByteTokenizer(Tokenizer):
    """UTF-8 bytes: byte ``b`` is id ``b + 4``; 260 ids, and nothing to learn.

    Ids that are no valid UTF-8 (a model may make them) decode to U+FFFD, one for each longest
    beginning of a character, as Unicode recommends and Python does.
    """

    kind = "byte"
    is_lossless = True

    @property
    def vocab_size(self) -> int:
        """260: the bytes and the four special ids."""
        return len(_TABLE)

    def encode(self, text: str) -> Ids:
        """Return one id a byte of UTF-8."""
        return np.concatenate(
            [np.empty(0, np.int32)]
            + [_encode_block(text[start : start + BLOCK]) for start in range(0, len(text), BLOCK)]
        )

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Ids]:
        """Encode chunk by chunk: no character depends on another."""
        return (self.encode(chunk) for chunk in chunks)

    def encode_each(self, texts: Sequence[str]) -> tuple[Ids, npt.NDArray[np.int64]]:
        """Encode the joined texts: one id a byte."""
        lengths = (len(text.encode("utf-8", "replace")) for text in texts)
        return self.encode("".join(texts)), np.fromiter(lengths, np.int64, len(texts))

    def decode(self, ids: Sequence[int] | npt.NDArray[np.integer]) -> str:
        """Return the text of the bytes."""
        checked = check_ids(ids, self.vocab_size)
        content = b"".join(
            _decode_block(checked[start : start + BLOCK]) for start in range(0, len(checked), BLOCK)
        )
        return content.decode("utf-8", "replace")

    def stream_decoder(self) -> StreamDecoder:
        """Return a decoder that holds a character back until its last byte has come."""
        return Utf8StreamDecoder(_TABLE)

    def piece(self, token_id: int) -> str:
        """Return the ASCII character, escaped where it would not show, or ``<0xE2>``."""
        check_id(token_id, self.vocab_size)
        if token_id < NUM_SPECIAL:
            return SPECIAL_PIECES[token_id]
        value = token_id - NUM_SPECIAL
        return show(chr(value)) if value < 128 else f"<0x{value:02X}>"

    def unknown(self, text: str) -> list[str]:
        """Return the distinct lone surrogates of ``text``: all else has bytes."""
        return list(dict.fromkeys(SURROGATE.findall(text)))

    def to_files(self) -> dict[str, bytes]:
        """Return ``tokenizer.json``, which holds the kind and nothing else."""
        return {RECORD: write_record(self.kind, {})}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> ByteTokenizer:
        """Make the tokenizer, once the file agrees."""
        read_record(cls.kind, files)
        return cls()


def _encode_block(text: str) -> Ids:
    try:
        content = np.frombuffer(text.encode("utf-8"), np.uint8)
        return np.add(content, NUM_SPECIAL, dtype=np.int32)
    except UnicodeEncodeError:
        unknown = np.array([UNK_ID], np.int32)
        parts = [_encode_block(part) for part in SURROGATE.split(text)]
        return np.concatenate([parts[0], *(ids for part in parts[1:] for ids in (unknown, part))])


def _decode_block(ids: npt.NDArray[np.integer]) -> bytes:
    if ids.min() >= NUM_SPECIAL:
        return (ids - NUM_SPECIAL).astype(np.uint8).tobytes()
    return b"".join([_TABLE[token_id] for token_id in ids.tolist()])
