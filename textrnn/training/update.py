"""One optimiser update: forward, backward, clip, step; and all tensors that a run consists of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from textrnn.nn.dropout import MaskSource
from textrnn.training.device import autocast, is_out_of_memory
from textrnn.training.optimizer import (
    Average,
    load_optimizer_tensors,
    make_optimizer,
    optimizer_tensors,
)
from textrnn.training.settings import TrainingSettings
from textrnn.training.task import State, Task

__all__ = ["Interval", "Updater", "loss_fault"]

MOST_PARTS = 1024


class Updater:
    """Owns what changes with every update: weights, optimiser, their average, the carried state.

    Args:
        task: What to train.
        settings: Resolved settings.
        device: Where the model lies.
        precision: ``float32`` or ``bf16``.
    """

    def __init__(
        self, task: Task, settings: TrainingSettings, device: torch.device, precision: str
    ) -> None:
        self._task = task
        self._settings = settings
        self._device = device
        self._precision = precision
        self._named = list(task.model.named_parameters())
        self._parameters = [parameter for _, parameter in self._named]
        self._optimizer = make_optimizer(settings, self._named)
        self._average: Average | None = None
        if settings.ema_decay:
            self._average = Average(task.model.tensors(), settings.ema_decay)
        self._carried: State | None = None
        self.parts = settings.accumulation
        self.rate = 0.0

    def update(self, batch: Any, step: int, rate: float) -> tuple[Tensor, Tensor]:
        """Do the update that follows ``step`` updates.

        Where memory runs out, the batch is worked off in twice as many parts (``parts`` tells), with
        the same result.

        Args:
            batch: One of the task's.
            step: Updates done before; the key of the dropout masks.
            rate: Learning rate.

        Returns:
            The batch's summed loss in nats and the norm of its gradient before clipping, on the device.
        """
        state = None if batch.fresh else self._carried
        self.rate = rate
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        while True:
            try:
                nats, carried = self._backward(batch, state, step)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or self.parts >= MOST_PARTS:
                    raise
            # Outside the handler, so that the failed graph is free before the next try.
            self.parts *= 2
            self._optimizer.zero_grad(set_to_none=True)
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
        clip = self._settings.grad_clip or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, clip, foreach=True)
        self._optimizer.step()
        self._carried = carried
        if self._average is not None:
            self._average.update(self._task.model.tensors(), step + 1)
        return nats, norm

    def use_average(self) -> Mapping[str, Tensor] | None:
        """Put the averaged weights into the model; returns its own for :meth:`use_own`, if any."""
        if self._average is None:
            return None
        own = {name: tensor.clone() for name, tensor in self._task.model.tensors().items()}
        self._task.model.load_tensors(self._average.tensors)
        return own

    def evaluated_tensors(self) -> Mapping[str, Tensor]:
        """Return the weights that an evaluation would use: the averaged ones, or the model's own."""
        return self._task.model.tensors() if self._average is None else self._average.tensors

    def use_own(self, own: Mapping[str, Tensor] | None) -> None:
        """Undo :meth:`use_average`."""
        if own is not None:
            self._task.model.load_tensors(own)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything to be saved, by name."""
        kinds: dict[str, Mapping[str, Tensor]] = {
            "model": self._task.model.tensors(),
            "optimizer": optimizer_tensors(self._optimizer, self._named),
            "ema": self._average.tensors if self._average is not None else {},
            "carried": self._carried or {},
        }
        return {f"{kind}:{name}": t for kind, found in kinds.items() for name, t in found.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`tensors` returned."""
        kinds: dict[str, dict[str, Tensor]] = {
            "model": {},
            "optimizer": {},
            "ema": {},
            "carried": {},
        }
        for full, tensor in tensors.items():
            kind, _, name = full.partition(":")
            kinds[kind][name] = tensor
        self._task.model.load_tensors(kinds["model"])
        load_optimizer_tensors(self._optimizer, self._named, kinds["optimizer"])
        if self._average is not None:
            for name, tensor in kinds["ema"].items():
                self._average.tensors[name].copy_(tensor)
        carried = {name: tensor.to(self._device) for name, tensor in kinds["carried"].items()}
        self._carried = carried or None

    def _backward(self, batch: Any, state: State | None, step: int) -> tuple[Tensor, State]:
        """Accumulate the gradient of the batch's mean loss; returns the loss's sum and the new state."""
        self._optimizer.zero_grad(set_to_none=True)
        parts = [(batch, state)] if self.parts == 1 else self._task.split(batch, state, self.parts)
        total = torch.zeros((), device=self._device)
        states: list[State] = []
        for number, (part, part_state) in enumerate(parts):
            masks = MaskSource(self._settings.seed, (step, number), self._device)
            with autocast(self._device, self._precision):
                output = self._task.step(part, part_state, masks)
            mean = output.nats / max(1, batch.num_targets)
            mean.backward()
            states.append(output.state)
            total = total + output.nats.detach()
        return total, states[0] if len(states) == 1 else self._task.join(states)


class Interval:
    """Sums since some moment; the loss stays on the device until somebody asks.

    Attributes:
        begun_s: The moment.
        targets: Targets trained on.
        norm: Norm of the last gradient.
    """

    def __init__(self, begun_s: float) -> None:
        self.begun_s = begun_s
        self.targets = 0
        self.norm: Tensor | float = 0.0
        self._nats: Tensor | None = None

    def add(self, nats: Tensor, norm: Tensor, targets: int) -> None:
        """Take in an update."""
        self._nats = nats if self._nats is None else self._nats + nats
        self.norm = norm
        self.targets += targets

    def loss(self) -> float:
        """Return the mean loss in nats per target; NaN before the first update."""
        return float(self._nats) / max(1, self.targets) if self._nats is not None else math.nan

    def fault(self, uniform_loss: float) -> str | None:
        """Return what is wrong with the loss or its gradient, or None; reads them from the device.

        Args:
            uniform_loss: Loss of a guess at random; a loss of more than twice of it has exploded.
        """
        if not math.isfinite(float(self.norm)):
            return "the gradient is not finite"
        return loss_fault(self.loss(), uniform_loss)


def loss_fault(loss: float, uniform_loss: float) -> str | None:
    """Return what is wrong with a mean loss, or None.

    Args:
        loss: Nats per target.
        uniform_loss: Loss of a guess at random; a loss of more than twice of it has exploded.
    """
    if not math.isfinite(loss):
        return "the loss is not finite"
    if loss > 2 * uniform_loss + 1:
        return f"the loss exploded to {loss:.3g} nats (guessing at random has {uniform_loss:.3g})"
    return None
