"""Which trials are not worth finishing: the median rule."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from textrnn.experiments.trial import Trial

__all__ = ["LEAST_SHARE", "LEAST_TRIALS", "is_hopeless"]

LEAST_TRIALS = 4
"""Trials that must have come as far: a median of fewer says little."""
LEAST_SHARE = 0.3
"""Share of its plan that every trial is given: early on, large rates and small models look best."""


def is_hopeless(trial: Trial, others: Sequence[Trial], *, maximize: bool) -> bool:
    """Return whether a trial's best figure so far is worse than the median of the others' at that point.

    The median stopping rule (Golovin et al. 2017, "Google Vizier", section 3.2.2), with the others' best
    figures in place of their running averages, and points compared by the share of the plan that is done,
    since trials of one time budget differ in their steps.

    Args:
        trial: A running trial.
        others: Trials; those that ended, whether at their end or before, count where they came as far.
        maximize: Whether greater figures are better.
    """
    if not trial.curve:
        return False
    share = trial.curve[-1][0]
    if share < LEAST_SHARE or share >= 1.0:
        return False
    peers = []
    for other in others:
        if other.number == trial.number or other.state not in ("done", "pruned"):
            continue
        reached = [value for at, value in other.curve if at <= share + 1e-6]
        if reached and other.curve[-1][0] >= share - 1e-6:
            peers.append(_best(reached, maximize=maximize))
    if len(peers) < LEAST_TRIALS:
        return False
    own, median = (
        _best([value for _, value in trial.curve], maximize=maximize),
        statistics.median(peers),
    )
    return own < median if maximize else own > median


def _best(values: Sequence[float], *, maximize: bool) -> float:
    return max(values) if maximize else min(values)
