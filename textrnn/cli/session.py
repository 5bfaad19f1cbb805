"""One training session: its signals, and everybody who is told what happens."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from textrnn import bundle
from textrnn.cli.console import note, warn, write_json
from textrnn.cli.describe import how_to_go_on, summary_lines
from textrnn.cli.display import Display, MutedDisplay, pick_display
from textrnn.cli.journal import Journal
from textrnn.cli.signals import StopSignals, Terminated
from textrnn.cli.tensorboard import TensorBoard
from textrnn.errors import TrainingInterrupted
from textrnn.training.events import Done, Event, Saved, Stopped

if TYPE_CHECKING:
    from textrnn.language_model.run import PreparedRun

__all__ = ["Session"]

_PIPE_CLOSED = int(getattr(signal, "SIGPIPE", 13))


class Session:
    """Runs training under signals and shows it; a context manager.

    Args:
        show_json: Whether every event goes to stdout as JSON.
        quiet: Whether stderr gets warnings only.
        tensorboard: Whether TensorBoard files are written.
        earlier: Validation losses of a resumed run's former sessions.
    """

    def __init__(
        self, *, show_json: bool, quiet: bool, tensorboard: bool, earlier: Sequence[float]
    ) -> None:
        self._show_json = show_json
        self._quiet = quiet
        self._tensorboard = tensorboard
        self._signals = StopSignals()
        self._display: Display = pick_display(quiet=quiet, earlier=earlier)
        self._told_stopping = False
        self._saved_step: int | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Session:
        """Take signals over: until training begins, the first ends the command at once."""
        self._stack.enter_context(self._signals)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal and the signals back."""
        self._stack.close()

    def note(self, message: str) -> None:
        """Show a line on stderr, unless quiet."""
        self._display.note(message)

    def follow(self, run: PreparedRun, on_save: Callable[[], None] = lambda: None) -> None:
        """Train to the end and tell everybody; a signal saves and ends.

        Args:
            run: What to train.
            on_save: Called when the model stands on disk.

        Raises:
            TrainingInterrupted: a signal ended it, its state saved.
            BrokenPipeError: a reader of the output is gone; the state is saved.
        """
        self._signals.arm()
        last: Event | None = None
        try:
            with contextlib.closing(self._told(run)) as events:
                for last in events:
                    if isinstance(last, Saved):
                        self._saved_step = last.step
                        on_save()
        except (KeyboardInterrupt, Terminated):
            if self._saved_step is not None:
                warn(
                    f"ended at once; go on from step {self._saved_step:,}, the last one saved, with: "
                    f"{how_to_go_on(run.path)}"
                )
            raise
        if isinstance(last, Stopped):
            self._raise_interrupted(last, run.path)
        if isinstance(last, Done):
            self._summarise(last, run.path)

    def tell_finished(self, model: Path) -> None:
        """Say that a resumed run has nothing left to do, and how it could go on."""
        record = bundle.open_bundle(model).config["training"]
        done = Done(
            model=str(model),
            steps=record["step"],
            best_step=record["best_step"],
            elapsed_s=record["elapsed_s"],
            tokens_per_s=record["targets"] / max(1e-9, record["elapsed_s"]),
            reason="finished",
            metrics=record["metrics"],
        )
        if self._show_json:
            write_json(done.as_json())
        if not self._quiet:
            note(f"{model} is finished already; nothing is left to do")
            for line in summary_lines(done, model)[1:]:
                note(line)

    def _told(self, run: PreparedRun) -> Generator[Event, None, None]:
        """Yield the run's events after everybody has been told of them."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._display)
            journal = stack.enter_context(Journal(run.path / bundle.LOG, warn))
            listeners = [journal.record]
            if self._tensorboard:
                board = TensorBoard(run.path)
                stack.callback(board.close)
                listeners.append(board.record)
            for event in run.events(self._stop_signal):
                for listener in listeners:
                    listener(event)
                self._show(event)
                yield event

    def _show(self, event: Event) -> None:
        """Show an event on the streams; a stream that is gone ends neither the run nor its record."""
        try:
            if self._show_json and self._signals.pending() != _PIPE_CLOSED:
                write_json(event.as_json())
            self._display.show(event)
        except BrokenPipeError:
            self._display = MutedDisplay()
            self._signals.ask(_PIPE_CLOSED)
        except OSError:
            # A terminal that was hung up; the signal that came with it decides about the run.
            self._display = MutedDisplay()

    def _stop_signal(self) -> int | None:
        """Return the signal that asks the run to end, and show that it was heard."""
        number = self._signals.pending()
        if number is not None and not self._told_stopping:
            self._told_stopping = True
            with contextlib.suppress(OSError):
                self._display.stopping()
        return number

    def _raise_interrupted(self, event: Stopped, model: Path) -> None:
        number = self._signals.pending() or signal.SIGINT
        if number == _PIPE_CLOSED:
            raise BrokenPipeError
        raise TrainingInterrupted(
            f"Stopped at step {event.step:,} and saved; go on with: {how_to_go_on(model)}", number
        )

    def _summarise(self, event: Done, model: Path) -> None:
        if self._signals.pending() == _PIPE_CLOSED:
            raise BrokenPipeError
        for line in summary_lines(event, model):
            self.note(line)
