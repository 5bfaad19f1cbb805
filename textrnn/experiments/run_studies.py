"""Studies among runs: the runs of a study as one, that of its best model."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from textrnn.errors import TextrnnError
from textrnn.experiments.keeping import BEST_MODEL
from textrnn.experiments.runs import Run, sorted_runs
from textrnn.experiments.study import FILE, Study

__all__ = ["folded", "study_of"]


def study_of(path: Path) -> Path | None:
    """Return the study that a model directory belongs to; None where it is a run of its own.

    Args:
        path: ``STUDY/best`` or ``STUDY/trials/0001``.
    """
    if path.parent.name == "trials" and (path.parent.parent / FILE).is_file():
        return path.parent.parent
    if path.name == BEST_MODEL and (path.parent / FILE).is_file():
        return path.parent
    return None


def folded(runs: Iterable[Run], asked: Sequence[Path]) -> list[Run]:
    """Return runs with those of each study replaced by the one of its best model.

    That is the model that the study kept, or until it has, its best trial. It says how many trials it stands
    for, and is running where one of them is.

    Args:
        runs: The runs.
        asked: Folders that were named: a study that is, or holds, one of them stays whole.
    """
    named = [folder.resolve() for folder in asked]
    found: list[Run] = []
    studies: dict[Path, list[Run]] = {}
    for run in runs:
        study = study_of(run.path)
        study = None if study is None else study.resolve()
        if study is None or any(study in (each, *each.parents) for each in named):
            found.append(run)
        else:
            studies.setdefault(study, []).append(run)
    return found + [_best(study, members) for study, members in studies.items()]


def _best(study: Path, members: Sequence[Run]) -> Run:
    trials = [run for run in members if run.path.name != BEST_MODEL]
    kept = [run for run in members if run.path.name == BEST_MODEL]
    best = (kept or sorted_runs(trials, "best"))[0]
    if any(run.state == "running" for run in members):
        best = dataclasses.replace(best, state="running", reason=None)
    return dataclasses.replace(best, trials=_count(study) or len(trials))


def _count(study: Path) -> int:
    """Return how many trials a study knows of: their directories may be gone. 0 where it cannot be read."""
    with contextlib.suppress(TextrnnError), contextlib.closing(Study.open(study)) as opened:
        return len(opened.trials())
    return 0
