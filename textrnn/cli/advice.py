"""What a run's curves say, for those who trained it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textrnn import bundle
from textrnn.cli.jobs import JOBS

if TYPE_CHECKING:
    from textrnn.experiments.advice import Advice

__all__ = ["advice_on"]


def advice_on(job: str, model: Path) -> tuple[Advice, ...]:
    """Return three sentences on a run that has ended; none where its log tells of no plan, or no step.

    Args:
        job: Its job, as in ``config.json``.
        model: Its directory.
    """
    from textrnn.experiments.advice import advise
    from textrnn.experiments.journal import read_history

    try:
        history = read_history(model / bundle.LOG)
    except OSError:
        return ()
    if job not in JOBS or not history.plan or (history.end is None and not history.last_step):
        return ()
    # Trials of a study that have lost keep no state.
    can_resume = (model / bundle.RESUME / bundle.STATE).is_file()
    return advise(history, JOBS[job].how_to_go_on(model) if can_resume else None)
