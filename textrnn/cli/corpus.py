"""``textrnn corpus``: public corpora by name, what each is good for, and where it lies once fetched."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textrnn.cli.console import byte_size, is_terminal, note, tsv_field, write, write_json
from textrnn.cli.options import HelpfulGroup, debug_option
from textrnn.cli.output import shown
from textrnn.cli.styled import Line, write_lines
from textrnn.cli.wrapping import columns_of, wrapped
from textrnn.data.catalogue import PREFIX, Entry, catalogue, entry_named
from textrnn.errors import UsageError

if TYPE_CHECKING:
    from textrnn.data.fetched import Stored

__all__ = ["corpus"]

JOBS = ("lm", "classifier", "translator")
COLUMNS = ("name", "job", "bytes", "folder", "licence", "about", "use", "state")
"""The columns of the TSV."""


@click.group(cls=HelpfulGroup)
def corpus() -> None:
    r"""Public corpora to train on, fetched by name.

    Wherever a file to train on can stand, so can corpus:NAME; its parts for training, validation and test are
    used as such. Any data set of the Hugging Face hub is hf:NAME[:CONFIG[:SPLIT]].

    \b
      textrnn corpus list
      textrnn train lm corpus:tinyshakespeare
      textrnn train classifier corpus:imdb
      textrnn train translator corpus:multi30k-de-en
    """


@corpus.command("list", short_help="List the corpora: how large each is, and what.")
@click.option("--job", type=click.Choice(JOBS), help="Only those for this job.")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON for each corpus.")
@debug_option
def list_command(job: str | None, as_json: bool) -> None:
    r"""List the corpora: name, job, bytes to fetch, what each is, its licence.

    A terminal shows them by their jobs; * marks those fetched already, ! those of which files are missing or
    cut off since: they are fetched again when they are used, or by textrnn corpus get. Elsewhere there is a
    line of tab-separated values for each corpus, after one that names the columns; the state is fetched or
    damaged, and what is not known is empty.
    """
    from textrnn.data.cache import default_cache_dir
    from textrnn.data.fetched import stored

    cache = default_cache_dir()
    chosen = [entry for entry in catalogue().values() if job in (None, entry.job)]
    found = [stored(entry, cache) for entry in chosen]
    if as_json:
        for entry, place in zip(chosen, found, strict=True):
            write_json(_record(entry, place))
    elif is_terminal(sys.stdout):
        write_lines(list(_listed(chosen, found)))
    else:
        write("\t".join(COLUMNS) + "\n")
        for entry, place in zip(chosen, found, strict=True):
            folder = None if place is None else place.folder
            fields = [entry.name, entry.job, entry.download_bytes, folder, entry.licence]
            fields += [entry.about, entry.use, _state(place)]
            write("\t".join(map(tsv_field, fields)) + "\n")


def _state(place: Stored | None) -> str | None:
    """Return how a corpus lies in the cache, in a word; None where it does not."""
    if place is None:
        return None
    return "fetched" if place.is_whole else "damaged"


def _listed(entries: Sequence[Entry], found: Sequence[Stored | None]) -> Iterator[Line]:
    """Yield the lines of a list for a terminal, those of each job under its name."""
    width = max(len(entry.name) for entry in entries)
    left = width + 14
    room = max(20, columns_of(sys.stdout) - left)
    jobs = list(dict.fromkeys(entry.job for entry in entries))
    for job in jobs:
        yield [(job, "bold")]
        for entry, place in zip(entries, found, strict=True):
            if entry.job != job:
                continue
            mark = {None: " ", "fetched": "*", "damaged": "!"}[_state(place)]
            is_known = not entry.licence.startswith("unknown")
            licence = entry.licence if is_known else f"licence {entry.licence}"
            what = f"{entry.about}; {licence}"
            if mark == "!":
                what += f"; damaged, fetch it again: textrnn corpus get {entry.name}"
            told = wrapped(what, room).split("\n")
            yield [(f"{mark} {entry.name:<{width}}  {_size(entry):>8}  {told[0]}", "")]
            for line in told[1:]:
                yield [(" " * left + line, "")]


@corpus.command("info", short_help="Describe a corpus: its parts, its licence, its use.")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON.")
@debug_option
def info_command(name: str, as_json: bool) -> None:
    """Describe a corpus: what it is good for, its licence, its parts, its source, how to train on it."""
    from textrnn.data.cache import default_cache_dir
    from textrnn.data.fetched import stored

    entry = entry_named(name)
    found = stored(entry, default_cache_dir())
    if as_json:
        write_json(_record(entry, found))
        return
    lies_in = "not fetched yet" if found is None else str(found.folder)
    if found is not None and not found.is_whole:
        lies_in += f" (damaged; fetch it again: textrnn corpus get {entry.name})"
    counts = ", ".join(f"{part} {count:,}" for part, count in entry.counts.items())
    lines = {
        "name": entry.name,
        "job": entry.job,
        "what": entry.about,
        "use": entry.use,
        "parts": f"{counts} ({entry.unit.rstrip(',')})" if counts else "unknown",
        "to fetch": _size(entry),
        "licence": entry.licence,
        "page": entry.home,
        "source": "\n".join(_sources(entry)),
        "lies in": lies_in,
        "train": _command(entry),
    }
    for label, text in lines.items():
        is_prose = label in ("what", "use") and is_terminal(sys.stdout)
        whole = wrapped(text, columns_of(sys.stdout) - 10) if is_prose else text
        for number, line in enumerate(whole.split("\n")):
            write(f"{label if number == 0 else '':<10}{line}\n")


@corpus.command("get", short_help="Fetch a corpus, and print where it lies.")
@click.argument("name")
@click.option("-o", "--output", metavar="DIR", help="Copy the files into DIR, a new folder.")
@click.option("--force", is_flag=True, help="Replace files of the same names in DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show errors only.")
@debug_option
def get_command(name: str, output: str | None, force: bool, as_json: bool, quiet: bool) -> None:
    """Fetch a corpus, where it is not here yet, and print the folder that it lies in.

    What was fetched is kept in the cache folder (textrnn cache). A transfer that breaks off is taken up where
    it stopped when the command is run again; a file that is not the published one is never kept.
    """
    from textrnn.data.cache import default_cache_dir, workspace
    from textrnn.data.fetched import fetched

    entry = entry_named(name)
    target = None if output is None else Path(output)
    if target is not None:
        _require_room(entry, target, force=force)
    cache = default_cache_dir()
    report = (lambda message: None) if quiet else note
    with workspace(cache) as work:
        found = fetched(entry, cache=cache, work=work, report=report)
    folder = found.folder if target is None else target
    files = {part: folder / path.name for part, path in found.files.items()}
    if target is not None:
        _copy(found.files, files)
    if as_json:
        parts = {part: str(path) for part, path in files.items()}
        write_json({"name": entry.name, "folder": str(folder), "files": parts})
        return
    for path in files.values():
        report(f"{path.name}: {byte_size(path.stat().st_size)}")
    report(f"licence: {entry.licence}; train on it with: {_command(entry)}")
    write(f"{folder}\n")


def _record(entry: Entry, place: Stored | None) -> dict[str, Any]:
    folder = None if place is None else str(place.folder)
    return {**dataclasses.asdict(entry), "folder": folder, "state": _state(place)}


def _size(entry: Entry) -> str:
    return "unknown" if entry.download_bytes is None else byte_size(entry.download_bytes)


def _sources(entry: Entry) -> list[str]:
    if entry.hub is not None:
        return [f"hf:{entry.hub.name}" + (f":{entry.hub.config}" if entry.hub.config else "")]
    return [
        f"{file.url} ({f'sha256 {file.sha256}' if file.sha256 else 'compared by its size alone'})"
        for file in entry.files
    ]


def _command(entry: Entry) -> str:
    return f"textrnn train {entry.job} {PREFIX}{entry.name} {entry.options}".rstrip()


def _require_room(entry: Entry, folder: Path, *, force: bool) -> None:
    """Refuse to write where something is, before anything is fetched."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output: {folder} is a file; name a folder")
    if not folder.absolute().parent.is_dir():
        raise UsageError(
            f"--output: there is no folder {folder.parent}; make it with: mkdir -p {shown(folder.parent)}"
        )
    names = [
        f"{part}{ending}" for part in ("train", "valid", "test") for ending in (".txt", ".jsonl")
    ]
    there = [name for name in names if (folder / name).exists()]
    if there and not force:
        raise UsageError(
            f"{folder / there[0]} exists already; replace it with --force, or choose another folder than "
            f"{folder} for {entry.name}"
        )


def _copy(files: Mapping[str, Path], targets: Mapping[str, Path]) -> None:
    """Copy files so that none is ever there in half."""
    for part, path in files.items():
        target = targets[part]
        target.parent.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        try:
            shutil.copyfile(path, name)
            Path(name).chmod(0o644)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
