"""Token ids on disk: written once, in one stream, and mapped into memory to be read.

A store is two files of little-endian numbers: ``NAME.ids``, the ids of all documents one after
another, each ``<bos> … `` and with lines ``<bos> … <eos>``, and ``NAME.starts``, where in them each
document begins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from textrnn.tokenizers.base import BOS_ID, EOS_ID, UNK_ID, Tokenizer

__all__ = [
    "ArrayWriter",
    "Numbers",
    "StoreWriter",
    "TokenStore",
    "id_dtype",
    "open_array",
    "open_store",
]

Numbers = npt.NDArray[np.integer[Any]]
"""Whole numbers of any type."""

_STARTS = np.dtype("<i8")
_LABELS = np.dtype("<i4")
_ID_TYPES = {name: np.dtype(name) for name in ("|u1", "<u2", "<i4")}


@dataclass(frozen=True)
class TokenStore:
    """The token ids of one part of a corpus.

    Attributes:
        ids: All documents one after another, shape (ids,), memory-mapped, read-only; uint8, uint16
            or int32, the smallest that holds the vocabulary.
        starts: Where in ``ids`` each document begins, shape (documents,), int64, memory-mapped.
        characters: Characters of the text (Unicode code points), byte order marks, dropped CRs and,
            with lines, line ends not counted.
        unknown: How many ids are ``<unk>``.
    """

    ids: Numbers
    starts: Numbers
    characters: int
    unknown: int

    @property
    def tokens(self) -> int:
        """How many ids are targets: all but the first of each document."""
        return len(self.ids) - len(self.starts)

    def lengths(self, documents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return how many ids the documents with the given numbers have."""
        count = len(self.starts)
        following = self.starts[np.minimum(documents + 1, count - 1)]
        ends = np.where(documents + 1 < count, following, len(self.ids))
        return np.asarray(ends - self.starts[documents], np.int64)

    def reversed(self) -> TokenStore:
        """Return the store read from its end: the last document first, each from its last id."""
        ends = np.append(self.starts[1:], len(self.ids))[: len(self.starts)]
        starts = (len(self.ids) - ends)[::-1].astype(np.int64)
        return replace(self, ids=self.ids[::-1], starts=starts)


