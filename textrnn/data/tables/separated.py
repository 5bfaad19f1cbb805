"""CSV and TSV: values separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from textrnn.data.intake import TextFile
from textrnn.data.tables.dialect import comma_dialect, has_header, tab_dialect
from textrnn.data.tables.table import Progress, Row, fault, reject, shown
from textrnn.data.tables.text import LONGEST_FIELD, TextTable
from textrnn.errors import DataError

__all__ = ["SeparatedTable"]

_HEADER_SAMPLE = 1_000


class SeparatedTable(TextTable):
    """Rows of separated values, with or without a header.

    Args:
        file: The file.
        encoding: Its encoding.
        head: Its beginning, by which delimiter and quotes are judged.
        tabs: Whether it is TSV.
        usual: Names that tell a header from a row, as ``dialect.normal_name`` writes them.

    Raises:
        DataError: there is no row in it, or a broken one among the first.
    """

    def __init__(
        self, file: TextFile, encoding: str, head: str, *, tabs: bool, usual: Collection[str]
    ) -> None:
        super().__init__(file, encoding, (), named=False)
        self._dialect = tab_dialect(head) if tabs else comma_dialect(head)
        self.kind = "TSV" if tabs else "CSV"
        self._header: list[str] = []
        fields = list(islice(self._fields(lambda _, __, ___: None), _HEADER_SAMPLE))
        if not fields:
            raise DataError(f"{file.name}: no rows in this {self.kind} file; give one with rows")
        first = fields[0][1]
        self.named = has_header([row for _, row in fields], usual)
        if self.named:
            self._header = first
            self.columns = tuple(name.strip() for name in first)
        else:
            self.columns = tuple(str(i) for i in range(1, len(first) + 1))

    def rows(
        self,
        columns: Sequence[int],
        progress: Progress = lambda _, __, ___: None,
        *,
        lenient: bool = False,  # noqa: ARG002  (nothing here is missing or nested)
    ) -> Iterator[Row]:
        """Yield the rows but for headers; blank lines are none."""
        width = len(self.columns)
        for line, fields in self._fields(progress):
            if fields == self._header:
                continue  # also in the middle, where files were joined
            if len(fields) != width:
                reject(self._ragged(line, fields))
                continue
            yield Row(line, [fields[i] for i in columns])

    def _fields(self, progress: Progress) -> Iterator[tuple[int, list[str]]]:
        lines = self._lines(progress)
        return self._quoted(lines) if self._dialect.quoted else self._unquoted(lines)

    def _unquoted(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        for number, line in enumerate(lines, start=1):
            # Only the CR before the LF is part of the line's end.
            text = line.removesuffix("\n").removesuffix("\r")
            if text and not (text.isspace() and "\t" not in text):
                yield number, text.split("\t")

    def _quoted(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        # A limit for the whole process, which is too low for long texts; it is never lowered.
        if csv.field_size_limit() < LONGEST_FIELD:
            csv.field_size_limit(LONGEST_FIELD)
        reader = self._dialect.reader(lines)
        begin = 1
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                reject(self._broken(begin, error))
                begin = reader.line_num + 1  # type: ignore[attr-defined]
                continue
            if fields is None:
                return
            if len(fields) > 1 or (fields and not fields[0].isspace()):
                yield begin, fields
            begin = reader.line_num + 1  # type: ignore[attr-defined]

    def _broken(self, line: int, error: csv.Error) -> DataError:
        reason = str(error)
        if "unexpected end" in reason or "larger than field limit" in reason:
            return fault(
                self.name, line, "the row that begins here has a quote that is not closed; close it"
            )
        if "new-line character" in reason:
            return fault(
                self.name,
                line,
                "a carriage return (CR) without a line feed outside quotes; end lines in LF or CRLF",
            )
        if "expected after" in reason:
            return fault(
                self.name,
                line,
                "in the row that begins here text follows a closing quote; a quote inside a quoted "
                'field must be doubled ("")',
            )
        return fault(self.name, line, f"not a row of {self.kind}: {reason}")

    def _ragged(self, line: int, fields: Sequence[str]) -> DataError:
        width = len(self.columns)
        what = "the header names" if self.named else "the first row has"
        advice = "make them equal, or quote fields that hold the delimiter"
        if self._dialect.delimiter == "\t":
            advice = "make them equal; a text must not hold a tab"
        found = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        return fault(
            self.name,
            line,
            f"{found} where {what} {width} (it begins {shown(fields[0])}); {advice}",
        )
