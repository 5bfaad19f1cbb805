"""From a command line to a study: what is fixed, what is searched, how long trials take, where it lies."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn._version import __version__
from textrnn.cli.aside import open_model
from textrnn.cli.data_options import Data
from textrnn.cli.jobs import Job
from textrnn.cli.output import default_output, shown
from textrnn.cli.tune_data import data_inputs, given_data, kept_data
from textrnn.cli.tune_defaults import default_search, objective_of
from textrnn.config import make
from textrnn.config_sources import gathered
from textrnn.errors import UsageError
from textrnn.experiments.space import Space
from textrnn.experiments.strategies import make_strategy
from textrnn.experiments.study import Study

__all__ = ["Request", "is_study", "new_record", "open_or_create", "study_folder"]

USUAL_TRIALS = 20
LEAST_MINUTES, FEWEST = 1.0, 4
"""Where only the whole time is given: trials have a minute at least, but there are some."""
MINUTES_SHARE = 0.95
"""Share of a study's time that goes to trials; the rest is their starts."""

_SAME = {
    "job": "the job",
    "given": "the data",
    "fixed": "the settings",
    "search": "what is searched (--search)",
    "strategy": "--strategy",
    "seed": "--seed",
    "objective": "what trials are compared by (--select)",
    "prune": "--prune",
    "baseline": "--baseline",
    "asked_trial_minutes": "--trial-minutes",
}
"""What makes two command lines the same study."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What the command line asks for, besides data and settings."""

    output: Path | None = None
    config: Path | None = None
    search: tuple[str, ...] = ()
    strategy: str | None = None
    select: str | None = None
    trials: int | None = None
    minutes: float | None = None
    trial_minutes: float | None = None
    final_minutes: float | None = None
    workers: int | None = None
    prune: bool | None = None
    baseline: bool | None = None
    keep_states: bool = False
    force: bool = False
    dry_run: bool = False
    json: bool = False
    quiet: bool = False


def study_folder(job: Job, request: Request, data: Data) -> Path:
    """Return a study's directory: ``book-lm-study`` beside what would be ``book-lm``."""
    if request.output is not None:
        return request.output
    return default_output((*data_inputs(data), *data.instead)[0], f"{job.suffix}-study")


