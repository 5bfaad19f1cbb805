"""Where the next trial's settings come from: every combination, chance, or a model of the trials so far.

A strategy keeps nothing: it is asked with all trials that the study holds. So it makes no difference
which process asks, or how often a study was stopped, and the same history and seed give the same answer.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from textrnn.errors import UsageError
from textrnn.experiments.dimensions import Dimension, Range, Value
from textrnn.experiments.space import Space
from textrnn.experiments.trial import Trial

__all__ = [
    "STRATEGIES",
    "GridStrategy",
    "ModelStrategy",
    "RandomStrategy",
    "Strategy",
    "make_strategy",
]

STRATEGIES = ("tpe", "random", "grid")
MOST_STARTUP = 10
"""Trials by chance before a model of them is worth asking."""
_DRAWS = 200
"""Draws after which a combination that was not tried yet counts as not to be found by chance."""


class Strategy(Protocol):
    """Chooses settings."""

    def suggest(self, history: Sequence[Trial], number: int) -> Mapping[str, Value] | None:
        """Return settings that were not tried yet; None where there are none.

        Args:
            history: Every trial so far, those that are running as well.
            number: That of the trial to come.
        """


@dataclass(frozen=True)
class GridStrategy:
    """Every combination once, in an order drawn from the seed, so that a part of them is a fair part.

    Attributes:
        space: What is searched; every setting with an end of values.
        seed: Of the order.
    """

    space: Space
    seed: int

    def suggest(self, history: Sequence[Trial], number: int) -> Mapping[str, Value] | None:  # noqa: ARG002
        """Return the next combination that no trial was given."""
        combinations = list(self.space.combinations())
        tried = [dict(trial.settings) for trial in history]
        for index in np.random.default_rng(self.seed).permutation(len(combinations)):
            chosen: Mapping[str, Value] = combinations[index]
            if chosen not in tried:
                return chosen
        return None


@dataclass(frozen=True)
class RandomStrategy:
    """Independent draws (Bergstra and Bengio 2012); what has an end of values is not drawn twice.

    Attributes:
        space: What is searched.
        seed: With a trial's number, it decides what the trial is given.
    """

    space: Space
    seed: int

    def suggest(self, history: Sequence[Trial], number: int) -> Mapping[str, Value] | None:
        """Return a draw; the rest in order where chance no longer finds what is left."""
        rng = np.random.default_rng([self.seed, number])
        if self.space.size is None:
            return self.space.draw(rng)
        tried = [dict(trial.settings) for trial in history]
        for _ in range(_DRAWS):
            drawn = self.space.draw(rng)
            if drawn not in tried:
                return drawn
        return GridStrategy(self.space, self.seed).suggest(history, number)


@dataclass(frozen=True)
class ModelStrategy:
    """Settings like those of the better trials: a tree-structured Parzen estimator (Bergstra et al. 2011).

    Optuna does the estimating. Trials that are running count as bad ones, so that workers do not crowd,
    and so do failed ones.

    Attributes:
        space: What is searched.
        seed: With a trial's number, it decides about every draw.
        maximize: Whether greater figures are better.
        startup: Trials drawn as :class:`RandomStrategy` does, before there is anything to estimate.
    """

    space: Space
    seed: int
    maximize: bool
    startup: int = MOST_STARTUP

    def suggest(self, history: Sequence[Trial], number: int) -> Mapping[str, Value] | None:
        """Ask with the history."""
        by_chance = RandomStrategy(self.space, self.seed)
        told = [trial for trial in history if trial.is_ended and self.space.holds(trial.values)]
        if sum(trial.value is not None for trial in told) < self.startup:
            return by_chance.suggest(history, number)
        size, tried = self.space.size, [dict(trial.settings) for trial in history]
        if size is not None and size <= sum(bool(settings) for settings in tried):
            return None
        suggested = self._ask(history, number)
        if size is not None and suggested in tried:
            return by_chance.suggest(history, number)
        return suggested

    def _ask(self, history: Sequence[Trial], number: int) -> Mapping[str, Value]:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        distributions = {d.name: _distribution(d) for d in self.space.dimensions}
        # A small space of its own for each trial's draws: numbers that follow each other must not repeat.
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True
        )
        study = optuna.create_study(
            sampler=sampler, direction="maximize" if self.maximize else "minimize"
        )
        for trial in history:
            if self.space.holds(trial.values):
                study.add_trial(self._frozen(trial, distributions))
        params = study.ask(distributions).params
        return {d.name: _as_value(d, params[d.name]) for d in self.space.dimensions}

    def _frozen(self, trial: Trial, distributions: Mapping[str, Any]) -> Any:
        """Return a trial as Optuna knows it."""
        from optuna.trial import TrialState, create_trial

        params = {d.name: _as_param(d, trial.values[d.name]) for d in self.space.dimensions}
        known: dict[str, Any] = {"params": params, "distributions": distributions}
        if trial.state == "done" and trial.value is not None:
            return create_trial(value=trial.value, **known)
        if trial.state == "pruned" and trial.curve:
            reports = {round(100 * share): value for share, value in trial.curve}
            return create_trial(state=TrialState.PRUNED, intermediate_values=reports, **known)
        if trial.is_ended:
            worst = -1e300 if self.maximize else 1e300
            return create_trial(value=worst, **known)
        return create_trial(state=TrialState.RUNNING, **known)


def make_strategy(
    name: str, space: Space, seed: int, *, maximize: bool, trials: int | None
) -> Strategy:
    """Return a strategy by its name.

    Args:
        name: One of :data:`STRATEGIES`.
        space: What is searched.
        seed: Of its draws.
        maximize: Whether greater figures are better.
        trials: How many there will be, if that is known.

    Raises:
        UsageError: the space has no end of combinations, or Optuna is not installed.
    """
    if name == "grid":
        next(space.combinations())
        return GridStrategy(space, seed)
    if name == "random":
        return RandomStrategy(space, seed)
    if importlib.util.find_spec("optuna") is None:
        raise UsageError(
            "--strategy tpe needs a package that is not installed; install it with "
            "pip install 'textrnn[tune]', or use --strategy random"
        )
    startup = MOST_STARTUP if trials is None else min(MOST_STARTUP, max(4, trials // 3))
    return ModelStrategy(space, seed, maximize, startup)


def _distribution(dimension: Dimension) -> Any:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not isinstance(dimension, Range):
        return CategoricalDistribution(list(range(len(dimension.points or ()))))
    low, high = dimension.low, dimension.high
    if dimension.whole:
        step = int(dimension.step or 1)
        high = int(low) + (int(high - low) // step) * step
        return IntDistribution(int(low), int(high), log=dimension.log, step=step)
    return FloatDistribution(low, high, log=dimension.log)


def _as_param(dimension: Dimension, value: Any) -> Any:
    """Return a value as Optuna counts it: choices by their place, whole numbers on their steps."""
    if isinstance(dimension, Range):
        return dimension.nearest(value)
    return (dimension.points or ()).index(value)


def _as_value(dimension: Dimension, param: Any) -> Value:
    if isinstance(dimension, Range):
        return dimension.nearest(param)
    value: Value = (dimension.points or ())[param]
    return value
