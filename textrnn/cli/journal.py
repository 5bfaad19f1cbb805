"""The record of a training run: ``log.jsonl`` in the model directory, a line of JSON for every event.

``textrnn.experiments.journal`` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from textrnn.training.events import Event, Progressed

__all__ = ["Journal"]

_SHORTEST_PAUSE_S = 1.0
_PAUSE_SHARE = 0.002
"""Progress is logged at most so often, as a share of the time so far: some thousand lines a week."""


class Journal:
    """Appends events to the log; a context manager.

    Lines wait in memory until the model directory is there, which the run itself makes, and while the log
    cannot be written, as on a full disk: that is warned of once and ends no run.

    Args:
        path: The log file.
        warn: Told why the log waits.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._waiting = b""
        self._file: BinaryIO | None = None
        self._is_warned = False
        self._next_progress_s = 0.0

    def __enter__(self) -> Journal:
        """Return itself; the file is opened with the first event that can be written."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the log."""
        if self._file is not None:
            self._file.close()

    def record(self, event: Event) -> None:
        """Log an event, unless it tells of progress shortly after another that did."""
        if isinstance(event, Progressed):
            if event.elapsed_s < self._next_progress_s:
                return
            pause = max(_SHORTEST_PAUSE_S, _PAUSE_SHARE * event.elapsed_s)
            self._next_progress_s = event.elapsed_s + pause
        line = json.dumps(event.as_json(), ensure_ascii=False, allow_nan=False) + "\n"
        self._waiting += line.encode("utf-8", "replace")
        try:
            self._write()
        except OSError as problem:
            if not self._is_warned:
                self._is_warned = True
                self._warn(
                    f"{self._path}: cannot be written: {problem.strerror}; its lines wait in memory"
                )

    def _write(self) -> None:
        if self._file is None:
            if not self._path.parent.is_dir():
                return
            self._file = self._path.open("ab", buffering=0)
            if _ends_in_the_middle(self._path):
                self._waiting = b"\n" + self._waiting
        while self._waiting:
            # The last room on a disk takes a part of a line.
            self._waiting = self._waiting[self._file.write(self._waiting) or 0 :]


def _ends_in_the_middle(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return False
        file.seek(-1, 2)
        return file.read(1) != b"\n"
