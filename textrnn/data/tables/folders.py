"""A folder a class: the files in ``pos`` are the texts labelled ``pos``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textrnn.data.bounds import bounded
from textrnn.data.intake import TextFile
from textrnn.data.tables.table import Progress, Row, Table
from textrnn.data.tables.text import checked_text

__all__ = ["FolderTable"]


class FolderTable(Table):
    """Every file one text; its columns are ``text`` and ``label``, the name of the file's folder.

    Args:
        name: What messages call the whole.
        files: The files.
        labels: The label of each.
        encoding: Their encoding.
    """

    kind = "a folder a class"

    def __init__(
        self, name: str, files: Sequence[TextFile], labels: Sequence[str], encoding: str
    ) -> None:
        super().__init__(name, ("text", "label"), named=True, files=files)
        self._labels = labels
        self._encoding = encoding

    def rows(
        self,
        columns: Sequence[int],
        progress: Progress = lambda _, __, ___: None,
        *,
        lenient: bool = False,  # noqa: ARG002  (nothing here is missing or nested)
    ) -> Iterator[Row]:
        """Yield the files; ``line`` is the number of the file."""
        size = sum(file.stamp.size for file in self.files)
        done = 0
        for number, (file, label) in enumerate(zip(self.files, self._labels, strict=True), 1):
            chunks = checked_text(file, self._encoding, lambda _, __, ___: None)
            text = "".join(bounded(chunks, file.name))
            done += file.stamp.size
            progress(self.name, done, size)
            values = (text, label)
            yield Row(number, [values[i] for i in columns])

    def place(self, line: int) -> str:
        """Return the name of the file."""
        return self.files[line - 1].name