def new_record(
    job: Job, request: Request, data: Data, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is recorded of a study as a whole, everything decided.

    Args:
        job: What is to be tuned.
        request: What the command line asks for.
        data: What on.
        changes: Settings that were given as options.

    Raises:
        UsageError: something that cannot be searched, contradictions.
    """
    fixed = gathered(job.settings(), changes, os.environ, request.config)
    make(job.settings(), fixed)
    space = _space(job, request, fixed)
    objective = objective_of(job.name, fixed.get("select", request.select), space.names)
    if "select" in _names(job):
        fixed["select"] = objective.name
    strategy = request.strategy or _usual_strategy()
    seed = int(fixed.get("seed", 0))
    make_strategy(strategy, space, seed, maximize=objective.maximize, trials=request.trials)
    is_grid = strategy == "grid"
    baseline = request.baseline is not False
    trials, trial_minutes = _budgets(request, fixed, space, is_grid=is_grid, baseline=baseline)
    if trial_minutes is not None:
        fixed["minutes"] = trial_minutes
    for parent in filter(None, data.parents.values()):
        open_model(parent)
    return {
        "job": job.name,
        "given": given_data(data),
        "options": [],
        "inputs": [],
        "fixed": {name: value for name, value in fixed.items() if value is not None},
        "search": list(space.texts),
        "strategy": strategy,
        "seed": seed,
        "objective": dataclasses.asdict(objective),
        "prune": not is_grid if request.prune is None else request.prune,
        "baseline": baseline,
        "trials": trials,
        "minutes": request.minutes,
        "asked_trial_minutes": request.trial_minutes,
        "final_minutes": request.final_minutes,
        "workers": request.workers or 1,
        "keep_states": request.keep_states,
        "version": __version__,
        "spent_s": 0.0,
    }


def is_study(folder: Path) -> bool:
    """Return whether a directory holds a study."""
    return Study.exists(folder)


def open_or_create(
    folder: Path, record: Mapping[str, Any], data: Data, *, force: bool
) -> tuple[Study, bool]:
    """Return the study of a command line: the one that is there already, or a new one.

    Args:
        folder: Its directory.
        record: As :func:`new_record` returns it.
        data: What it is made on; what can be read only once is copied into the directory.
        force: Whether another study there may be replaced.

    Returns:
        The study, and whether it is new.

    Raises:
        UsageError: something else is there.
    """
    if Study.exists(folder) and not force:
        study = Study.open(folder)
        _require_same(study, record, folder)
        _widen(study, record)
        return study, False
    if os.path.lexists(folder):
        _make_room(folder, force=force)
    study = Study.create(folder, record)
    try:
        options, inputs = kept_data(data, folder)
        study.put(options=options, inputs=inputs)
    except BaseException:
        study.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return study, True


def _space(job: Job, request: Request, fixed: Mapping[str, Any]) -> Space:
    if not request.search:
        return Space.parse(default_search(job.name, fixed), job.settings())
    space = Space.parse(request.search, job.settings())
    for name in space.names:
        if name in fixed:
            raise UsageError(
                f"{name} is {fixed[name]!r} and searched as well (--search {name}=…); leave one of them out"
            )
    return space


def _names(job: Job) -> set[str]:
    return {field.name for field in dataclasses.fields(job.settings())}


def _usual_strategy() -> str:
    import importlib.util

    return "random" if importlib.util.find_spec("optuna") is None else "tpe"


def _budgets(
    request: Request, fixed: Mapping[str, Any], space: Space, *, is_grid: bool, baseline: bool
) -> tuple[int | None, float | None]:
    """Return how many trials there will be (None: as many as the time holds) and the minutes of each."""
    workers = request.workers or 1
    trials, minutes, each = request.trials, request.minutes, request.trial_minutes
    has_budget = bool({"epochs", "max_steps"} & {*fixed, *space.names}) or "minutes" in fixed
    if each is not None and minutes is not None and each > minutes:
        raise UsageError(
            f"--trial-minutes {each:g} is more than --minutes {minutes:g} of the whole study"
        )
    if trials is None and is_grid:
        trials = (space.size or 0) + baseline
    planned = trials
    if trials is None and minutes is None:
        trials = planned = USUAL_TRIALS
    elif trials is None and minutes is not None:
        planned = max(FEWEST, min(USUAL_TRIALS, int(minutes * workers / LEAST_MINUTES)))
    if each is None and minutes is not None and not has_budget and planned is not None:
        rounds = math.ceil(planned / workers)
        each = float(f"{MINUTES_SHARE * minutes / rounds:.4g}")
    return trials, each


# What is there already


def _require_same(study: Study, record: Mapping[str, Any], folder: Path) -> None:
    recorded = study.record
    fixed = {"fixed": _without_time(recorded), "now": _without_time(record)}
    for key, what in _SAME.items():
        then, now = (
            (fixed["fixed"], fixed["now"]) if key == "fixed" else (recorded.get(key), record[key])
        )
        if then != now:
            study.close()
            raise UsageError(
                f"{folder} holds a study that differs in {what}: go on with that one with textrnn tune "
                f"--resume {shown(folder)}, replace it with --force, or choose another directory with "
                f"--output{_difference(then, now)}"
            )


def _without_time(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return fixed settings but for the trials' time, which is derived, and the threads."""
    return {k: v for k, v in record["fixed"].items() if k not in ("minutes", "threads")}


def _difference(then: object, now: object) -> str:
    if isinstance(then, dict) and isinstance(now, dict):
        names = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
        return f" ({', '.join(names)})"
    return f" ({_words(then)} there, {_words(now)} now)"


def _words(value: object) -> str:
    if isinstance(value, dict):
        return str(value.get("name", value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(str, value))
    return "not given" if value is None else str(value)


def _widen(study: Study, record: Mapping[str, Any]) -> None:
    """Take over how much there is to do from the command line; trials keep the length that they had."""
    names = ("trials", "minutes", "final_minutes", "workers", "keep_states")
    study.put(**{name: record[name] for name in names})


def _make_room(folder: Path, *, force: bool) -> None:
    """Delete a study that is to be replaced; an empty directory may stay."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not Study.exists(folder):
        raise UsageError(
            f"{folder} exists already and is no study; choose another directory with --output"
        )
    study = Study.open(folder)
    is_busy = study.has_strangers()
    study.close()
    if is_busy:
        raise UsageError(
            f"{folder}: a study is running there; choose another directory with --output"
        )
    if force:
        shutil.rmtree(folder)
