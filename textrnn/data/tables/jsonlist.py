"""A list of objects of JSON, as pandas and others write tables: read piece by piece."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from textrnn.data.tables.jsonlines import DECODER, JsonLinesTable
from textrnn.data.tables.table import Progress, reject, shown
from textrnn.data.tables.text import LONGEST_FIELD, checked_text
from textrnn.errors import DataError

__all__ = ["JsonListTable"]

_SPACE = re.compile(r"[ \t\r\n]*")
_CUT = 16
"""Characters before the end of what was read within which an error may be of what is still to come."""


class JsonListTable(JsonLinesTable):
    """The objects of ``[{…}, {…}]``, on one line or many; otherwise as JSON Lines.

    Memory holds a chunk and one object. Rows are known by their numbers, since all may stand on one line.
    """

    kind = "JSON list"
    _may_hold_columns = False

    def place(self, line: int) -> str:
        """Return how messages call a row: ``reviews.json: row 17``."""
        return f"{self.name}: row {line}"

    def _objects(self, progress: Progress) -> Iterator[tuple[int, dict[str, Any]]]:
        text = _Text(checked_text(self.files[0], self._encoding, progress))
        text.take("[")
        number = 0
        while not text.take("]"):
            if number and not text.take(","):
                raise self._cannot_go_on(text, number, "a comma or the ] that ends the list")
            number += 1
            try:
                row = text.value()
            except ValueError as error:
                if text.is_too_long:
                    raise self._fault(
                        number, f"a row has at most {LONGEST_FIELD:,} characters"
                    ) from None
                if text.is_read and text.is_cut(error, 0):
                    raise self._fault(number, "the file ends within it; write it again") from None
                reason = getattr(error, "msg", str(error)).removesuffix(" at")
                raise self._cannot_go_on(text, number, f"a row ({reason})") from None
            except RecursionError:
                raise self._fault(number, "JSON nested too deeply") from None
            if isinstance(row, dict):
                yield number, row
            else:
                reject(self._no_object(number, row, "one for each row"))
        if text.rest():
            raise self._cannot_go_on(text, number, "nothing behind the ] that ends the list")

    def _cannot_go_on(self, text: _Text, number: int, expected: str) -> DataError:
        """Return the error for what is no list of JSON: what follows it cannot be told."""
        found = shown(text.rest()[:30].strip()) if text.rest() else "the end of the file"
        return DataError(
            f"{self.name}:{text.line}: not valid JSON at row {number}: {expected} was expected, not {found}; "
            "mend it, or write the file again"
        )


class _Text:
    """Text that is parsed as it is read.

    Attributes:
        is_read: Whether it has been read to its end.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._held = next(chunks, "").removeprefix("\ufeff")
        self._at = 0
        self._lines = 1
        self._value: Any = None
        self.is_read = False

    @property
    def line(self) -> int:
        """The line, from 1, that parsing has come to."""
        return self._lines + self._held.count("\n", 0, self._at)

    def rest(self) -> str:
        """Return what has been read and is still to be parsed, without the space before it."""
        self._skip_space()
        return self._held[self._at :]

    def take(self, mark: str) -> bool:
        """Go past a character where it comes next; return whether it did."""
        self._skip_space()
        found = self._held.startswith(mark, self._at)
        self._at += found
        return found

    def value(self) -> Any:
        """Return the next value of JSON.

        Raises:
            ValueError: there is none, or one of more than ``LONGEST_FIELD`` characters.
        """
        self._skip_space()
        while (error := self._parse()) is not None:
            if not self.is_cut(error, _CUT) or self.is_too_long or not self._read():
                raise error
        return self._value

    @property
    def is_too_long(self) -> bool:
        """Whether more has been read for the next value than a row may have."""
        return len(self._held) - self._at > LONGEST_FIELD

    def is_cut(self, error: ValueError, before: int) -> bool:
        """Return whether a fault may be that of a value whose end has not been read.

        Args:
            error: The fault.
            before: Characters before the end of what was read within which it may lie.
        """
        is_open = str(error).startswith("Unterminated string")
        return is_open or getattr(error, "pos", 0) >= len(self._held.rstrip()) - before

    def _parse(self) -> ValueError | None:
        """Keep the value that comes next; return what is wrong with it as far as it has been read."""
        try:
            self._value, self._at = DECODER.raw_decode(self._held, self._at)
        except ValueError as error:
            return error
        return None

    def _skip_space(self) -> None:
        while True:
            match = _SPACE.match(self._held, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._held) or not self._read():
                return

    def _read(self) -> bool:
        """Read a chunk on; return whether there was one."""
        more = next(self._chunks, None)
        if more is None:
            self.is_read = True
            return False
        self._lines += self._held.count("\n", 0, self._at)
        self._held, self._at = self._held[self._at :] + more, 0
        return True
