"""Text with rows in it: checked chunks and numbered lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textrnn.data.intake import TextFile
from textrnn.data.reading import UndecodableError, read_text
from textrnn.data.tables.table import Progress, Table, fault

__all__ = ["LONGEST_FIELD", "TextTable", "checked_text", "physical_lines"]

LONGEST_FIELD = 1 << 24
"""Characters that a field or a line may have; more means a quote that is not closed, or no table."""


class TextTable(Table):
    """A table in one file of text.

    Args:
        file: The file, compressed or not.
        encoding: Its encoding.
        columns: As in :class:`Table`.
        named: As in :class:`Table`.
    """

    def __init__(
        self, file: TextFile, encoding: str, columns: Sequence[str], *, named: bool
    ) -> None:
        super().__init__(file.name, columns, named=named, files=[file])
        self._encoding = encoding

    def _lines(self, progress: Progress) -> Iterator[str]:
        """Yield the lines with their ends, as they are."""
        return physical_lines(checked_text(self.files[0], self._encoding, progress), self.name)


def checked_text(file: TextFile, encoding: str, progress: Progress) -> Iterator[str]:
    """Yield the text of a file in chunks, line ends as they are.

    Raises:
        DataError: it cannot be read, or holds a NUL, which is no part of any text.
    """
    line = 1
    chunks = read_text(
        file.path,
        encoding,
        "keep",
        name=file.name,
        expected=file.stamp,
        progress=lambda count: progress(file.name, count, file.stamp.size),
    )
    while True:
        try:
            chunk = next(chunks, None)
        except UndecodableError as error:
            what = str(error).removeprefix(f"{file.name}: ")
            raise fault(file.name, line + error.line_ends, what) from None
        if chunk is None:
            return
        yield chunk
        line += chunk.count("\n")


def physical_lines(chunks: Iterator[str], name: str) -> Iterator[str]:
    """Yield lines with the LF that ends each; the last one may lack it.

    Raises:
        DataError: a line is longer than ``LONGEST_FIELD``.
    """
    begun: list[str] = []
    length = number = 0
    for chunk in chunks:
        *lines, last = chunk.split("\n")
        if lines:
            yield "".join([*begun, lines[0], "\n"])
            for line in lines[1:]:
                yield line + "\n"
            number += len(lines)
            begun.clear()
            length = 0
        begun.append(last)
        length += len(last)
        if length > LONGEST_FIELD:
            raise fault(
                name,
                number + 1,
                f"a line of more than {LONGEST_FIELD:,} characters; a table has shorter ones",
            )
    if length:
        yield "".join(begun)
