"""Which sources of text an input means: files, folders, pipes and stdin, each once."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from textrnn.config import nearest
from textrnn.errors import DataError, UsageError

__all__ = ["Report", "TextSource", "expand_inputs", "is_data_set", "printable", "unreadable"]

Report = Callable[[str], None]
"""Takes one line of what a person should know; the command line prints it, tests list it."""


def is_data_set(name: str) -> bool:
    """Tell whether an input is no file here but a data set to be fetched: ``hf:NAME``, ``corpus:NAME``."""
    return name.startswith(("hf:", "corpus:"))


@dataclass(frozen=True)
class TextSource:
    """Something to read text from.

    Attributes:
        path: The file or pipe; None is stdin.
        name: What messages call it; always printable.
        from_folder: Whether it was found in a folder rather than named.
        once: Whether it can be read only once: stdin, pipes.
    """

    path: Path | None
    name: str
    from_folder: bool = False
    once: bool = False


def expand_inputs(inputs: Sequence[str], report: Report = lambda _: None) -> list[TextSource]:
    """Return the sources that ``inputs`` name, in the order given, each once.

    A folder stands for every file below it, sorted by path; hidden files and folders and what is no
    regular file are left out. Links to folders are followed, each folder entered once.

    Args:
        inputs: Files, folders, pipes, ``-`` for stdin.
        report: Told about what is named twice, and of models among the texts, which are left out.

    Raises:
        UsageError: an empty name, or no input at all.
        DataError: a file that is missing or cannot be looked at, a folder without files.
    """
    if not inputs:
        raise UsageError("no input: give a file, a folder, or - to read stdin")
    sources: list[TextSource] = []
    seen: set[object] = set()
    for text in inputs:
        if not text:
            raise UsageError("an input is an empty name; give a file, a folder, or - to read stdin")
        for source, identity in _expand(text, report):
            if identity not in seen:
                seen.add(identity)
                sources.append(source)
            elif not source.from_folder:
                report(f"{source.name}: given twice, used once")
    return sources


def printable(path: Path) -> str:
    """Return a path as text that any terminal and file takes, whatever bytes its name has."""
    try:
        text = os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        text = ascii(str(path))  # half a surrogate pair, which no file system has
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def unreadable(name: str, error: Exception) -> DataError:
    """Return the error that says why the system refuses to read something."""
    reason = getattr(error, "strerror", None) or str(error)
    return DataError(f"{name}: cannot be read: {reason}")


def _expand(text: str, report: Report) -> Iterator[tuple[TextSource, object]]:
    """Yield the sources of one input, each with what tells it from others."""
    if text == "-":
        yield TextSource(None, "stdin", once=True), "-"
        return
    path = Path(text)
    name = printable(path)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise DataError(f"{name}: no such file or folder{_neighbour(path)}") from None
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from None
    if stat.S_ISDIR(status.st_mode):
        found = list(_walk(path, {(status.st_dev, status.st_ino)}, report))
        if not found:
            raise DataError(f"{name}: no files in this folder (hidden ones do not count)")
        for file, inner in sorted(found, key=lambda pair: pair[0].parts):
            yield TextSource(file, printable(file), from_folder=True), _identity(file, inner)
        return
    once = stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode)
    if not (once or stat.S_ISREG(status.st_mode)):
        raise DataError(f"{name}: neither a file nor a folder nor a pipe")
    yield TextSource(path, name, once=once), _identity(path, status)


def _walk(
    folder: Path, entered: set[tuple[int, int]], report: Report
) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the regular files below a folder; ``entered`` holds the folders seen so far."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise unreadable(printable(folder), error) from None
    for name in names:
        path = folder / name
        try:
            status = path.stat()
        except OSError:
            continue  # a link that leads nowhere
        if name.startswith("."):
            continue
        if stat.S_ISREG(status.st_mode):
            yield path, status
        elif stat.S_ISDIR(status.st_mode) and (status.st_dev, status.st_ino) not in entered:
            if _is_model(path):
                report(f"{printable(path)}: left out, a model directory")
                continue
            entered.add((status.st_dev, status.st_ino))
            yield from _walk(path, entered, report)


def _is_model(folder: Path) -> bool:
    """Tell a model directory, even an unfinished one, from a folder of texts."""
    return (folder / "resume" / ".lock").exists() or (
        (folder / "config.json").exists() and any(folder.glob("weights-*.safetensors"))
    )


def _identity(path: Path, status: os.stat_result) -> object:
    return (status.st_dev, status.st_ino) if status.st_ino else str(path.resolve())


def _neighbour(path: Path) -> str:
    try:
        return nearest(path.name, [entry.name for entry in os.scandir(path.parent)])
    except OSError:
        return ""
