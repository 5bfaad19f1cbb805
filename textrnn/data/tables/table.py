"""What every format becomes: rows of columns, each row known by the line where it begins."""

from __future__ import annotations

import abc
import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from itertools import islice
from typing import NamedTuple

from textrnn.data.intake import TextFile
from textrnn.errors import DataError

__all__ = [
    "FAR",
    "Progress",
    "Row",
    "Table",
    "fault",
    "reject",
    "shown",
    "skipping",
    "whole_characters",
]

Progress = Callable[[str, int, int], None]
"""Told a file's name, how many of its bytes have been read, and how many it has."""

FAR = 100_000
"""Rows from the start of a table that are looked at to judge its columns by their contents."""

_NEAR = 1_000
_MOST_SHOWN = 60
_HALF_PAIR = re.compile("[\ud800-\udfff]")


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        line: Where it begins, from 1: the line of a text, the row of a format without lines.
        values: The columns asked for; None where the format holds no value (null).
    """

    line: int
    values: Sequence[str | None]


class Table(abc.ABC):
    """A source of rows that can be read as often as needed.

    Args:
        name: What messages call it.
        columns: The names of its columns; their numbers from 1 where it does not name them.
        named: Whether it names them.
        files: What its bytes are.
    """

    kind: str
    """The format as messages call it."""

    def __init__(
        self, name: str, columns: Sequence[str], *, named: bool, files: Sequence[TextFile]
    ) -> None:
        self.name = name
        self.columns = tuple(columns)
        self.named = named
        self.files = tuple(files)

    @abc.abstractmethod
    def rows(
        self,
        columns: Sequence[int],
        progress: Progress = lambda _, __, ___: None,
        *,
        lenient: bool = False,
    ) -> Iterator[Row]:
        """Yield the rows in order, in bounded memory; lines without anything are none.

        Args:
            columns: Which columns, as places in ``self.columns``.
            progress: Told now and then how far reading has come.
            lenient: Take what is missing or nested as null: to look at columns nobody has chosen.

        Raises:
            DataError: a row is broken, lacks a column or holds something nested; a file cannot be
                read. The message names file and line.
        """

    def place(self, line: int) -> str:
        """Return how messages call a row: ``reviews.csv:17``."""
        return f"{self.name}:{line}"

    @functools.cached_property
    def sample(self) -> list[Sequence[str | None]]:
        """The first rows, all columns."""
        return [row.values for row in islice(self.look(), _NEAR)]

    def look(self) -> Iterator[Row]:
        """Yield the first rows, all columns, up to ``FAR``; nothing nested is a fault."""
        return islice(self.rows(range(len(self.columns)), lenient=True), FAR)


_told: ContextVar[Callable[[DataError], None] | None] = ContextVar("told", default=None)


@contextlib.contextmanager
def skipping(told: Callable[[DataError], None]) -> Iterator[None]:
    """Leave out broken rows while the block lasts, rather than stop at the first.

    Args:
        told: Told of each; more than once where it is read more than once.
    """
    token = _told.set(told)
    try:
        yield
    finally:
        _told.reset(token)


def reject(error: DataError) -> None:
    """Refuse a row.

    Raises:
        DataError: the error, unless broken rows are left out: see :func:`skipping`.
    """
    told = _told.get()
    if told is None:
        raise error
    told(error)


def fault(name: str, line: int, what: str) -> DataError:
    """Return the error for a broken row: where, what, what to do."""
    return DataError(f"{name}:{line}: {what}")


def shown(text: str) -> str:
    """Return a value as a message quotes it, on one line, shortened."""
    cut = text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
    return repr(cut)


def whole_characters(text: str) -> str:
    """Return a text with U+FFFD for every half of a surrogate pair, which is no character."""
    return _HALF_PAIR.sub("\ufffd", text)
