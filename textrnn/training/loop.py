"""The one training loop: drives any task through its plan and yields events.

The loop knows no job, no terminal and no data format. Given the same plan, threads and versions it makes
the same bits, and so does a run that was killed and resumed: dropout masks are keyed by seed and step,
batches by seed and epoch, and all else that a step depends on is saved.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from textrnn.errors import TrainingError
from textrnn.nn.dropout import MaskSource
from textrnn.training.checkpoint import Best, RunDirectory, RunState
from textrnn.training.deadline import Deadline
from textrnn.training.device import autocast, is_out_of_memory
from textrnn.training.events import (
    BatchReduced,
    Done,
    Evaluated,
    Event,
    Progressed,
    Replanned,
    RolledBack,
    Sampled,
    Saved,
    Stopped,
)
from textrnn.training.optimizer import (
    Average,
    load_optimizer_tensors,
    make_optimizer,
    optimizer_tensors,
)
from textrnn.training.plan import learning_rate
from textrnn.training.settings import TrainingSettings
from textrnn.training.task import State, Task

__all__ = ["Loop"]

PROGRESS_EVERY_S = 0.5
MOST_ROLLBACKS = 4
ROLLBACK_FACTOR = 0.3
MOST_PARTS = 1024


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
    ) -> None:
        self.task = task
        self.settings = settings
        self.state = state
        self._directory = directory
        self._device = device
        self._precision = precision
        self._clock = clock
        self._stop_signal = stop_signal
        self._named = list(task.model.named_parameters())
        self._parameters = [parameter for _, parameter in self._named]
        self._optimizer = make_optimizer(settings, self._named)
        self._average: Average | None = None
        if settings.ema_decay:
            self._average = Average(task.model.tensors(), settings.ema_decay)
        self._carried: State | None = None
        self._parts = settings.accumulation
        self._elapsed_before_s = state.elapsed_s
        self._deadline_s = deadline_s
        self._deadline = None if deadline_s is None else Deadline(deadline_s, clock)
        self._since = _Interval(clock())
        self._interval_loss: float | None = None

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put the tensors of a save back: weights, optimiser, average, carried state."""
        parts: dict[str, dict[str, Tensor]] = {
            "model": {},
            "optimizer": {},
            "ema": {},
            "carried": {},
        }
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(":")
            parts[kind][rest] = tensor
        self.task.model.load_tensors(parts["model"])
        load_optimizer_tensors(self._optimizer, self._named, parts["optimizer"])
        if self._average is not None:
            for name, tensor in parts["ema"].items():
                self._average.tensors[name].copy_(tensor)
        carried = {name: tensor.to(self._device) for name, tensor in parts["carried"].items()}
        self._carried = carried or None

    def run(self) -> Iterator[Event]:
        """Train to the end of the plan.

        The first save comes before the first step, and the last event is ``Done`` but where a signal
        interrupted.

        Raises:
            TrainingError: diverged too often, or a save could not be written.
        """
        if not self._directory.weights:
            self._directory.write_weights(0, self._evaluated_tensors())
            yield self._save()
        reason = "finished"
        batches = self.task.batches(self.state.epoch, self.state.batch)
        self._since = _Interval(self._clock())
        while not self.state.ended and self.state.step < self.state.plan.max_steps:
            if self._stop_signal() is not None:
                reason = "interrupted"
                break
            revised = self._revise_end()
            if revised is not None:
                yield revised
                if self.state.step >= self.state.plan.max_steps:
                    break
            batch = next(batches, None)
            if batch is None:
                self.state.epoch, self.state.batch = self.state.epoch + 1, 0
                batches = self.task.batches(self.state.epoch, 0)
                continue
            yield from self._step(batch)
            if self._evaluation_due() or self._save_due():
                # What is evaluated or saved has been looked at, on GPUs too.
                yield from self._progress(force=True)
            fault = self._since.fault
            if fault:
                yield self._roll_back(fault)
                batches = self.task.batches(self.state.epoch, self.state.batch)
                continue
            if self._evaluation_due():
                yield from self._evaluate()
                if self._is_patience_out():
                    reason = "patience"
                    break
            elif self._save_due():
                yield self._save()
            if self._deadline is not None and self._deadline.is_over(self.state.plan):
                if self.state.step < self.state.plan.max_steps:
                    reason = "deadline"
                break
        yield from self._finish(reason)

    # One step

    def _step(self, batch: Any) -> Iterator[Event]:
        """Do one update and tell of it if it is time to."""
        begun = self._clock()
        state = None if batch.fresh else self._carried
        rate = learning_rate(self.settings, self.state.plan, self.state.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * self.state.rate_scale
        while True:
            try:
                nats, carried = self._backward(batch, state)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or self._parts >= MOST_PARTS:
                    raise
            # Outside the handler, so that the failed graph is free before the next try.
            self._parts *= 2
            self._optimizer.zero_grad(set_to_none=True)
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            yield BatchReduced(self.state.step, self._parts)
        clip = self.settings.grad_clip or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, clip, foreach=True)
        self._optimizer.step()
        self._carried = carried
        self.state.step += 1
        self.state.batch += 1
        self.state.targets += batch.num_targets
        if self._average is not None:
            self._average.update(self.task.model.tensors(), self.state.step)
        self.state.stepping_s += self._clock() - begun
        self._since.add(nats, norm, batch.num_targets)
        if self._device.type == "cpu":
            self._look_for_faults()
        yield from self._progress()

    def _backward(self, batch: Any, state: State | None) -> tuple[Tensor, State | None]:
        """Accumulate the gradient of the batch's mean loss; returns its sum and the new state."""
        self._optimizer.zero_grad(set_to_none=True)
        parts = [(batch, state)] if self._parts == 1 else self.task.split(batch, state, self._parts)
        total: Tensor | None = None
        states: list[State] = []
        for number, (part, part_state) in enumerate(parts):
            key = (self.state.step, number)
            masks = MaskSource(self.settings.seed, key, self._device)
            with autocast(self._device, self._precision):
                output = self.task.step(part, part_state, masks)
            (output.nats / max(1, batch.num_targets)).backward()
            states.append(output.state)
            nats = output.nats.detach()
            total = nats if total is None else total + nats
        if total is None:
            raise ValueError("a batch without parts")
        return total, states[0] if len(states) == 1 else self.task.join(states)

    # Telling

    def _progress(self, *, force: bool = False) -> Iterator[Event]:
        now = self._clock()
        due = force or now - self._since.begun_s >= PROGRESS_EVERY_S
        if not due or not self._since.targets:
            return
        self._look_for_faults()
        if self._since.fault:
            return
        since, state = self._since, self.state
        loss = since.loss()
        self._interval_loss = loss
        rate = state.targets / max(1e-9, state.stepping_s)
        yield Progressed(
            step=state.step,
            max_steps=state.plan.max_steps,
            epoch=self._epoch(),
            loss=loss,
            metrics=self.task.train_metrics(loss),
            grad_norm=float(since.norm),
            learning_rate=float(self._optimizer.param_groups[0]["lr"]),
            tokens_per_s=rate,
            elapsed_s=self._elapsed(),
            remaining_s=self._remaining(),
        )
        self._since = _Interval(now)

    def _epoch(self) -> float:
        return self.state.epoch + self.state.batch / self.task.batches_per_epoch()

    def _elapsed(self) -> float:
        return self._elapsed_before_s + self._clock()

    def _remaining(self) -> float:
        if self._deadline_s is not None:
            return max(0.0, self._deadline_s - self._clock())
        state = self.state
        left = state.plan.max_steps - state.step
        return left * state.stepping_s / max(1, state.step)

    # Faults

    def _look_for_faults(self) -> None:
        """Note a loss that is not finite or exploded; reads the loss from the device."""
        loss = self._since.loss()
        if not (math.isfinite(loss) and math.isfinite(float(self._since.norm))):
            self._since.fault = "the loss or its gradient is not finite"
        elif loss > 2 * self.task.uniform_loss + 1:
            self._since.fault = (
                f"the loss exploded to {loss:.3g} nats (guessing at random has "
                f"{self.task.uniform_loss:.3g})"
            )

    def _roll_back(self, fault: str) -> Event:
        """Go back to the last save with a smaller rate."""
        failed_at = self.state.step
        rollbacks, scale = self.state.rollbacks + 1, self.state.rate_scale * ROLLBACK_FACTOR
        if rollbacks > MOST_ROLLBACKS:
            raise TrainingError(
                f"training diverged at step {failed_at}: {fault}, and {MOST_ROLLBACKS} returns to a good "
                f"state with a smaller rate did not help; {self._directory.path} holds the best model "
                f"so far: try --learning-rate {self.settings.learning_rate or 0:g} divided by 10, or a "
                f"smaller --grad-clip"
            )
        elapsed, stepping = self.state.elapsed_s, self.state.stepping_s
        self.state, tensors = self._directory.load()
        self.state.rollbacks, self.state.rate_scale = rollbacks, scale
        self.state.elapsed_s, self.state.stepping_s = elapsed, stepping
        self._optimizer = make_optimizer(self.settings, self._named)
        self.restore(tensors)
        self._since = _Interval(self._clock())
        return RolledBack(failed_at, self.state.step, scale, fault)

    # Evaluating and saving

    def _evaluation_due(self) -> bool:
        step, plan = self.state.step, self.state.plan
        return step % plan.eval_every == 0 or step >= plan.max_steps

    def _save_due(self) -> bool:
        return self.state.step % self.state.plan.save_every == 0

    def _evaluate(self) -> Iterator[Event]:
        """Evaluate, keep the best, show a sample, save."""
        begun = self._clock()
        state = self.state
        with self._averaged():
            metrics = self._metrics(state.plan.eval_targets)
            value = metrics[self.task.metric]
            is_best = self._is_better(value)
            state.waited = 0 if is_best else state.waited + 1
            if is_best:
                state.best = Best(state.step, value, metrics)
                self._directory.write_weights(state.step, self.task.model.tensors())
            sample = self.task.sample(state.step)
        self._adapt_to_plateau()
        state.history.append(
            {"step": state.step, "train_loss": self._interval_loss, "elapsed_s": self._elapsed()}
            | metrics
        )
        yield Evaluated(
            step=state.step,
            epoch=self._epoch(),
            metrics=metrics,
            train_loss=self._interval_loss,
            is_best=is_best,
            is_whole=state.plan.eval_targets is None,
            elapsed_s=self._elapsed(),
        )
        if sample is not None:
            yield Sampled(state.step, sample)
        if self._deadline is not None:
            self._deadline.evaluated(self._clock() - begun)
        yield self._save()
        self._since = _Interval(self._clock())

    def _metrics(self, most_targets: int | None) -> dict[str, float | None]:
        with torch.no_grad(), autocast(self._device, self._precision):
            return self.task.evaluate(most_targets)

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Work with the averaged weights, where there is an average."""
        if self._average is None:
            yield
            return
        kept = {name: tensor.clone() for name, tensor in self.task.model.tensors().items()}
        self.task.model.load_tensors(self._average.tensors)
        try:
            yield
        finally:
            self.task.model.load_tensors(kept)

    def _evaluated_tensors(self) -> dict[str, Tensor]:
        return dict(self._average.tensors if self._average else self.task.model.tensors())

    def _is_better(self, value: float | None) -> bool:
        if value is None:
            # Without validation data the last weights are the best there are.
            return True
        if not math.isfinite(value):
            return False
        best = self.state.best.value if self.state.best else None
        if best is None:
            return True
        return value > best if self.task.maximize else value < best

    def _adapt_to_plateau(self) -> None:
        waited = self.state.waited
        every = self.settings.plateau_patience + 1
        if self.settings.schedule == "plateau" and waited and waited % every == 0:
            self.state.rate_scale *= self.settings.decay_factor

    def _is_patience_out(self) -> bool:
        patience = self.state.plan.patience
        return bool(patience) and self.state.waited >= patience

    def _save(self) -> Event:
        begun = self._clock()
        self.state.elapsed_s = self._elapsed()
        tensors = {f"model:{name}": t for name, t in self.task.model.tensors().items()}
        optimizer = optimizer_tensors(self._optimizer, self._named)
        tensors |= {f"optimizer:{name}": tensor for name, tensor in optimizer.items()}
        if self._average is not None:
            tensors |= {f"ema:{name}": tensor for name, tensor in self._average.tensors.items()}
        if self._carried:
            tensors |= {f"carried:{name}": tensor for name, tensor in self._carried.items()}
        self._directory.save(self.state, tensors)
        duration = self._clock() - begun
        if self._deadline is not None:
            self._deadline.saved(duration)
        return Saved(self.state.step, str(self._directory.path), duration)

    # Time

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
        state = self.state
        yield from self._progress(force=True)
        if reason == "interrupted":
            yield self._save()
            yield Stopped(state.step, reason)
            return
        if state.ended:
            # Resumed after its end: there is nothing left to do.
            yield Stopped(state.step, state.ended)
            yield self._done()
            return
        state.ended = reason
        if not state.history or state.history[-1]["step"] != state.step:
            yield from self._evaluate()
        yield Stopped(state.step, reason)
        plan = state.plan
        if state.best is not None and plan.eval_targets is not None:
            kept = {name: tensor.clone() for name, tensor in self.task.model.tensors().items()}
            self.task.model.load_tensors(self._directory.load_weights())
            metrics = self._metrics(plan.final_targets)
            self.task.model.load_tensors(kept)
            state.best = Best(state.best.step, state.best.value, metrics)
            yield Evaluated(
                state.best.step, self._epoch(), metrics, None, True, True, self._elapsed()
            )
        yield self._save()
        yield self._done()

    def _done(self) -> Event:
        state = self.state
        return Done(
            model=str(self._directory.path),
            steps=state.step,
            best_step=state.best.step if state.best else 0,
            elapsed_s=self._elapsed(),
            tokens_per_s=state.targets / max(1e-9, state.stepping_s),
            reason=state.ended,
            metrics=state.best.metrics if state.best else {},
        )


class _Interval:
    """Sums since the last progress event; the loss stays on the device until somebody asks."""

    def __init__(self, begun_s: float) -> None:
        self.begun_s = begun_s
        self.targets = 0
        self.norm: Tensor | float = 0.0
        self.fault: str | None = None
        self._nats: Tensor | None = None

    def add(self, nats: Tensor, norm: Tensor, targets: int) -> None:
        """Take in a step."""
        self._nats = nats if self._nats is None else self._nats + nats
        self.norm = norm
        self.targets += targets

    def loss(self) -> float:
        """Return the mean loss in nats per target."""
        return float(self._nats) / max(1, self.targets) if self._nats is not None else math.nan
