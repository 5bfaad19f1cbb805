"""A first reading of labelled tables that keeps a few bytes of every row."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textrnn.data.cleaning import clean
from textrnn.data.division import Hashes, Labels
from textrnn.data.labelled import Labelled
from textrnn.errors import DataError

__all__ = ["Survey", "survey", "text_hash"]

_MOST_LABELS = 10_000
_UNLABELLED, _EMPTY = -2, -1


@dataclass(frozen=True)
class Survey:
    """What is known of every row.

    Attributes:
        labelled: What was read.
        labels: Number of each row's label in order of first appearance, shape (rows,); negative
            where the text is empty or there is no label.
        hashes: What equal texts share, shape (rows,).
        lines: Where each row begins, shape (rows,), int64.
        starts: The first row of each table.
    """

    labelled: Labelled
    labels: Labels
    hashes: Hashes
    lines: np.ndarray[tuple[int], np.dtype[np.int64]]
    starts: Sequence[int]

    @property
    def empty(self) -> int:
        """How many texts are empty."""
        return int(np.count_nonzero(self.labels == _EMPTY))

    def place(self, row: int) -> str:
        """Return what messages call a row."""
        table = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.labelled.tables[table].place(int(self.lines[row]))

    @property
    def unlabelled(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The rows with a text and without a label, shape (rows,)."""
        return np.flatnonzero(self.labels == _UNLABELLED)

    @property
    def is_labelled(self) -> bool:
        """Whether any row has a label."""
        return bool(np.any(self.labels >= 0))

    def require_labels(self) -> None:
        """Refuse rows without a label.

        Raises:
            DataError: there are some; the message counts them and names the first.
        """
        missing = self.unlabelled
        if len(missing):
            count = "1 row has" if len(missing) == 1 else f"{len(missing):,} rows have"
            first = "" if len(missing) == 1 else "first "
            raise DataError(
                f"{self.place(int(missing[0]))}: {count} no label, {first}here; add what is "
                "missing, take such rows away, or choose another --label-column"
            )


def survey(labelled: Labelled, names: dict[str, int]) -> Survey:
    """Read tables once.

    Args:
        labelled: The tables.
        names: Numbers of the labels seen so far; new ones are added.

    Raises:
        DataError: a row is broken, a file cannot be read, there are thousands of different labels.
    """
    labels, lines, hashes = array("i"), array("q"), array("Q")
    starts = [0] * len(labelled.tables)
    last = -1
    for table, row in labelled.rows("surveyed"):
        if table != last:
            starts[last + 1 : table + 1] = [len(labels)] * (table - last)
            last = table
        text, label = row.values
        name = label.strip() if label else ""
        hashed = text_hash(clean(text)) if text else 0
        number = _number(name, names) if hashed else _EMPTY
        if number > _MOST_LABELS:
            raise DataError(
                f"{labelled.tables[table].place(row.line)}: more than {_MOST_LABELS:,} different "
                f"labels, {name[:40]!r} the last; choose the right column with --label-column"
            )
        labels.append(number)
        hashes.append(hashed)
        lines.append(row.line)
    starts[last + 1 :] = [len(labels)] * (len(starts) - last - 1)
    return Survey(
        labelled,
        np.frombuffer(labels, np.int32) if labels else np.empty(0, np.int32),
        np.frombuffer(hashes, np.uint64) if hashes else np.empty(0, np.uint64),
        np.frombuffer(lines, np.int64) if lines else np.empty(0, np.int64),
        starts,
    )


def text_hash(text: str) -> int:
    """Return 64 bits that texts share where they differ in white space alone; 0 for no text."""
    words = " ".join(text.split())
    if not words:
        return 0
    digest = hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def _number(name: str, names: dict[str, int]) -> int:
    if not name:
        return _UNLABELLED
    return names.setdefault(name, len(names))
