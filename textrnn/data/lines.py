"""The lines of files, in order, blank ones kept: for answers that stand line by line beside the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from textrnn.data.cache import workspace
from textrnn.data.intake import take_in
from textrnn.data.reading import lines_of, read_text
from textrnn.data.settings import CorpusSettings
from textrnn.data.sources import Report, expand_inputs

__all__ = ["read_lines"]


def read_lines(
    inputs: Sequence[str],
    settings: CorpusSettings,
    *,
    cache: Path,
    report: Report = lambda _: None,
) -> Iterator[list[str]]:
    """Yield the lines of all inputs, some at a time, their ends removed.

    Args:
        inputs: Files, folders, pipes, ``-`` for stdin.
        settings: How to read.
        cache: The cache folder, where what can be read only once is copied for the time being.
        report: Told what is left out.

    Raises:
        UsageError: an unknown encoding, no input.
        DataError: an input cannot be read.
    """
    with workspace(cache) as work:
        sources = expand_inputs(inputs, report)
        for file in take_in(sources, settings.encoding, work=work, cache=cache, report=report):
            chunks = read_text(
                file.path, settings.encoding, "lf", name=file.name, expected=file.stamp
            )
            yield from lines_of(chunks, file.name)
