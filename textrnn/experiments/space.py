"""What a search may choose from: values of settings, written as ``name=values``, checked as settings are.

* ``hidden_size=128,256,512``: one of these;
* ``dropout=0..0.5``: a number between two, whole where the setting is;
* ``learning_rate=log:1e-4..1e-2``: likewise, every ratio as likely as another of the same size;
* ``num_layers=int:1..3``: whole numbers, where it is worth saying;
* ``dropout=0..0.5:0.1``: in steps, from the lower end on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.config import SettingSpec, nearest, specs
from textrnn.errors import UsageError
from textrnn.experiments.dimensions import Choices, Dimension, Range, Value

__all__ = ["Space", "parse_dimension"]

_SAME_DATA = "trials can only be compared on the same data"
REFUSED = {
    "minutes": "every trial has the same time (--trial-minutes); epochs and max_steps can be searched",
    "select": "it is what trials are compared by",
    **dict.fromkeys(
        ("valid_fraction", "test_fraction", "lines", "reverse", "newlines", "encoding"), _SAME_DATA
    ),
    **dict.fromkeys(("text_column", "label_column", "src_column", "tgt_column"), _SAME_DATA),
}
"""Settings that make trials incomparable, and why."""


@dataclass(frozen=True)
class Space:
    """All that is searched.

    Attributes:
        dimensions: A setting each, in the order given.
    """

    dimensions: tuple[Dimension, ...]

    @classmethod
    def parse(cls, texts: Sequence[str], settings: type) -> Space:
        """Read ``name=values`` texts.

        Args:
            texts: One for each setting.
            settings: The dataclass of the job's settings.

        Raises:
            UsageError: not of that form, an unknown setting, one named twice or that cannot be searched,
                a value out of its range.
        """
        dimensions: dict[str, Dimension] = {}
        for text in texts:
            dimension = parse_dimension(text, settings)
            if dimension.name in dimensions:
                raise UsageError(
                    f"--search {text}: {dimension.name} is searched twice; give all of its values in one"
                )
            dimensions[dimension.name] = dimension
        return cls(tuple(dimensions.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """The settings that are searched."""
        return tuple(dimension.name for dimension in self.dimensions)

    @property
    def texts(self) -> tuple[str, ...]:
        """What :meth:`parse` reads."""
        return tuple(dimension.text for dimension in self.dimensions)

    @property
    def size(self) -> int | None:
        """How many combinations there are; None where there is no end of them."""
        total = 1
        for dimension in self.dimensions:
            if dimension.points is None:
                return None
            total *= len(dimension.points)
        return total

    def draw(self, rng: np.random.Generator) -> dict[str, Value]:
        """Return a value of each setting, drawn independently."""
        return {dimension.name: dimension.draw(rng) for dimension in self.dimensions}

    def combinations(self) -> Iterator[dict[str, Value]]:
        """Yield every combination, the last setting changing fastest.

        Raises:
            UsageError: a setting has no end of values.
        """
        for dimension in self.dimensions:
            if dimension.points is None:
                raise UsageError(
                    f"--search {dimension.text}: a grid tries every value; list some "
                    f"({dimension.name}=A,B,C), or give a step ({dimension.name}=LOW..HIGH:STEP)"
                )
        points = [dimension.points or () for dimension in self.dimensions]
        for values in itertools.product(*points):
            yield dict(zip(self.names, values, strict=True))

    def holds(self, values: Mapping[str, object]) -> bool:
        """Return whether there is a value of every setting, and each is one that may be chosen."""
        return all(
            dimension.name in values and dimension.holds(values[dimension.name])
            for dimension in self.dimensions
        )

    def units(self, values: Mapping[str, Any]) -> list[float]:
        """Return where the values of a combination stand, each from 0 to 1."""
        return [dimension.unit(values[dimension.name]) for dimension in self.dimensions]


def parse_dimension(text: str, settings: type) -> Dimension:
    """Read ``name=values``.

    Args:
        text: See the module's description.
        settings: The dataclass of the job's settings.

    Raises:
        UsageError: as :meth:`Space.parse`.
    """
    name, equals, rest = text.partition("=")
    spec = _searchable(text, name.strip().lstrip("-").replace("-", "_"), settings)
    rest = rest.strip()
    if not equals or not rest:
        raise UsageError(
            f"--search {text}: no values; write {spec.name}=A,B,C or {spec.name}=LOW..HIGH"
        )
    marks = []
    while (mark := rest.partition(":")[0]) in ("log", "int"):
        marks.append(mark)
        rest = rest.partition(":")[2]
    if ".." in rest:
        return _range(text, spec, rest, marks)
    if marks:
        raise UsageError(f"--search {text}: {marks[0]}: is for a range, LOW..HIGH")
    values = tuple(
        spec.check(_plain(part.strip(), spec), f"--search {text}") for part in rest.split(",")
    )
    if len(set(values)) < len(values):
        raise UsageError(f"--search {text}: a value stands there twice")
    if len(values) == 1:
        raise UsageError(
            f"--search {text}: one value leaves nothing to search; fix it with {spec.option}, or list more"
        )
    return Choices(spec, values)


def _searchable(text: str, name: str, settings: type) -> SettingSpec:
    known = specs(settings)
    if name not in known:
        hint = nearest(name, list(known)) or "; textrnn train … --help lists all"
        raise UsageError(f"--search {text}: unknown setting {name!r}{hint}")
    if name in REFUSED:
        raise UsageError(f"--search {text}: {name} cannot be searched: {REFUSED[name]}")
    return known[name]


def _range(text: str, spec: SettingSpec, rest: str, marks: Sequence[str]) -> Range:
    """Read ``low..high`` or ``low..high:step``."""
    where = f"--search {text}"
    if spec.type not in (int, float):
        raise UsageError(f"{where}: {spec.name} is no number; list its values: {spec.name}=A,B,C")
    ends, colon, distance = rest.partition(":")
    low, high = (spec.check(end.strip(), where) for end in ends.split("..", 1))
    if low >= high:
        raise UsageError(f"{where}: {low:g} is not less than {high:g}; write LOW..HIGH")
    log, whole = "log" in marks, spec.type is int or "int" in marks
    if whole and (low != int(low) or high != int(high)):
        raise UsageError(f"{where}: whole numbers end at whole numbers")
    if log and low <= 0:
        raise UsageError(f"{where}: log: needs a lower end above 0, since ratios count")
    step = None
    if colon:
        step = _number(where, distance)
        if log or not 0 < step <= high - low or (whole and step != int(step)):
            raise UsageError(
                f"{where}: the step is {distance}; it must be above 0, at most {high - low:g}, whole where "
                f"values are, and without log:"
            )
    return Range(spec, float(low), float(high), log, whole, step)


def _number(where: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{where}: the step {text!r} is not a number")
    return number


def _plain(text: str, spec: SettingSpec) -> str:
    """Return a word that means yes or no as the settings write it."""
    words = {"on": "yes", "off": "no"}
    return words.get(text.lower(), text) if spec.type is bool else text
