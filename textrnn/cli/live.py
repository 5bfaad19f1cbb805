"""The live display of a training run on a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from types import TracebackType

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.text import Text

from textrnn.cli.console import duration, printable
from textrnn.cli.describe import evaluation_figures, figures, plan_lines, resumed_line, warning_of
from textrnn.cli.display import Display
from textrnn.cli.sparkline import sparkline
from textrnn.cli.wrapping import wrapped
from textrnn.training.events import (
    Done,
    Evaluated,
    Event,
    Planned,
    Progressed,
    Resumed,
    Sampled,
    Stopped,
)

__all__ = ["LiveDisplay"]

WIDEST = 100
MOST_SAMPLE_LINES = 10
_LABEL = 9


class LiveDisplay:
    """Shows a run on a part of the terminal that is drawn anew with every event.

    It draws when events come and has no thread of its own, so that it takes no time from training and a
    signal finds nothing half drawn.

    Args:
        earlier: Validation losses of a resumed run's former sessions.
    """

    def __init__(self, earlier: Sequence[float] = ()) -> None:
        self._console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        self._view = _View(earlier)
        self._live: Live | None = None

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last picture on the terminal and give the cursor back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def note(self, message: str) -> None:
        """Print a line, above the picture where there is one."""
        self._print(Text(wrapped(self._encodable(message), self._console.width)))

    def show(self, event: Event) -> None:
        """Take an event in and draw."""
        message = warning_of(event)
        if message is not None:
            label = "Warning: "
            told = wrapped(self._encodable(message), self._console.width, len(label))
            self._print(Text.assemble((label, "yellow"), told))
        elif isinstance(event, Planned):
            self._print_plan(event)
        elif isinstance(event, Resumed):
            self.note(resumed_line(event))
        elif self._view.take(event):
            self._draw()

    def stopping(self) -> None:
        """Show that the run will end."""
        self._view.status = "stopping: saving the run's state; once more ends at once"
        self._draw()

    def _draw(self) -> None:
        if self._view.progress is None:
            return
        if self._live is None:
            self._live = Live(
                self._view,
                console=self._console,
                auto_refresh=False,
                redirect_stdout=False,
                vertical_overflow="crop",
            )
            self._live.start()
        self._live.update(self._view, refresh=True)

    def _print(self, text: Text) -> None:
        # A command too long for a line is broken by the terminal itself, so that it can be copied.
        self._console.print(text, soft_wrap=True)

    def _print_plan(self, event: Planned) -> None:
        width = max(20, min(self._console.width, WIDEST) - _LABEL)
        for label, text in plan_lines(event):
            lines = wrapped(self._encodable(text), width).split("\n")
            for number, line in enumerate(lines):
                self._print(
                    Text.assemble((f"{label if not number else '':<{_LABEL}}", "bold"), line)
                )

    def _encodable(self, text: str) -> str:
        return _encodable(text, self._console)


class _View:
    """What stands on the display, drawn for the width and height that the terminal has now."""

    def __init__(self, losses: Sequence[float]) -> None:
        self.progress: Progressed | None = None
        self.losses = list(losses)
        self.best: Evaluated | None = None
        self.last: Evaluated | None = None
        self.sample: Sampled | None = None
        self.status = ""
        self._has_stopped = False

    def take(self, event: Event) -> bool:
        """Take an event in; return whether the picture changes."""
        if isinstance(event, Progressed):
            self.progress = event
        elif isinstance(event, Evaluated):
            loss = event.metrics.get("valid_loss")
            # The last look, on more of the data, is no point of the curve.
            if loss is not None and math.isfinite(loss) and not self._has_stopped:
                self.losses.append(loss)
            self.last = event
            if event.is_best:
                self.best = event
        elif isinstance(event, Sampled):
            self.sample = event
        elif isinstance(event, (Done, Stopped)):
            self._has_stopped = True
            self.status = ""
        else:
            return False
        return True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Two columns stay free: the ^C that a terminal echoes goes there.
        width = min(options.max_width - 2, WIDEST)
        parts = list(self._lines(width, options.ascii_only))
        yield from parts
        if self.status:
            yield Text(self.status, style="yellow", no_wrap=True, overflow="crop")
        room = min(MOST_SAMPLE_LINES, console.height - len(parts) - bool(self.status) - 4)
        if self.sample is not None and room > 0 and width >= 12:
            yield self._panel(self.sample, console, width, room)

    def _lines(self, width: int, ascii_only: bool) -> Iterator[RenderableType]:
        progress = self.progress
        if progress is None:
            return
        share = progress.step / max(1, progress.max_steps)
        done = [
            f"{share:.0%}",
            f"step {progress.step:,}/{progress.max_steps:,}",
            f"{duration(progress.remaining_s)} left",
        ]
        yield _Bar(progress, width)
        yield from _packed([*done, *figures(progress)], width)
        if self.last is None:
            return
        shown = evaluation_figures(self.last.metrics) or ["no validation"]
        if not self.last.is_whole:
            shown.append("on part of the validation data")
        if self.best is not None and self.best is not self.last:
            shown.append(f"best at step {self.best.step:,}")
        curve = sparkline(self.losses, width, ascii_only=ascii_only)
        rows = list(_packed(shown, width))
        room = width - rows[-1].cell_len - 2
        if len(self.losses) <= room:
            rows[-1].append(f"  {curve}", style="cyan")
            yield from rows
        else:
            yield from [*rows, Text(curve, style="cyan")]

    def _panel(self, sample: Sampled, console: Console, width: int, room: int) -> Panel:
        text = Text(_encodable(sample.text.expandtabs(4), console), overflow="fold")
        lines = text.wrap(console, width - 4, overflow="fold", no_wrap=False)
        return Panel(
            Text("\n").join(lines[:room]),
            title=Text(f"sample at step {sample.step:,}"),
            title_align="left",
            border_style="dim",
            width=width,
        )


class _Bar:
    """A progress bar as a line of its own."""

    def __init__(self, progress: Progressed, width: int) -> None:
        self._bar = ProgressBar(total=progress.max_steps, completed=progress.step, width=width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._bar
        yield Segment.line()


def _packed(parts: Sequence[str], width: int) -> Iterator[Text]:
    """Yield lines that hold as many of the parts as fit; a part that is too long is cut."""
    line = ""
    for part in parts:
        if line and len(line) + 2 + len(part) > width:
            yield Text(line, no_wrap=True, overflow="crop")
            line = ""
        line = f"{line}  {part}" if line else part
    yield Text(line, no_wrap=True, overflow="crop")


def _encodable(text: str, console: Console) -> str:
    """Return the text without control characters and with ``?`` for what the terminal cannot show."""
    encoding = console.encoding or "utf-8"
    try:
        return printable(text).encode(encoding, "replace").decode(encoding)
    except LookupError:
        return printable(text)
