"""Makes the reference from the commands themselves: a page for each, never out of date."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import click
from mkdocs.structure.files import File, Files

from textrnn.cli.app import app

FOLDER = "reference"


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each command, and a list of them."""
    rows = ["# Commands", "", "| command | what it does |", "|---|---|"]
    for words, command in commands(app, ()):
        name = "-".join(words)
        rows.append(
            f"| [textrnn {' '.join(words)}]({name}.md) | {command.get_short_help_str(120)} |"
        )
        files.append(generated(config, f"{FOLDER}/{name}.md", page(words, command)))
    files.append(generated(config, f"{FOLDER}/index.md", "\n".join(rows) + "\n"))
    return files


def generated(config: Any, path: str, text: str) -> File:
    """Return a page that stands in no file."""
    return File.generated(config, path, content=text)


def commands(
    group: click.Group, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its words, groups before what is in them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        yield (*words, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))


def page(words: tuple[str, ...], command: click.Command) -> str:
    """Return a command's help as a page: usage, words, a table of options for each section."""
    context = click.Context(command, info_name=f"textrnn {' '.join(words)}")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"# textrnn {' '.join(words)}", "", f"    {usage}", ""]
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        is_kept = paragraph.startswith("\b")
        told = paragraph.removeprefix("\b").strip("\n").splitlines()
        lines += [f"    {line}" if is_kept else escaped(line) for line in told]
        lines.append("")
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and not isinstance(parameter, click.Argument):
            section = getattr(parameter, "section", "")
            title = f"{section.capitalize()} settings" if section else "Options"
            sections.setdefault(title, []).append(record)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                link = f"[{name}]({'-'.join((*words, name))}.md)"
                lines += [f"- {link}: {escaped(inner.get_short_help_str(120))}"]
        lines.append("")
    for title, records in sections.items():
        lines += [f"## {title}", "", "| option | meaning |", "|---|---|"]
        lines += [
            f"| `{option.replace('|', chr(92) + '|')}` | {escaped(text)} |"
            for option, text in records
        ]
        lines.append("")
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Return a text whose characters mean nothing to Markdown or HTML."""
    for character in "\\`*_<>|[]":
        text = text.replace(character, f"&#{ord(character)};")
    return " ".join(text.split())
