"""Text that commands read line by line, from files and from stdin."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from textrnn.cli.console import is_terminal
from textrnn.data.reading import read_text
from textrnn.data.sources import TextSource, expand_inputs, unreadable
from textrnn.errors import UsageError

__all__ = ["lines_with_ends", "read_input", "stdin_or_usage"]


def read_input(name: str, encoding: str = "utf-8", newlines: str = "keep") -> Iterator[str]:
    """Yield the text of a file, a pipe, a folder's files one after another, or ``-``, in chunks.

    Raises:
        DataError: as ``textrnn.data.reading.read_text``.
    """
    for source in expand_inputs([name]):
        with _readable(source) as path:
            yield from read_text(path, encoding, newlines, name=source.name)


def lines_with_ends(chunks: Iterable[str]) -> Iterator[str]:
    """Yield a text's lines with the LF at their ends, which the last one may lack."""
    begun: list[str] = []
    for chunk in chunks:
        lines = chunk.split("\n")
        for line in lines[:-1]:
            yield "".join([*begun, line, "\n"])
            begun.clear()
        begun.append(lines[-1])
    if rest := "".join(begun):
        yield rest


def stdin_or_usage(what: str) -> str:
    """Return ``-`` where no file was named and stdin has something to read.

    Raises:
        UsageError: stdin is a terminal.
    """
    if is_terminal(sys.stdin):
        raise UsageError(f"{what}: name a file, or - for stdin")
    return "-"


@contextlib.contextmanager
def _readable(source: TextSource) -> Iterator[Path]:
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
                shutil.copyfileobj(incoming, target, 1 << 20)
        except OSError as error:
            raise unreadable(source.name, error) from None
        yield copy
