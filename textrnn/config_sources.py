"""Where settings come from: command line, environment, a file in TOML, default, in this precedence."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from textrnn.config import make, nearest, specs
from textrnn.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

__all__ = ["from_toml", "gathered", "resolve", "to_toml"]

T = TypeVar("T")


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
        UsageError: as :func:`from_toml` and :func:`textrnn.config.make`.
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
