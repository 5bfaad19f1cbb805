"""The settings system: every setting is declared once, as a field of a frozen dataclass.

A field made by :func:`setting` carries its default, its range and its help text. The options of the
command line, the keys of a TOML file, the ``TEXTRNN_*`` environment variables, validation, the record
in ``config.json`` and the reference documentation all derive from these fields. Precedence: command
line, environment, file, default.

A default of None means that the planner decides; the resolved value is recorded with the model.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import operator
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from textrnn.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

__all__ = [
    "SettingSpec",
    "as_dict",
    "from_toml",
    "gathered",
    "make",
    "nearest",
    "resolve",
    "setting",
    "specs",
    "to_toml",
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


def specs(cls: type) -> dict[str, SettingSpec]:
    """Return the settings that a dataclass declares, by name, in order of declaration."""
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
    return found


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


def from_toml(cls: type, path: Path) -> dict[str, Any]:
    """Read a TOML file of settings: tables as in :func:`to_toml`, or names without a table.

    Returns:
        The flat mapping of the values that the file gives, checked.

    Raises:
        UsageError: no such file, not TOML, unknown names, wrong tables, values out of range.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such settings file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}") from None
    except (
        ValueError,
        RecursionError,
    ) as error:  # a number of too many digits is no TOMLDecodeError
        raise UsageError(f"{path}: not valid TOML: {error}") from None
    known = specs(cls)
    sections = {spec.section for spec in known.values()}
    flat: dict[str, Any] = {}
    for key, value in tables.items():
        if not isinstance(value, dict):
            flat[key] = value
            continue
        if key not in sections:
            raise UsageError(f"{path}: unknown table [{key}]{nearest(key, sorted(sections))}")
        for name, inner in value.items():
            if name in known and known[name].section != key:
                raise UsageError(f"{path}: {name} belongs in [{known[name].section}], not [{key}]")
            if name in flat:
                raise UsageError(f"{path}: {name} is given twice")
            flat[name] = inner
    for name, value in flat.items():
        if name not in known:
            raise UsageError(f"{path}: unknown setting {name!r}{nearest(name, list(known))}")
        flat[name] = known[name].check(value, str(path))
    return flat


def resolve(
    cls: type[T],
    command_line: Mapping[str, Any],
    environment: Mapping[str, str],
    file: Path | None = None,
) -> T:
    """Merge the sources of settings: command line, environment, file, default, in this precedence.

    Args:
        cls: The settings dataclass.
        command_line: Flat values given as options; absent names were not given.
        environment: The process environment; its ``TEXTRNN_*`` variables of known names count,
            but for empty ones.
        file: A TOML file, if any.

    Raises:
        UsageError: as :func:`from_toml` and :func:`make`.
    """
    return make(cls, gathered(cls, command_line, environment, file))


def gathered(
    cls: type,
    command_line: Mapping[str, Any],
    environment: Mapping[str, str],
    file: Path | None = None,
) -> dict[str, Any]:
    """Return the settings that somebody gave, by name; arguments as for :func:`resolve`."""
    values = from_toml(cls, file) if file else {}
    for name, spec in specs(cls).items():
        if environment.get(spec.variable):
            values[name] = spec.check(environment[spec.variable], spec.variable)
    for name, value in command_line.items():
        spec = specs(cls)[name]
        values[name] = spec.check(value, spec.option)
    return values


def as_dict(settings: Any) -> dict[str, Any]:
    """Return the settings as a flat mapping that :func:`make` takes and JSON can hold."""
    return {name: getattr(settings, name) for name in specs(type(settings))}


def to_toml(settings: Any) -> str:
    """Return the settings as commented TOML that :func:`from_toml` reads back.

    What the planner decides (None) stands as a comment, since TOML has no null.
    """
    lines: list[str] = []
    section = None
    for name, spec in sorted(specs(type(settings)).items(), key=lambda item: item[1].section):
        if spec.section != section:
            section = spec.section
            lines += ["", f"[{section}]"] if lines else [f"[{section}]"]
        allowed = f" ({spec.allowed})" if spec.allowed else ""
        lines.append(f"# {spec.help}{allowed}")
        value = getattr(settings, name)
        # JSON's strings, numbers and booleans are TOML's too.
        shown = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        lines.append(f"# {name} is chosen by the planner" if value is None else f"{name} = {shown}")
    return "\n".join(lines) + "\n"
