"""The lines of files, in order, blank ones kept: for answers that stand line by line beside the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from textrnn.data.cache import workspace
from textrnn.data.intake import TextFile, take_in
from textrnn.data.reading import read_text
from textrnn.data.settings import CorpusSettings
from textrnn.data.sources import Report, expand_inputs
from textrnn.errors import DataError

__all__ = ["lines_of", "lines_of_files", "rereadable"]

_LONGEST_LINE = 1 << 24


@contextmanager
def rereadable(
    inputs: Sequence[str],
    settings: CorpusSettings,
    *,
    cache: Path,
    report: Report = lambda _: None,
) -> Iterator[list[TextFile]]:
    """Provide files that can be read as often as needed: what is read once is copied for the time being.

    Args:
        inputs: Files, folders, pipes, ``-`` for stdin.
        settings: How to read.
        cache: The cache folder, where copies go.
        report: Told what is left out.

    Raises:
        UsageError: an unknown encoding, no input.
        DataError: an input cannot be read.
    """
    with workspace(cache) as work:
        sources = expand_inputs(inputs, report)
        yield take_in(sources, settings.encoding, work=work, cache=cache, report=report)


def lines_of_files(files: Sequence[TextFile], settings: CorpusSettings) -> Iterator[list[str]]:
    """Yield the lines of files, some at a time, their ends removed, blank ones kept.

    Raises:
        DataError: a file cannot be read.
    """
    for file in files:
        chunks = read_text(file.path, settings.encoding, "lf", name=file.name, expected=file.stamp)
        yield from lines_of(chunks, file.name)


def lines_of(chunks: Iterable[str], name: str) -> Iterator[list[str]]:
    """Yield the lines of a text, some at a time, their ends removed.

    A line ends at LF and at nothing else; a text that does not end in LF has a last line without
    one.

    Args:
        chunks: The text, read with ``newlines="lf"``, so that no line ends in the CR of a CRLF.
        name: What messages call the text.

    Raises:
        DataError: a line longer than 16 Mi characters, which no list of lines has.
    """
    begun: list[str] = []
    length = count = 0
    for chunk in chunks:
        lines = chunk.split("\n")
        begun.append(lines[0])
        length += len(lines[0])
        if length > _LONGEST_LINE:
            raise DataError(
                f"{name}:{count + 1}: this line is longer than {_LONGEST_LINE:,} characters; "
                "--lines is for files with one short text a line"
            )
        if len(lines) > 1:
            lines[0] = "".join(begun)
            begun = [lines.pop()]
            length = len(begun[0])
            count += len(lines)
            yield lines
    if length:
        yield ["".join(begun)]
