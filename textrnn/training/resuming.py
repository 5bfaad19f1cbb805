"""Going on with a run of any job where it stopped, or beyond its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor

from textrnn.config import as_dict, make, specs
from textrnn.errors import ModelError, UsageError
from textrnn.training.budget import MINUTES_SHARE
from textrnn.training.checkpoint import RunDirectory
from textrnn.training.events import Event, Planned, Resumed
from textrnn.training.ranks import Ranks
from textrnn.training.run import (
    Clock,
    Machine,
    PreparedRun,
    Report,
    StopSignal,
    Training,
    follow,
    stopwatch,
)
from textrnn.training.settings import TrainingSettings
from textrnn.training.state import RunState
from textrnn.training.versions import versions

__all__ = ["Reopen", "Resumption", "changed_settings"]

BUDGET = ("minutes", "epochs", "max_steps")

_RESOLVED = ("optimizer", "learning_rate", "weight_decay", "warmup_steps", "batch_size")
"""Settings that the planner has chosen in every run, whoever did not."""

S = TypeVar("S", bound=TrainingSettings)
T = TypeVar("T", bound=TrainingSettings, contravariant=True)


class Reopen(Protocol[T]):
    """Prepares a recorded run again."""

    def __call__(
        self,
        model: Path,
        settings: T,
        machine: Machine,
        head: Mapping[str, Any],
        cache: Path | None,
        report: Report,
    ) -> Training:
        """Return what the job brings to the run.

        Args:
            model: The model directory.
            settings: As they are now.
            machine: What trains.
            head: What ``config.json`` holds.
            cache: Folder for encoded texts; None takes the usual one.
            report: Is told in a line what is being done.
        """


@dataclass(frozen=True)
class Resumption(Generic[S]):
    """Takes up the runs of a job; all that a job has to say about going on with them.

    Attributes:
        job: Its name.
        settings: The class of its settings.
        shape: Settings without which another model's weights mean nothing.
        reopen: Prepares the recorded run again.
    """

    job: str
    settings: type[S]
    shape: frozenset[str]
    reopen: Reopen[S]

    def __call__(
        self,
        path: Path,
        changes: Mapping[str, Any],
        *,
        cache: Path | None = None,
        clock: Clock | None = None,
        report: Report = lambda message: None,
    ) -> PreparedRun:
        """Take up a run where it stopped; with a budget among ``changes``, go on for that much more.

        Args:
            path: The model directory.
            changes: Settings given anew; only budget, device and logging may differ.
            cache: Folder for encoded texts; None takes the usual one.
            clock: Seconds since the command's start; by default since this call.
            report: Is told in a line what is being done.

        Raises:
            ModelError: no model there, damaged, of another job, or without a training state.
            UsageError: a setting changed that would make it another run.
            DataError: the data are gone or have changed.
        """
        clock = clock or stopwatch()
        directory, state, tensors = RunDirectory.reopen(path)
        try:
            return _resumed(self, directory, state, tensors, changes, cache, clock, report)
        except BaseException:
            directory.close()
            raise


def _resumed(
    resumption: Resumption[S],
    directory: RunDirectory,
    state: RunState,
    tensors: dict[str, Tensor],
    changes: Mapping[str, Any],
    cache: Path | None,
    clock: Clock,
    report: Report,
) -> PreparedRun:
    """Plan the rest of a run whose directory is open."""
    path, head = directory.path, directory.head
    if head.get("job") != resumption.job:
        raise ModelError(f"{path} is a {head.get('job')} model, not a {resumption.job}")
    recorded = _recorded_settings(resumption.settings, path, head)
    budget = {name: changes[name] for name in BUDGET if changes.get(name) is not None}
    others = {name: value for name, value in changes.items() if name not in BUDGET}
    settings = changed_settings(recorded, others, resumption.shape)
    machine = Machine.of(settings)
    settings = machine.applied_to(settings)
    _tell_versions(head, report)
    directory.update_head(settings=as_dict(settings))
    if state.ended and not budget:
        facts = head.get("facts")
        facts = facts if isinstance(facts, dict) else {}
        event = Planned(resumption.job, as_dict(settings), state.plan.as_dict(), facts)
        return PreparedRun(event, path, True, lambda _, __: iter(()), lambda: 0.0, directory.close)
    training = resumption.reopen(path, settings, machine, head, cache, report)
    if others.get("patience") is not None:
        plan = dataclasses.replace(state.plan, patience=others["patience"])
        state = dataclasses.replace(state, plan=plan)
    reasons: tuple[str, ...] = ()
    deadline = None
    if budget:
        state, deadline = _extended(state, budget, training, clock)
        reasons = (f"goes on to step {state.plan.max_steps:,}",)
    elif state.plan.budget_s is not None:
        deadline = max(0.0, state.plan.budget_s - state.elapsed_s)

    def start(stop_signal: StopSignal, ranks: Ranks) -> Iterator[Event]:
        task = training.make_task()
        epochs = state.targets / max(1, training.epoch_targets)
        yield Resumed(state.step, state.plan.max_steps, epochs, state.elapsed_s)
        yield from follow(
            training, task, state, directory, clock, deadline, stop_signal, tensors, ranks
        )

    event = Planned(
        resumption.job, as_dict(settings), state.plan.as_dict(), training.facts, reasons
    )
    return PreparedRun(event, path, False, start, training.step_s, directory.close)


def _recorded_settings(cls: type[S], path: Path, head: Mapping[str, Any]) -> S:
    """Return the settings that a run was begun with, all that matter resolved.

    Raises:
        ModelError: they are not what training writes.
    """
    try:
        recorded = make(cls, head["settings"], str(path))
    except UsageError as error:
        raise ModelError(f"{error}; the model is damaged, or of a newer textrnn") from None
    missing = [name for name in _RESOLVED if getattr(recorded, name) is None]
    if missing:
        raise ModelError(f"{path}: its settings lack {', '.join(missing)}; the model is damaged")
    return recorded


def _tell_versions(head: Mapping[str, Any], report: Report) -> None:
    """Say where other versions than the run's own may change its last bits."""
    now, then = versions(), head.get("versions")
    if isinstance(then, dict):
        other = [
            f"{name} {then.get(name)}, now {now[name]}"
            for name in now
            if now[name] != then.get(name)
        ]
        if other:
            report(f"trained with {'; '.join(other)}: figures may differ in their last digits")


