"""Lines as fastText reads them: ``__label__NAME``, then the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from textrnn.data.intake import TextFile
from textrnn.data.tables.table import Progress, Row, fault, reject, shown
from textrnn.data.tables.text import TextTable

__all__ = ["PREFIX", "FastTextTable"]

PREFIX = "__label__"
_LINE = re.compile(rf"\s*{PREFIX}(\S+)(?:\s+|$)")


class FastTextTable(TextTable):
    """One example a line; its columns are ``label`` and ``text``.

    Args:
        file: The file.
        encoding: Its encoding.
    """

    kind = "fastText lines"

    def __init__(self, file: TextFile, encoding: str) -> None:
        super().__init__(file, encoding, ("label", "text"), named=True)

    def rows(
        self,
        columns: Sequence[int],
        progress: Progress = lambda _, __, ___: None,
        *,
        lenient: bool = False,
    ) -> Iterator[Row]:
        """Yield the lines; blank ones are none."""
        for number, raw in enumerate(self._lines(progress), start=1):
            line = raw.removesuffix("\n").removesuffix("\r")
            if not line or line.isspace():
                continue
            begin = _LINE.match(line)
            if begin is None and not lenient:
                what = f"no {PREFIX} at the start of {shown(line)}; every line must begin with its label"
                reject(fault(self.name, number, what))
                continue
            label, text = (begin[1], line[begin.end() :]) if begin else (None, line)
            if text.startswith(PREFIX) and not lenient:
                what = "several labels for one text; a text must have one label"
                reject(fault(self.name, number, what))
                continue
            values = (label, text)
            yield Row(number, [values[i] for i in columns])
