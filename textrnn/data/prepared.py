"""What the cache keeps of a corpus: its stores and its tokenizer under one key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.data.cache import discard, entry_folder, publish, read_entry
from textrnn.data.store import TokenStore, open_store
from textrnn.errors import ModelError
from textrnn.tokenizers import Tokenizer, load_tokenizer

__all__ = ["Prepared", "digest_of", "find_prepared", "keep_prepared"]

_WHOLE_CHECK = 64 << 20
"""Files up to this size are compared with their digests when opened, larger ones by size alone."""


@dataclass(frozen=True)
class Prepared:
    """Stores from the cache.

    Attributes:
        tokenizer: What made the ids.
        stores: The stores by name.
        record: What the entry says about itself.
    """

    tokenizer: Tokenizer
    stores: dict[str, TokenStore]
    record: dict[str, Any]


def digest_of(content: object) -> str:
    """Return the hex SHA-256 of what JSON can hold, the same for equal contents."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


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
    tokenizer: Tokenizer,
    stores: Mapping[str, Mapping[str, Any]],
    about: Mapping[str, Any],
) -> Prepared:
    """Make finished stores an entry of the cache and open it.

    Args:
        cache: The cache folder.
        key: What the entry is found by.
        folder: Inside the cache, with the stores' files and nothing else.
        tokenizer: What made the ids.
        stores: What each store's writer returned, by name.
        about: What else to record.

    Raises:
        OSError: the cache cannot be written.
    """
    files = tokenizer.to_files()
    (folder / "tokenizer").mkdir()
    for name, content in files.items():
        (folder / "tokenizer" / name).write_bytes(content)
    kept = {"kind": tokenizer.kind, "fingerprint": tokenizer.fingerprint, "files": sorted(files)}
    publish(cache, key, folder, {**about, "tokenizer": kept, "stores": dict(stores)})
    prepared = find_prepared(cache, key)
    if prepared is None:
        raise OSError(f"what was written to {entry_folder(cache, key)} cannot be read back")
    return prepared


def _open(folder: Path, record: dict[str, Any]) -> Prepared:
    kept = record["tokenizer"]
    files = {name: (folder / "tokenizer" / name).read_bytes() for name in kept["files"]}
    tokenizer = load_tokenizer(kept["kind"], files)
    if tokenizer.fingerprint != kept["fingerprint"]:
        raise ValueError(f"{folder}: another tokenizer than was written")
    stores = {
        name: open_store(folder, name, store, _WHOLE_CHECK)
        for name, store in record["stores"].items()
    }
    return Prepared(tokenizer, stores, record)
