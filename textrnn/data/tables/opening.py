"""From inputs to tables: what each file, folder or data set is, by its name and its contents."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from textrnn.data.catalogue import entry_named, is_corpus
from textrnn.data.compression import SUFFIXES
from textrnn.data.fetched import fetched
from textrnn.data.intake import TextFile, take_in
from textrnn.data.reading import codec_name
from textrnn.data.sources import Report, TextSource, expand_inputs, is_data_set, printable
from textrnn.data.tables.fasttext import PREFIX, FastTextTable
from textrnn.data.tables.folders import FolderTable
from textrnn.data.tables.hub import is_saved_data_set, open_hub, open_saved
from textrnn.data.tables.jsonlines import JsonLinesTable
from textrnn.data.tables.jsonlist import JsonListTable
from textrnn.data.tables.parquet import ParquetTable, is_parquet
from textrnn.data.tables.separated import SeparatedTable
from textrnn.data.tables.source import PARTS, Source
from textrnn.data.tables.table import Table
from textrnn.data.tables.text import checked_text
from textrnn.errors import DataError, UsageError

__all__ = ["is_table", "open_sources"]

_KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
_UNLABELLED = "unsup"
"""Where the Large Movie Review Dataset keeps texts without a label."""


def is_table(name: str) -> bool:
    """Tell whether an input is called like a table: ``x.csv``, ``x.jsonl.gz``, ``hf:NAME``."""
    return is_data_set(name) or _suffix(name) in _KINDS


def open_sources(
    inputs: Sequence[str],
    encoding: str,
    usual: Collection[str],
    *,
    work: Path,
    cache: Path,
    report: Report,
) -> list[Source]:
    """Find what inputs hold, in order; none of it is read yet but for digests.

    Args:
        inputs: Files, folders, pipes, ``-`` for stdin, ``hf:NAME[:CONFIG[:SPLIT]]``, ``corpus:NAME``.
        encoding: The encoding of what is text.
        usual: Names that tell a header from a row.
        work: A folder for copies of what can be read only once.
        cache: The cache folder.
        report: Told about what is left out.

    Raises:
        UsageError: an unknown encoding, no input.
        DataError: an input is missing, cannot be read, or is no table.
    """
    codec_name(encoding)
    found: list[Source] = []
    plain: list[str] = []
    seen: set[str] = set()
    for name in inputs:
        if name in seen and name not in plain:
            continue
        seen.add(name)
        if name.startswith("hf:"):
            found += open_hub(name, cache=cache, work=work, report=report)
        elif is_corpus(name):
            found += _corpus_sources(name, usual, work, cache, report)
        elif is_saved_data_set(name):
            found += open_saved(name, cache=cache, work=work, report=report)
        else:
            plain.append(name)
    if plain or not inputs:
        expanded = [_as_is(source) for source in expand_inputs(plain, report)]
        grouped = _grouped(plain, expanded, report)
        wanted = [source for group in grouped for source in group.sources]
        taken = {
            (file.name, file.origin is None): file
            for file in take_in(wanted, encoding, work=work, cache=cache, report=report)
        }
        for group in grouped:
            keys = [(source.name, source.path is None or source.once) for source in group.sources]
            files = [taken[key] for key in keys if key in taken]
            found += _sources(group, files, encoding, usual)
    return found


def _corpus_sources(
    name: str, usual: Collection[str], work: Path, cache: Path, report: Report
) -> Iterator[Source]:
    """Yield the parts of a corpus of the catalogue, fetched where it is not here yet."""
    entry = entry_named(name)
    if entry.job == "lm":
        raise UsageError(
            f"{name}: is running text, for textrnn train lm; it has neither labels nor translations"
        )
    corpus = fetched(entry, cache=cache, work=work, report=report)
    named = [TextSource(path, f"{name}/{path.name}") for path in corpus.files.values()]
    # What was fetched is written in UTF-8, whatever other inputs are in.
    files = take_in(named, "utf-8", work=work, cache=cache, report=report)
    for file, part in zip(files, corpus.files, strict=True):
        opened = functools.partial(_open, file, "utf-8", usual)
        own = part if len(files) > 1 else None
        yield Source(file.name, own, (file,), [_suffix(file.name)], None, opened)


@dataclass(frozen=True)
class _Group:
    """Files that belong together: one file named, or what a folder holds."""

    root: Path | None
    sources: list[TextSource]
    tables: bool


def _as_is(source: TextSource) -> TextSource:
    """Return a source in a folder so that nobody takes a binary table for what is to be left out."""
    if source.from_folder and _suffix(source.name) == ".parquet":
        return dataclasses.replace(source, from_folder=False)
    return source


def _grouped(inputs: Sequence[str], sources: Iterable[TextSource], report: Report) -> list[_Group]:
    roots = [Path(name) for name in inputs if name != "-" and Path(name).is_dir()]
    inside: dict[Path, list[TextSource]] = {}
    groups: list[_Group] = []
    for source in sources:
        root = next((root for root in roots if _is_below(source.path, root)), None)
        if root is None:
            groups.append(_Group(None, [source], tables=True))
        elif root in inside:
            inside[root].append(source)
        else:
            inside[root] = [source]
            groups.append(_Group(root, inside[root], tables=False))
    return [_settled(group, report) if group.root else group for group in groups]


def _is_below(path: Path | None, root: Path) -> bool:
    return path is not None and path != root and path.is_relative_to(root)


def _settled(group: _Group, report: Report) -> _Group:
    """Decide whether a folder holds tables or a folder a class, and leave the rest out."""
    tables = [source for source in group.sources if _suffix(source.name) in _KINDS]
    if tables:
        kept, why = tables, "no table, unlike others in its folder"
    else:
        folders = {source.path.parent for source in group.sources if source.path is not None}
        outer = {above for folder in folders for above in folder.parents}
        # A folder whose sub-folders hold texts is no class; what lies in it is about the others.
        leaves = folders - outer
        unlabelled = {leaf for leaf in leaves if leaf.name == _UNLABELLED and len(leaves) > 2}
        kept = [
            source
            for source in group.sources
            if source.path is not None and source.path.parent in leaves - unlabelled
        ]
        why = "in no folder of a class"
    known = set(kept)
    left = [source for source in group.sources if source not in known]
    if left:
        more = f" and {len(left) - 1:,} more" if len(left) > 1 else ""
        report(f"{left[0].name}{more}: left out, {why}")
    return _Group(group.root, kept, tables=bool(tables))


def _sources(
    group: _Group, files: Sequence[TextFile], encoding: str, usual: Collection[str]
) -> Iterator[Source]:
    if group.tables:
        parts = [_part(group.root, file.name) for file in files]
        for file, part in zip(files, _sure(parts), strict=True):
            opened = functools.partial(_open, file, encoding, usual)
            yield Source(file.name, part, (file,), [_suffix(file.name)], None, opened)
        return
    parts = _sure([_part(group.root, str(PurePath(file.name).parent)) for file in files])
    for part in dict.fromkeys(parts):
        chosen = [file for file, other in zip(files, parts, strict=True) if other == part]
        labels = [PurePath(file.name).parent.name for file in chosen]
        name = printable(group.root) if group.root else files[0].name
        yield Source(
            name,
            part,
            tuple(chosen),
            ["folders", *labels],
            group.root,
            functools.partial(FolderTable, name, chosen, labels, encoding),
        )


def _part(root: Path | None, name: str) -> str | None:
    """Return the part that a file inside a folder is called after."""
    if root is None:
        return None
    inner = PurePath(name).relative_to(root) if name.startswith(str(root)) else PurePath(name)
    words = {word for word in re.split(r"[^a-z]+", str(inner).lower()) if word}
    return next((part for part, names in PARTS.items() if words & {*names}), None)


def _sure(parts: list[str | None]) -> list[str | None]:
    """Return the parts of a folder's files; all None unless one is for training."""
    return parts if "train" in parts else [None] * len(parts)


