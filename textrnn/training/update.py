"""One optimiser update: forward, backward, clip, step; and all tensors that a run consists of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from textrnn.nn.dropout import MaskSource
from textrnn.nn.parts import parts_of
from textrnn.training.average import Average
from textrnn.training.clipping import clip_gradients
from textrnn.training.device import autocast, is_out_of_memory, product_type
from textrnn.training.interval import add_sums
from textrnn.training.memory import LeftMemory
from textrnn.training.optimizer import make_optimizer, updates_rows
from textrnn.training.ranks import ALONE, Ranks
from textrnn.training.settings import TrainingSettings
from textrnn.training.task import State, Task

__all__ = ["Updater", "first_not_finite"]

MOST_PARTS = 1024
_KINDS = ("model", "optimizer", "ema", "carried")
"""What the tensors of a run are of, before the colon of their names."""


class Updater:
    """Owns what changes with every update: weights, optimiser, their average, the carried state.

    Args:
        task: What to train.
        settings: Resolved settings.
        device: Where the model lies.
        precision: ``float32`` or ``bf16``.
        ranks: The processes that share the work of every update; this one works off its rows.
    """

    def __init__(
        self,
        task: Task,
        settings: TrainingSettings,
        device: torch.device,
        precision: str,
        ranks: Ranks = ALONE,
    ) -> None:
        self._task = task
        self._settings = settings
        self._device = device
        self._precision = precision
        self._ranks = ranks
        named = list(task.model.named_parameters())
        self._parameters = [parameter for _, parameter in named]
        self._optimizer = make_optimizer(
            settings,
            named,
            task.group,
            parts_of(task.model),
            by_rows=updates_rows(settings, device, ranks.size),
            product_type=product_type(precision),
        )
        self._average: Average | None = None
        if settings.ema_decay:
            self._average = Average(task.model.tensors(), settings.ema_decay)
        self._carried: State | None = None
        self._left = LeftMemory()
        self.parts = settings.accumulation
        self.rate = 0.0

    def update(
        self, batch: Any, step: int, rate: float, progress: float
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Do the update that follows ``step`` updates.

        Where memory runs out, the batch is worked off in twice as many parts (``parts`` tells), with
        the same result.

        Args:
            batch: One of the task's, whole.
            step: Updates done before; the key of the dropout masks.
            rate: Learning rate.
            progress: How much of the schedule is done, from 0 to 1.

        Returns:
            The sums of the whole batch, ``loss`` in nats among them, and the norm of its gradient before
            clipping, on the device.
        """
        state = None if batch.fresh else self._carried
        own = self._ranks.share(self._task, batch)
        self.rate = rate
        for group in self._optimizer.groups:
            group.rate = rate * self._task.rate_share(group.name, progress)
        while True:
            try:
                sums, carried = self._backward(own, state, step, batch.num_targets)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or self.parts >= MOST_PARTS:
                    raise
            # Outside the handler, so that the failed graph is free before the next try.
            self.parts *= 2
            self._optimizer.forget_gradients()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
        sums = self._ranks.add_up(self._parameters, sums, has_rows=own is not None)
        self._optimizer.rest()
        norm = clip_gradients(self._optimizer.leaves(), self._settings.grad_clip or math.inf)
        self._optimizer.step()
        self._carried = carried
        if self._average is not None:
            self._average.update(self._task.model.tensors(), step + 1)
        if self._device.type == "cpu":
            self._left.after_step()
        return sums, norm

    @property
    def carried(self) -> State:
        """The state that the next batch goes on from, of this rank's rows; empty where there is none."""
        return self._carried or {}

    def begin_anew(self) -> None:
        """Let every sequence start afresh with the next batch."""
        self._carried = None

    def evaluated_tensors(self) -> Mapping[str, Tensor]:
        """Return the weights that an evaluation uses: averaged ones, or the model's own, all up to date."""
        if self._average is not None:
            return self._average.tensors
        present = self._task.model.tensors()
        settled = self._optimizer.settled()
        return {name: settled.get(name, tensor) for name, tensor in present.items()}

    def show(self) -> Mapping[str, Tensor]:
        """Put the weights to be evaluated into the model; returns what they replace, for :meth:`hide`."""
        if self._average is None:
            return self._optimizer.show()
        own = {name: tensor.clone() for name, tensor in self._task.model.tensors().items()}
        self._task.model.load_tensors(self._average.tensors)
        return own

    def hide(self, own: Mapping[str, Tensor]) -> None:
        """Undo :meth:`show`: training goes on from where it was, whenever it was looked at."""
        if self._average is None:
            self._optimizer.hide(own)
        else:
            self._task.model.load_tensors(own)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything to be saved, by name; of what is carried, this rank's rows."""
        kinds: dict[str, Mapping[str, Tensor]] = {
            "model": self._task.model.tensors(),
            "optimizer": self._optimizer.tensors(),
            "ema": self._average.tensors if self._average is not None else {},
            "carried": self.carried,
        }
        return {f"{kind}:{name}": t for kind, found in kinds.items() for name, t in found.items()}

    def fault(self) -> str | None:
        """Return what is wrong with all that a save would keep, or None; waits for the device.

        Weights may be ruined without a loss that tells: of tokens that no batch had, or by the last update.
        """
        odd = first_not_finite(self.tensors())
        return None if odd is None else f"{odd.replace(':', ' ')} is not finite"

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`tensors` returned, for one rank; of several, each takes its rows.

        Raises:
            ValueError: they are not such tensors: names, shapes or types differ, or not all are finite.
        """
        kinds: dict[str, dict[str, Tensor]] = {kind: {} for kind in _KINDS}
        for full, tensor in tensors.items():
            kind, _, name = full.partition(":")
            if kind not in kinds:
                raise ValueError(f"{full!r:.80} is nothing that belongs to a run")
            kinds[kind][name] = tensor
        if odd := first_not_finite(tensors):
            raise ValueError(f"{odd} holds numbers that are not finite")
        self._task.model.load_tensors(kinds["model"])
        self._optimizer.load(kinds["optimizer"])
        if self._average is not None:
            self._average.load(kinds["ema"])
        elif kinds["ema"]:
            raise ValueError("it holds an average of weights, which the run does not make")
        self._require_state(kinds["carried"])
        own = self._ranks.rows(kinds["carried"])
        carried = {name: tensor.to(self._device) for name, tensor in own.items()}
        self._carried = carried or None

    def _require_state(self, carried: State) -> None:
        """Hold a carried state, if there is one, against that of a sequence's start.

        Raises:
            ValueError: names, shapes or types differ.
        """
        rows = {len(tensor) if tensor.ndim else 0 for tensor in carried.values()}
        if not rows:
            return
        expected = self._task.start(min(rows))
        if len(rows) > 1 or min(rows) < 1 or expected.keys() != carried.keys():
            raise ValueError("the state that it carries is not the model's")
        for name, tensor in expected.items():
            if tensor.shape != carried[name].shape or tensor.dtype != carried[name].dtype:
                raise ValueError(f"{name} of the state that it carries has another shape or type")

    def _backward(
        self, batch: Any, state: State | None, step: int, num_targets: int
    ) -> tuple[Mapping[str, Tensor], State]:
        """Accumulate the gradient of the mean loss; returns its sums and the new state.

        Args:
            batch: This rank's rows; None where there are none.
            state: What they go on from.
            step: Updates done before.
            num_targets: Those of the whole batch.
        """
        self._optimizer.forget_gradients()
        if batch is None:
            return {}, {}
        rank = (self._ranks.rank,) if self._ranks.rank else ()
        parts = [(batch, state)] if self.parts == 1 else self._task.split(batch, state, self.parts)
        sums: dict[str, Tensor] = {}
        states: list[State] = []
        for number, (part, part_state) in enumerate(parts):
            masks = MaskSource(self._settings.seed, (step, number, *rank), self._device)
            with autocast(self._device, self._precision):
                output = self._task.step(part, part_state, masks)
            mean = output.loss / max(1, num_targets)
            mean.backward()  # type: ignore[no-untyped-call]
            states.append(output.state)
            add_sums(sums, {"loss": output.loss.detach(), **output.totals})
        return sums, states[0] if len(states) == 1 else self._task.join(states)


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of a tensor that holds a number that is not finite, or None; waits for the device."""
    numbers = {name: t for name, t in tensors.items() if t.is_floating_point() and t.numel()}
    if not numbers:
        return None
    # An extreme of numbers is finite only if all are, and is found without another tensor of their size.
    ends = [torch.stack(torch.aminmax(t.detach())).float() for t in numbers.values()]
    whole = torch.stack(ends).isfinite().all(1).tolist()
    return next((name for name, fine in zip(numbers, whole, strict=True) if not fine), None)
