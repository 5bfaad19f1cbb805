"""A run of any job, begun anew: machine, plan, first save, loop."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from textrnn.config import as_dict
from textrnn.training.checkpoint import RunDirectory
from textrnn.training.device import (
    DeviceFacts,
    device_facts,
    own_device,
    pick_device,
    pick_precision,
    use_threads,
)
from textrnn.training.events import Event, Planned
from textrnn.training.leading import Lead
from textrnn.training.loop import Loop
from textrnn.training.memory import keep_freed_memory
from textrnn.training.place import Place
from textrnn.training.plan import PlannerAnswer
from textrnn.training.ranks import ALONE, RankLostError, Ranks
from textrnn.training.settings import TrainingSettings
from textrnn.training.state import RunState
from textrnn.training.task import Task

__all__ = [
    "Clock",
    "Machine",
    "PreparedRun",
    "Report",
    "StopSignal",
    "Training",
    "follow",
    "new_run",
    "stopwatch",
]

Report = Callable[[str], None]
Clock = Callable[[], float]
StopSignal = Callable[[], int | None]

S = TypeVar("S", bound=TrainingSettings)


@dataclass(frozen=True)
class PreparedRun:
    """A run that is planned and ready: look at ``planned``, then iterate ``events()``.

    Attributes:
        planned: The plan with its reasons, as the first event.
        path: The model directory.
        is_finished: Whether a resumed run has nothing left to do.
    """

    planned: Planned
    path: Path
    is_finished: bool
    _start: Callable[[StopSignal, Ranks], Iterator[Event]]
    _step_s: Callable[[], float]
    _close: Callable[[], None] = lambda: None

    def estimated_s(self) -> float:
        """Measure a step and return the seconds that all steps of the plan will take."""
        return self._step_s() * int(self.planned.plan["max_steps"])

    def close(self) -> None:
        """Let go of the directory of a resumed run that is not to be run after all."""
        self._close()

    def events(
        self, stop_signal: StopSignal = lambda: None, ranks: Ranks = ALONE
    ) -> Generator[Event, None, None]:
        """Train; see ``textrnn.training.loop.Loop.run``.

        Args:
            stop_signal: Returns the number of a signal that asks the run to save and end, or None.
            ranks: The processes that train together, led by this one; the others are in
                ``textrnn.training.following.follow_orders``.
        """
        yield self.planned
        yield from self._start(stop_signal, ranks)


@dataclass(frozen=True)
class Machine:
    """The device of a run, set up.

    Attributes:
        device: Where the model lies.
        precision: ``float32`` or ``bf16``, decided.
        facts: The same for the planner.
        processes: How many train together, each on a device or on its share of the threads.
    """

    device: torch.device
    precision: str
    facts: DeviceFacts
    processes: int = 1

    @classmethod
    def of(cls, settings: TrainingSettings) -> Machine:
        """Take the device, threads and precision that the settings ask for into use.

        Where several processes train together, they share the threads of their machine, and each takes
        the GPU of its number. On a CPU, memory that steps free stays with the process.
        """
        place = Place.of(os.environ)
        device = pick_device(own_device(settings.device, place))
        if device.type == "cpu":
            # Of the whole process, and before anything is measured.
            keep_freed_memory()
        threads = use_threads(settings.threads, place.local_size)
        precision = pick_precision(settings.precision, device)
        return cls(device, precision, device_facts(device, precision, threads), place.size)

    def applied_to(self, settings: S) -> S:
        """Return settings with the precision and the threads that were decided."""
        return dataclasses.replace(settings, precision=self.precision, threads=self.facts.threads)

    def as_facts(self) -> dict[str, Any]:
        """Return the figures of the machine that stand beside a plan."""
        return {
            "device": self.facts.name,
            "device_type": self.facts.type,
            "threads": self.facts.threads,
            "precision": self.precision,
            "processes": self.processes,
        }


@dataclass(frozen=True)
class Training:
    """What a job brings to a run, its data read and its settings resolved.

    Attributes:
        settings: Every setting, resolved.
        machine: What trains.
        facts: Figures of data, model and machine, for the record.
        epoch_targets: Targets in a pass over the training data.
        step_targets: Targets of a step, on average.
        make_task: Builds the model, with its starting weights, and the task.
        step_s: Measures the seconds of a step.
    """

    settings: TrainingSettings
    machine: Machine
    facts: Mapping[str, Any]
    epoch_targets: int
    step_targets: int
    make_task: Callable[[], Task]
    step_s: Callable[[], float]


def new_run(
    training: Training,
    answer: PlannerAnswer[Any],
    output: Path,
    head: Mapping[str, Any],
    files: Mapping[str, bytes],
    clock: Clock,
) -> PreparedRun:
    """Return a run that begins anew; nothing is written to ``output`` before ``events()``.

    Args:
        training: What the job brings.
        answer: What the loop will do, and why.
        output: The model directory to make.
        head: What ``config.json`` says of the job: its name, data and tokenizers.
        files: The files of the model but for its weights, by name.
        clock: Seconds since the command's start.
    """
    plan = answer.plan
    settings = as_dict(training.settings)
    head = {**head, "settings": settings, "facts": dict(training.facts)}

    def start(stop_signal: StopSignal, ranks: Ranks) -> Iterator[Event]:
        task = training.make_task()
        directory = RunDirectory.create(output, head, files)
        state = RunState(plan)
        yield from follow(
            training, task, state, directory, clock, plan.budget_s, stop_signal, None, ranks
        )

    event = Planned(head["job"], settings, plan.as_dict(), training.facts, answer.reasons)
    return PreparedRun(event, output, False, start, training.step_s)


def follow(
    training: Training,
    task: Task,
    state: RunState,
    directory: RunDirectory,
    clock: Clock,
    deadline_s: float | None,
    stop_signal: StopSignal,
    tensors: dict[str, Tensor] | None,
    ranks: Ranks,
) -> Iterator[Event]:
    """Run the loop, and let go of the directory whatever happens.

    Args:
        training: What the job brings.
        task: The job's task.
        state: Where the run stands.
        directory: Where it is saved.
        clock: Seconds since the command's start.
        deadline_s: When the last save must be done, on ``clock``.
        stop_signal: See ``textrnn.training.loop.Loop``.
        tensors: Those of the save that a resumed run goes on from.
        ranks: The processes that train together, led by this one.

    Raises:
        RankLostError: another process is gone; the state is saved.
    """
    machine = training.machine

    def call() -> dict[str, Any]:
        return {
            "job": directory.head["job"],
            "path": str(directory.path.resolve()),
            "head": dict(directory.head),
            "settings": as_dict(training.settings),
        }

    try:
        loop = Loop(
            task,
            training.settings,
            state,
            directory,
            device=machine.device,
            precision=machine.precision,
            clock=clock,
            deadline_s=deadline_s,
            stop_signal=lambda: stop_signal() or ranks.asked,
            lead=Lead(ranks, task, machine.device, call),
        )
        try:
            if tensors is not None:
                loop.restore(tensors)
            yield from loop.run()
        except RankLostError as lost:
            yield from loop.save_alone()
            raise RankLostError(
                f"{lost}; the run is saved at step {directory.saved_step or 0:,}: go on with --resume "
                f"{directory.path}"
            ) from lost
    finally:
        directory.close()


def stopwatch() -> Clock:
    """Return a clock that begins now."""
    begun = time.monotonic()
    return lambda: time.monotonic() - begun
