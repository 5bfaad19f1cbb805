"""Pairs that are out of step: stretches where a text's translation stands some lines before or after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Slip", "find_slip"]

Floats = npt.NDArray[np.float64]

_BLOCK = 100
_FARTHEST = 5
_SHORT = 10
_CLEARLY = 4.0
"""Standard errors by which the lengths must fit better at another place."""


@dataclass(frozen=True)
class Slip:
    """A stretch out of step.

    Attributes:
        first: Its first row, from 0, to a hundred rows or so.
        rows: How many rows it has, likewise.
        offset: Where the translation of a row stands instead: so many rows later.
    """

    first: int
    rows: int
    offset: int


def find_slip(src: npt.NDArray[np.int32], tgt: npt.NDArray[np.int32]) -> Slip | None:
    """Return the first stretch whose lengths fit clearly better when one side is moved.

    Lengths of translations go together (Gale and Church 1993): the logarithm of their ratio varies less
    than that of texts which have nothing to do with each other. It is compared in blocks of 100 rows.

    Args:
        src: Characters of each source, shape (rows,).
        tgt: Of each target, likewise.
    """
    count = min(len(src), len(tgt))
    blocks = count // _BLOCK
    if blocks < 2:
        return None
    logs = [np.log(side[:count].astype(np.float64) + _SHORT) for side in (src, tgt)]
    usual = float(np.median(logs[0] - logs[1]))
    used = blocks * _BLOCK
    here = np.abs(logs[0] - logs[1] - usual)[:used].reshape(blocks, _BLOCK)
    offsets = np.zeros(blocks, np.int64)
    best = np.full(blocks, _CLEARLY)
    for offset in (*range(-_FARTHEST, 0), *range(1, _FARTHEST + 1)):
        gain = here - _moved(logs[0], logs[1], usual, offset)[:used].reshape(blocks, _BLOCK)
        error = gain.std(1) / np.sqrt(_BLOCK) + 1e-12
        clear = gain.mean(1) / error
        better = clear > best
        offsets[better], best[better] = offset, clear[better]
    # One block may be chance, or a table of contents; two in a row with the same offset are not.
    same = (offsets[1:] == offsets[:-1]) & (offsets[1:] != 0)
    if not same.any():
        return None
    first = int(np.argmax(same))
    last = first + 1
    while last + 1 < blocks and offsets[last + 1] == offsets[first]:
        last += 1
    return Slip(first * _BLOCK, (last + 1 - first) * _BLOCK, int(offsets[first]))


def _moved(src: Floats, tgt: Floats, usual: float, offset: int) -> Floats:
    """Return how far lengths are from the usual ratio with targets taken ``offset`` rows later."""
    places = np.clip(np.arange(len(src)) + offset, 0, len(tgt) - 1)
    return np.asarray(np.abs(src - tgt[places] - usual))
