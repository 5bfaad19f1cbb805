"""Training on a device that is not the CPU, without one: torch's ``meta`` tensors have shapes and no numbers.

Whatever looks at a number fails on it, as it would make a GPU's step wait, and so does here whatever takes
tensors of two devices.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

from textrnn.training.settings import TrainingSettings
from textrnn.training.task import Task
from textrnn.training.update import Updater

__all__ = ["DEVICE", "train_elsewhere"]

DEVICE = torch.device("meta")
COPIES = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of two devices: meta tensors overlook some that a GPU refuses."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = _pytree.tree_leaves((args, kwargs))
        devices = {t.device.type for t in given if isinstance(t, Tensor) and t.ndim}
        assert len(devices) < 2 or func in COPIES, f"{func} of tensors on {devices}"
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def what_meta_lacks() -> Iterator[None]:
    """Draw the random numbers of meta tensors on the CPU."""

    class Generator(torch.Generator):
        def __new__(cls, device: object = None) -> Generator:
            return super().__new__(cls)

    with mock.patch.object(torch, "Generator", Generator):
        yield


def train_elsewhere(task: Task, settings: TrainingSettings, steps: int = 3) -> None:
    """Do some updates on another device.

    Args:
        task: Its model lies on ``DEVICE``.
        settings: Resolved settings.
        steps: How many.
    """
    with what_meta_lacks(), OneDevice():
        updater = Updater(task, settings, DEVICE, "float32")
        batches = task.batches(0, 0)
        for step in range(steps):
            sums, norm = updater.update(next(batches), step, 1e-3, step / steps)
            assert {t.device for t in (*sums.values(), norm)} == {DEVICE}
        assert {tensor.device for tensor in updater.tensors().values()} == {DEVICE}
