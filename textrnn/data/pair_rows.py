"""Rows with two sides, from line-parallel files and tables: which columns those are has been chosen here."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textrnn.data.cache import workspace
from textrnn.data.labelled import part_of
from textrnn.data.pair_columns import PairChoice, choose_pair, choose_source, pair_header_names
from textrnn.data.settings import PairSettings
from textrnn.data.sources import Report
from textrnn.data.tables.folders import FolderTable
from textrnn.data.tables.opening import is_table, open_sources
from textrnn.data.tables.parallel import ParallelTable, is_parallel, open_parallel
from textrnn.data.tables.source import Source
from textrnn.data.tables.table import Progress, Row, Table, shown
from textrnn.errors import DataError, UsageError

__all__ = [
    "Pair",
    "PairInputs",
    "Paired",
    "one_line",
    "open_pair_sources",
    "read_pairs",
    "read_sources",
    "refuse_stdin_twice",
]

_REPORT_EVERY_S = 5.0
_OTHER = "\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029"
_SPACES = re.compile(f"[{_OTHER}][{_OTHER} ]*| [{_OTHER} ]+")
"""White space that is not a single space."""


@dataclass(frozen=True)
class Pair:
    """A text with its translation, or whatever else is to come of it.

    Attributes:
        src: As :func:`one_line` leaves it; may be empty.
        tgt: Likewise.
        where: What messages call its place: ``train.de:17``.
    """

    src: str
    tgt: str
    where: str


@dataclass(frozen=True)
class PairInputs:
    """Where pairs come from.

    Attributes:
        tables: Tables with two columns, folders, data sets, ``-`` for stdin.
        src: Files of texts, a line each.
        tgt: As many files, line by line what becomes of them.
        options: What names the latter two on the command line.
    """

    tables: Sequence[str] = ()
    src: Sequence[str] = ()
    tgt: Sequence[str] = ()
    options: tuple[str, str] = ("--src", "--tgt")

    def __bool__(self) -> bool:
        return bool(self.tables or self.src or self.tgt)

    @property
    def all(self) -> list[str]:
        """Every name."""
        return [*self.tables, *self.src, *self.tgt]


class Paired:
    """Tables whose two columns are known; read as often as needed.

    Args:
        sources: The tables.
        settings: The columns, where they are named.
        report: Told which columns were found, and every few seconds how far a reading has come.

    Raises:
        DataError: a source is no table, or its columns cannot be told.
    """

    def __init__(self, sources: Sequence[Source], settings: PairSettings, report: Report) -> None:
        self.tables: list[Table] = []
        self._choices: list[PairChoice] = []
        for source in sources:
            with _advice(source):
                table = source.open()
                self._choices.append(_choice(table, settings))
            self.tables.append(table)
        self._sources = tuple(sources)
        self._report = report
        self.columns = tuple(self._told())
        for line in self.columns:
            report(line)

    def rows(self, done: str) -> Iterator[tuple[int, Row]]:
        """Yield every row, its values both sides, with the number of its table.

        Args:
            done: What is being done, for the report: ``surveyed``.

        Raises:
            DataError: a row is broken, files are not of the same length; a file cannot be read, or
                has changed.
        """
        progress = self._progress(done)
        opened = zip(self._sources, self.tables, self._choices, strict=True)
        for number, (source, table, choice) in enumerate(opened):
            with _advice(source):
                for row in table.rows((choice.src, choice.tgt), progress):
                    yield number, row

    def pairs(self, done: str) -> Iterator[Pair]:
        """Yield every row as a pair, empty sides among them."""
        for number, row in self.rows(done):
            src, tgt = row.values
            yield Pair(one_line(src), one_line(tgt), self.tables[number].place(row.line))

    def _told(self) -> Iterator[str]:
        """Yield what was found in which tables, those alike in one line."""
        found: dict[str, list[str]] = {}
        for table, choice in zip(self.tables, self._choices, strict=True):
            header = "" if table.named else " without a header"
            found.setdefault(f"{table.kind}{header}, {choice.how}", []).append(table.name)
        for how, names in found.items():
            more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
            yield f"{names[0]}{more}: {how}"

    def _progress(self, done: str) -> Progress:
        due = time.monotonic() + _REPORT_EVERY_S

        def told(name: str, count: int, size: int) -> None:
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + _REPORT_EVERY_S
                self._report(f"{name}: {done} {count / max(1, size):.0%}")

        return told


def one_line(text: str | None) -> str:
    """Return a text as models see it: white space is one space, and none stands at the ends.

    A line of input becomes a line of output; so line ends inside a text are spaces, too. A space that
    does not break (U+00A0) is a character like others.
    """
    return _SPACES.sub(" ", text or "").strip()


def open_pair_sources(
    inputs: PairInputs, settings: PairSettings, *, work: Path, cache: Path, report: Report
) -> list[Source]:
    """Find what inputs hold, in order; none of it is read yet but for digests.

    Raises:
        UsageError: an unknown encoding, no input, stdin more than once, not as many files to
            translate from as into.
        DataError: an input is missing, cannot be read, or is no table.
    """
    if not inputs:
        raise UsageError(
            "no input: give a table with both sides of pairs, or --src FILE and --tgt FILE"
        )
    found: list[Source] = []
    if inputs.src or inputs.tgt:
        found += open_parallel(
            inputs.src,
            inputs.tgt,
            settings.encoding,
            work=work,
            cache=cache,
            report=report,
            options=inputs.options,
        )
    if inputs.tables:
        names = pair_header_names(settings)
        found += open_sources(
            inputs.tables, settings.encoding, names, work=work, cache=cache, report=report
        )
    return found


def read_pairs(
    inputs: Sequence[str],
    src_inputs: Sequence[str],
    tgt_inputs: Sequence[str],
    settings: PairSettings,
    *,
    cache: Path,
    report: Report = lambda _: None,
) -> Iterator[Pair]:
    """Yield pairs in order, streaming, those with an empty side among them.

    Of a folder or data set that comes in parts the test part is taken, else that for validation.

    Args:
        inputs: Tables with two columns, folders, data sets, ``-`` for stdin.
        src_inputs: Files of texts, a line each; they come first.
        tgt_inputs: As many files, line by line what becomes of them.
        settings: Encoding and columns; how to divide is no matter.
        cache: The cache folder, where copies of what can be read only once go.
        report: Told which columns were found, and how far reading has come.

    Raises:
        UsageError: an unknown encoding, no input, stdin twice.
        DataError: an input cannot be read, a row is broken, two files differ in length.
    """
    given = PairInputs(inputs, src_inputs, tgt_inputs)
    refuse_stdin_twice([given])
    with workspace(cache) as work:
        sources = open_pair_sources(given, settings, work=work, cache=cache, report=report)
        wanted = part_of(sources, ("test", "valid", "train"), report)
        yield from Paired(wanted, settings, report).pairs("read")


def read_sources(
    name: str, settings: PairSettings, *, cache: Path, report: Report = lambda _: None
) -> Iterator[str]:
    """Yield what is to be translated of each row of a table, in order, streaming; nothing for an empty one.

    Args:
        name: A table, ``-`` for stdin, a data set.
        settings: Encoding and column.
        cache: The cache folder, where copies of what can be read only once go.
        report: Told which column was found.

    Raises:
        UsageError: an unknown encoding.
        DataError: it cannot be read or is no table, the column cannot be told, a row is broken.
    """
    with workspace(cache) as work:
        names = pair_header_names(settings)
        sources = open_sources(
            [name], settings.encoding, names, work=work, cache=cache, report=report
        )
        for table in [source.open() for source in sources]:
            if isinstance(table, FolderTable):
                raise DataError(f"{table.name}: a folder of texts is no table; name its files")
            column = choose_source(table, settings)
            header = "" if table.named else " without a header"
            title = shown(table.columns[column]) if table.named else f"column {column + 1}"
            report(f"{table.name}: {table.kind}{header}, translating {title}")
            for row in table.rows((column,)):
                yield row.values[0] or ""


def refuse_stdin_twice(inputs: Sequence[PairInputs]) -> None:
    """Refuse stdin in two places.

    Raises:
        UsageError: it stands there.
    """
    if [name for each in inputs for name in each.all].count("-") > 1:
        raise UsageError("stdin can be read only once; give a file for the other")


@contextlib.contextmanager
def _advice(source: Source) -> Iterator[None]:
    """Say of what is called like no table how line-parallel files are given.

    Raises:
        DataError: as it came, with that advice.
    """
    try:
        yield
    except DataError as error:
        if is_parallel(source) or is_table(source.name):
            raise
        raise DataError(
            f"{error}; two files whose lines belong together are --src FILE --tgt FILE"
        ) from None


def _choice(table: Table, settings: PairSettings) -> PairChoice:
    if isinstance(table, ParallelTable):
        return PairChoice(0, 1, "from the first to the second")
    if isinstance(table, FolderTable):
        raise DataError(f"{table.name}: a folder of texts and no table holds no pairs")
    return choose_pair(table, settings)
