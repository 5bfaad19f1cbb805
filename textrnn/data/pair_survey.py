"""A first reading of pairs that keeps some thirty bytes of each, and what follows from it."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textrnn.data.division import Hashes
from textrnn.data.pair_rows import Paired, one_line
from textrnn.data.survey import text_hash

__all__ = ["PairSurvey", "length_limit", "survey_pairs", "wild_lengths"]

Bools = npt.NDArray[np.bool_]

_SHORT = 10
"""Characters added to both lengths, so that short texts may differ more: *Ja.* and *Yes, it is.*"""
_LEAST_LIMIT = 3.0
_SPREADS = 6.0
"""Robust standard deviations of the logarithm of the ratio within which lengths are usual."""


@dataclass(frozen=True)
class PairSurvey:
    """What is known of every row.

    Attributes:
        paired: What was read.
        src: What equal sources share, shape (rows,); 0 for an empty one.
        tgt: Likewise of targets.
        ratios: Logarithm of source length over target length, with ``_SHORT`` characters added to
            both, shape (rows,), float32.
        lines: Where each row begins, shape (rows,), int64.
        starts: The first row of each table.
        characters: Characters of all sources and of all targets.
    """

    paired: Paired
    src: Hashes
    tgt: Hashes
    ratios: npt.NDArray[np.float32]
    lines: npt.NDArray[np.int64]
    starts: Sequence[int]
    characters: tuple[int, int]

    @property
    def whole(self) -> Bools:
        """Which rows have two sides, shape (rows,)."""
        return np.asarray((self.src != 0) & (self.tgt != 0))

    @property
    def both(self) -> Hashes:
        """What equal pairs share, shape (rows,)."""
        mixed = self.src * np.uint64(0x9E3779B97F4A7C15) + self.tgt
        return np.asarray(mixed, np.uint64)

    def place(self, row: int) -> str:
        """Return what messages call a row."""
        table = int(np.searchsorted(self.starts, row, side="right")) - 1
        return self.paired.tables[table].place(int(self.lines[row]))


def survey_pairs(paired: Paired) -> PairSurvey:
    """Read pairs once.

    Raises:
        DataError: as :meth:`Paired.rows`.
    """
    hashes = array("Q"), array("Q")
    ratios, lines = array("f"), array("q")
    characters = [0, 0]
    starts = [0] * len(paired.tables)
    last = -1
    for table, row in paired.rows("surveyed"):
        if table != last:
            starts[last + 1 : table + 1] = [len(lines)] * (table - last)
            last = table
        src, tgt = map(one_line, row.values)
        hashes[0].append(text_hash(src))
        hashes[1].append(text_hash(tgt))
        ratios.append(math.log((len(src) + _SHORT) / (len(tgt) + _SHORT)))
        lines.append(row.line)
        characters[0] += len(src)
        characters[1] += len(tgt)
    starts[last + 1 :] = [len(lines)] * (len(starts) - last - 1)
    return PairSurvey(
        paired,
        np.array(hashes[0], np.uint64),
        np.array(hashes[1], np.uint64),
        np.array(ratios, np.float32),
        np.array(lines, np.int64),
        starts,
        (characters[0], characters[1]),
    )


def length_limit(survey: PairSurvey, wanted: float | None) -> float:
    """Return how many times above or below the usual ratio one may stand.

    Usual is the median. The limit that follows from the corpus itself is so far out that chance does
    not reach it where the logarithms are spread normally: translations, alike in length, have a
    narrow one, questions and answers hardly any.

    Args:
        survey: Of the pairs to learn from.
        wanted: The limit that the user gave.
    """
    ratios = survey.ratios[survey.whole]
    if wanted is not None or not len(ratios):
        return wanted or _LEAST_LIMIT
    spread = 1.4826 * float(np.median(np.abs(ratios - np.median(ratios))))
    return max(_LEAST_LIMIT, math.exp(min(_SPREADS * spread, 50.0)))


def wild_lengths(survey: PairSurvey, limit: float) -> Bools:
    """Return which rows have lengths in no usual ratio, shape (rows,); an empty side is none."""
    whole = survey.whole
    if not whole.any():
        return whole
    usual = np.median(survey.ratios[whole])
    return np.asarray(whole & (np.abs(survey.ratios - usual) > math.log(limit)))
