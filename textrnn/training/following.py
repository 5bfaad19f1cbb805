"""A process that trains along: takes its rows of every batch, and does what the first process says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from textrnn.config import make
from textrnn.errors import TrainingError
from textrnn.training.ranks import BEGIN, END, GATHER, TAKE, Ranks
from textrnn.training.resuming import Resumption
from textrnn.training.run import Machine
from textrnn.training.settings import TrainingSettings
from textrnn.training.task import Batch, Task
from textrnn.training.update import Updater

__all__ = ["follow_orders"]


def follow_orders(
    ranks: Ranks,
    job: Callable[[str], Resumption[TrainingSettings]],
    begun: Callable[[], None],
    stop_signal: Callable[[], int | None],
) -> None:
    """Train along until the first process ends the run, if it begins one at all.

    Args:
        ranks: The processes of the run; this is not the first.
        job: Returns what takes up runs of a job of that name.
        begun: Called once this process is ready to train.
        stop_signal: Returns the number of a signal that this process got, or None.

    Raises:
        RankLostError: the first process has ended without a word.
        TextrnnError: this one cannot read the data, or has no such device.
    """
    if ranks.order().kind == END:
        return
    call = ranks.broadcast()
    task, updater = _prepared(ranks, job(call["job"]), call)
    batches = _Batches(task)
    begun()
    while (order := ranks.order(signal=stop_signal())).kind != END:
        if order.kind == TAKE:
            updater.restore(ranks.tensors({}))
        elif order.kind == GATHER:
            ranks.gather(updater.carried)
        elif order.kind == BEGIN:
            raise TrainingError("the first process begins twice; this is a fault of textrnn")
        else:
            batch = batches.at(order.epoch, order.batch)
            updater.update(batch, order.step, order.rate, order.progress)


def _prepared(
    ranks: Ranks, resumption: Resumption[TrainingSettings], call: Mapping[str, Any]
) -> tuple[Task, Updater]:
    """Read the data and build the model of a run, as one that takes it up does."""
    model = Path(call["path"])
    if not model.is_dir():
        raise TrainingError(
            f"{model}: not there for rank {ranks.rank}; all processes must see the model's directory: "
            f"put it with --output on a file system that the machines share"
        )
    settings = make(resumption.settings, call["settings"], str(model))
    # The first process keeps the average.
    settings = dataclasses.replace(settings, ema_decay=0.0)
    machine = Machine.of(settings)
    training = resumption.reopen(model, settings, machine, call["head"], None, lambda _: None)
    task = training.make_task()
    updater = Updater(task, settings, machine.device, machine.precision, ranks)
    ranks.begin(machine.device)
    return task, updater


class _Batches:
    """The batches of a task in order, or from wherever the first process goes back to."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._next = (-1, -1)
        self._found: Iterator[Batch] = iter(())

    def at(self, epoch: int, number: int) -> Batch:
        """Return a batch."""
        if (epoch, number) != self._next:
            self._found = self._task.batches(epoch, number)
        self._next = (epoch, number + 1)
        return next(self._found)
