"""What the cache keeps of a corpus: its stores and its tokenizers under one key.

A :class:`Preparation` finds them there or makes them; running text, labelled examples and pairs are
three.
"""

from __future__ import annotations

import abc
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn._version import __version__
from textrnn.config import specs
from textrnn.data.cache import (
    FORMAT,
    discard,
    entry_folder,
    publish,
    read_entry,
    recall,
    remember,
)
from textrnn.data.intake import TextFile
from textrnn.data.sources import Report
from textrnn.data.store import Numbers, TokenStore, open_array, open_store
from textrnn.errors import ModelError
from textrnn.tokenizers import Tokenizer, TokenizerSettings, load_tokenizer

__all__ = [
    "Preparation",
    "Prepared",
    "SourceRecord",
    "digest_of",
    "find_prepared",
    "keep_prepared",
    "source_records",
]

_WHOLE_CHECK = 64 << 20
"""Files up to this size are compared with their digests when opened, larger ones by size alone."""

_TOKENIZER_FOLDERS = ("tokenizer", "tokenizer-tgt")


@dataclass(frozen=True)
class SourceRecord:
    """What a corpus was made from, for the record.

    Attributes:
        name: The source as it was given or found.
        path: Its absolute path; None for stdin and pipes, which are gone once read.
        bytes: Its size as it lies there, compressed or not.
        sha256: Hex digest of those bytes.
    """

    name: str
    path: str | None
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Prepared:
    """Stores from the cache.

    Attributes:
        tokenizers: What made the ids: one, or one for each side of pairs.
        stores: The stores by name.
        arrays: Arrays of int32 that lie beside them, by name, memory-mapped.
        record: What the entry says about itself.
    """

    tokenizers: tuple[Tokenizer, ...]
    stores: dict[str, TokenStore]
    arrays: dict[str, Numbers]
    record: dict[str, Any]

    @property
    def tokenizer(self) -> Tokenizer:
        """The first tokenizer, mostly the only one."""
        return self.tokenizers[0]


@dataclass(frozen=True)
class Preparation(abc.ABC):
    """One preparation: found in the cache, or made and kept there.

    Attributes:
        cache: The cache folder.
        work: A folder inside it to write into.
        report: Told what a person should know.
    """

    cache: Path
    work: Path
    report: Report

    @property
    @abc.abstractmethod
    def content(self) -> dict[str, Any]:
        """What the stores depend on, the tokenizers apart, as JSON can hold it."""

    @abc.abstractmethod
    def names(self) -> str:
        """Return what messages call what is prepared."""

    @abc.abstractmethod
    def learn(self, wanted: TokenizerSettings, place: int) -> Tokenizer:
        """Learn the tokenizer that the settings give; ``place`` is its place among several."""

    @abc.abstractmethod
    def make(self, tokenizers: Sequence[Tokenizer], key: str) -> Prepared:
        """Make the corpus with these tokenizers and keep it under ``key``."""

    def prepare(self, *tokenizers: TokenizerSettings | Tokenizer) -> Prepared:
        """Return the corpus as these tokenizers make it.

        Args:
            tokenizers: One, or one for each side; those that do not exist are learnt, now or before.
        """
        given = [each for each in tokenizers if isinstance(each, Tokenizer)]
        if len(given) == len(tokenizers):
            return self._find_or_make(given)
        note = digest_of(["tokenizer", *map(_wish, tokenizers), self.content])
        fingerprints = recall(self.cache, note).get("fingerprints")
        if isinstance(fingerprints, list) and (prepared := self._find(fingerprints)):
            return prepared
        learnt = [
            each if isinstance(each, Tokenizer) else self.learn(each, place)
            for place, each in enumerate(tokenizers)
        ]
        prepared = self._find_or_make(learnt)
        remember(self.cache, note, {"fingerprints": [each.fingerprint for each in learnt]})
        return prepared

    def _find_or_make(self, tokenizers: Sequence[Tokenizer]) -> Prepared:
        fingerprints = [each.fingerprint for each in tokenizers]
        return self._find(fingerprints) or self.make(tokenizers, self._key(fingerprints))

    def _key(self, fingerprints: Sequence[str]) -> str:
        return digest_of(["corpus", FORMAT, *fingerprints, self.content])

    def _find(self, fingerprints: Sequence[str]) -> Prepared | None:
        prepared = find_prepared(self.cache, self._key(fingerprints))
        if prepared is not None:
            self.report(f"{self.names()}: prepared before, found in the cache")
        return prepared


