"""The settings system: every setting is declared once, as a field of a frozen dataclass.

A field made by :func:`setting` carries its default, its range and its help text. The options of the
command line, the keys of a TOML file, the ``TEXTRNN_*`` environment variables, validation, the record
in ``config.json`` and the reference documentation all derive from these fields. Where values come from, and
which go first, is in ``textrnn.config_sources``.

A default of None means that the planner decides; the resolved value is recorded with the model.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import operator
import types
import typing
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from textrnn.errors import UsageError

__all__ = [
    "ENVIRONMENT_PREFIX",
    "SettingSpec",
    "as_dict",
    "make",
    "nearest",
    "setting",
    "specs",
]

ENVIRONMENT_PREFIX = "TEXTRNN_"
_MOST_SHOWN = 80

T = TypeVar("T")


def setting(
    default: Any,
    help: str,
    *,
    section: str,
    choices: Sequence[str] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    on_resume: bool = False,
) -> Any:
    """Declare a setting as a dataclass field.

    Args:
        default: The value where nobody gives one; None where the planner decides.
        help: One sentence, without the default and the range, which are added from the field.
        section: The TOML table and the heading of the option in ``--help``.
        choices: The allowed strings, where the value is one of a few.
        minimum: Least allowed number.
        maximum: Greatest allowed number.
        above: The number must be greater than this.
        below: The number must be less than this.
        on_resume: Whether a resumed run may change it without becoming another experiment.
    """
    spec = {
        "help": help,
        "section": section,
        "choices": tuple(choices),
        "minimum": minimum,
        "maximum": maximum,
        "above": above,
        "below": below,
        "on_resume": on_resume,
    }
    return dataclasses.field(default=default, metadata={"setting": spec})


@dataclasses.dataclass(frozen=True)
class SettingSpec:
    """One setting as its readers need it."""

    name: str
    type: type  # int, float, str or bool
    optional: bool
    default: Any
    help: str
    section: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    on_resume: bool = False

    @property
    def option(self) -> str:
        """The command-line option, ``--hidden-size`` for ``hidden_size``."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, ``TEXTRNN_HIDDEN_SIZE`` for ``hidden_size``."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def allowed(self) -> str:
        """The allowed values in words: ``one of lstm, gru``, ``at least 1``, or an empty string."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        parts = []
        low, high, above, below = map(_shown, (self.minimum, self.maximum, self.above, self.below))
        if low and high:
            parts.append(f"from {low} to {high}")
        elif low or high:
            parts.append(f"at least {low}" if low else f"at most {high}")
        if above:
            parts.append(f"above {above}")
        if below:
            parts.append(f"below {below}")
        return ", ".join(parts)

    def check(self, value: Any, where: str) -> Any:
        """Return ``value`` as the setting's type.

        Args:
            value: A value of the right type, or a string as environment variables hold it.
            where: What gave the value, for the message: ``--dropout``, ``TEXTRNN_DROPOUT``, ``run.toml``.

        Raises:
            UsageError: of another type or out of range.
        """
        if value is None:
            if self.optional:
                return None
            raise UsageError(f"{where}: {self.name} needs a value ({self._kind})")
        converted = self._convert(value)
        if converted is None or not self._in_range(converted):
            allowed = f", {self.allowed}" if self.allowed and not self.choices else ""
            kind = self.allowed if self.choices else self._kind
            hint = nearest(str(value), self.choices)
            is_name = where in (self.option, self.variable)
            what = where if is_name else f"{where}: {self.name}"
            shown = repr(value)
            shown = shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + "…"
            raise UsageError(f"{what} is {shown}; it must be {kind}{allowed}{hint}")
        return converted

    @property
    def _kind(self) -> str:
        return {int: "a whole number", float: "a number", str: "text", bool: "true or false"}[
            self.type
        ]

    def _convert(self, value: Any) -> Any:
        if self.type is bool:
            if isinstance(value, bool):
                return value
            words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
            return words.get(value.lower()) if isinstance(value, str) else None
        if self.type is str:
            return value if isinstance(value, str) else None
        if isinstance(value, bool):
            return None
        try:
            if self.type is int:
                return _whole(value)
            number = float(value)
        except (TypeError, ValueError, ArithmeticError):
            return None
        return number if math.isfinite(number) else None

    def _in_range(self, value: Any) -> bool:
        if self.choices:
            return value in self.choices
        if isinstance(value, (str, bool)):
            return True
        return not (
            (self.minimum is not None and value < self.minimum)
            or (self.maximum is not None and value > self.maximum)
            or (self.above is not None and value <= self.above)
            or (self.below is not None and value >= self.below)
        )


def _whole(value: Any) -> int | None:
    """Return a whole number, exact beyond what a float can tell apart; None where it is none."""
    if hasattr(value, "__index__"):
        return operator.index(value)
    number = float(value)
    if not math.isfinite(number):
        return None
    # What a float can hold has few enough digits to be written out.
    exact = Decimal(value) if isinstance(value, str) else number
    return int(exact) if exact == int(exact) else None


def _shown(limit: float | None) -> str:
    if limit is None:
        return ""
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


def specs(cls: type) -> Mapping[str, SettingSpec]:
    """Return the settings that a dataclass declares, by name, in order of declaration."""
    return _specs(cls)


@functools.cache
def _specs(cls: Any) -> Mapping[str, SettingSpec]:
    hints = typing.get_type_hints(cls)
    found = {}
    for field in dataclasses.fields(cls):
        if "setting" not in field.metadata:
            continue
        kind, optional = hints[field.name], False
        if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
            members = [member for member in typing.get_args(kind) if member is not type(None)]
            optional = len(members) < len(typing.get_args(kind))
            (kind,) = members
        found[field.name] = SettingSpec(
            name=field.name,
            type=kind,
            optional=optional,
            default=field.default,
            **field.metadata["setting"],
        )
    return types.MappingProxyType(found)


def nearest(word: str, known: Sequence[str]) -> str:
    """Return ``; did you mean X?`` where a known word is near, else an empty string."""
    if len(word) > _MOST_SHOWN:
        return ""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def make(cls: type[T], values: Mapping[str, Any], where: str = "settings") -> T:
    """Make a settings object from a flat mapping, checking every name, type and range.

    Raises:
        UsageError: an unknown name (the nearest known one is named), a wrong type or range.
    """
    known = specs(cls)
    checked = {}
    for name, value in values.items():
        if name not in known:
            hint = nearest(name, list(known))
            raise UsageError(f"{where}: unknown setting {name!r:.{_MOST_SHOWN}}{hint}")
        checked[name] = known[name].check(value, where)
    return cls(**checked)


def as_dict(settings: Any) -> dict[str, Any]:
    """Return the settings as a flat mapping that :func:`make` takes and JSON can hold."""
    return {name: getattr(settings, name) for name in specs(type(settings))}
