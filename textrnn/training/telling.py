"""What the loop's events say of where a run stands: times, speeds and shares of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from textrnn.training.events import Done, Evaluated, Progressed
from textrnn.training.interval import Interval
from textrnn.training.state import RunState
from textrnn.training.task import Task

__all__ = ["Teller"]

PROGRESS_EVERY_S = 0.5


class Teller:
    """Makes events of a run's figures.

    Args:
        task: What is trained.
        clock: Seconds since the command's start, monotonic.
        elapsed_before_s: Seconds of the run's former sessions.
        deadline_s: When the last save must be done, on ``clock``; None without a time budget.
    """

    def __init__(
        self,
        task: Task,
        clock: Callable[[], float],
        elapsed_before_s: float,
        deadline_s: float | None,
    ) -> None:
        self._task = task
        self._clock = clock
        self._elapsed_before_s = elapsed_before_s
        self._deadline_s = deadline_s

    def elapsed_s(self) -> float:
        """Return the seconds of all sessions of the run together."""
        return self._elapsed_before_s + self._clock()

    def is_progress_due(self, since: Interval) -> bool:
        """Return whether nothing has been told for a while."""
        return self._clock() - since.begun_s >= PROGRESS_EVERY_S

    def progress(
        self, state: RunState, since: Interval, means: Mapping[str, float], rate: float
    ) -> Progressed:
        """Tell of the steps of an interval.

        Args:
            state: Where the run stands.
            since: The interval.
            means: Its sums per target.
            rate: The last learning rate.
        """
        return Progressed(
            step=state.step,
            max_steps=state.plan.max_steps,
            epoch=self._epoch(state),
            loss=means["loss"],
            metrics=self._task.train_metrics(means),
            grad_norm=float(since.norm),
            learning_rate=rate,
            tokens_per_s=state.tokens_per_s,
            elapsed_s=self.elapsed_s(),
            remaining_s=self._remaining_s(state),
        )

    def evaluated(
        self,
        state: RunState,
        step: int,
        metrics: Mapping[str, float | None],
        train_loss: float | None,
        *,
        is_best: bool,
        is_whole: bool,
    ) -> Evaluated:
        """Tell of an evaluation of the weights after ``step`` updates; see the event."""
        return Evaluated(
            step=step,
            epoch=self._epoch(state),
            metrics=metrics,
            train_loss=train_loss,
            is_best=is_best,
            is_whole=is_whole,
            elapsed_s=self.elapsed_s(),
        )

    def done(self, state: RunState, model: Path) -> Done:
        """Tell of the end of a run."""
        return Done(
            model=str(model),
            steps=state.step,
            best_step=state.best.step if state.best else 0,
            elapsed_s=self.elapsed_s(),
            tokens_per_s=state.tokens_per_s,
            reason=state.ended,
            metrics=state.best.metrics if state.best else {},
        )

    def _epoch(self, state: RunState) -> float:
        return state.epoch + state.batch / self._task.batches_per_epoch()

    def _remaining_s(self, state: RunState) -> float:
        plan = state.plan
        steps_s = (plan.max_steps - state.step) * state.stepping_s / max(1, state.step)
        if self._deadline_s is None:
            return steps_s
        left_s = max(0.0, self._deadline_s - self._clock())
        # A plan that ends for another reason does not use up its time.
        return min(left_s, steps_s) if plan.max_steps == plan.most_steps else left_s
