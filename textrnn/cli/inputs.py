"""Text that commands read line by line, from files and from stdin."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from textrnn.cli.console import is_terminal
from textrnn.data.bounds import LONGEST, too_long_line
from textrnn.data.reading import read_text, refuse_endless
from textrnn.data.sources import TextSource, expand_inputs, unreadable
from textrnn.errors import DataError, UsageError

__all__ = [
    "lines_with_ends",
    "read_input",
    "refuse_folder",
    "require_stdin",
    "stdin_or_usage",
    "without_cache_news",
]

_FIRST = 1 << 13
"""Bytes by which is told what is no text."""


def read_input(name: str, encoding: str = "utf-8", newlines: str = "keep") -> Iterator[str]:
    """Yield the text of a file, a pipe, a folder's files one after another, or ``-``, in chunks.

    Raises:
        DataError: as ``textrnn.data.reading.read_text``.
    """
    require_stdin([name])
    for source in expand_inputs([name]):
        with _readable(source, encoding) as path:
            yield from read_text(path, encoding, newlines, name=source.name)


def lines_with_ends(chunks: Iterable[str]) -> Iterator[str]:
    """Yield a text's lines with the LF at their ends, which the last one may lack.

    Raises:
        DataError: a line is too long to be held in memory.
    """
    begun: list[str] = []
    length, number = 0, 1
    for chunk in chunks:
        lines = chunk.split("\n")
        for line in lines[:-1]:
            yield "".join([*begun, line, "\n"])
            begun.clear()
            length, number = 0, number + 1
        begun.append(lines[-1])
        length += len(lines[-1])
        if length > LONGEST:
            raise too_long_line("the input", number)
    if rest := "".join(begun):
        yield rest


def require_stdin(inputs: Iterable[str]) -> None:
    """Refuse ``-`` among the inputs where stdin is closed.

    Raises:
        DataError: it is.
    """
    if sys.stdin is None and "-" in inputs:
        raise DataError("stdin is closed; give a file")


def refuse_folder(name: str, option: str) -> None:
    """Refuse a folder where one file is wanted.

    Raises:
        DataError: it is a folder.
    """
    if Path(name).is_dir():
        raise DataError(f"{option}: {name} is a folder; give a file")


def without_cache_news(report: Callable[[str], None]) -> Callable[[str], None]:
    """Return a report that leaves out where a prepared text was found, which only people care for."""

    def filtered(message: str) -> None:
        if not message.endswith("found in the cache"):
            report(message)

    return filtered


def stdin_or_usage(what: str) -> str:
    """Return ``-`` where no file was named and stdin has something to read.

    Raises:
        UsageError: stdin is a terminal.
    """
    if is_terminal(sys.stdin):
        raise UsageError(f"{what}: name a file, or - for stdin")
    require_stdin("-")
    return "-"


@contextlib.contextmanager
def _readable(source: TextSource, encoding: str) -> Iterator[Path]:
    """Give a file with the source's bytes; what can be read only once is copied first."""
    if source.path is not None and not source.once:
        yield source.path
        return
    with tempfile.TemporaryDirectory(prefix="textrnn-") as folder:
        copy = Path(folder) / "input"
        try:
            with copy.open("wb") as target, contextlib.ExitStack() as stack:
                incoming = (
                    sys.stdin.buffer
                    if source.path is None
                    else stack.enter_context(source.path.open("rb"))
                )
                first = incoming.read(_FIRST)
                refuse_endless(first, encoding, source.name)
                target.write(first)
                shutil.copyfileobj(incoming, target, 1 << 20)
        except OSError as error:
            raise unreadable(source.name, error) from None
        yield copy
