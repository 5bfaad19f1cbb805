"""For which job files are: by how they are named, else by what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textrnn.data.catalogue import entry_named, is_corpus
from textrnn.data.columns import choose_columns, header_names
from textrnn.data.pair_columns import choose_pair, is_surely_pair, pair_header_names
from textrnn.data.settings import ExampleSettings, PairSettings
from textrnn.data.tables.fasttext import FastTextTable
from textrnn.data.tables.folders import FolderTable
from textrnn.data.tables.hub import is_saved_data_set
from textrnn.data.tables.opening import is_table, open_sources
from textrnn.data.tables.source import Source
from textrnn.data.tables.table import Table, skipping
from textrnn.errors import DataError

__all__ = ["Guess", "guess_job", "is_plain_text"]

_LOOKED_AT = 100
_FEW_LABELS = 2_000
_LONG_TEXT = 20_000
"""Bytes from which on a file in a folder is rather a book than a text with a label."""


@dataclass(frozen=True)
class Guess:
    """A job and what tells so.

    Attributes:
        job: ``lm``, ``classifier`` or ``translator``.
        why: In words: ``plain text``.
    """

    job: str
    why: str


def guess_job(
    inputs: Sequence[str],
    examples: ExampleSettings,
    pairs: PairSettings,
    *,
    work: Path,
    cache: Path,
) -> Guess:
    """Tell for which job the first input is.

    A corpus of the catalogue says so itself. What is called like a table, or looks like one all along its
    first lines, is a table: of pairs where columns are called source and target or after two languages, of
    labelled texts where a column is called as labels are or holds few short values, else of pairs. A folder
    with a folder of short texts for each label is labelled texts. All else is plain text.

    Args:
        inputs: What was named; ``-`` and pipes cannot be looked at twice and count as plain text.
        examples: Columns of labelled texts, where they were named.
        pairs: Columns of pairs, likewise.
        work: A folder for copies.
        cache: The cache folder.

    Raises:
        DataError: an input is missing, or a table whose columns tell nothing.
    """
    name = inputs[0]
    if is_corpus(name):
        entry = entry_named(name)
        return Guess(entry.job, f"{name} is for that")
    if name == "-" or (
        Path(name).exists() and not Path(name).is_file() and not Path(name).is_dir()
    ):
        return Guess("lm", "a pipe is taken for plain text")
    if is_plain_text(inputs):
        return Guess("lm", "plain text")
    usual = header_names(examples) | pair_header_names(pairs)
    try:
        sources = open_sources(
            [name], examples.encoding, usual, work=work, cache=cache, report=lambda _: None
        )
        with skipping(lambda _: None):
            table = sources[0].open()
    except DataError:
        if is_table(name) or is_saved_data_set(name):
            raise
        return Guess("lm", "plain text")
    return (
        _of_folder(sources) if isinstance(table, FolderTable) else _of_table(table, examples, pairs)
    )


def is_plain_text(inputs: Sequence[str]) -> bool:
    """Return whether the first input is a file that neither is called like a table nor looks like one."""
    name = next(iter(inputs), "-")
    called = is_corpus(name) or is_table(name) or is_saved_data_set(name)
    return Path(name).is_file() and not called and not _looks_like_rows(Path(name))


def _looks_like_rows(path: Path) -> bool:
    """Tell a table without a table's name from text, by its first lines."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError:
        return False
    lines = head.split(b"\n")[:-1][:_LOOKED_AT] or [head]
    lines = [line for line in lines if line.strip()]
    if not lines:
        return False
    if all(line.startswith(b"__label__") for line in lines):
        return True
    if all(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
        return True
    tabs = {line.count(b"\t") for line in lines}
    return len(lines) > 1 and len(tabs) == 1 and tabs != {0}


def _of_folder(sources: Sequence[Source]) -> Guess:
    """Tell a folder a class from a folder of texts: by the length of the texts, and how many there are."""
    files = [file for source in sources for file in source.files]
    folders = {Path(file.name).parent for file in files}
    sizes = sorted(file.stamp.size for file in files)
    short = sizes[len(sizes) // 2] < _LONG_TEXT
    if len(folders) > 1 and short and len(files) >= 4 * len(folders):
        return Guess("classifier", f"{len(folders):,} folders of short texts")
    return Guess("lm", "a folder of texts")


def _of_table(table: Table, examples: ExampleSettings, pairs: PairSettings) -> Guess:
    if isinstance(table, FastTextTable):
        return Guess("classifier", table.kind)
    with skipping(lambda _: None):
        if is_surely_pair(table):
            return Guess("translator", f"{table.kind}, {choose_pair(table, pairs).how}")
        try:
            choice = choose_columns(table, examples)
        except DataError as error:
            if len(table.columns) < 2:
                raise
            try:
                pair = choose_pair(table, pairs)
            except DataError:
                raise error from None
            return Guess("translator", f"{table.kind}, {pair.how}")
        if choice.label is not None and not _few_values(table, choice.label):
            pair = choose_pair(table, pairs)
            return Guess("translator", f"{table.kind}, {pair.how}")
    return Guess("classifier", f"{table.kind}, {choice.how}")


def _few_values(table: Table, column: int) -> bool:
    """Tell whether a column's values come again and again."""
    values = [row[column] for row in table.sample]
    return len({*values}) <= max(2, min(len(values) / 2, _FEW_LABELS))