def _open(file: TextFile, encoding: str, usual: Collection[str]) -> Table:
    """Open a file as the table that it is."""
    kind = _KINDS.get(_suffix(file.name))
    if kind == "parquet" or is_parquet(file):
        return ParquetTable(file)
    head = _head(file, encoding)
    first = next((line for line in head.split("\n") if line.strip()), "")
    if not first:
        raise DataError(f"{file.name}: is empty; give a file with rows")
    if "\r" in head.strip("\r") and "\n" not in head:
        raise DataError(
            f"{file.name}: its lines end in a carriage return (CR) alone; end them in LF or CRLF, "
            "with tr '\\r' '\\n', for example"
        )
    if first.lstrip().startswith(PREFIX):
        return FastTextTable(file, encoding)
    if kind in ("json", "jsonl") or (kind is None and first.lstrip().startswith(("{", "["))):
        is_list = kind != "jsonl" and first.lstrip().startswith("[")
        return JsonListTable(file, encoding) if is_list else JsonLinesTable(file, encoding)
    if kind is None and not any(mark in first for mark in "\t,;|"):
        raise DataError(
            f"{file.name}: no table: its first line has neither a tab nor a comma, and is no JSON; "
            "give CSV, TSV, JSON, Parquet, fastText lines, or a folder for each class"
        )
    tabs = kind == "tsv" or (kind is None and "\t" in first)
    return SeparatedTable(file, encoding, head, tabs=tabs, usual=usual)


def _head(file: TextFile, encoding: str) -> str:
    chunks = checked_text(file, encoding, lambda _, __, ___: None)
    return next(chunks, "").removeprefix("\ufeff")


def _suffix(name: str) -> str:
    """Return a name's ending, in lower case, below the one of its compression."""
    lower = name.lower()
    for ending in SUFFIXES:
        lower = lower.removesuffix(ending)
    return PurePath(lower).suffix
