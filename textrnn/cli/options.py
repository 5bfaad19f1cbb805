"""Command-line options made from settings, and help that lists them by section."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from textrnn.config import SettingSpec, specs

__all__ = [
    "HelpfulGroup",
    "NumberRange",
    "SectionedCommand",
    "debug_option",
    "given",
    "is_debugging",
    "setting_options",
]

Function = TypeVar("Function", bound=Callable[..., Any])

_is_debugging = False

SECTIONS = ("Options", "Budget settings", "Model settings", "Training settings")
"""What comes first in help; other sections follow in their own order."""


def is_debugging() -> bool:
    """Return whether ``--debug`` was given: failures then show their traceback."""
    return _is_debugging


def debug_option(function: Function) -> Function:
    """Add ``--debug`` to a command."""

    def remember(_: click.Context, __: click.Parameter, value: bool) -> None:
        global _is_debugging
        _is_debugging = _is_debugging or value

    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=remember,
        help="Show the traceback of a failure.",
    )(function)


class NumberRange(click.FloatRange):
    """Numbers in a range; NaN, which is neither below nor above any bound, is none of them."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or refuse it as wrong usage."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class SettingOption(click.Option):
    """An option that gives a setting; its value is checked where the settings are made."""

    def __init__(
        self, *arguments: Any, section: str, choices: Sequence[str] = (), **keywords: Any
    ) -> None:
        super().__init__(*arguments, **keywords)
        self.section = section
        self._choices = choices

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what a shell may offer behind the option."""
        if not self._choices:
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(each) for each in self._choices if each.startswith(incomplete)]


def _with_kept_lines(told: str | None) -> str | None:
    """Return help in which two characters, a backslash and a b, have become click's mark of kept lines."""
    return None if told is None else re.sub(r"(?m)^( *)\\b$", "\\1\b", told)


class HelpfulGroup(click.Group):
    r"""A group of commands that shows its help, on stderr, where no command is given.

    A line ``\b``, after which click breaks no lines, may stand as two characters in a raw docstring.
    """

    def __init__(self, **keywords: Any) -> None:
        super().__init__(no_args_is_help=False, **keywords)
        self.help = _with_kept_lines(self.help)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where no command is given, as wrong usage."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)


class SectionedCommand(click.Command):
    r"""A command whose help lists the options of settings under their sections.

    A line ``\b``, after which click breaks no lines, may stand as two characters in a raw docstring.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.help = _with_kept_lines(self.help)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then each section's."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and not isinstance(parameter, click.Argument):
                section = getattr(parameter, "section", "")
                title = f"{section.capitalize()} settings" if section else "Options"
                sections.setdefault(title, []).append(record)
        for title in sorted(sections, key=_rank):
            with formatter.section(title):
                formatter.write_dl(sections[title])


def setting_options(
    cls: type,
    *,
    undecided: str = "chosen by the planner",
    default: str | None = None,
    only: Collection[str] | None = None,
    short: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
) -> Callable[[Function], Function]:
    """Return a decorator that adds an option for every setting of a dataclass.

    The options come without a value where they are not given, so that environment and file count;
    :func:`given` picks out what was.

    Args:
        cls: The settings dataclass.
        undecided: What help says of a default of None.
        default: What help says of every default, where the settings' own do not apply.
        only: Names to take; None takes all.
        short: Short forms by name, ``{"max_new_tokens": "-n"}``.
        words: Help by name, where the setting's own says too little or too much for the command.
    """
    wanted = [spec for name, spec in specs(cls).items() if only is None or name in only]

    def decorate(function: Function) -> Function:
        # Decorators apply from the bottom up.
        for spec in reversed(wanted):
            declarations = [(short or {}).get(spec.name), _declaration(spec), spec.name]
            function = click.option(
                *filter(None, declarations),
                cls=SettingOption,
                section=spec.section,
                choices=spec.choices,
                type=bool if spec.type is bool else str,
                default=None,
                metavar=_metavar(spec),
                help=_help(spec, (words or {}).get(spec.name, spec.help), undecided, default),
            )(function)
        return function

    return decorate


def given(
    cls: type, values: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the settings that were given, checked; the others keep their defaults.

    Args:
        cls: The settings dataclass.
        values: The command's parameters; those not given are None.
        environment: Where there is one, its variables count for settings that the command has
            options for.

    Raises:
        UsageError: a value of another type or out of range.
    """
    found = {}
    for name, spec in specs(cls).items():
        if values.get(name) is not None:
            found[name] = spec.check(values[name], spec.option)
        elif environment is not None and name in values and environment.get(spec.variable):
            found[name] = spec.check(environment[spec.variable], spec.variable)
    return found


def _rank(title: str) -> int:
    return SECTIONS.index(title) if title in SECTIONS else len(SECTIONS)


def _declaration(spec: SettingSpec) -> str:
    return f"{spec.option}/--no-{spec.option[2:]}" if spec.type is bool else spec.option


def _metavar(spec: SettingSpec) -> str | None:
    if spec.type is bool:
        return None
    if spec.choices:
        return "[" + "|".join(spec.choices) + "]"
    return {int: "INTEGER", float: "NUMBER"}.get(spec.type, "TEXT")


def _help(spec: SettingSpec, told: str, undecided: str, default: str | None) -> str:
    if default is None:
        default = _default(spec, undecided)
    notes = [f"default: {default}"]
    if spec.allowed and not spec.choices:
        notes.append(spec.allowed)
    return f"{told}  [{'; '.join(notes)}]"


def _default(spec: SettingSpec, undecided: str) -> str:
    if spec.default is None:
        return undecided
    if spec.type is bool:
        return "yes" if spec.default else "no"
    return f"{spec.default:g}" if spec.type is float else str(spec.default)
