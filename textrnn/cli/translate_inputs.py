"""What ``textrnn translate`` is given: lines of files and of stdin, rows of tables, texts themselves."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textrnn.cli.inputs import require_stdin, stdin_or_usage
from textrnn.data.settings import PairSettings
from textrnn.errors import UsageError

if TYPE_CHECKING:
    from textrnn.data.sources import TextSource

__all__ = ["Part", "input_parts"]

Part = Callable[[PairSettings], Iterator[list[str]]]
"""Takes how to read; yields texts, some at a time."""

Report = Callable[[str], None]

_FILE_NAME = re.compile(r"\S*\S\.[A-Za-z][A-Za-z0-9]{0,9}|\S*/\S*")
"""What was surely meant to be a file's name."""


def input_parts(inputs: Sequence[str], settings: PairSettings, tell: Report) -> list[Part]:
    """Return what reads each input; that a file is there is known by then.

    Args:
        inputs: Files, ``-`` for stdin, texts; none means stdin.
        settings: What was given: its encoding, and a column where all files are tables.
        tell: Told what a person should know while they are read.

    Raises:
        UsageError, DataError: an input is missing, or the encoding unknown.
    """
    from textrnn.data.reading import codec_name
    from textrnn.data.sources import expand_inputs, is_data_set
    from textrnn.data.tables.opening import is_table

    codec_name(settings.encoding)
    names = list(inputs) or [
        stdin_or_usage("nothing to translate; --interactive reads what is typed")
    ]
    require_stdin(names)
    parts: list[Part] = []
    for name in names:
        is_there = name == "-" or is_data_set(name) or os.path.lexists(name)
        if is_there and (settings.src_column is not None or is_table(name)):
            if not is_data_set(name):
                expand_inputs([name], tell)
            parts.append(partial(_rows, name, tell))
        elif is_there:
            parts.append(partial(_lines, expand_inputs([name], tell), tell))
        elif _FILE_NAME.fullmatch(name):
            raise UsageError(
                f"{name}: no such file; a text that looks like a file's name can come through stdin"
            )
        elif settings.src_column is not None:
            raise UsageError(
                f"--src-column is for tables, and there is no file called {name!r}; leave it out to "
                "translate that text itself"
            )
        else:
            text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            parts.append(partial(_itself, text))
    return parts


def _itself(text: str, _: PairSettings) -> Iterator[list[str]]:
    yield [text]


def _lines(
    sources: Sequence[TextSource], tell: Report, settings: PairSettings
) -> Iterator[list[str]]:
    from textrnn.data.stream import stream_lines

    yield from stream_lines(sources, settings.encoding, tell)


def _rows(name: str, tell: Report, settings: PairSettings) -> Iterator[list[str]]:
    """Yield the sources of a table, one for each row."""
    from textrnn.data.cache import default_cache_dir
    from textrnn.data.pair_rows import read_sources
    from textrnn.data.stream import in_chunks

    texts = read_sources(name, settings, cache=default_cache_dir(), report=tell)
    yield from in_chunks(([text] for text in texts), len)
