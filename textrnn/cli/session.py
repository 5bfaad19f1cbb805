"""One training session: its signals, and everybody who is told what happens."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from textrnn import bundle
from textrnn.cli.advice import advice_on
from textrnn.cli.console import note, warn, write_json
from textrnn.cli.describe import summary_lines
from textrnn.cli.display import Display, MutedDisplay, pick_display
from textrnn.cli.jobs import job_named
from textrnn.cli.journal import Journal
from textrnn.cli.signals import StopSignals, Terminated
from textrnn.cli.tensorboard import TensorBoard
from textrnn.errors import TrainingError, TrainingInterrupted
from textrnn.training.events import Done, Evaluated, Event, Planned, Saved, Stopped

if TYPE_CHECKING:
    from textrnn.cli.output import Output
    from textrnn.experiments.advice import Advice
    from textrnn.training.ranks import Ranks
    from textrnn.training.run import PreparedRun

__all__ = ["Session"]

_PIPE_CLOSED = int(getattr(signal, "SIGPIPE", 13))


class Session:
    """Runs training under signals and shows it; a context manager.

    Args:
        show_json: Whether every event goes to stdout as JSON.
        quiet: Whether stderr gets warnings only.
        tensorboard: Whether TensorBoard files are written.
        earlier: Validation losses of a resumed run's former sessions.
        ranks: The processes that train together, led by this one; None where it is alone.
    """

    def __init__(
        self,
        *,
        show_json: bool,
        quiet: bool,
        tensorboard: bool,
        earlier: Sequence[float],
        ranks: Ranks | None = None,
    ) -> None:
        self._show_json = show_json
        self._quiet = quiet
        self._tensorboard = tensorboard
        self._ranks = ranks
        self._signals = StopSignals()
        self._display: Display = pick_display(quiet=quiet, earlier=earlier)
        self._told_stopping = False
        self._saved_step: int | None = None
        self._job = ""
        self._remark: str | None = None
        self._advice: tuple[Advice, ...] = ()
        self._lost_stdout: OSError | None = None
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

    def follow(self, run: PreparedRun, output: Output | None = None) -> None:
        """Train to the end and tell everybody; a signal saves and ends.

        Args:
            run: What to train.
            output: Where a new model goes: what it replaces goes for good once the new one has been
                evaluated and saved.

        Raises:
            TrainingInterrupted: a signal ended it, its state saved.
            BrokenPipeError: a reader of the output is gone; the state is saved.
            TrainingError: stdout cannot be written; the state is saved.
        """
        self._signals.arm()
        last: Event | None = None
        is_evaluated = False
        try:
            with contextlib.closing(self._told(run)) as events:
                for last in events:
                    if isinstance(last, Evaluated):
                        is_evaluated = is_evaluated or last.is_best
                    elif isinstance(last, Saved):
                        self._saved_step = last.step
                        if output is not None and is_evaluated and last.step > 0:
                            output.commit()
            self._signals.settle()
        except (KeyboardInterrupt, Terminated):
            self._signals.settle()
            if self._saved_step is not None and not _is_pending(output):
                warn(
                    f"ended at once; go on from step {self._saved_step:,}, the last one saved, with: "
                    f"{job_named(run.planned.job).how_to_go_on(run.path)}"
                )
            raise
        if isinstance(last, Stopped):
            self._raise_interrupted(_where_stopped(last, run, output))
        if isinstance(last, Done):
            self._summarise(last, run, output)

    def tell_finished(self, model: Path) -> None:
        """Say that a resumed run has nothing left to do, and how it could go on."""
        config = bundle.open_bundle(model).config
        job, record = job_named(config["job"]), config["training"]
        done = Done(
            model=str(model),
            steps=record["step"],
            best_step=record["best_step"],
            elapsed_s=record["elapsed_s"],
            tokens_per_s=record["tokens"] / max(1e-9, record["elapsed_s"]),
            reason="finished",
            metrics=record["metrics"],
        )
        advice = advice_on(config["job"], model)
        if self._show_json:
            write_json(_with_advice(done, advice))
        if not self._quiet:
            note(f"{model} is finished already; nothing is left to do")
            for line in [*summary_lines(job, done, model)[1:], *(each.text for each in advice)]:
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
            ranks = {} if self._ranks is None else {"ranks": self._ranks}
            for event in run.events(self._stop_signal, **ranks):
                for listener in listeners:
                    listener(event)
                self._show(event)
                yield event

    def _show(self, event: Event) -> None:
        """Show an event on the streams; one that is gone ends neither the event's record nor a save."""
        if isinstance(event, Planned):
            self._job, self._remark = event.job, job_named(event.job).remark(event.facts)
        elif isinstance(event, Done):
            # By now its log holds the whole run.
            self._advice = advice_on(self._job, Path(event.model))
        try:
            if self._show_json and self._lost_stdout is None:
                is_done = isinstance(event, Done)
                write_json(_with_advice(event, self._advice) if is_done else event.as_json())
        except OSError as error:
            # Nobody gets what this run was asked for: it saves and ends.
            self._lost_stdout = error
            self._signals.ask(_PIPE_CLOSED)
        try:
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

    def _raise_interrupted(self, where: str) -> None:
        self._raise_lost(where)
        number = self._signals.pending() or signal.SIGINT
        if number == _PIPE_CLOSED:
            raise BrokenPipeError
        raise TrainingInterrupted(where, number)

    def _raise_lost(self, where: str) -> None:
        """End the command as the loss of stdout asks for, if it was lost."""
        error = self._lost_stdout
        if error is None:
            return
        if isinstance(error, BrokenPipeError):
            note(f"stdout was closed. {where}")
            raise error
        raise TrainingError(f"stdout: {error.strerror or error}. {where}")

    def _summarise(self, event: Done, run: PreparedRun, output: Output | None) -> None:
        self._raise_lost(f"The run is done at step {event.steps:,}.")
        if self._signals.pending() == _PIPE_CLOSED:
            raise BrokenPipeError
        if _is_pending(output):
            warn("no evaluation gave a finite loss, so the new model is not kept")
            return
        for line in summary_lines(job_named(run.planned.job), event, run.path):
            self.note(line)
        if self._remark is not None and event.metrics.get("valid_loss") is not None:
            self.note(self._remark)
        for advice in self._advice:
            self.note(advice.text)


def _with_advice(event: Event, advice: Sequence[Advice]) -> dict[str, Any]:
    """Return the last event for one line of JSON, with what the curves show: the loop knows no advice."""
    return {**event.as_json(), "advice": [each.as_dict() for each in advice]}


def _is_pending(output: Output | None) -> bool:
    """Return whether the model that was there before will come back."""
    return output is not None and output.is_pending


def _where_stopped(event: Stopped, run: PreparedRun, output: Output | None) -> str:
    if _is_pending(output):
        return f"Stopped at step {event.step:,}, before the new model was evaluated; nothing of it is kept"
    goes_on = job_named(run.planned.job).how_to_go_on(run.path)
    return f"Stopped at step {event.step:,} and saved; go on with: {goes_on}"
