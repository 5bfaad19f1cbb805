"""The live display of a study on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from textrnn.cli.console import duration, printable
from textrnn.cli.tune_display import TuneDisplay, ended_line
from textrnn.cli.tune_report import figure, setting_words
from textrnn.cli.wrapping import wrapped
from textrnn.experiments.outcomes import Objective
from textrnn.experiments.study_events import TrialBegan, TrialEnded, TrialMeasured, TrialMoved
from textrnn.training.events import Event

__all__ = ["LiveTuneDisplay"]

WIDEST = 110
_BAR = 12


class LiveTuneDisplay:
    """Shows what runs on a part of the terminal that is drawn anew with every event; what has ended, above.

    Like the display of a run it has no thread of its own.

    Args:
        objective: What trials are compared by.
        trials: How many there will be, if that is known.
        seconds: Seconds that the study has left, if it has a limit.
    """

    def __init__(self, objective: Objective, trials: int | None, seconds: float | None) -> None:
        self._console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        self._view = _View(objective, trials, seconds)
        self._objective = objective
        self._live: Live | None = None

    def __enter__(self) -> TuneDisplay:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the picture away: the table that follows says it all. Give the cursor back."""
        if self._live is not None:
            self._view.is_over = True
            self._live.update(self._view, refresh=True)
            self._live.stop()
            self._live = None

    def show(self, event: Event) -> None:
        """Take an event in and draw."""
        if isinstance(event, TrialEnded):
            style = {"failed": "red", "pruned": "dim"}.get(event.state, "green" * event.is_best)
            line = self._encodable(ended_line(event, self._objective))
            told = wrapped(line, self._console.width)
            self._console.print(Text(told, style=style), soft_wrap=True)
        self._view.take(event)
        self._draw()

    def stopping(self) -> None:
        """Show that the study will end."""
        self._view.status = "stopping: the trials save their state; once more ends at once"
        self._draw()

    def _draw(self) -> None:
        if self._live is None:
            self._live = Live(
                self._view,
                console=self._console,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="crop",
            )
            self._live.start()
        self._live.update(self._view, refresh=True)

    def _encodable(self, text: str) -> str:
        encoding = self._console.encoding or "utf-8"
        return printable(text).encode(encoding, "replace").decode(encoding)


class _View:
    """What stands on the display."""

    def __init__(self, objective: Objective, trials: int | None, seconds: float | None) -> None:
        self.status = ""
        self.is_over = False
        self._objective = objective
        self._trials = trials
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._running: dict[int, tuple[TrialBegan, TrialMoved | None, float | None]] = {}
        self._ended = 0
        self._best: TrialEnded | None = None

    def take(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, TrialBegan):
            self._running[event.trial] = (event, None, None)
        elif isinstance(event, TrialMoved) and event.trial in self._running:
            began, _, value = self._running[event.trial]
            self._running[event.trial] = (began, event, value)
        elif isinstance(event, TrialMeasured) and event.trial in self._running:
            began, moved, _ = self._running[event.trial]
            self._running[event.trial] = (began, moved, event.value)
        elif isinstance(event, TrialEnded):
            self._running.pop(event.trial, None)
            self._ended += event.state != "waiting"
            self._best = event if event.is_best else self._best

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.is_over:
            return
        width = min(options.max_width - 2, WIDEST)
        for line in self._lines(ascii_only=options.ascii_only):
            yield Text(line, no_wrap=True, overflow="crop", end="\n")[:width]
        if self.status:
            yield Text(self.status, style="yellow", no_wrap=True, overflow="crop")[:width]

    def _lines(self, *, ascii_only: bool) -> Iterator[str]:
        for number, (began, moved, value) in sorted(self._running.items()):
            share = 0.0 if moved is None else moved.step / max(1, moved.max_steps)
            full = round(_BAR * share)
            bar = ("#" if ascii_only else "━") * full + ("." if ascii_only else "╌") * (_BAR - full)
            parts = [f"trial {number}" if number else "the last training", bar, f"{share:4.0%}"]
            if moved is not None and moved.remaining_s is not None:
                parts.append(f"{duration(moved.remaining_s)} left")
            if value is not None:
                parts.append(figure(self._objective.metric, value))
            yield printable("  ".join([*parts, setting_words(began.settings)]))
        of = f" of {self._trials}" if self._trials is not None else ""
        parts = [f"{self._ended}{of} trials ended in this session"]
        if self._best is not None:
            told = figure(self._objective.metric, self._best.value, name=True)
            parts.append(f"best {told} (trial {self._best.trial})")
        if self._ends is not None:
            parts.append(f"{duration(max(0.0, self._ends - time.monotonic()))} left")
        yield ", ".join(parts)
