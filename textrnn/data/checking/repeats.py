"""Which lines come again, within training and between training and validation, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["RepeatSketch", "Repeats", "line_hashes"]

Codes = npt.NDArray[np.uint32]
Int64 = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_BASE = 0x2545F4914F6CDD1D
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = 0x9E3779B97F4A7C15
_MOST = 1 << 20
"""Hashes that are kept; beyond it those of every second line, and so on."""


@dataclass(frozen=True)
class Repeats:
    """What a sketch says.

    Attributes:
        exact: Whether every line was counted; else the figures are estimates from a sample of them.
        lines: Lines looked at.
        again: Lines of training that stood there before.
        leaks: Lines of validation that stand in training too.
        validated: Lines of validation.
        most: How often the most frequent one stands there.
        most_at: Where it stands first: a number of a line, as it was given.
    """

    exact: bool
    lines: int
    again: int
    leaks: int
    validated: int
    most: int
    most_at: int


class RepeatSketch:
    """Counts lines by hashes of 64 bits; of more than a million distinct ones a fair sample is kept.

    A line is in the sample by its hash, so that all its repetitions are in it too (distinct sampling,
    Gibbons 2001): shares are unbiased.
    """

    def __init__(self) -> None:
        self._bits = 0
        self._pending: list[tuple[Hashes, npt.NDArray[np.bool_], Int64]] = []
        self._held = 0
        self._lines = [0, 0]
        self._hashes: Hashes = np.empty(0, np.uint64)
        self._counts: Int64 = np.empty((0, 2), np.int64)
        self._first: Int64 = np.empty(0, np.int64)

    def add(self, hashes: Hashes, numbers: Int64, *, validation: bool) -> None:
        """Add lines of one part.

        Args:
            hashes: Of the lines, shape (lines,).
            numbers: What to call them by, likewise.
            validation: Whether they are validated on.
        """
        self._lines[validation] += len(hashes)
        chosen = hashes >> np.uint64(64 - self._bits) == 0 if self._bits else slice(None)
        kept = hashes[chosen]
        self._pending.append((kept, np.full(len(kept), validation), numbers[chosen]))
        self._held += len(kept)
        if self._held > _MOST:
            self._settle()

    def result(self) -> Repeats:
        """Return what was found."""
        self._settle()
        scale = 1 << self._bits
        train, valid = self._counts[:, 0], self._counts[:, 1]
        both = self._counts.sum(1)
        most = int(np.argmax(both)) if len(both) else 0
        return Repeats(
            exact=not self._bits,
            lines=sum(self._lines),
            again=int(np.maximum(train - 1, 0).sum()) * scale,
            leaks=int(valid[train > 0].sum()) * scale,
            validated=self._lines[1],
            most=int(both[most]) if len(both) else 0,
            most_at=int(self._first[most]) if len(both) else 0,
        )

    def _settle(self) -> None:
        """Merge what is pending, and thin out what is too much."""
        hashes = np.concatenate([self._hashes, *(each for each, _, _ in self._pending)])
        counts = np.zeros((len(hashes), 2), np.int64)
        old = len(self._hashes)
        counts[:old] = self._counts
        parts = [part for _, part, _ in self._pending]
        if parts:
            part = np.concatenate(parts).astype(np.int64)
            counts[old + np.arange(len(part)), part] = 1
        first = np.concatenate([self._first, *(numbers for _, _, numbers in self._pending)])
        distinct, places, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        self._hashes = distinct
        self._counts = np.stack(
            [np.bincount(inverse, counts[:, i], len(distinct)) for i in (0, 1)], axis=1
        ).astype(np.int64)
        self._first = first[places]
        self._pending = []
        while len(self._hashes) > _MOST // 2:
            self._bits += 1
            chosen = self._hashes >> np.uint64(64 - self._bits) == 0
            self._hashes, self._counts = self._hashes[chosen], self._counts[chosen]
            self._first = self._first[chosen]
        self._held = len(self._hashes)


def line_hashes(codes: Codes, starts: Int64, ends: Int64) -> Hashes:
    """Return a hash of each line: polynomials in the characters, all from one running sum.

    Args:
        codes: The characters of a text, shape (characters,).
        starts: Where lines begin, shape (lines,).
        ends: Where they end, likewise; none is empty.
    """
    if not len(starts):
        return np.empty(0, np.uint64)
    terms = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(_MIX)
    terms ^= terms >> np.uint64(29)
    terms *= _powers(_BASE, len(codes))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    hashes = (sums[ends] - sums[starts]) * _powers(_INVERSE, len(codes))[starts]
    hashes += (ends - starts).astype(np.uint64) * np.uint64(_MIX)
    # The finaliser of SplitMix64, so that all bits depend on all others.
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(hashes ^ (hashes >> np.uint64(31)), np.uint64)


_KNOWN: dict[int, Hashes] = {}


def _powers(base: int, count: int) -> Hashes:
    """Return the powers of a number modulo 2^64, from 0, at least ``count`` of them."""
    known = _KNOWN.get(base)
    if known is None or len(known) < count:
        factors = np.full(max(count, 1 << 20), base, np.uint64)
        factors[0] = 1
        known = _KNOWN[base] = np.cumprod(factors, dtype=np.uint64)
    return known[:count]
