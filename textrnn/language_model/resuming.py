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
from textrnn.language_model.run import (
    JOB,
    Clock,
    Machine,
    PreparedRun,
    Report,
    StopSignal,
    follow,
    new_model,
    run_facts,
    speedometer,
    stopwatch,
    targets_per_step,
)
from textrnn.language_model.settings import SHAPE, LanguageModelSettings
from textrnn.training.checkpoint import RunDirectory, RunState, versions
from textrnn.training.events import Event, Planned, Resumed

__all__ = ["changed_settings", "resume_run"]

BUDGET = ("minutes", "epochs", "max_steps")


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
    budget = {name: changes[name] for name in BUDGET if changes.get(name) is not None}
    others = {name: value for name, value in changes.items() if name not in BUDGET}
    settings = changed_settings(recorded, others)
    machine = Machine.of(settings)
    settings = dataclasses.replace(
        settings, precision=machine.precision, threads=machine.facts.threads
    )
    _tell_versions(head, report)
    directory.update_head(settings=as_dict(settings))
    if state.ended and not budget:
        event = Planned(as_dict(settings), state.plan.as_dict(), head["facts"])
        return PreparedRun(event, path, True, lambda _: iter(()), lambda: 0.0, directory.close)
    corpus = _same_corpus(path, head["data"], settings, cache or default_cache_dir(), report)
    if others.get("patience") is not None:
        plan = dataclasses.replace(state.plan, patience=others["patience"])
        state = dataclasses.replace(state, plan=plan)
    reasons: tuple[str, ...] = ()
    deadline = None
    if budget:
        state, deadline = _extended(
            state, budget, corpus.train.tokens, targets_per_step(settings, corpus.train), clock
        )
        reasons = (f"goes on to step {state.plan.max_steps:,}",)
    elif state.plan.budget_s is not None:
        deadline = max(0.0, state.plan.budget_s - state.elapsed_s)

    def start(stop_signal: StopSignal) -> Iterator[Event]:
        model = new_model(settings, corpus.tokenizer.vocab_size, machine.device, None)
        epochs = state.targets / max(1, corpus.train.tokens)
        yield Resumed(state.step, state.plan.max_steps, epochs, state.elapsed_s)
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

    facts = run_facts(settings, corpus, machine)
    event = Planned(as_dict(settings), state.plan.as_dict(), facts, reasons)
    measure = speedometer(machine, corpus.tokenizer.vocab_size)
    return PreparedRun(event, path, False, start, lambda: measure(settings), directory.close)


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
            instead = "start a new run without --resume"
            if name not in SHAPE:
                instead += ", from this model's weights with --init-from if you like"
            raise UsageError(
                f"{known[name].option} {value}: the run was started with {getattr(recorded, name)}, and "
                f"changing it would make another experiment; only budget, device and logging may "
                f"change on --resume: {instead}"
            )
    return make(LanguageModelSettings, {**as_dict(recorded), **changes})


def _same_corpus(
    path: Path,
    data: Mapping[str, Any],
    settings: LanguageModelSettings,
    cache: Path,
    report: Report,
) -> Corpus:
    """Prepare a run's text again, or find it in the cache where it came from a pipe or has moved."""
    sources = [*data["sources"], *data["valid_sources"]]
    gone = [s["name"] for s in sources if s["path"] is None or not Path(s["path"]).exists()]
    if gone:
        found = open_corpus(data["digest"], cache)
        if found is None:
            raise DataError(
                f"{', '.join(gone[:3])}: the text that {path} was trained on is neither there nor in the "
                f"cache ({cache}), so the run cannot be resumed; put it back, or train on another text "
                f"from this model with --init-from {path}"
            )
        report(f"{', '.join(gone[:3])}: no longer there, found in the cache")
        return found
    tokenizer = bundle.open_bundle(path, JOB).tokenizer()
    corpus = prepare_corpus(
        data["inputs"], data["valid_inputs"], settings, tokenizer, cache=cache, report=report
    )
    if corpus.digest != data["digest"]:
        raise DataError(
            f"the text has changed since {path} was trained, so its run cannot be resumed; to train on "
            f"the new text, start from this model with --init-from {path}"
        )
    return corpus


def _extended(
    state: RunState,
    budget: Mapping[str, Any],
    train_tokens: int,
    targets_per_step: int,
    clock: Clock,
) -> tuple[RunState, float | None]:
    """Return the state with a plan that goes on from here: warmed again, down to the new end."""
    per_step = max(1, state.targets // state.step if state.step else targets_per_step)
    limits = []
    deadline = None
    if "minutes" in budget:
        deadline = budget["minutes"] * 60
        step_s = state.stepping_s / max(1, state.step) or 0.1
        limits.append(max(1, int(0.93 * max(1.0, deadline - clock()) / step_s)))
    if "epochs" in budget:
        limits.append(max(1, round(budget["epochs"] * train_tokens / per_step)))
    if "max_steps" in budget:
        limits.append(budget["max_steps"])
    budget_s = None if deadline is None else deadline + state.elapsed_s
    plan = state.plan.extended(state.step, min(limits), budget_s)
    return dataclasses.replace(state, plan=plan, waited=0, ended=""), deadline
