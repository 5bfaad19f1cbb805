"""One reading of text, line by line and character by character, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textrnn.data.checking.bad_bytes import bad_bytes
from textrnn.data.checking.characters import CharacterCensus, codes_of
from textrnn.data.checking.lengths import LengthTally
from textrnn.data.checking.repeats import RepeatSketch, line_hashes
from textrnn.data.checking.report import Remark
from textrnn.data.intake import TextFile
from textrnn.data.reading import UndecodableError, read_text
from textrnn.data.settings import CorpusSettings
from textrnn.data.sources import Report
from textrnn.data.texts import Texts, no_text, validation_lines
from textrnn.data.writing import no_validation
from textrnn.errors import DataError

__all__ = ["Scan"]

Int64 = npt.NDArray[np.int64]

_LONGEST = 1 << 20
"""Characters of a line that are looked at together; longer ones count as several."""
_TELLING = 20
"""Characters from which on a line says something when it comes again: NAMES: do so by nature."""


class Scan:
    """One reading of all files.

    Args:
        files: What is trained on, or divided.
        valid_files: What is validated on.
        settings: How to read and divide.
        report: Told how far it has come.

    Attributes:
        census: The characters.
        lengths: Lengths of lines in characters, blank ones apart.
        sketch: Which lines come again.
        blank: How many lines show nothing.
        short: How many show one or two characters.
        lines: How many there are.
        characters: Of what is trained on and what is validated on.
        documents: Likewise.
        unread: Whether some file could not be read to its end: then figures are of no text that there is.
    """

    def __init__(
        self,
        files: Sequence[TextFile],
        valid_files: Sequence[TextFile],
        settings: CorpusSettings,
        report: Report,
    ) -> None:
        fraction = 0.0 if valid_files else settings.valid_fraction
        self.texts = Texts(files, settings, fraction, report)
        self.valid_files = tuple(valid_files)
        self.settings = settings
        self.census = CharacterCensus()
        self.lengths = LengthTally()
        self.sketch = RepeatSketch()
        self.blank = self.short = self.lines = 0
        self.characters = [0, 0]
        self.documents = [0, 0]
        self.unread = False
        self._starts: list[tuple[int, str]] = []
        self._report = report

    def run(self) -> list[Remark]:
        """Read; return why training would refuse."""
        remarks: list[Remark] = []
        # Not told apart by themselves: the same file may stand on both sides.
        for file in self.texts.files:
            remarks += self._problem(file, validation=False)
        for file in self.valid_files:
            remarks += self._problem(file, validation=True)
        if not remarks:
            remarks += [Remark("refusal", "no-text", str(error)) for error in self._refusals()]
        return remarks

    def _problem(self, file: TextFile, *, validation: bool) -> list[Remark]:
        """Read a file; return why that cannot be done."""
        try:
            self._read(file, validation=validation)
        except DataError as error:
            self.unread = True
            unread = Remark("refusal", "unreadable", str(error))
            if not isinstance(error, UndecodableError):
                return [unread]
            return [bad_bytes(file, self.settings.encoding) or unread]
        return []

    def place(self, line: int) -> str:
        """Return how messages call a line, by its number among the lines of all files."""
        first, name = next(pair for pair in reversed(self._starts) if pair[0] <= line)
        return f"{name}:{line - first + 1}"

    def facts(self) -> dict[str, str]:
        """Return lines for a person."""
        files = (*self.texts.files, *self.valid_files)
        size = sum(file.stamp.size for file in files)
        told = {"files": f"{len(files):,}, {size / 1e6:,.2f} MB"}
        if self.unread:
            return told
        train, valid = self.characters
        scripts = [f"{name} {share:.1%}" for name, share in self.census.scripts().items()]
        repeats = self.sketch.result()
        unit = "lines" if self.texts.lines else "characters"
        parts = self.documents if self.texts.lines else self.characters
        return {
            **told,
            "text": f"{train + valid:,} characters, {self.census.distinct:,} different ones",
            "letters": ", ".join(scripts[:4]) or "none",
            "lines": f"{self.lines:,}, {self.blank:,} of them blank; {self.lengths.words('characters')}",
            "repeats": f"{repeats.again / max(1, repeats.lines):.1%} of the lines of {self.telling} or more "
            f"characters stood there before{'' if repeats.exact else ' (estimated)'}",
            "parts": f"{parts[0]:,} {unit} to train on, {parts[1]:,} to validate",
        }

    def figures(self) -> dict[str, Any]:
        """Return the same for programs: None for what is not known, since a file could not be read."""
        repeats = self.sketch.result()
        size = sum(file.stamp.size for file in (*self.texts.files, *self.valid_files))
        figures = {
            **self.census.as_dict(),
            "lines": self.lines,
            "blank_lines": self.blank,
            "near_empty_lines": self.short,
            "line_lengths": self.lengths.as_dict(),
            "repeated_lines": repeats.again,
            "leaking_lines": repeats.leaks,
            "repeats_exact": repeats.exact,
            "train_characters": self.characters[0],
            "valid_characters": self.characters[1],
        }
        return {"bytes": size, **(dict.fromkeys(figures) if self.unread else figures)}

    @property
    def telling(self) -> int:
        """Characters that a line shows from which on its coming again is counted."""
        return 1 if self.texts.lines else _TELLING

    def _refusals(self) -> Iterator[DataError]:
        """Yield what training would say, in its order."""
        if not self.documents[0]:
            yield self.texts.nothing_to_train()
        elif self.valid_files and not self.documents[1]:
            yield no_text(self.valid_files)
        elif self.texts.fraction and not self.documents[1]:
            yield no_validation(self.texts, self.documents[0], self.characters[0])
        elif not self.texts.lines and self.characters[0] < 2:
            name = self.texts.files[0].name
            yield DataError(f"{name}: a single character to train on; give more text")

    def _read(self, file: TextFile, *, validation: bool) -> None:
        settings = self.settings
        fraction = 0.0 if validation else self.texts.fraction
        cut = None if validation or self.texts.lines else self.texts.training_length(file)
        self._starts.append((self.lines, file.name))
        characters = numbered = 0
        chunks = read_text(
            file.path,
            settings.encoding,
            "lf" if settings.lines else settings.newlines,
            name=file.name,
            expected=file.stamp,
        )
        for block in _whole_lines(chunks):
            codes = codes_of(block)
            starts, ends = _edges(codes)
            if settings.lines:
                part = np.zeros(len(starts), np.bool_)
                full = ends > starts
                part[full] = validation_lines(numbered, int(full.sum()), fraction)
                numbered += int(full.sum())
                self._count(part[full] | validation, (ends - starts)[full])
            else:
                part = starts + characters >= (np.inf if cut is None else cut)
            self._add(block, codes, starts, ends, part | validation)
            characters += len(codes)
        if not settings.lines and characters:
            here = characters if cut is None else cut
            if validation:
                here = 0
            for number, size in enumerate((here, characters - here)):
                self.characters[number] += size
                self.documents[number] += size > 0

    def _count(self, part: npt.NDArray[np.bool_], lengths: Int64) -> None:
        for number in (0, 1):
            self.documents[number] += int(np.count_nonzero(part == number))
            self.characters[number] += int(lengths[part == number].sum())

    def _add(
        self,
        block: str,
        codes: npt.NDArray[np.uint32],
        starts: Int64,
        ends: Int64,
        part: npt.NDArray[np.bool_],
    ) -> None:
        first = self.lines
        self.census.add(block, codes, lambda at: self.place(first + block.count("\n", 0, at)))
        visible = np.concatenate([[0], np.cumsum(codes > 0x20, dtype=np.int64)])
        shown = visible[ends] - visible[starts]
        self.blank += int(np.count_nonzero(shown == 0))
        self.short += int(np.count_nonzero((shown > 0) & (shown < 3)))
        self.lengths.add((ends - starts)[shown > 0])
        numbers = first + np.arange(len(starts), dtype=np.int64)
        telling = shown >= self.telling
        hashes = line_hashes(codes, starts[telling], ends[telling])
        numbers, part = numbers[telling], part[telling]
        for validation in (False, True):
            chosen = part == validation
            self.sketch.add(hashes[chosen], numbers[chosen], validation=validation)
        self.lines += len(starts)


def _whole_lines(chunks: Iterator[str]) -> Iterator[str]:
    """Yield text in blocks of whole lines, but for lines too long to be held."""
    rest = ""
    for chunk in chunks:
        text = rest + chunk
        end = text.rfind("\n") + 1
        if not end and len(text) < _LONGEST:
            rest = text
            continue
        end = end or len(text)
        yield text[:end]
        rest = text[end:]
    if rest:
        yield rest


def _edges(codes: npt.NDArray[np.uint32]) -> tuple[Int64, Int64]:
    """Return where lines begin and end, their ends apart."""
    ends = np.flatnonzero(codes == 0x0A)
    starts = np.concatenate([[0], ends + 1])
    if starts[-1] == len(codes):
        starts = starts[:-1]
    else:
        ends = np.append(ends, len(codes))
    return starts.astype(np.int64), ends.astype(np.int64)
