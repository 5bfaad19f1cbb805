"""The one training loop: drives any task through its plan and yields events.

The loop knows no job, no terminal and no data format. Given the same plan, threads and versions it makes
the same bits, and so does a run that was killed and resumed: dropout masks are keyed by seed and step,
batches by seed and epoch, and all else that a step depends on is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from textrnn.errors import ModelError, TrainingError
from textrnn.training.checkpoint import RunDirectory
from textrnn.training.deadline import Deadline
from textrnn.training.device import finish
from textrnn.training.divergence import MOST_ROLLBACKS, ROLLBACK_FACTOR, gave_up
from textrnn.training.evaluating import Evaluator, finite_figures
from textrnn.training.events import (
    BatchReduced,
    Event,
    Replanned,
    RolledBack,
    Sampled,
    Stopped,
)
from textrnn.training.interval import Interval
from textrnn.training.leading import Lead
from textrnn.training.plan import learning_rate
from textrnn.training.ranks import ALONE
from textrnn.training.saving import Saver
from textrnn.training.settings import TrainingSettings
from textrnn.training.state import Best, RunState
from textrnn.training.task import Task
from textrnn.training.telling import Teller
from textrnn.training.update import Updater

__all__ = ["Loop"]


class Loop:
    """One run of one task.

    Args:
        task: What to train.
        settings: Resolved settings; ``device``, ``precision`` and ``threads`` have been applied.
        state: Where the run stands; a new one at first.
        directory: Where it is saved.
        device: Where the model lies.
        precision: ``float32`` or ``bf16``.
        clock: Seconds since the command's start, monotonic.
        deadline_s: When the last save must be done, on ``clock``; None without a time budget.
        stop_signal: Returns the number of a signal that asks the run to save and end, or None.
        lead: Makes other processes share the work; None where there are none.
    """

    def __init__(
        self,
        task: Task,
        settings: TrainingSettings,
        state: RunState,
        directory: RunDirectory,
        *,
        device: torch.device,
        precision: str,
        clock: Callable[[], float],
        deadline_s: float | None = None,
        stop_signal: Callable[[], int | None] = lambda: None,
        lead: Lead | None = None,
    ) -> None:
        self.task = task
        self.settings = settings
        self.state = state
        self._directory = directory
        self._device = device
        self._precision = precision
        self._clock = clock
        self._stop_signal = stop_signal
        self._saver = Saver(directory, clock)
        self._evaluator = Evaluator(task, device, precision)
        self._lead = lead or Lead(ALONE, task, device)
        self._updater = Updater(task, settings, device, precision, self._lead.ranks)
        self._teller = Teller(task, clock, state.elapsed_s, deadline_s)
        self._deadline: Deadline | None = None
        if deadline_s is not None:
            self._deadline = Deadline(deadline_s, clock, self._finish_steps)
        self._since = Interval(clock())
        self._interval_loss: float | None = None
        self._evaluation_fault: str | None = None
        self._failed_at: list[int] = []

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put the tensors of a save back.

        Raises:
            ModelError: they are not this run's.
        """
        try:
            self._updater.restore(tensors)
        except ValueError as error:
            raise ModelError(
                f"{self._directory.path}: {error}; the training state is damaged"
            ) from None
        self._lead.hand_out(tensors)

    def run(self) -> Iterator[Event]:
        """Train to the end of the plan.

        The first save comes before the first step, and the last event is ``Done`` but where a signal
        interrupted.

        Raises:
            TrainingError: diverged too often, or a save could not be written.
        """
        if self.state.ended:
            yield Stopped(self.state.step, self.state.ended)
            yield self._teller.done(self.state, self._directory.path)
            return
        if not self._directory.weights:
            self._directory.keep_weights(0, self.task.model.tensors())
            yield self._save(must=True)
            self._lead.hand_out(self._updater.tensors())
        batches = self.task.batches(self.state.epoch, self.state.batch)
        self._since = Interval(self._clock())
        while (reason := self._reason_to_end()) is None:
            batch = next(batches, None)
            if batch is None:
                if self.state.batch == 0:
                    raise TrainingError("there is no batch to train on: the data are too few")
                self.state.epoch, self.state.batch = self.state.epoch + 1, 0
                batches = self.task.batches(self.state.epoch, 0)
                continue
            yield from self._update(batch)
            is_due = self._is_evaluation_due() or self._is_save_due() or self._saver.is_retry_due()
            # What is evaluated or saved has been looked at; on CPUs a look costs nothing.
            fault = None
            if is_due or self._is_look_free() or self._is_progress_due():
                # On a GPU this waits for the steps in flight, whose time it is.
                begun = self._clock()
                fault = self._fault(are_kept=is_due)
                self.state.stepping_s += self._clock() - begun
                if self._deadline is not None and not self._is_look_free():
                    self._deadline.waited()
            if fault:
                yield from self._roll_back(fault)
                batches = self.task.batches(self.state.epoch, self.state.batch)
                continue
            if is_due or self._is_progress_due():
                yield self._progress()
            if self._is_evaluation_due():
                yield from self._evaluate()
                if self._evaluation_fault:
                    yield from self._roll_back(self._evaluation_fault)
                    batches = self.task.batches(self.state.epoch, self.state.batch)
                    continue
            elif is_due:
                yield self._save()
            revised = self._revise_end()
            if revised is not None:
                yield revised
        yield from self._finish(reason)

    def _reason_to_end(self) -> str | None:
        """Return why the loop must end now, if it must."""
        plan, state = self.state.plan, self.state
        if self._stop_signal() is not None:
            return "interrupted"
        if state.step >= plan.max_steps:
            return "finished"
        if plan.patience and state.waited >= plan.patience:
            return "patience"
        if state.step and self._deadline is not None and self._deadline.is_over(plan):
            return "deadline"
        return None

    def _update(self, batch: Any) -> Iterator[Event]:
        """Do one update."""
        begun = self._clock()
        state, parts = self.state, self._updater.parts
        rate = learning_rate(self.settings, state.plan, state.step) * state.rate_scale
        # What joins in during a first schedule stays in.
        progress = 1.0 if state.plan.begins_at else state.plan.progress(state.step)
        self._lead.order_update(state, rate, progress)
        sums, norm = self._updater.update(batch, state.step, rate, progress)
        if self._updater.parts != parts:
            yield BatchReduced(state.step, self._updater.parts)
        state.step += 1
        state.batch += 1
        state.targets += batch.num_targets
        state.tokens += batch.num_tokens
        state.stepping_s += self._clock() - begun
        self._since.add(sums, norm, batch.num_targets)

    def _is_progress_due(self) -> bool:
        return self._teller.is_progress_due(self._since)

    def _progress(self) -> Event:
        since, self._since = self._since, Interval(self._clock())
        means = since.means()
        self._interval_loss = means["loss"]
        return self._teller.progress(self.state, since, means, self._updater.rate)

    # Faults

    def _is_look_free(self) -> bool:
        """Return whether looking at a step's loss waits for nothing."""
        return self._device.type == "cpu"

    def _fault(self, *, are_kept: bool) -> str | None:
        """Return what is wrong with the steps since the last look, or with what is about to be kept."""
        fault = self._since.fault(self.task.most_loss)
        return self._updater.fault() if fault is None and are_kept else fault

    def _roll_back(self, fault: str) -> Iterator[Event]:
        """Go back to the last save with a smaller rate; where that was done too often, stop."""
        if self.state.rollbacks == 0:
            self._failed_at.clear()
        self._failed_at.append(self.state.step)
        rollbacks, scale = self.state.rollbacks + 1, self.state.rate_scale * ROLLBACK_FACTOR
        if rollbacks > MOST_ROLLBACKS:
            yield Stopped(self.state.step, "diverged")
            raise gave_up(
                self._directory.path,
                self.settings,
                self._precision,
                fault,
                self._failed_at,
                has_best=self.state.best is not None,
            )
        self._return_to_save()
        self.state.rollbacks, self.state.rate_scale = rollbacks, scale
        yield RolledBack(self._failed_at[-1], self.state.step, scale, fault)

    def _return_to_save(self) -> None:
        """Take up the last save in the place of what is in memory."""
        elapsed, stepping = self.state.elapsed_s, self.state.stepping_s
        self.state, tensors = self._directory.load()
        self.state.elapsed_s, self.state.stepping_s = elapsed, stepping
        parts = self._updater.parts
        self._updater = Updater(
            self.task, self.settings, self._device, self._precision, self._lead.ranks
        )
        self._updater.parts = parts
        self.restore(tensors)
        self._evaluation_fault = None
        if self._deadline is not None:
            self._deadline.rolled_back()
        self._since = Interval(self._clock())

    # Evaluating and saving

    def _is_evaluation_due(self) -> bool:
        step, plan = self.state.step, self.state.plan
        return step % plan.eval_every == 0 or step >= plan.max_steps

    def _is_save_due(self) -> bool:
        return self.state.step % self.state.plan.save_every == 0

    def _evaluate(self) -> Iterator[Event]:
        """Evaluate, keep the best, show a sample, save."""
        begun = self._clock()
        state = self.state
        own = self._updater.show()
        metrics = self._evaluator.metrics(state.plan.eval_targets)
        evaluating_s = self._clock() - begun
        value = metrics[self.task.metric]
        self._evaluation_fault = self.task.fault(metrics)
        if self._evaluation_fault:
            # Nothing of these weights is kept or saved.
            self._updater.hide(own)
            return
        metrics = finite_figures(metrics)
        is_best = self._evaluator.is_better(value, state.best)
        if is_best:
            if state.best is not None:
                # Rare roll-backs of a long run that gains in between do not add up.
                state.rollbacks = 0
            state.waited = 0
            state.best = Best(state.step, value, metrics)
            self._directory.keep_weights(state.step, self.task.model.tensors())
        else:
            state.waited += 1
            self._adapt_to_plateau()
        sample = self._evaluator.sample(state.step)
        self._updater.hide(own)
        state.history.append(
            {
                "step": state.step,
                "train_loss": self._interval_loss,
                "elapsed_s": self._teller.elapsed_s(),
            }
            | metrics
        )
        is_whole = state.plan.eval_targets is None
        yield self._teller.evaluated(
            state, state.step, metrics, self._interval_loss, is_best=is_best, is_whole=is_whole
        )
        if sample is not None:
            yield Sampled(state.step, sample)
        if self._deadline is not None:
            self._deadline.evaluated(evaluating_s, self._clock() - begun)
        yield self._save()
        self._since = Interval(self._clock())

    def _adapt_to_plateau(self) -> None:
        every = self.settings.plateau_patience + 1
        if self.settings.schedule == "plateau" and self.state.waited % every == 0:
            self.state.rate_scale *= self.settings.decay_factor

    def _save(self, *, must: bool = False) -> Event:
        """Save; where that fails and it need not succeed now, training goes on and tries again."""
        begun = self._clock()
        self.state.elapsed_s = self._teller.elapsed_s()
        event = self._saver.save(self.state, self._lead.tensors(self._updater), must=must)
        if self._deadline is not None:
            self._deadline.saved(self._clock() - begun)
        return event

    # Time

    def _finish_steps(self) -> None:
        """Wait for the steps in flight, whose time it is."""
        begun = self._clock()
        finish(self._device)
        self.state.stepping_s += self._clock() - begun

    def _revise_end(self) -> Event | None:
        """Move the plan's end where the time left holds more or fewer steps."""
        if self._deadline is None:
            return None
        plan, state = self.state.plan, self.state
        end = self._deadline.revised_end(plan, state.step, state.targets)
        if end is None:
            return None
        state.plan = plan.with_end(state.step, end)
        return Replanned(state.step, state.plan.max_steps, plan.max_steps, "time budget")

    # The end

    def _finish(self, reason: str) -> Iterator[Event]:
        fault = self._fault(are_kept=True) if self._since.targets else None
        if fault:
            yield self._undo(fault)
        if reason == "interrupted":
            if not fault:
                yield self._save_present()
            yield Stopped(self.state.step, reason)
            return
        history = self.state.history
        if not history or history[-1]["step"] != self.state.step:
            yield from self._evaluate()
            if self._evaluation_fault:
                yield self._undo(self._evaluation_fault)
        state = self.state
        state.ended = reason
        yield Stopped(state.step, reason)
        if state.best is not None:
            yield from self._conclude(state.best)
        yield self._save(must=True)
        yield self._teller.done(self.state, self._directory.path)

    def save_alone(self) -> Iterator[Event]:
        """Save where other processes are lost; what was carried through the texts starts anew then."""
        self._lead.give_up()
        self._updater.begin_anew()
        if self.state.step != self._directory.saved_step and not self.state.ended:
            fault = self._fault(are_kept=True) if self._since.targets else None
            yield self._undo(fault) if fault else self._save_present()

    def _save_present(self) -> Event:
        """Save a run that ends before it is done."""
        if self.state.best is None:
            # Better than the weights that the run began with.
            self._directory.keep_weights(self.state.step, self._updater.evaluated_tensors())
        return self._save(must=True)

    def _undo(self, fault: str) -> Event:
        """Go back to the last save where no time is left for another try: it stands."""
        failed_at = self.state.step
        self._return_to_save()
        return RolledBack(failed_at, self.state.step, self.state.rate_scale, fault)

    def _conclude(self, best: Best) -> Iterator[Event]:
        """Take the best weights' last figures: on all validation data, and on what was not looked at."""
        plan = self.state.plan
        kept = {name: tensor.clone() for name, tensor in self.task.model.tensors().items()}
        self.task.model.load_tensors(self._directory.load_weights())
        metrics = dict(best.metrics)
        if plan.eval_targets is not None:
            metrics = self._evaluator.metrics(plan.final_targets)
            is_whole = plan.final_targets is None
            yield self._teller.evaluated(
                self.state, best.step, metrics, None, is_best=True, is_whole=is_whole
            )
        metrics |= self._evaluator.conclusion(metrics)
        self.task.model.load_tensors(kept)
        self.state.best = Best(best.step, best.value, finite_figures(metrics))
