"""Corpora of the catalogue as files: fetched once, in the shape that training takes, kept in the cache.

::

    corpora/KEY/entry.json           what it is, where it came from, the digest of every file
    corpora/KEY/imdb/train.jsonl     its parts: .txt for language models, else .jsonl
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from textrnn.data.cache import discard, entry_folder, look_into_entry, publish, read_entry
from textrnn.data.catalogue import PREFIX, Entry, HubSet, WebFile
from textrnn.data.columns import Finder
from textrnn.data.compression import compression_of, decompressed
from textrnn.data.prepared import digest_of
from textrnn.data.sources import Report
from textrnn.data.tables.hub import open_hub
from textrnn.data.tables.source import PARTS
from textrnn.errors import DataError

__all__ = ["Fetched", "Stored", "fetched", "here", "stored"]

_FORMAT = 1
"""Of what the files of a corpus are made; part of every key."""


@dataclass(frozen=True)
class Fetched:
    """A corpus that lies in the cache.

    Attributes:
        entry: What it is.
        folder: Where its files lie, and nothing else.
        files: Its files by part: ``train``, and where it has them ``valid`` and ``test``.
    """

    entry: Entry
    folder: Path
    files: Mapping[str, Path]


@dataclass(frozen=True)
class Stored:
    """What a look into the cache shows of a corpus.

    Attributes:
        folder: Where it lies.
        is_whole: Whether all of it is there; what is damaged is fetched again when it is used.
    """

    folder: Path
    is_whole: bool


def stored(entry: Entry, cache: Path) -> Stored | None:
    """Tell where a corpus lies in the cache, changing nothing there; None where it was not fetched."""
    place = entry_folder(cache, _key(entry))
    if not place.exists():
        return None
    return Stored(place / entry.name, _whole(entry, place, look_into_entry(place)) is not None)


def here(entry: Entry, cache: Path) -> Fetched | None:
    """Return a corpus that was fetched before; None where it was not, or was damaged and is deleted."""
    place = entry_folder(cache, _key(entry))
    found = _whole(entry, place, read_entry(place))
    if found is None and place.exists():
        discard(cache, place)
    return found


def _whole(entry: Entry, place: Path, record: Mapping[str, Any] | None) -> Fetched | None:
    """Return what an entry of the cache holds; None where not all of it is there."""
    folder = place / entry.name
    try:
        listed = dict((record or {})["files"])
        files = {part: folder / str(file["name"]) for part, file in listed.items()}
        sizes = {part: int(file["bytes"]) for part, file in listed.items()}
        is_whole = all(files[part].stat().st_size == size for part, size in sizes.items())
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return Fetched(entry, folder, files) if is_whole else None


def fetched(
    entry: Entry, *, cache: Path, work: Path, report: Report = lambda _: None, pause_s: float = 1.0
) -> Fetched:
    """Return a corpus, fetched where it is not in the cache yet.

    Args:
        entry: Which.
        cache: The cache folder.
        work: A folder inside it to write into.
        report: Told what is being done.
        pause_s: As for :func:`textrnn.data.fetching.fetch_file`.

    Raises:
        DataError: it cannot be had, or is not what was expected.
        OSError: the cache cannot be written.
    """
    found = here(entry, cache)
    if found is not None:
        return found
    report(f"{PREFIX}{entry.name}: being fetched from {_origin(entry)}")
    place = Path(tempfile.mkdtemp(prefix="fetched-", dir=work))
    folder = place / entry.name
    folder.mkdir()
    with tempfile.TemporaryDirectory(dir=work) as raw:
        if entry.hub is not None:
            written = _from_hub(entry, entry.hub, folder, cache, Path(raw), report)
        else:
            written = _from_web(entry, folder, cache, Path(raw), report, pause_s)
    _tell_counts(entry, written, report)
    files = {part: _record(path) for part, path in _paths(entry, folder)}
    name = f"{PREFIX}{entry.name}"
    about = {"fetched": entry.recipe, "sources": [{"name": name}], "files": files}
    publish(cache, _key(entry), place, about)
    found = here(entry, cache)
    if found is None:
        raise OSError(f"what was written to {entry_folder(cache, _key(entry))} cannot be read back")
    return found


def _key(entry: Entry) -> str:
    return digest_of(["fetched", _FORMAT, entry.recipe])


def _origin(entry: Entry) -> str:
    return entry.files[0].url if entry.hub is None else f"hf:{entry.hub.name}"


def _advice(entry: Entry) -> str:
    return (
        f"once there is a network, textrnn corpus get {entry.name} fetches it (-o DIR makes a copy to "
        "carry); or give a file of your own"
    )


def _paths(entry: Entry, folder: Path) -> Iterator[tuple[str, Path]]:
    for part in PARTS:
        path = folder / _file_name(entry, part)
        if path.exists():
            yield part, path


def _file_name(entry: Entry, part: str) -> str:
    return f"{part}.txt" if entry.job == "lm" else f"{part}.jsonl"


def _record(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def _tell_counts(entry: Entry, written: Mapping[str, int], report: Report) -> None:
    """Say where the published data are no longer those that the catalogue knows."""
    for part, count in written.items():
        known = entry.counts.get(part)
        if known is not None and known != count:
            report(
                f"{PREFIX}{entry.name}: {part} has {count:,} {entry.unit} where {known:,} were known: it "
                "was published anew, so that figures may not compare with older ones"
            )


def _from_hub(
    entry: Entry, hub: HubSet, folder: Path, cache: Path, work: Path, report: Report
) -> dict[str, int]:
    """Write the splits of a data set; return how many rows each part has."""
    written = {}
    for part, split in hub.splits.items():
        name = f"hf:{hub.name}:{hub.config}:{split}"
        with _advised(entry):
            (source,) = open_hub(name, cache=cache, work=work, report=report)
            table = source.open()
            finder = Finder(table)
            places = [finder.named(column, "its column") for column in hub.columns.values()]
            rows = (
                row.values for row in table.rows([place for place in places if place is not None])
            )
            written[part] = _write(entry, folder, part, list(hub.columns), rows)
    return written


@contextlib.contextmanager
def _advised(entry: Entry) -> Iterator[None]:
    """Say of what the hub refuses which corpus it was for."""
    try:
        yield
    except DataError as error:
        what = str(error).rpartition("; ")[0] or str(error)  # its advice is for other inputs
        raise DataError(f"{PREFIX}{entry.name}: {what}; {_advice(entry)}") from None


def _from_web(
    entry: Entry, folder: Path, cache: Path, work: Path, report: Report, pause_s: float
) -> dict[str, int]:
    """Write the parts that files of the web are; return how many rows each has, where it is rows."""
    # Brings the network's modules along, which most commands have no need of.
    from textrnn.data.fetching import Download, fetch_file

    raw: dict[WebFile, Path] = {}
    for number, file in enumerate(entry.files):
        name = f"{PREFIX}{entry.name}"
        wanted = Download(name, file.url, file.bytes, file.sha256, _advice(entry))
        raw[file] = work / f"{number}-{file.url.rpartition('/')[2]}"
        partials = cache / "partial"
        fetch_file(wanted, raw[file], partials=partials, report=report, pause_s=pause_s)
    written = {}
    for part in dict.fromkeys(file.part for file in entry.files):
        files = [file for file in entry.files if file.part == part]
        if files[0].column is not None:
            columns = [str(file.column) for file in files]
            rows = _side_by_side([raw[file] for file in files], entry)
            written[part] = _write(entry, folder, part, columns, rows)
        else:
            _write_bytes(entry, folder, files[0], raw[files[0]])
    return written


def _write(
    entry: Entry, folder: Path, part: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Write rows: for language models as text, each ended by a line end, else as objects of JSON."""
    count = 0
    with (folder / _file_name(entry, part)).open("x", encoding="utf-8", newline="") as file:
        for row in rows:
            count += 1
            if entry.job == "lm":
                text = row[0] or ""
                file.write(text if text.endswith("\n") else text + "\n")
            else:
                record = dict(zip(columns, row, strict=True))
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return count


