"""How a training run is shown on stderr: not at all, in plain lines, or on a live display."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from textrnn.cli.console import is_terminal, note, printable, warn
from textrnn.cli.describe import (
    evaluation_line,
    plan_lines,
    progress_line,
    replanned_line,
    resumed_line,
    warning_of,
)
from textrnn.training.events import (
    Evaluated,
    Event,
    Planned,
    Progressed,
    Replanned,
    Resumed,
    Sampled,
    Stopped,
)

__all__ = ["Display", "MutedDisplay", "PlainDisplay", "QuietDisplay", "pick_display"]

PROGRESS_EVERY_S = 10.0
REPLANNED_SHARE = 0.05
"""A new end is worth a line where it differs by so much from the end last told."""


class Display(Protocol):
    """Shows a run; a context manager."""

    def __enter__(self) -> Display:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and leave the terminal as it was."""

    def note(self, message: str) -> None:
        """Show a line."""

    def show(self, event: Event) -> None:
        """Show an event."""

    def stopping(self) -> None:
        """Show that a signal has asked the run to end."""


def pick_display(*, quiet: bool, earlier: Sequence[float] = ()) -> Display:
    """Return the display that suits stderr.

    Args:
        quiet: Whether to show warnings only.
        earlier: Validation losses of a resumed run's former sessions.
    """
    if quiet:
        return QuietDisplay()
    if is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
        from textrnn.cli.live import LiveDisplay

        return LiveDisplay(earlier)
    return PlainDisplay()


class MutedDisplay:
    """Shows nothing, where nobody is left to see it."""

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def note(self, message: str) -> None:
        """Show nothing."""

    def show(self, event: Event) -> None:
        """Show nothing."""

    def stopping(self) -> None:
        """Show nothing."""


class QuietDisplay(MutedDisplay):
    """Shows warnings only."""

    def show(self, event: Event) -> None:
        """Show what a person should be warned of."""
        message = warning_of(event)
        if message is not None:
            warn(message)


class PlainDisplay(QuietDisplay):
    """Shows lines: progress now and then, evaluations, everything out of the ordinary."""

    def __init__(self) -> None:
        self._next_progress_s = 0.0
        self._told_end = 0
        self._has_stopped = False

    def note(self, message: str) -> None:
        """Show a line."""
        note(message)

    def show(self, event: Event) -> None:
        """Show an event as a line or a few."""
        super().show(event)
        if isinstance(event, Planned):
            self._told_end = int(event.plan["max_steps"])
            for label, text in plan_lines(event):
                note(f"{label:<9}{text}")
        elif isinstance(event, Resumed):
            note(resumed_line(event))
        elif isinstance(event, Progressed):
            if time.monotonic() >= self._next_progress_s:
                self._next_progress_s = time.monotonic() + PROGRESS_EVERY_S
                note(progress_line(event))
        elif isinstance(event, Evaluated):
            note(evaluation_line(event, is_last=self._has_stopped))
        elif isinstance(event, Stopped):
            self._has_stopped = True
        elif isinstance(event, Sampled):
            note(f"sample at step {event.step:,}:")
            for line in printable(event.text).split("\n"):
                note(f"  | {line}")
        elif isinstance(event, Replanned):
            self._tell_end(event)

    def stopping(self) -> None:
        """Show that the run will end."""
        note("stopping: saving the run's state; once more ends at once")

    def _tell_end(self, event: Replanned) -> None:
        if abs(event.max_steps - self._told_end) > REPLANNED_SHARE * self._told_end:
            self._told_end = event.max_steps
            note(replanned_line(event))
