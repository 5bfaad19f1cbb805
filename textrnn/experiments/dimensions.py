"""Settings to be searched: a few values, or numbers between two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from textrnn.config import SettingSpec

__all__ = ["Choices", "Dimension", "Range", "Value"]

Value = int | float | str | bool

DIGITS = 4
"""Significant digits of a drawn number: more would make no difference but in reading."""
MOST_POINTS = 10_000
"""Values of a range beyond which nobody means to try every one."""
EDGE = 0.05
"""Share of a range, at either end, where a value counts as at its edge."""


class Dimension(Protocol):
    """A setting to be searched."""

    @property
    def name(self) -> str:
        """The setting."""

    @property
    def text(self) -> str:
        """``name=values``, as ``Space.parse`` reads it."""

    @property
    def points(self) -> tuple[Value, ...] | None:
        """Every value, in order; None where there is no end of them."""

    def draw(self, rng: np.random.Generator) -> Value:
        """Return a value, each as likely as any other."""

    def holds(self, value: object) -> bool:
        """Return whether a value is one of them."""

    def unit(self, value: Any) -> float:
        """Return where a value stands, from 0 to 1; values that it holds only."""

    def edge(self, value: Any) -> str | None:
        """Return ``lower`` or ``upper`` where better values may lie beyond that end, else None."""


@dataclass(frozen=True)
class Choices:
    """One of a few values.

    Attributes:
        spec: The setting.
        values: What may be chosen, in the order given; different, two at least.
    """

    spec: SettingSpec
    values: tuple[Value, ...]

    @property
    def name(self) -> str:
        """The setting."""
        return self.spec.name

    @property
    def text(self) -> str:
        """``name=values``."""
        return f"{self.name}={','.join(map(_written, self.values))}"

    @property
    def points(self) -> tuple[Value, ...] | None:
        """Every value."""
        return self.values

    def draw(self, rng: np.random.Generator) -> Value:
        """Return a value, each as likely as any other."""
        return self.values[int(rng.integers(len(self.values)))]

    def holds(self, value: object) -> bool:
        """Return whether a value is one of them."""
        return value in self.values

    def unit(self, value: Any) -> float:
        """Return where a value stands among the others, numbers by size."""
        return self._ordered.index(value) / (len(self.values) - 1)

    def edge(self, value: Any) -> str | None:
        """Return the end at which a number stands, unless the setting itself ends there."""
        if not _is_number(value) or len(self.values) < 3:
            return None
        return _edge(self.spec, value, self.unit(value), 0.0)

    @property
    def _ordered(self) -> list[Value]:
        numbers = all(_is_number(value) for value in self.values)
        return sorted(self.values) if numbers else list(self.values)


@dataclass(frozen=True)
class Range:
    """A number between two, both included.

    Attributes:
        spec: The setting.
        low: The least.
        high: The greatest, more than ``low``.
        log: Whether ratios count instead of differences.
        whole: Whether only whole numbers do.
        step: Distance of two neighbours; None where every number (or whole number) will do.
    """

    spec: SettingSpec
    low: float
    high: float
    log: bool = False
    whole: bool = False
    step: float | None = None

    @property
    def name(self) -> str:
        """The setting."""
        return self.spec.name

    @property
    def text(self) -> str:
        """``name=values``."""
        marks = "log:" * self.log + "int:" * (self.whole and self.spec.type is not int)
        step = f":{_written(self.step)}" if self.step is not None else ""
        low, high = (_written(int(end) if self.whole else end) for end in (self.low, self.high))
        return f"{self.name}={marks}{low}..{high}{step}"

    @property
    def points(self) -> tuple[Value, ...] | None:
        """Every value; None where there is no end of them, or none worth waiting for."""
        if self.step is None and not self.whole:
            return None
        step = self.step or 1
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        if count > MOST_POINTS:
            return None
        return tuple(self._rounded(self.low + step * number) for number in range(count))

    def draw(self, rng: np.random.Generator) -> Value:
        """Return a value; each is as likely as any other, or with ``log`` each ratio."""
        if not self.log and (points := self.points) is not None:
            return points[int(rng.integers(len(points)))]
        # A whole number has as much room as any other, those at the ends included.
        half = 0.5 if self.whole else 0.0
        low, high = self._scaled(self.low - half), self._scaled(self.high + half)
        return self._rounded(self._unscaled(low + (high - low) * float(rng.random())))

    def holds(self, value: object) -> bool:
        """Return whether a value lies between the ends."""
        return isinstance(value, (int, float)) and self.low <= value <= self.high

    def unit(self, value: Any) -> float:
        """Return where a value stands between the ends."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        return (self._scaled(float(value)) - low) / (high - low)

    def edge(self, value: Any) -> str | None:
        """Return the end near which a value stands, unless the setting itself ends there."""
        return _edge(self.spec, value, self.unit(value), EDGE)

    def nearest(self, value: float) -> Value:
        """Return the value of the range that is nearest to a number."""
        if self.step is not None:
            value = self.low + round((value - self.low) / self.step) * self.step
            if value > self.high:
                value -= self.step
        return self._rounded(value)

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value

    def _unscaled(self, value: float) -> float:
        return math.exp(value) if self.log else value

    def _rounded(self, value: float) -> Value:
        short = round(value) if self.whole else float(f"{value:.{DIGITS}g}")
        within = min(max(short, self.low), self.high)
        return int(within) if self.whole else float(within)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _edge(spec: SettingSpec, value: float, unit: float, margin: float) -> str | None:
    """Return the end near which a value stands, unless the setting allows nothing beyond it."""
    if unit <= margin and (spec.minimum is None or value > spec.minimum):
        return "lower"
    if unit >= 1 - margin and (spec.maximum is None or value < spec.maximum):
        return "upper"
    return None


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)
