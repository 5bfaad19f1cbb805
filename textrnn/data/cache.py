"""The cache folder: prepared corpora, each in a folder of its own, and small notes that find them.

::

    ~/.cache/textrnn/
      corpora/KEY/       a prepared corpus: entry.json, token stores, tokenizer; never changed; or one
                         that was fetched: entry.json and its files
      notes/KEY.json     what saves work next time: digests of files read, tokenizers learnt
      partial/KEY        what has come of a file of the web, until the rest is fetched
      work-RANDOM/       being written by some process, renamed to corpora/KEY when complete

Keys are digests of everything that the content depends on. So several processes may prepare the
same corpus at once: one of them comes first, the others take its result. A kill leaves at most a
``work`` folder, swept when it is a day old.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from textrnn.errors import DataError, UsageError

__all__ = [
    "FORMAT",
    "CacheEntry",
    "clear",
    "default_cache_dir",
    "discard",
    "entry_folder",
    "entry_folders",
    "list_entries",
    "look_into_entry",
    "publish",
    "read_entry",
    "recall",
    "remember",
    "workspace",
]

FORMAT = 1
"""Format of an entry, part of every key; other entries stay until they are cleared."""

_ENTRY = "entry.json"
_KEY = re.compile(r"[0-9a-f]{64}")
_WORK = "work-"
_DAY_S = 86_400
_ABANDONED_S = 3_600
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class CacheEntry:
    """One prepared corpus in the cache.

    Attributes:
        name: Its key, as the folder is called.
        sources: The names of what it was made from.
        size_bytes: What it takes up.
        created: When it was made, UTC.
        last_used: When it was last made or found, UTC.
    """

    name: str
    sources: tuple[str, ...]
    size_bytes: int
    created: datetime
    last_used: datetime


def default_cache_dir() -> Path:
    """Return the cache folder.

    ``TEXTRNN_CACHE`` where it is set, else ``textrnn`` in what the system has for such things:
    ``XDG_CACHE_HOME``, ``~/Library/Caches`` on macOS, ``LOCALAPPDATA`` on Windows, ``~/.cache``.

    Raises:
        UsageError: a variable names the home folder of somebody whom the system does not know.
    """
    for variable, inner in (("TEXTRNN_CACHE", ""), ("XDG_CACHE_HOME", "textrnn")):
        if named := os.environ.get(variable):
            try:
                return Path(named).expanduser() / inner
            except RuntimeError:
                raise UsageError(
                    f"{variable} is {named!r}, but there is no such user; name a folder by its whole path"
                ) from None
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "textrnn"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "textrnn" / "Cache"
    return Path.home() / ".cache" / "textrnn"


def list_entries(cache: Path) -> list[CacheEntry]:
    """Return what the cache holds, the last used first."""
    entries = []
    for folder in entry_folders(cache):
        with contextlib.suppress(OSError):
            entries.append(_describe(folder))
    return sorted(entries, key=lambda entry: entry.last_used, reverse=True)


def clear(cache: Path, older_than_days: float | None = None) -> int:
    """Delete corpora, notes, files half fetched and what killed processes left; nothing else.

    Args:
        cache: The cache folder.
        older_than_days: Only what was last used longer ago; everything by default.

    Returns:
        Bytes freed.
    """
    before = time.time() - (older_than_days or 0) * _DAY_S
    freed = 0
    for folder in entry_folders(cache):
        with contextlib.suppress(OSError):
            if older_than_days is None or _last_used(folder) < before:
                freed += _remove(cache, folder)
    for note in (*_inside(cache / "notes"), *_inside(cache / "partial")):
        with contextlib.suppress(OSError):
            status = note.stat()
            if _KEY.match(note.name) and (older_than_days is None or status.st_mtime < before):
                note.unlink()
                freed += status.st_size
    return freed + _sweep(cache, _ABANDONED_S)


@contextlib.contextmanager
def workspace(cache: Path) -> Iterator[Path]:
    """Give a new folder inside the cache to write into; what is left in it goes at the end.

    Raises:
        DataError: the cache cannot be written, when the folder is made or anywhere in the ``with``
            block (an ``OSError`` there is taken to be about the cache).
    """
    folder = None
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(cache, _DAY_S)
        folder = Path(tempfile.mkdtemp(prefix=_WORK, dir=cache))
        yield folder
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "free some space there or" if error.errno in _FULL else "make it writable or"
        raise DataError(
            f"{cache}: the cache folder cannot be written: {reason}; {advice} set TEXTRNN_CACHE to "
            "another folder"
        ) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def publish(cache: Path, key: str, work: Path, record: dict[str, Any]) -> Path:
    """Make a finished work folder the entry ``key``, unless another process was quicker.

    Returns:
        The entry's folder.

    Raises:
        OSError: it cannot be written.
    """
    target = entry_folder(cache, key)
    target.parent.mkdir(exist_ok=True)
    created = datetime.now(timezone.utc).isoformat(timespec="seconds")
    record = {"format": FORMAT, "created": created, **record}
    (work / _ENTRY).write_text(json.dumps(record, indent=1), encoding="utf-8")
    try:
        work.rename(target)
    except OSError:
        if not (target / _ENTRY).is_file():
            raise
    return target


def read_entry(folder: Path) -> dict[str, Any] | None:
    """Return the record of an entry and note its use; None where there is no usable one."""
    record = look_into_entry(folder)
    if record is not None:
        with contextlib.suppress(OSError):
            os.utime(folder / _ENTRY)
    return record


def look_into_entry(folder: Path) -> dict[str, Any] | None:
    """Return the record of an entry as :func:`read_entry`, without a trace."""
    try:
        record = json.loads((folder / _ENTRY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_known = isinstance(record, dict) and record.get("format") == FORMAT
    return record if is_known else None


def discard(cache: Path, folder: Path) -> None:
    """Take a damaged entry away."""
    with contextlib.suppress(OSError):
        _remove(cache, folder)


def entry_folder(cache: Path, key: str) -> Path:
    """Return where the entry ``key`` lies, if it is there."""
    return cache / "corpora" / key


def entry_folders(cache: Path) -> list[Path]:
    """Return the folders of all entries, sorted by key."""
    return [path for path in _inside(cache / "corpora") if _KEY.fullmatch(path.name)]


def recall(cache: Path, key: str) -> dict[str, Any]:
    """Return the note kept under ``key``; an empty one where there is none."""
    path = cache / "notes" / f"{key}.json"
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        os.utime(path)
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def remember(cache: Path, key: str, note: dict[str, Any]) -> None:
    """Keep a note under ``key``, in place of an older one.

    Raises:
        OSError: it cannot be written.
    """
    folder = cache / "notes"
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=key, dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(note, file)
        Path(temporary).replace(folder / f"{key}.json")
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _describe(folder: Path) -> CacheEntry:
    used = datetime.fromtimestamp(_last_used(folder), timezone.utc)
    sources: list[str] = []
    created = used
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads((folder / _ENTRY).read_text(encoding="utf-8"))
        kinds = ("sources", "valid_sources", "test_sources")
        sources = [str(source["name"]) for kind in kinds for source in record.get(kind, ())]
        created = datetime.fromisoformat(record["created"])
    return CacheEntry(folder.name, tuple(sources), _size(folder), created, used)


def _last_used(folder: Path) -> float:
    entry = folder / _ENTRY
    return (entry if entry.exists() else folder).stat().st_mtime


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _remove(cache: Path, folder: Path) -> int:
    """Delete a folder, in one step for whoever looks for it by name; return the bytes freed."""
    size = _size(folder)
    doomed = Path(tempfile.mkdtemp(prefix=_WORK, dir=cache))
    try:
        folder.rename(doomed / "doomed")
    finally:
        shutil.rmtree(doomed, ignore_errors=True)
    return size - (_size(doomed) if doomed.exists() else 0)


def _sweep(cache: Path, age_s: float) -> int:
    """Delete work folders in which nothing was written for ``age_s``; return the bytes freed."""
    freed = 0
    for folder in _inside(cache):
        if not folder.name.startswith(_WORK) or not folder.is_dir():
            continue
        with contextlib.suppress(OSError):
            newest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
            if time.time() - newest > age_s:
                freed += _remove(cache, folder)
    return freed
