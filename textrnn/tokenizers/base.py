"""The contract of every tokenizer: text to ids and back, saved as a few named files.

Ids 0 to 3 mean the same in every tokenizer, so that models, batches and decoders never ask which
one they serve.
"""

from __future__ import annotations

import abc
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

__all__ = [
    "BOS_ID",
    "EOS_ID",
    "NUM_SPECIAL",
    "PAD_ID",
    "SPECIAL_PIECES",
    "UNK_ID",
    "Ids",
    "StreamDecoder",
    "Tokenizer",
]

PAD_ID, UNK_ID, BOS_ID, EOS_ID = 0, 1, 2, 3
SPECIAL_PIECES = ("<pad>", "<unk>", "<bos>", "<eos>")
NUM_SPECIAL = len(SPECIAL_PIECES)

Ids = npt.NDArray[np.int32]


class StreamDecoder(abc.ABC):
    """Turns ids into text as they come, releasing whole characters only.

    What ``feed`` and a last ``flush`` return, joined, is what ``decode`` makes of the same ids.
    """

    @abc.abstractmethod
    def feed(self, token_id: int) -> str:
        """Take one id; return the text that is now certain (possibly empty).

        Raises:
            ValueError: an id outside the vocabulary.
        """

    @abc.abstractmethod
    def flush(self) -> str:
        """Return what is still held back (incomplete bytes as U+FFFD) and start afresh."""


class Tokenizer(abc.ABC):
    """Text to ids and back.

    Immutable once made. ``pad``, ``bos`` and ``eos`` never come out of ``encode``; ``decode``
    renders ``<unk>`` as U+FFFD and the other three special ids as nothing. A lone surrogate, which
    is no character and stands in no encoded text, is ``<unk>`` in every tokenizer, even in those
    that cover all of Unicode.
    """

    kind: ClassVar[str]
    """The name by which a model's config.json and ``--tokenizer`` know the class."""

    is_lossless: bool
    """True where ``decode(encode(text)) == text`` for every text that yields no ``<unk>``."""

    @property
    @abc.abstractmethod
    def vocab_size(self) -> int:
        """Number of ids, the four special ones included."""

    @abc.abstractmethod
    def encode(self, text: str) -> Ids:
        """Return the ids of ``text``, shape (tokens,), int32; what is not covered is ``<unk>``."""

    @abc.abstractmethod
    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Ids]:
        """Encode a text that comes in pieces.

        Concatenated, the result equals ``encode("".join(chunks))`` wherever the text is cut, in
        memory bounded by the chunk size, however long a line is.
        """

    def encode_each(self, texts: Sequence[str]) -> tuple[Ids, npt.NDArray[np.int64]]:
        """Encode several texts, each as :meth:`encode` does.

        Args:
            texts: At least one.

        Returns:
            The ids of all one after another, and how many each has, shape (texts,).
        """
        each = [self.encode(text) for text in texts]
        return np.concatenate(each), np.fromiter(map(len, each), np.int64, len(each))

    @abc.abstractmethod
    def decode(self, ids: Sequence[int] | npt.NDArray[np.integer]) -> str:
        """Return the text of ``ids`` (any integer type, one dimension).

        Raises:
            ValueError: an id outside the vocabulary.
        """

    @abc.abstractmethod
    def stream_decoder(self) -> StreamDecoder:
        """Return a decoder for ids that come one by one."""

    @abc.abstractmethod
    def piece(self, token_id: int) -> str:
        """Return one id's piece as a person may read it (escaped where it would not show).

        Raises:
            ValueError: an id outside the vocabulary.
        """

    @abc.abstractmethod
    def unknown(self, text: str) -> list[str]:
        """Return the distinct parts of ``text`` that become ``<unk>``, in order of appearance."""

    def normalized(self, text: str) -> str:
        """Return ``text`` in the form in which it is cut: as it is, unless forms are unified."""
        return text

    @abc.abstractmethod
    def to_files(self) -> dict[str, bytes]:
        """Return the files, by name, from which ``from_files`` makes the same tokenizer again."""

    @classmethod
    @abc.abstractmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Tokenizer:
        """Make a tokenizer from ``to_files``'s result.

        Raises:
            ModelError: the files are damaged or belong to another kind.
        """

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 over kind and files: equal exactly where the tokenizer is."""
        digest = hashlib.sha256(self.kind.encode())
        for name, content in sorted(self.to_files().items()):
            digest.update(f"\0{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()
