"""What several tokenizers need to turn ids back: the check of ids and the two stream decoders."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from textrnn.tokenizers.base import StreamDecoder

__all__ = ["REPLACEMENT", "TextStreamDecoder", "Utf8StreamDecoder", "check_id", "check_ids"]

REPLACEMENT = "\ufffd"
"""What ``<unk>`` and invalid bytes are decoded to."""


def check_id(token_id: int, vocab_size: int) -> int:
    """Return ``token_id``.

    Raises:
        ValueError: it is outside the vocabulary.
    """
    if not 0 <= token_id < vocab_size:
        raise ValueError(
            f"id {token_id} is outside the vocabulary of {vocab_size} (0 … {vocab_size - 1})"
        )
    return token_id


def check_ids(
    ids: Sequence[int] | npt.NDArray[np.integer], vocab_size: int
) -> npt.NDArray[np.integer]:
    """Return ``ids`` as an array of one dimension.

    Raises:
        ValueError: an id outside the vocabulary, or not one row of whole numbers.
    """
    array = np.asarray(ids)
    if array.size == 0:
        return np.empty(0, np.int32)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"ids must be whole numbers in one dimension, not {array.dtype} of shape {array.shape}"
        )
    for bound in (int(array.min()), int(array.max())):
        check_id(bound, vocab_size)
    return array


class TextStreamDecoder(StreamDecoder):
    """For tokenizers whose ids are whole characters or more: nothing is ever held back."""

    def __init__(self, texts: Sequence[str], separator: str = "") -> None:
        """Take each id's text, in order of ids, and what stands between two that are not empty."""
        self._texts = texts
        self._separator = separator
        self._between = ""

    def feed(self, token_id: int) -> str:
        """Return the id's text, the separator before it where it is not the first."""
        text = self._texts[check_id(token_id, len(self._texts))]
        if not text:
            return ""
        text = self._between + text
        self._between = self._separator
        return text

    def flush(self) -> str:
        """Return nothing, since nothing was held back, and start afresh."""
        self._between = ""
        return ""


class Utf8StreamDecoder(StreamDecoder):
    """For tokenizers whose ids are bytes: holds back a character until its last byte has come."""

    def __init__(self, table: Sequence[bytes]) -> None:
        """Take each id's bytes, in order of ids."""
        self._table = table
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token_id: int) -> str:
        """Return the characters that the id's bytes complete."""
        return self._decoder.decode(self._table[check_id(token_id, len(self._table))])

    def flush(self) -> str:
        """Return U+FFFD where a character was begun and never ended, else nothing."""
        text = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return text
