"""From sources to files that can be read again and again, known by the digest of their bytes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import BinaryIO, cast

from textrnn.data.cache import recall, remember
from textrnn.data.reading import FileStamp, binary_reason, refuse_endless
from textrnn.data.sources import Report, TextSource, unreadable
from textrnn.errors import DataError

__all__ = ["TextFile", "take_in"]

_BLOCK = 1 << 20
_SETTLED_NS = 2_000_000_000
"""The coarsest tick of a file system's clock: within it a file may change without a new time."""


@dataclass(frozen=True)
class TextFile:
    """A file that can be read as often as needed.

    Attributes:
        name: What messages and records call it.
        path: Where its bytes lie: the file itself, or its copy where the source is read only once.
        origin: Absolute path of the source; None for stdin and pipes, which are gone once read.
        stamp: The state in which its digest was taken.
        sha256: Hex digest of its bytes as they lie there, compressed or not.
    """

    name: str
    path: Path
    origin: str | None
    stamp: FileStamp
    sha256: str


def take_in(
    sources: Sequence[TextSource], encoding: str, *, work: Path, cache: Path, report: Report
) -> list[TextFile]:
    """Make every source a file with a digest.

    What can be read only once is copied to ``work``. Files found in a folder that are not text are
    left out. A file's digest is taken from the cache where path, size, times and inode are those of
    last time and the file had then been left alone for longer than the coarsest tick of a file
    system's clock; else the file is read.

    Args:
        sources: What :func:`textrnn.data.sources.expand_inputs` found.
        encoding: The encoding of the text, which tells text from other files.
        work: A folder for copies.
        cache: The cache folder.
        report: Told about what is left out.

    Raises:
        DataError: a source cannot be read, changes meanwhile, or none of them is text.
        OSError: the copies or the cache cannot be written.
    """
    spooled: dict[TextSource, TextFile] = {}
    regular: dict[TextSource, Path] = {}
    for source in sources:
        if source.path is None or source.once:
            spooled[source] = _spool(source, encoding, work)
            continue
        if source.from_folder:
            reason = binary_reason(source.path, encoding, source.name)
            if reason is not None:
                report(f"{source.name}: left out, {reason}")
                continue
        regular[source] = source.path
    if not spooled and not regular:
        raise DataError(
            f"no text among the files found, such as {sources[0].name}; give files with text in "
            f"{encoding}, or their --encoding"
        )
    known = spooled | _with_digests(regular, cache)
    return [known[source] for source in sources if source in known]


def _spool(source: TextSource, encoding: str, work: Path) -> TextFile:
    digest = hashlib.sha256()
    handle, name = tempfile.mkstemp(prefix="spool-", dir=work)
    path = Path(name)
    with os.fdopen(handle, "wb") as copy, _opened(source) as incoming:
        for number, block in enumerate(_blocks(incoming, source.name)):
            if number == 0:
                refuse_endless(block, encoding, source.name)
            digest.update(block)
            copy.write(block)
    return TextFile(source.name, path, None, FileStamp.of(path.stat()), digest.hexdigest())


def _with_digests(paths: dict[TextSource, Path], cache: Path) -> dict[TextSource, TextFile]:
    origins = {source: str(path.absolute()) for source, path in paths.items()}
    key = hashlib.sha256(json.dumps(["stamps", *origins.values()]).encode()).hexdigest()
    remembered = recall(cache, key)
    files = {}
    settled: dict[str, list[object]] = {}
    for source, origin in origins.items():
        now = time.time_ns()
        stamp = _stamp(source)
        entry: list[object] = [*astuple(stamp)]
        old = remembered.get(origin)
        if isinstance(old, list) and old[:-1] == entry:
            sha256 = str(old[-1])
            settled[origin] = old
        else:
            sha256 = _digest(source)
            if now - stamp.mtime_ns > _SETTLED_NS:
                settled[origin] = [*entry, sha256]
        files[source] = TextFile(source.name, Path(origin), origin, stamp, sha256)
    if settled != remembered:
        remember(cache, key, settled)
    return files


def _stamp(source: TextSource) -> FileStamp:
    try:
        return FileStamp.of(cast(Path, source.path).stat())
    except OSError as error:
        raise unreadable(source.name, error) from None


def _digest(source: TextSource) -> str:
    digest = hashlib.sha256()
    with _opened(source) as file:
        for block in _blocks(file, source.name):
            digest.update(block)
    return digest.hexdigest()


def _opened(source: TextSource) -> AbstractContextManager[BinaryIO]:
    if source.path is None:
        if sys.stdin is None:
            raise DataError("stdin is closed; give a file")
        return contextlib.nullcontext(sys.stdin.buffer)
    try:
        return source.path.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(source.name, error) from None


def _blocks(file: BinaryIO, name: str) -> Iterator[bytes]:
    while True:
        try:
            block = file.read(_BLOCK)
        except OSError as error:
            raise unreadable(name, error) from None
        if not block:
            return
        yield block
