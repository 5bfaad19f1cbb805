"""From inputs to text for language models: plain files, corpora of the catalogue, columns of tables."""

from __future__ import annotations

import codecs
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from textrnn.data.catalogue import entry_named, is_corpus
from textrnn.data.columns import choose_text, header_names
from textrnn.data.fetched import fetched
from textrnn.data.intake import TextFile, take_in
from textrnn.data.reading import FileStamp, codec_name
from textrnn.data.settings import CorpusSettings, ExampleSettings
from textrnn.data.sources import Report, TextSource, expand_inputs
from textrnn.data.tables.hub import is_saved_data_set
from textrnn.data.tables.opening import open_sources
from textrnn.data.tables.source import Source
from textrnn.errors import DataError

__all__ = ["TextPart", "divided_parts", "part_to_read", "text_parts"]


@dataclass(frozen=True)
class TextPart:
    """A text to be read.

    Attributes:
        file: Its bytes.
        part: ``train``, ``valid`` or ``test`` where its corpus comes in such parts; else None.
    """

    file: TextFile
    part: str | None = None


def text_parts(
    inputs: Sequence[str], settings: CorpusSettings, *, work: Path, cache: Path, report: Report
) -> list[TextPart]:
    """Find the texts that inputs hold, in order.

    Files and folders are read as they are. Data sets (``hf:NAME``, folders of ``save_to_disk``) and
    corpora of labelled texts give the text of their rows, each ended by a line end; so do all inputs
    where ``settings.text_column`` names a column.

    Args:
        inputs: Files, folders, pipes, ``-`` for stdin, ``corpus:NAME``, ``hf:NAME[:CONFIG[:SPLIT]]``.
        settings: Encoding and the column.
        work: A folder for copies.
        cache: The cache folder.
        report: Told what a person should know.

    Raises:
        UsageError: an unknown encoding or corpus, no input.
        DataError: an input is missing, cannot be read or fetched, or its column cannot be told.
    """
    codec_name(settings.encoding)
    found: list[TextPart] = []
    for kind, some in groupby(inputs, lambda name: _kind(name, settings)):
        names = list(some)
        if kind == "plain":
            sources = expand_inputs(names, report)
            taken = take_in(sources, settings.encoding, work=work, cache=cache, report=report)
            found += map(TextPart, taken)
        elif kind == "corpus":
            for name in names:
                found += _corpus_texts(name, settings, work, cache, report)
        else:
            found += _table_texts(names, settings, work, cache, report)
    if not inputs:
        expand_inputs(inputs)  # which says so
    return found


def divided_parts(
    found: Sequence[TextPart], named: Sequence[TextPart], report: Report
) -> tuple[list[TextFile], list[TextFile]]:
    """Return the files to train on and those to validate on.

    Args:
        found: What the inputs hold; their parts for validation count where none are named.
        named: What was named for validation; empty where nothing was.
        report: Told what is left out.
    """
    train = [each.file for each in found if each.part in (None, "train")]
    own = [each.file for each in found if each.part == "valid"]
    for each in found:
        if each.part == "test":
            report(f"{each.file.name}: left out, for a test: textrnn evaluate reads it")
    if not train:
        train, own = [each.file for each in found], []
    if not named:
        return train, own
    for file in own:
        report(f"{file.name}: left out, since other files were given for it")
    return train, part_to_read(named, ("valid", "test", "train"))


def part_to_read(found: Sequence[TextPart], wanted: Sequence[str]) -> list[TextFile]:
    """Return the files of the first of some parts that there are, and those of no part."""
    there = {each.part for each in found}
    part = next((part for part in wanted if part in there), None)
    return [each.file for each in found if each.part in (None, part)]


def _kind(name: str, settings: CorpusSettings) -> str:
    if settings.text_column is None and is_corpus(name) and entry_named(name).job == "lm":
        return "corpus"
    is_set = name.startswith("hf:") or is_corpus(name) or is_saved_data_set(name)
    return "table" if is_set or settings.text_column is not None else "plain"


def _corpus_texts(
    name: str, settings: CorpusSettings, work: Path, cache: Path, report: Report
) -> Iterator[TextPart]:
    found = fetched(entry_named(name), cache=cache, work=work, report=report)
    paths = {TextSource(path, f"{name}/{path.name}"): part for part, path in found.files.items()}
    files = take_in(list(paths), settings.encoding, work=work, cache=cache, report=report)
    # A corpus in one piece is divided like any file.
    parts = paths.values() if len(paths) > 1 else [None]
    for file, part in zip(files, parts, strict=True):
        yield TextPart(file, part)


def _table_texts(
    names: Sequence[str], settings: CorpusSettings, work: Path, cache: Path, report: Report
) -> Iterator[TextPart]:
    reading = ExampleSettings(encoding=settings.encoding, text_column=settings.text_column)
    sources = open_sources(
        names, settings.encoding, header_names(reading), work=work, cache=cache, report=report
    )
    for source in sources:
        yield TextPart(_spooled(source, reading, work, report), source.part)


def _spooled(source: Source, settings: ExampleSettings, work: Path, report: Report) -> TextFile:
    """Write the text of a table's rows into a file, in the encoding that it will be read in."""
    table = source.open()
    choice = choose_text(table, settings)
    report(f"{source.name}: {table.kind}, {choice.how}")
    encode = codecs.getincrementalencoder(settings.encoding)().encode
    digest = hashlib.sha256()
    handle, name = tempfile.mkstemp(prefix="rows-", dir=work)
    with os.fdopen(handle, "wb") as copy:
        for row in table.rows((choice.text,)):
            text = row.values[0]
            if text is None:
                continue
            try:
                content = encode(text if text.endswith("\n") else text + "\n")
            except UnicodeEncodeError:
                raise DataError(
                    f"{table.place(row.line)}: not all of it can be written in {settings.encoding}; "
                    "data sets are Unicode: leave out --encoding"
                ) from None
            digest.update(content)
            copy.write(content)
    files = source.files
    origin = source.origin or (Path(files[0].origin) if files[0].origin is not None else None)
    path = Path(name)
    return TextFile(
        source.name,
        path,
        None if origin is None else str(origin.absolute()),
        FileStamp.of(path.stat()),
        digest.hexdigest(),
    )
