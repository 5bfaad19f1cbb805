"""How a study is shown on stderr while it runs: not at all, in plain lines, or on a live display."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Protocol

from textrnn.cli.console import duration, is_terminal, note
from textrnn.cli.tune_report import figure, setting_words
from textrnn.experiments.outcomes import Objective
from textrnn.experiments.study_events import TrialBegan, TrialEnded
from textrnn.training.events import Event

__all__ = ["PlainTuneDisplay", "QuietTuneDisplay", "TuneDisplay", "ended_line", "pick_tune_display"]


class TuneDisplay(Protocol):
    """Shows a study; a context manager."""

    def __enter__(self) -> TuneDisplay:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, and leave the terminal as it was."""

    def show(self, event: Event) -> None:
        """Show an event."""

    def stopping(self) -> None:
        """Show that a signal has asked for the end."""


def pick_tune_display(
    objective: Objective, *, quiet: bool, trials: int | None, seconds: float | None
) -> TuneDisplay:
    """Return the display that suits stderr.

    Args:
        objective: What trials are compared by.
        quiet: Whether to show nothing.
        trials: How many there will be, if that is known.
        seconds: Seconds that the study has left, if it has a limit.
    """
    if quiet:
        return QuietTuneDisplay()
    if is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
        from textrnn.cli.tune_live import LiveTuneDisplay

        return LiveTuneDisplay(objective, trials, seconds)
    return PlainTuneDisplay(objective, trials)


def ended_line(event: TrialEnded, objective: Objective) -> str:
    """Return a line on what came of a trial."""
    name = f"trial {event.trial}" if event.trial else "the last training"
    what = setting_words(event.settings)
    if event.state == "failed":
        return f"{name} failed: {event.message} ({what})"
    if event.state == "waiting":
        return f"{name} was interrupted after {event.steps:,} steps, and saved"
    told = figure(objective.metric, event.value, name=True)
    if event.state == "pruned":
        return f"{name} stopped, {event.message}: {told} ({what})"
    best = ", the best so far" if event.is_best else ""
    return f"{name}: {told}{best}; {duration(event.elapsed_s)} ({what})"


class QuietTuneDisplay:
    """Shows nothing."""

    def __enter__(self) -> TuneDisplay:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, event: Event) -> None:
        """Show nothing."""

    def stopping(self) -> None:
        """Show nothing."""


class PlainTuneDisplay(QuietTuneDisplay):
    """Shows a line for the beginning and the end of each trial.

    Args:
        objective: What trials are compared by.
        trials: How many there will be, if that is known.
    """

    def __init__(self, objective: Objective, trials: int | None) -> None:
        self._objective = objective
        self._of = f" of {trials}" if trials is not None else ""

    def show(self, event: Event) -> None:
        """Show an event as a line."""
        if isinstance(event, TrialBegan):
            name = f"trial {event.trial}{self._of}" if event.trial else "the last training"
            again = ", going on" if event.resumed else ""
            note(f"{name}{again}: {setting_words(event.settings)}")
        elif isinstance(event, TrialEnded):
            note(ended_line(event, self._objective))

    def stopping(self) -> None:
        """Show that the study will end."""
        note("stopping: the trials save their state; once more ends at once")
