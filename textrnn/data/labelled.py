"""Rows with a text and a label, from any tables: what of a table is which has been chosen here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textrnn.data.cache import workspace
from textrnn.data.columns import Choice, Finder, choose_columns, choose_text, header_names
from textrnn.data.intake import take_in
from textrnn.data.lines import lines_of_files
from textrnn.data.settings import CorpusSettings, ExampleSettings
from textrnn.data.sources import Report, expand_inputs
from textrnn.data.tables.opening import is_table, open_sources
from textrnn.data.tables.source import Source
from textrnn.data.tables.table import Progress, Row, Table
from textrnn.errors import DataError

__all__ = ["Example", "Labelled", "TextRow", "part_of", "read_examples", "read_texts"]

_REPORT_EVERY_S = 5.0


@dataclass(frozen=True)
class Example:
    """A text with its label.

    Attributes:
        text: As it stands in the table.
        label: Without white space around it; never empty.
        where: What messages call its place: ``reviews.csv:17``.
    """

    text: str
    label: str
    where: str


@dataclass(frozen=True)
class TextRow:
    """A text whose label, if there is any, is no matter.

    Attributes:
        text: As it stands in the table; empty where there is none.
        where: What messages call its place.
        kept: What stands in the columns that are to be kept beside it; None where there is nothing.
    """

    text: str
    where: str
    kept: tuple[str | None, ...] = ()


class Labelled:
    """Tables whose columns of text and label are known; read as often as needed.

    Args:
        sources: The tables.
        settings: The columns, where they are named.
        report: Told which columns were found, and every few seconds how far a reading has come.

    Raises:
        DataError: a source is no table, or its columns cannot be told.
    """

    def __init__(
        self, sources: Sequence[Source], settings: ExampleSettings, report: Report
    ) -> None:
        self.tables: list[Table] = [source.open() for source in sources]
        self._choices = [choose_columns(table, settings) for table in self.tables]
        self._report = report
        self.columns = tuple(_told(self.tables, self._choices))
        for line in self.columns:
            report(line)

    def rows(self, done: str) -> Iterator[tuple[int, Row]]:
        """Yield every row, its values text and label, with the number of its table.

        Args:
            done: What is being done, for the report: ``surveyed``.

        Raises:
            DataError: a row is broken; a file cannot be read, or has changed.
        """
        progress = _progress(self._report, done)
        for number, (table, choice) in enumerate(zip(self.tables, self._choices, strict=True)):
            assert choice.label is not None  # noqa: S101  (labels were asked for)
            for row in table.rows((choice.text, choice.label), progress):
                yield number, row


def read_examples(
    inputs: Sequence[str],
    settings: ExampleSettings,
    *,
    cache: Path,
    report: Report = lambda _: None,
) -> Iterator[Example]:
    """Yield labelled texts in order, streaming, blank texts among them.

    Of a folder or data set that comes in parts the test part is taken, else that for validation.

    Args:
        inputs: As :func:`textrnn.data.tables.opening.open_sources` takes them.
        settings: Encoding and columns; fractions are no matter.
        cache: The cache folder, where copies of what can be read only once go.
        report: Told which columns were found, and how far reading has come.

    Raises:
        UsageError: an unknown encoding, no input.
        DataError: an input cannot be read, a row is broken or has no label.
    """
    with workspace(cache) as work:
        names = header_names(settings)
        sources = open_sources(
            inputs, settings.encoding, names, work=work, cache=cache, report=report
        )
        labelled = Labelled(part_of(sources, ("test", "valid", "train"), report), settings, report)
        for number, row in labelled.rows("read"):
            text, label = row.values
            where = labelled.tables[number].place(row.line)
            name = (label or "").strip()
            if not name:
                raise DataError(f"{where}: this row has no label; add it, or take the row away")
            yield Example(text or "", name, where)


def read_texts(
    inputs: Sequence[str],
    settings: ExampleSettings,
    *,
    cache: Path,
    keep: Sequence[str] = (),
    report: Report = lambda _: None,
) -> Iterator[TextRow]:
    """Yield the texts of tables in order, streaming; labels are not needed.

    Inputs that are called like tables (``.csv``, ``.jsonl`` and so on) are read as such, as are all
    others where ``settings.text_column`` names a column; else they are lines of text, blank ones
    kept.

    Args:
        inputs: As in :func:`read_examples`.
        settings: Encoding and the column of the text.
        cache: The cache folder.
        keep: Further columns of each table, by name or number from 1; lines of text have none.
        report: As in :func:`read_examples`.

    Raises:
        UsageError: an unknown encoding, no input.
        DataError: an input cannot be read, or a row is broken.
    """
    with workspace(cache) as work:
        tables = [name for name in inputs if settings.text_column or is_table(name)]
        if not tables:
            files = take_in(
                expand_inputs(inputs, report),
                settings.encoding,
                work=work,
                cache=cache,
                report=report,
            )
            reading = CorpusSettings(encoding=settings.encoding)
            for file in files:
                number = 0
                for lines in lines_of_files([file], reading):
                    for line in lines:
                        number += 1
                        yield TextRow(line, f"{file.name}:{number}")
            return
        if other := [name for name in inputs if name not in tables]:
            raise DataError(
                f"{other[0]} is no table as {tables[0]} is; give them one after the other, or name "
                "its column with --text-column"
            )
        names = header_names(settings, keep)
        sources = open_sources(
            inputs, settings.encoding, names, work=work, cache=cache, report=report
        )
        opened = [source.open() for source in sources]
        choices = [choose_text(table, settings) for table in opened]
        for line in _told(opened, choices):
            report(line)
        kept = [
            [Finder(table).required(name, "--keep-column") for name in keep] for table in opened
        ]
        progress = _progress(report, "read")
        for table, choice, others in zip(opened, choices, kept, strict=True):
            for row in table.rows((choice.text, *others), progress):
                text, *beside = row.values
                yield TextRow(text or "", table.place(row.line), tuple(beside))


def part_of(sources: Sequence[Source], wanted: Sequence[str], report: Report) -> list[Source]:
    """Return the tables of the first of some parts that there are, and those of no part.

    Args:
        sources: What inputs hold.
        wanted: Parts, the one liked best first.
        report: Told which part was taken.
    """
    there = {source.part for source in sources} - {None}
    part = next((part for part in wanted if part in there), None)
    chosen = [source for source in sources if source.part in (None, part)]
    if len(there) > 1:
        taken = next(source.name for source in chosen if source.part == part)
        report(f"{taken}: taken, of several parts")
    return chosen


def _told(tables: Sequence[Table], choices: Sequence[Choice]) -> Iterator[str]:
    """Yield what was found in which tables, those alike in one line."""
    found: dict[str, list[str]] = {}
    for table, choice in zip(tables, choices, strict=True):
        header = "" if table.named else " without a header"
        found.setdefault(f"{table.kind}{header}, {choice.how}", []).append(table.name)
    for how, names in found.items():
        more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        yield f"{names[0]}{more}: {how}"


def _progress(report: Report, done: str) -> Progress:
    due = time.monotonic() + _REPORT_EVERY_S

    def told(name: str, count: int, size: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + _REPORT_EVERY_S
            report(f"{name}: {done} {count / max(1, size):.0%}")

    return told