class StoreWriter:
    """Writes a store document by document, in bounded memory.

    Args:
        folder: Where the files go.
        name: What they are called.
        tokenizer: Turns text into ids.
    """

    def __init__(self, folder: Path, name: str, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._dtype = id_dtype(tokenizer.vocab_size)
        self._ids = _DigestFile(folder / f"{name}.ids")
        self._starts = _DigestFile(folder / f"{name}.starts")
        self.documents = 0
        self.characters = 0
        self._unknown = 0

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ids.file.close()
        self._starts.file.close()

    def add_text(self, chunks: Iterable[str]) -> None:
        """Add a text that comes in pieces as one document; an empty one adds nothing."""
        for ids in self._tokenizer.encode_chunks(self._begun(chunks)):
            self._write(ids.astype(self._dtype))

    def add_lines(self, lines: Sequence[str]) -> None:
        """Add every line, or other short text, as a document of its own, with ``<eos>``.

        None of them may be empty; an ``encode`` that makes nothing of one leaves both marks.
        """
        if not lines:
            return
        flat, lengths = self._tokenizer.encode_each(lines)
        ends = np.cumsum(lengths + 2)
        begins = ends - lengths - 2
        ids = np.empty(len(flat) + 2 * len(lines), self._dtype)
        inner = np.ones(len(ids), np.bool_)
        inner[begins] = inner[ends - 1] = False
        ids[begins] = BOS_ID
        ids[ends - 1] = EOS_ID
        ids[inner] = flat
        self._starts.write((begins + self._count).astype(_STARTS))
        self._write(ids)
        self.documents += len(lines)
        self.characters += sum(map(len, lines))

    def finish(self) -> dict[str, Any]:
        """Close the files; return what :func:`open_store` needs to know about them."""
        self._ids.file.close()
        self._starts.file.close()
        return {
            "dtype": self._dtype.str,
            "ids": self._count,
            "documents": self.documents,
            "characters": self.characters,
            "unknown": self._unknown,
            "sha256": {"ids": self._ids.digest(), "starts": self._starts.digest()},
        }

    @property
    def _count(self) -> int:
        return self._ids.size // self._dtype.itemsize

    def _begun(self, chunks: Iterable[str]) -> Iterator[str]:
        """Pass on what is not empty; begin the document with the first such chunk."""
        begun = False
        for chunk in chunks:
            if not chunk:
                continue
            if not begun:
                begun = True
                self._starts.write(np.array([self._count], _STARTS))
                self._write(np.array([BOS_ID], self._dtype))
                self.documents += 1
            self.characters += len(chunk)
            yield chunk

    def _write(self, ids: Numbers) -> None:
        self._unknown += int(np.count_nonzero(ids == UNK_ID))
        self._ids.write(ids)


def id_dtype(vocab_size: int) -> np.dtype[Any]:
    """Return the smallest type of a store's ids that holds ``vocab_size`` of them."""
    if vocab_size <= 1 << 8:
        return _ID_TYPES["|u1"]
    return _ID_TYPES["<u2" if vocab_size <= 1 << 16 else "<i4"]


def open_store(folder: Path, name: str, record: dict[str, Any], whole_check: int = 0) -> TokenStore:
    """Open a store that a :class:`StoreWriter` has finished.

    Args:
        folder: Where its files lie.
        name: What they are called.
        record: What ``finish`` returned.
        whole_check: Compare the digests too where the files have at most so many bytes; else only
            their sizes.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not what the record says.
        KeyError: the record lacks something.
    """
    sizes = {
        "ids": (_ID_TYPES[record["dtype"]], record["ids"]),
        "starts": (_STARTS, record["documents"]),
    }
    arrays = {
        part: _mapped(folder / f"{name}.{part}", dtype, count, record["sha256"][part], whole_check)
        for part, (dtype, count) in sizes.items()
    }
    return TokenStore(arrays["ids"], arrays["starts"], record["characters"], record["unknown"])


class ArrayWriter:
    """Writes one array of int32 beside a store, in one stream.

    Args:
        folder: Where the file goes.
        name: What it is called.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._file = _DigestFile(folder / name)

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.file.close()

    def add(self, numbers: Numbers) -> None:
        """Add numbers, shape (numbers,), each within int32."""
        self._file.write(numbers.astype(_LABELS))

    def finish(self) -> dict[str, Any]:
        """Close the file; return what :func:`open_array` needs to know about it."""
        self._file.file.close()
        return {"count": self._file.size // _LABELS.itemsize, "sha256": self._file.digest()}


def open_array(folder: Path, name: str, record: dict[str, Any], whole_check: int = 0) -> Numbers:
    """Open what an :class:`ArrayWriter` has finished: int32, shape (count,), memory-mapped.

    Raises:
        OSError, ValueError, KeyError: as :func:`open_store`.
    """
    return _mapped(folder / name, _LABELS, record["count"], record["sha256"], whole_check)


def _mapped(path: Path, dtype: np.dtype[Any], count: int, sha256: str, whole_check: int) -> Numbers:
    size = path.stat().st_size
    if size != count * dtype.itemsize:
        raise ValueError(f"{path}: {size} bytes instead of {count * dtype.itemsize}")
    if size <= whole_check and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ValueError(f"{path}: its digest does not match")
    # Nothing cannot be mapped.
    return np.memmap(path, dtype, "r") if size else np.empty(0, dtype)


class _DigestFile:
    """A file being written, with its size and digest so far."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("xb")
        self.size = 0
        self._digest = hashlib.sha256()

    def write(self, numbers: Numbers) -> None:
        content = np.ascontiguousarray(numbers).view(np.uint8).data
        self._digest.update(content)
        self.file.write(content)
        self.size += len(content)

    def digest(self) -> str:
        return self._digest.hexdigest()
