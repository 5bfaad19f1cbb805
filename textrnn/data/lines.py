"""The lines of files, in order, blank ones kept: for answers that stand line by line beside the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from textrnn.data.cache import workspace
from textrnn.data.intake import TextFile, take_in
from textrnn.data.reading import lines_of, read_text
from textrnn.data.settings import CorpusSettings
from textrnn.data.sources import Report, expand_inputs

__all__ = ["lines_of_files", "rereadable"]


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