def changed_settings(recorded: S, changes: Mapping[str, Any], shape: frozenset[str]) -> S:
    """Return the recorded settings with the changes that a resumed run may make.

    Args:
        recorded: Settings of the run.
        changes: Those given now.
        shape: Settings that even a new run from this model's weights must keep.

    Raises:
        UsageError: another setting differs from the recorded one.
    """
    known = specs(type(recorded))
    for name, value in changes.items():
        if not known[name].on_resume and value != getattr(recorded, name):
            instead = "start a new run without --resume"
            if name not in shape:
                instead += ", from this model's weights with --init-from if you like"
            raise UsageError(
                f"{known[name].option} {value}: the run was started with {getattr(recorded, name)}, and "
                f"changing it would make another experiment; only budget, device and logging may "
                f"change on --resume: {instead}"
            )
    return make(type(recorded), {**as_dict(recorded), **changes})


def _extended(
    state: RunState, budget: Mapping[str, Any], training: Training, clock: Clock
) -> tuple[RunState, float | None]:
    """Return the state with a plan that goes on from here: warmed again, down to the new end."""
    per_step = max(1, state.targets // state.step if state.step else training.step_targets)
    limits = []
    deadline = None
    if "minutes" in budget:
        deadline = budget["minutes"] * 60
        step_s = state.stepping_s / max(1, state.step) or 0.1
        limits.append(max(1, int(MINUTES_SHARE * max(1.0, deadline - clock()) / step_s)))
    if "epochs" in budget:
        limits.append(max(1, round(budget["epochs"] * training.epoch_targets / per_step)))
    if "max_steps" in budget:
        limits.append(budget["max_steps"])
    budget_s = None if deadline is None else deadline + state.elapsed_s
    plan = state.plan.extended(state.step, min(limits), budget_s)
    return dataclasses.replace(state, plan=plan, waited=0, ended=""), deadline