def _wish(tokenizer: TokenizerSettings | Tokenizer) -> object:
    """Return what tells a tokenizer, or what is to be learnt, from others."""
    if isinstance(tokenizer, Tokenizer):
        return tokenizer.fingerprint
    # Another version may learn another tokenizer from the same text.
    return [__version__, {name: getattr(tokenizer, name) for name in specs(TokenizerSettings)}]


def digest_of(content: object) -> str:
    """Return the hex SHA-256 of what JSON can hold, the same for equal contents."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def source_records(files: Iterable[TextFile]) -> tuple[SourceRecord, ...]:
    """Return what to record of files."""
    return tuple(
        SourceRecord(file.name, file.origin, file.stamp.size, file.sha256) for file in files
    )


def find_prepared(cache: Path, key: str) -> Prepared | None:
    """Open an entry of the cache; None where there is none. A damaged one is taken away."""
    folder = entry_folder(cache, key)
    record = read_entry(folder)
    try:
        if record is not None:
            return _open(folder, record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ModelError):
        pass
    if folder.exists():
        discard(cache, folder)
    return None


def keep_prepared(
    cache: Path,
    key: str,
    folder: Path,
    tokenizers: Sequence[Tokenizer],
    stores: Mapping[str, Mapping[str, Any]],
    about: Mapping[str, Any],
    arrays: Mapping[str, Mapping[str, Any]] | None = None,
) -> Prepared:
    """Make finished stores an entry of the cache and open it.

    Args:
        cache: The cache folder.
        key: What the entry is found by.
        folder: Inside the cache, with the stores' files and nothing else.
        tokenizers: What made the ids.
        stores: What each store's writer returned, by name.
        about: What else to record.
        arrays: What each array's writer returned, by name.

    Raises:
        OSError: the cache cannot be written.
    """
    kept = []
    for tokenizer, own in zip(tokenizers, _TOKENIZER_FOLDERS, strict=False):
        files = tokenizer.to_files()
        (folder / own).mkdir()
        for name, content in files.items():
            (folder / own / name).write_bytes(content)
        kept.append(
            {"kind": tokenizer.kind, "fingerprint": tokenizer.fingerprint, "files": sorted(files)}
        )
    record = {**about, "tokenizers": kept, "stores": dict(stores), "arrays": dict(arrays or {})}
    publish(cache, key, folder, record)
    prepared = find_prepared(cache, key)
    if prepared is None:
        raise OSError(f"what was written to {entry_folder(cache, key)} cannot be read back")
    return prepared


def _open(folder: Path, record: dict[str, Any]) -> Prepared:
    # Entries made before there were pairs have one tokenizer.
    kept = record["tokenizers"] if "tokenizers" in record else [record["tokenizer"]]
    tokenizers = tuple(
        _tokenizer(folder / own, each) for own, each in zip(_TOKENIZER_FOLDERS, kept, strict=False)
    )
    stores = {
        name: open_store(folder, name, store, _WHOLE_CHECK)
        for name, store in record["stores"].items()
    }
    # Entries made before there were arrays do not speak of them.
    arrays = {
        name: open_array(folder, name, array, _WHOLE_CHECK)
        for name, array in record.get("arrays", {}).items()
    }
    return Prepared(tokenizers, stores, arrays, record)


def _tokenizer(folder: Path, kept: dict[str, Any]) -> Tokenizer:
    files = {name: (folder / name).read_bytes() for name in kept["files"]}
    tokenizer = load_tokenizer(kept["kind"], files)
    if tokenizer.fingerprint != kept["fingerprint"]:
        raise ValueError(f"{folder}: another tokenizer than was written")
    return tokenizer
