"""The one measurement that a time budget asks for: how long a training step takes here."""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import Tensor, nn

from textrnn.nn.dropout import MaskSource
from textrnn.nn.parts import parts_of
from textrnn.training.clipping import clip_gradients
from textrnn.training.device import autocast, finish, is_out_of_memory, product_type
from textrnn.training.optimizer import make_optimizer, updates_rows
from textrnn.training.run import Machine
from textrnn.training.settings import TrainingSettings

__all__ = ["measured_step_s"]

_MEASURED_STEPS = 4


def measured_step_s(
    model: nn.Module,
    settings: TrainingSettings,
    machine: Machine,
    loss: Callable[[int, MaskSource], Tensor],
) -> float:
    """Return the seconds of a step; where memory runs out, of one in more parts.

    Of several processes, each has its share of the batch; what they tell each other is not measured.

    Args:
        model: The network, on its device.
        settings: Resolved settings.
        machine: What trains.
        loss: Runs forward on made-up data, a batch of so many rows; returns the loss.
    """
    parts, batch_size = settings.accumulation, -(-(settings.batch_size or 1) // machine.processes)
    while True:
        try:
            rows = -(-batch_size // parts)
            return parts * _step_s(model, settings, machine, rows, loss)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or parts >= batch_size:
                raise
        parts *= 2


def _step_s(
    model: nn.Module,
    settings: TrainingSettings,
    machine: Machine,
    rows: int,
    loss: Callable[[int, MaskSource], Tensor],
) -> float:
    """Return the seconds of a step on a batch's part."""
    optimizer = make_optimizer(
        settings,
        model.named_parameters(),
        parts=parts_of(model),
        by_rows=updates_rows(settings, machine.device, machine.processes),
        product_type=product_type(machine.precision),
    )
    times = []
    for step in range(_MEASURED_STEPS):
        begun = time.perf_counter()
        masks = MaskSource(0, (step,), machine.device)
        with autocast(machine.device, machine.precision):
            value = loss(rows, masks)
        value.backward()  # type: ignore[no-untyped-call]
        clip_gradients(optimizer.leaves(), 1.0)
        optimizer.step()
        optimizer.forget_gradients()
        finish(machine.device)
        times.append(time.perf_counter() - begun)
    return min(times)
