"""What a study is made on, so that every trial can read it again: pipes are copied, paths are whole."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from textrnn.cli.console import is_terminal
from textrnn.cli.data_options import Data
from textrnn.cli.inputs import require_stdin
from textrnn.data.sources import expand_inputs, unreadable
from textrnn.errors import UsageError

__all__ = ["data_inputs", "given_data", "kept_data"]


def data_inputs(data: Data) -> tuple[str, ...]:
    """Return what is trained on: stdin where nothing is named."""
    return data.inputs or (() if data.instead else ("-",))


def given_data(data: Data) -> list[str]:
    """Return all data as they were named, files by their whole paths."""
    named = [_whole(name) for name in data_inputs(data)]
    for option, names in data.options.items():
        named += [f"{option}={_whole(name)}" for name in names]
    parents = [(option, path) for option, path in data.parents.items() if path is not None]
    return [*named, *(f"{option}={path.resolve()}" for option, path in parents)]


def kept_data(data: Data, folder: Path) -> tuple[list[str], list[str]]:
    """Return the data as arguments that can be read again and again, from anywhere."""
    inputs = data_inputs(data)
    if not data.inputs and not data.instead and is_terminal(sys.stdin):
        raise UsageError(
            "nothing to train on: give files or folders, - for stdin, or --resume with a study"
        )
    require_stdin([*inputs, *data.names])
    copies: dict[str, str] = {}
    options = [
        f"{option}={_again(name, folder, copies)}"
        for option, names in data.options.items()
        for name in names
    ]
    parents = [f"{o}={path.resolve()}" for o, path in data.parents.items() if path is not None]
    return [*options, *parents], [_again(name, folder, copies) for name in inputs]


def _whole(name: str) -> str:
    """Return the whole path of a file or folder; anything else as it is."""
    return str(Path(name).absolute()) if name != "-" and os.path.lexists(name) else name


def _again(name: str, folder: Path, copies: dict[str, str]) -> str:
    """Return a name under which a source can be read by every trial: a pipe's contents are copied."""
    if name in copies:
        return copies[name]
    if name != "-" and not os.path.lexists(name):
        return name
    (source, *_) = expand_inputs([name])
    if not source.once:
        return _whole(name)
    target = (folder / "data" / f"stdin-{len(copies)}").absolute()
    target.parent.mkdir(exist_ok=True)
    try:
        with target.open("wb") as file:
            if source.path is None:
                shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
            else:
                with source.path.open("rb") as pipe:
                    shutil.copyfileobj(pipe, file, 1 << 20)
    except OSError as error:
        raise unreadable(source.name, error) from None
    copies[name] = str(target)
    return copies[name]
