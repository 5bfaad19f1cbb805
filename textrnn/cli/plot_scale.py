"""Axes: where numbers stand, which of them are written beside, and how."""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = ["bounds", "compact", "nice_ticks"]

_STEPS = (1, 2, 2.5, 5, 10)


def bounds(values: Iterable[float]) -> tuple[float, float]:
    """Return the least and the greatest of numbers, apart even where all are the same.

    Args:
        values: Finite numbers; without any, 0 and 1.
    """
    known = list(values)
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low < high:
        return low, high
    room = abs(low) / 10 or 1.0
    return low - room, high + room


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers within bounds: 1, 2, 2.5 or 5 times a power of ten apart.

    Args:
        low: The least.
        high: The greatest, more than ``low``.
        most: At most so many, 2 or more.
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in _STEPS:
        step = factor * power
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [number * step for number in range(first, last + 1)]


def compact(value: float, *, share: bool = False) -> str:
    """Return a number in a few characters: ``1.25``, ``12k``, ``3.4M``, ``2e-05``; shares in percent.

    Args:
        value: The number.
        share: Whether it is a share of 1.
    """
    if share:
        return f"{100 * value:.4g}%"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.4g}{unit}"
    # A sum of steps may miss nought by a hair.
    return f"{0.0 if abs(value) < 1e-12 else value:.4g}"
