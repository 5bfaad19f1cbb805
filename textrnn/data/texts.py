"""The texts of a corpus as they are needed: whole, only what is trained on, or divided."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import compress

import numpy as np
import numpy.typing as npt

from textrnn.data.intake import TextFile
from textrnn.data.lines import lines_of
from textrnn.data.reading import read_text
from textrnn.data.settings import CorpusSettings
from textrnn.data.sources import Report
from textrnn.errors import DataError

__all__ = ["Division", "Texts", "names_of", "no_text", "validation_lines"]

_REPORT_EVERY_S = 5.0


class Texts:
    """Reads files as the settings say and knows where each is divided.

    A file's training part is its first ``int(n * (1.0 - fraction))`` of ``n`` characters, its
    validation part the rest. With lines, of the lines that are not empty, numbered from 0 in each
    file, line ``k`` is validation exactly where ``floor((k + 1) * f) > floor(k * f)``, ``f`` being the
    fraction: evenly spread, so that a sorted list is divided fairly.

    Args:
        files: What to read.
        settings: Encoding, line ends, whether lines are documents.
        fraction: Share of validation; 0 where nothing is divided.
        report: Told how far reading has come, every few seconds.
    """

    def __init__(
        self, files: Sequence[TextFile], settings: CorpusSettings, fraction: float, report: Report
    ) -> None:
        self.files = tuple(files)
        self.lines = settings.lines
        self.fraction = fraction
        self._settings = settings
        self._report = report
        self._characters: dict[TextFile, int] = {}
        self._report_due = time.monotonic() + _REPORT_EVERY_S

    def alphabet_chunks(self) -> Iterator[str]:
        """Yield all text that becomes ids; with lines, without line ends.

        Raises:
            DataError: there are files, but no text in any.
        """
        found = not self.files
        for file in self.files:
            for chunk in self._chunks(file, "surveyed"):
                text = chunk.replace("\n", "") if self.lines else chunk
                found = found or bool(text)
                yield text
        if not found:
            raise no_text(self.files)

    def training_chunks(self) -> Iterator[str]:
        """Yield the text of the training part; with lines, each ended by LF.

        Raises:
            DataError: there is no such text.
        """
        found = False
        for file in self.files:
            for chunk in self._training_chunks(file):
                found = found or bool(chunk)
                yield chunk
        if not found:
            raise self.nothing_to_train()

    def divided_lines(self, file: TextFile) -> Iterator[tuple[list[str], list[str]]]:
        """Yield the lines of a file that are trained on and those that are not, some at a time."""
        for lines, validation in self._divided_lines(file, "prepared"):
            yield list(compress(lines, ~validation)), list(compress(lines, validation))

    def division(self, file: TextFile) -> Division:
        """Return the running text of a file, from which its parts are to be taken in turn."""
        return Division(self._chunks(file, "prepared"))

    def training_length(self, file: TextFile) -> int | None:
        """Return how many characters of a file are trained on; None where all are.

        The file is read for it unless it has been read whole before.
        """
        if not self.fraction:
            return None
        if file not in self._characters:
            for _ in self._chunks(file, "surveyed"):
                pass
        return int(self._characters[file] * (1.0 - self.fraction))

    def nothing_to_train(self) -> DataError:
        """Return the error for a training part that, all files read, came out empty."""
        if self.lines or not any(self._characters.values()):
            return no_text(self.files)
        return DataError(
            f"{names_of(self.files)}: a single character cannot be divided into training and "
            "validation; give at least two, or --valid-fraction 0 to train without validation"
        )

    def _training_chunks(self, file: TextFile) -> Iterator[str]:
        if not self.lines:
            length = self.training_length(file)
            yield from Division(self._chunks(file, "surveyed")).take(length)
            return
        for lines, validation in self._divided_lines(file, "surveyed"):
            yield "\n".join([*compress(lines, ~validation), ""])

    def _divided_lines(
        self, file: TextFile, done: str
    ) -> Iterator[tuple[list[str], npt.NDArray[np.bool_]]]:
        number = 0
        for some in lines_of(self._chunks(file, done), file.name):
            lines = list(filter(None, some))
            validated = validation_lines(number, len(lines), self.fraction)
            number += len(lines)
            yield lines, validated

    def _chunks(self, file: TextFile, done: str) -> Iterator[str]:
        def progress(count: int) -> None:
            if time.monotonic() >= self._report_due:
                self._report_due = time.monotonic() + _REPORT_EVERY_S
                size = file.stamp.size
                self._report(f"{file.name}: {done} {count / 1e6:,.0f} of {size / 1e6:,.0f} MB")

        characters = 0
        settings = self._settings
        for chunk in read_text(
            file.path,
            settings.encoding,
            "lf" if self.lines else settings.newlines,
            name=file.name,
            expected=file.stamp,
            progress=progress,
        ):
            characters += len(chunk)
            yield chunk
        if self._characters.setdefault(file, characters) != characters:
            raise DataError(f"{file.name}: changed while it was being read; use a copy")


class Division:
    """A text in chunks, to be taken piece by piece.

    Args:
        chunks: The text.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._rest = ""

    def take(self, count: int | None) -> Iterator[str]:
        """Yield the next ``count`` characters, or all that are left."""
        while count is None or count > 0:
            chunk = self._rest or next(self._chunks, "")
            if not chunk:
                return
            self._rest = ""
            if count is not None:
                chunk, self._rest = chunk[:count], chunk[count:]
                count -= len(chunk)
            yield chunk


def validation_lines(first: int, count: int, fraction: float) -> npt.NDArray[np.bool_]:
    """Return which lines are validated on, as :class:`Texts` says, shape (count,).

    Args:
        first: Number of the first of them in its file, from 0; empty ones have none.
        count: How many.
        fraction: Share of validation.
    """
    floors = np.floor(np.arange(first, first + count + 1) * fraction)
    return np.asarray(floors[1:] > floors[:-1])


def names_of(files: Sequence[TextFile]) -> str:
    """Return what a message calls these files: by the name of the first."""
    return files[0].name + (f" and {len(files) - 1:,} more" if len(files) > 1 else "")


def no_text(files: Sequence[TextFile]) -> DataError:
    """Return the error for files without any text."""
    what = "is empty" if len(files) == 1 and not files[0].stamp.size else "no text to be found"
    return DataError(f"{names_of(files)}: {what}; give a file with text in it")
