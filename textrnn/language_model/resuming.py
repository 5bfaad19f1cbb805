"""Going on with a run where it stopped, or beyond its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from textrnn import bundle
from textrnn.config import as_dict, make, specs
from textrnn.data.cache import default_cache_dir
from textrnn.data.corpus import Corpus, open_corpus, prepare_corpus
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.language_model.planner import LanguageModelPlan
from textrnn.language_model.run import (
    JOB,
    Clock,
    Machine,
    PreparedRun,
    Report,
    StopSignal,
    follow,
    new_model,
    planned_event,
    speedometer,
    stopwatch,
)
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.training.checkpoint import RunDirectory, RunState
from textrnn.training.events import Event, Resumed

__all__ = ["changed_settings", "resume_run"]


def resume_run(
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
        cache: Folder for encoded texts.
        clock: Seconds since the command's start; by default since this call.
        report: Is told in a line what is being done.

    Raises:
        ModelError: no model there, damaged, or without a training state.
        UsageError: a setting changed that would make it another run.
        DataError: the data are gone or have changed.
    """
    clock = clock or stopwatch()
    directory, state, tensors = RunDirectory.reopen(path)
    try:
        return _resumed(directory, state, tensors, changes, cache, clock, report)
    except BaseException:
        directory.close()
        raise


def _resumed(
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
    if head.get("job") != JOB:
        raise ModelError(f"{path} is a {head.get('job')} model, not a {JOB}")
    recorded = make(LanguageModelSettings, head["settings"], str(path))
    settings = changed_settings(recorded, changes)
    machine = Machine.of(settings)
    settings = dataclasses.replace(settings, precision=machine.precision)
    corpus = _same_corpus(path, head["data"], settings, cache or default_cache_dir(), report)
    if corpus.digest != head["data"]["digest"]:
        raise DataError(
            f"the text has changed since {path} was trained, so its run cannot be resumed; to train on "
            f"the new text, start from this model with --init-from {path}"
        )
    reasons: list[str] = []
    deadline = None
    budget = {name for name in ("minutes", "epochs", "max_steps") if changes.get(name) is not None}
    if budget:
        state, deadline = _extended(settings, state, corpus, budget, clock)
        reasons.append(f"goes on to step {state.plan.max_steps:,}")
    elif state.plan.budget_s is not None:
        deadline = max(0.0, state.plan.budget_s - state.elapsed_s)
    directory.update_head(settings=as_dict(settings))

    def start(stop_signal: StopSignal) -> Iterator[Event]:
        model = new_model(settings, corpus.tokenizer.vocab_size, machine.device, None)
        yield Resumed(
            state.step,
            state.plan.max_steps,
            state.targets / max(1, corpus.train.tokens),
            state.elapsed_s,
        )
        yield from follow(
            model,
            settings,
            corpus,
            state,
            directory,
            machine,
            clock,
            deadline,
            stop_signal,
            tensors,
        )

    planned = LanguageModelPlan(settings, state.plan, tuple(reasons))
    event = planned_event(settings, planned, corpus, machine)
    is_finished = not budget and bool(state.ended)
    measure = speedometer(machine, corpus.tokenizer.vocab_size)
    return PreparedRun(event, path, is_finished, start, lambda: measure(settings), directory.close)


def changed_settings(
    recorded: LanguageModelSettings, changes: Mapping[str, Any]
) -> LanguageModelSettings:
    """Return the recorded settings with the changes that a resumed run may make.

    Raises:
        UsageError: another setting differs from the recorded one.
    """
    known = specs(LanguageModelSettings)
    for name, value in changes.items():
        if not known[name].on_resume and value != getattr(recorded, name):
            raise UsageError(
                f"{known[name].option} {value}: the run was started with {getattr(recorded, name)}, and "
                f"changing it would make another experiment; only budget, device and logging may "
                f"change on --resume: start a new model with --init-from instead"
            )
    return make(LanguageModelSettings, {**as_dict(recorded), **changes})


def _same_corpus(
    path: Path,
    data: Mapping[str, Any],
    settings: LanguageModelSettings,
    cache: Path,
    report: Report,
) -> Corpus:
    """Prepare a run's text again, or find it in the cache where it came from a pipe."""
    if any(source["path"] is None for source in (*data["sources"], *data["valid_sources"])):
        found = open_corpus(data["digest"], cache)
        if found is None:
            raise DataError(
                f"{path} was trained on standard input, which is no longer in the cache ({cache}), so its "
                f"run cannot be resumed; to train on more text, start from this model with "
                f"--init-from {path}"
            )
        return found
    tokenizer = bundle.open_bundle(path, JOB).tokenizer()
    return prepare_corpus(
        data["inputs"], data["valid_inputs"], settings, tokenizer, cache=cache, report=report
    )


def _extended(
    settings: LanguageModelSettings,
    state: RunState,
    corpus: Corpus,
    budget: set[str],
    clock: Clock,
) -> tuple[RunState, float | None]:
    """Return the state with a plan that goes on from here: warmed again, down to the new end."""
    plan = state.plan
    per_step = max(1, state.targets // max(1, state.step))
    limits = []
    deadline = None
    if "minutes" in budget:
        deadline = (settings.minutes or 0) * 60
        step_s = state.stepping_s / max(1, state.step) or 0.1
        limits.append(max(1, int(0.93 * max(1.0, deadline - clock()) / step_s)))
    if "epochs" in budget:
        limits.append(max(1, round((settings.epochs or 0) * corpus.train.tokens / per_step)))
    if "max_steps" in budget:
        limits.append(settings.max_steps or 1)
    more = min(limits)
    plan = plan.extended(state.step, more, None if deadline is None else deadline + state.elapsed_s)
    return dataclasses.replace(state, plan=plan, waited=0, ended=""), deadline
