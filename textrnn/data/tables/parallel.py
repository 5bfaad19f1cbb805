"""Two files side by side: line by line one is the translation of the other."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from textrnn.data.intake import TextFile, take_in
from textrnn.data.reading import codec_name
from textrnn.data.sources import Report, expand_inputs
from textrnn.data.tables.source import Source
from textrnn.data.tables.table import Progress, Row, Table, reject
from textrnn.data.tables.text import checked_text, physical_lines
from textrnn.errors import DataError, UsageError

__all__ = ["ParallelTable", "is_parallel", "open_parallel"]

_IDENTITY = "line by line"


class ParallelTable(Table):
    """The lines of two files as a table of two columns; blank lines are rows, too.

    A line ends at LF and at nothing else; a CR before it goes.

    Args:
        src: The file of the first column.
        tgt: That of the second.
        encoding: Of both.
    """

    kind = "line by line"

    def __init__(self, src: TextFile, tgt: TextFile, encoding: str) -> None:
        super().__init__(f"{src.name} and {tgt.name}", ("src", "tgt"), named=True, files=[src, tgt])
        self._encoding = encoding

    def rows(
        self,
        columns: Sequence[int],
        progress: Progress = lambda _, __, ___: None,
        *,
        lenient: bool = False,  # noqa: ARG002  (nothing here is missing or nested)
    ) -> Iterator[Row]:
        """Yield the rows.

        Raises:
            DataError: a file cannot be read, or one has more lines than the other.
        """
        sides = [
            physical_lines(checked_text(file, self._encoding, told), file.name)
            for file, told in zip(self.files, (progress, lambda _, __, ___: None), strict=True)
        ]
        for number, both in enumerate(zip_longest(*sides), start=1):
            if None in both:
                reject(self._unequal(number - 1, [side is not None for side in both], sides))
                return
            lines = [line.removesuffix("\n").removesuffix("\r") for line in both]
            yield Row(number, [lines[i] for i in columns])

    def place(self, line: int) -> str:
        """Return how messages call a row: by its line in the first file."""
        return f"{self.files[0].name}:{line}"

    def _unequal(
        self, common: int, goes_on: Sequence[bool], sides: Sequence[Iterator[str]]
    ) -> DataError:
        """Count to the end of the longer file and return the error with both counts."""
        src, tgt = (
            f"{file.name} has {_lines(common + 1 + sum(1 for _ in side) if more else common)}"
            for file, side, more in zip(self.files, sides, goes_on, strict=True)
        )
        return DataError(
            f"{src} and {tgt}: line by line one must be the translation of the other; find where a "
            "line is missing, or give a table with both sides in each row"
        )


def open_parallel(
    src_inputs: Sequence[str],
    tgt_inputs: Sequence[str],
    encoding: str,
    *,
    work: Path,
    cache: Path,
    report: Report,
    options: tuple[str, str] = ("--src", "--tgt"),
) -> list[Source]:
    """Find pairs of files, the first with the first and so on; they are read for digests alone.

    Args:
        src_inputs: Files, pipes, ``-`` for stdin.
        tgt_inputs: The same, as many.
        encoding: Of all of them.
        work: A folder for copies of what can be read only once.
        cache: The cache folder.
        report: Told what a person should know.
        options: What names the files of either side on the command line.

    Raises:
        UsageError: an unknown encoding, not as many files on both sides.
        DataError: a file is missing, a folder, or cannot be read.
    """
    codec_name(encoding)
    if len(src_inputs) != len(tgt_inputs):
        raise UsageError(
            f"{_files(len(src_inputs))} to translate from and {len(tgt_inputs):,} to translate into: "
            f"give as many {options[1]} as {options[0]}, in the same order"
        )
    sides = []
    for names in (src_inputs, tgt_inputs):
        if folders := [name for name in names if name != "-" and Path(name).is_dir()]:
            raise DataError(
                f"{folders[0]}: is a folder; of files that belong together line by line give each "
                "by its name"
            )
        # One at a time: the same source may have several translations.
        found = [source for name in names for source in expand_inputs([name], report)]
        sides.append(take_in(found, encoding, work=work, cache=cache, report=report))
    return [
        Source(
            f"{src.name} and {tgt.name}",
            None,
            (src, tgt),
            [_IDENTITY],
            None,
            functools.partial(ParallelTable, src, tgt, encoding),
        )
        for src, tgt in zip(*sides, strict=True)
    ]


def is_parallel(source: Source) -> bool:
    """Tell two files line by line from other tables."""
    return source.identity == [_IDENTITY]


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