def _side_by_side(paths: Sequence[Path], entry: Entry) -> Iterator[list[str]]:
    """Yield the lines of files that stand side by side."""
    for both in zip_longest(*map(_lines, paths)):
        if None in both:
            raise DataError(f"{PREFIX}{entry.name}: its files are not of the same length")
        yield list(both)


def _lines(path: Path) -> Iterator[str]:
    rest = b""
    for block in _content(path):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line.decode("utf-8").removesuffix("\r")
    if rest:
        yield rest.decode("utf-8")


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        kind = compression_of(file.read(16), path.name)
        file.seek(0)
        yield from decompressed(file, kind, path.name)


def _write_bytes(entry: Entry, folder: Path, file: WebFile, path: Path) -> None:
    """Write a file as it is, or, where it comes in one piece, the parts that are made of it."""
    content = b"".join(_content(path)) if file.member is None else _member(entry, file, path)
    edges = [0, *(_between_characters(content, cut) for cut in file.cuts), len(content)]
    parts = [file.part] if not file.cuts else list(PARTS)[: len(edges) - 1]
    for part, begin, end in zip(parts, edges[:-1], edges[1:], strict=True):
        (folder / _file_name(entry, part)).write_bytes(content[begin:end])


def _member(entry: Entry, file: WebFile, path: Path) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            content = archive.read(str(file.member))
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise DataError(f"{PREFIX}{entry.name}: {file.url} cannot be unpacked: {error}") from None
    if file.member_bytes is not None and len(content) != file.member_bytes:
        raise DataError(
            f"{PREFIX}{entry.name}: {file.member} in {file.url} has {len(content):,} bytes, not "
            f"{file.member_bytes:,}"
        )
    return content


def _between_characters(content: bytes, cut: int) -> int:
    """Return the first place from ``cut`` on where no character of UTF-8 is cut in two."""
    while cut < len(content) and content[cut] & 0xC0 == 0x80:
        cut += 1
    return cut
