"""What a study is to do, read from its record, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textrnn.cli.console import duration
from textrnn.cli.jobs import Job, job_named
from textrnn.cli.output import shown
from textrnn.experiments.outcomes import Objective
from textrnn.experiments.space import Space
from textrnn.experiments.tuning import Limits

__all__ = ["Searched", "limits_of", "plan_lines", "searched_of"]


@dataclass(frozen=True)
class Searched:
    """A study's record, read.

    Attributes:
        job: What is tuned.
        record: All of it.
        space: What is searched.
        objective: What trials are compared by.
    """

    job: Job
    record: Mapping[str, Any]
    space: Space
    objective: Objective


def searched_of(record: Mapping[str, Any]) -> Searched:
    """Read a study's record."""
    job = job_named(record["job"])
    space = Space.parse(record["search"], job.settings())
    return Searched(job, record, space, Objective(**record["objective"]))


def plan_lines(searched: Searched, folder: Path) -> list[tuple[str, str]]:
    """Return what a study will do, as labelled lines."""
    record, fixed = searched.record, dict(searched.record["fixed"])
    trials, workers, minutes = record["trials"], record["workers"], fixed.pop("minutes", None)
    many = f"{trials} trials" if trials is not None else "trials"
    size = searched.space.size
    of = f" of {size:,} combinations" if size is not None else ""
    units = {"epochs": "epochs", "max_steps": "steps"}
    budget = [f"{fixed.pop(name):g} {unit}" for name, unit in units.items() if name in fixed]
    if minutes is not None:
        budget.insert(0, f"{60 * minutes:.3g} s" if minutes < 1 else f"{minutes:.3g} minutes")
    each = " and ".join(budget)
    parts = [f"{many}{of} by {record['strategy']}"]
    parts.append(f"each of {each}" if each else "each as long as a run of its own would be")
    if workers > 1:
        parts.append(f"{workers} at a time")
    if record["minutes"] is not None:
        parts.append(f"{duration(60 * record['minutes'])} in all")
    if record["prune"]:
        parts.append("hopeless ones stopped early")
    lines = [("study", f"{shown(folder)}: {', '.join(parts)}")]
    lines.append(("search", ", ".join(searched.space.texts)))
    told = {name: value for name, value in fixed.items() if name not in ("select",)}
    if told:
        lines.append(("fixed", ", ".join(f"{name}={value}" for name, value in told.items())))
    first = "; the first trial takes the defaults" if record["baseline"] else ""
    lines.append(("compare", f"by {searched.objective.name} on the validation data{first}"))
    return lines


def limits_of(record: Mapping[str, Any]) -> Limits:
    """Return how much a study's record says to do."""
    minutes, each = record["minutes"], record["fixed"].get("minutes")
    return Limits(
        record["trials"],
        None if minutes is None else 60 * minutes,
        None if each is None else 60 * each,
        record["workers"],
    )
