"""How a table of separated values is written: its delimiter, its quotes, whether it has a header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

__all__ = ["Dialect", "comma_dialect", "has_header", "normal_name", "tab_dialect"]

_DELIMITERS = ",;\t|"
_ROWS = 50
_LONGEST_NAME = 60
_MOST_WORDS = 4
_TAB_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^\t\n]*))(\t|\r?\n|\Z)')


@dataclass(frozen=True)
class Dialect:
    r"""How fields are told apart.

    Attributes:
        delimiter: One character.
        quoted: Whether quotes keep a field together; without, they are characters like others.
        escape: Whether a quote inside a quoted field stands as ``\"`` rather than ``""``.
    """

    delimiter: str
    quoted: bool = True
    escape: bool = False

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """Return the parser of the standard library, which refuses what is not well-formed."""
        if self.escape:
            return csv.reader(
                lines, delimiter=self.delimiter, doublequote=False, escapechar="\\", strict=True
            )
        return csv.reader(lines, delimiter=self.delimiter, strict=True)


def comma_dialect(head: str) -> Dialect:
    """Return how a CSV file is written, judged by its beginning.

    The delimiter is the one of ``, ; TAB |`` that cuts the first rows into the same number of
    fields, two at least; where several do or none does, the one that cuts the first row most.
    Quotes inside quoted fields are doubled, unless only backslashes make sense of them.
    """
    parsed = {}
    for delimiter in _DELIMITERS:
        for escape in (False, True) if '\\"' in head else (False,):
            dialect = Dialect(delimiter, escape=escape)
            parsed[dialect] = _first_rows(head, dialect)

    def merit(dialect: Dialect) -> tuple[bool, bool, int, int]:
        rows, sound = parsed[dialect]
        widths = Counter(map(len, rows))
        width = len(rows[0]) if rows else 0
        return (
            width > 1 and widths[width] >= 0.9 * len(rows),
            sound,
            width,
            -_DELIMITERS.index(dialect.delimiter),
        )

    return max(parsed, key=merit)


def tab_dialect(head: str) -> Dialect:
    """Return how a TSV file is written, judged by its beginning.

    In TSV, as cut, awk and most data sets have it, quotes mean nothing. Only where every quote is as
    a program that quotes would have written it are they taken so: no quote outside quoted fields,
    and each quoted field holds a tab, a line end or a doubled quote, or all fields of its column are
    quoted.
    """
    quoted: Counter[int] = Counter()
    plain: Counter[int] = Counter()
    idle = set()
    column = 0
    for match in _TAB_FIELD.finditer(head):
        if match.end() == len(head):
            break  # it may have been cut here
        inner, raw, end = match.groups()
        if inner is not None:
            quoted[column] += 1
            if not any(mark in inner for mark in ('"', "\t", "\n")):
                idle.add(column)
        elif '"' in raw:
            return Dialect("\t", quoted=False)
        else:
            plain[column] += 1
        column = column + 1 if end == "\t" else 0
    # A header is seldom quoted where its column is.
    consistent = all(plain[column] <= 1 and quoted[column] > 1 for column in idle)
    return Dialect("\t", quoted=bool(quoted) and consistent)


def has_header(rows: Sequence[Sequence[str]], usual: Collection[str]) -> bool:
    """Tell whether the first row names the columns.

    It does where its fields are short and, in the other rows that follow, either one of them is a usual
    name that does not stand again in its column, or none of them stands again in its column, all are
    distinct, and a column of numbers or of a few values has there something else. (The same row may
    come again where files were joined.)

    Args:
        rows: The first rows.
        usual: Names that columns have, as :func:`normal_name` writes them.
    """
    if not rows:
        return False
    first = rows[0]
    names = [name for name in first if name]  # spreadsheets leave columns without a name
    if any(len(name) > _LONGEST_NAME for name in names):
        return False
    below = [row for row in rows[1:] if row != first and len(row) == len(first)]
    columns = list(zip(*below, strict=True)) or [()] * len(first)
    again = [bool(name) and name in column for name, column in zip(first, columns, strict=True)]
    known = [normal_name(name) in usual for name in first]
    if any(named and not repeated for named, repeated in zip(known, again, strict=True)):
        return True
    if len({*names}) < len(names):
        return False
    if any(again) or any(len(name.split()) > _MOST_WORDS for name in first):
        return False
    return any(_unlike(name, column) for name, column in zip(first, columns, strict=True) if name)


def normal_name(name: str) -> str:
    """Return a column's name as it is compared: in lower case, with ``_`` for spaces and dashes."""
    return re.sub(r"[\s\-]+", "_", name.strip().lower())


def _unlike(name: str, values: Sequence[str]) -> bool:
    """Tell whether a first value is of another kind than those below it."""
    if values and all(map(_is_number, values)):
        return not _is_number(name)
    distinct = {*values}
    return len(values) > 3 and len(distinct) <= len(values) / 3 and name not in distinct


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _first_rows(head: str, dialect: Dialect) -> tuple[list[list[str]], bool]:
    """Return the first rows that a beginning gives, and whether they are well-formed."""
    *whole, last = head.split("\n")
    lines = [line + "\n" for line in whole] or [last]
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in islice(dialect.reader(iter(lines)), _ROWS) if row)
    except csv.Error as error:
        # The beginning may end inside quotes.
        return rows, bool(rows) and "unexpected end" in str(error)
    return rows, True
