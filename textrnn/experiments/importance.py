"""What mattered most: how much of the differences between trials each setting explains by itself.

Functional ANOVA (Hutter, Hoos and Leyton-Brown 2014, sections 3 and 4): a random forest is fitted to the
trials; averaged over all other settings, its prediction becomes a curve over one setting, and the
variance of that curve, as a share of the variance of the whole prediction, is the setting's share. Here
the averages are taken over random points instead of the forest's boxes, and only single settings count,
no pairs: what is left to 1 is what they do together.

The figures' ranks are what is explained, so that one trial that went astray is not all that counts.

With few trials a forest finds shares in pure chance. So each is told with its range over forests of
resampled trials, and as a whole with how well the forest predicts trials that it was not fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textrnn.experiments.space import Space
from textrnn.experiments.trial import Trial

__all__ = ["LEAST_TRIALS", "Importance", "Share", "edges", "importance_of"]

LEAST_TRIALS = 8
"""With fewer trials nothing is said."""
_TREES = 64
_POINTS, _GRID = 256, 16
_RESAMPLES = 12
_LOW, _HIGH = 10, 90
_TRUSTED = 0.2
"""Below it, settings may as well explain nothing: of 40 made-up studies in which chance alone decided, 4 of 8
trials each came above it, and 1 of 12 or of 20; of those in which one setting ruled, 15, 16 and 20 of 20."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """What one setting explains by itself.

    Attributes:
        name: The setting.
        share: Of the variance between the trials, from 0 to 1.
        low: A tenth of the forests of resampled trials give less.
        high: A tenth of them give more.
    """

    name: str
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Importance:
    """What the settings explain.

    Attributes:
        shares: The greatest first.
        trials: How many trials it was found from.
        predicted: Share of the variance that the forest predicts of trials it was not fitted to (R²); at 0 or
            below it knows nothing, and the shares mean nothing.
    """

    shares: tuple[Share, ...]
    trials: int
    predicted: float

    @property
    def is_trustworthy(self) -> bool:
        """Whether the forest predicts more than chance often does."""
        return self.predicted > _TRUSTED

    def as_json(self) -> dict[str, Any]:
        """Return it for JSON."""
        shares = [
            {
                "setting": s.name,
                "share": round(s.share, 4),
                "range": [round(s.low, 4), round(s.high, 4)],
            }
            for s in self.shares
        ]
        return {"trials": self.trials, "predicted": round(self.predicted, 4), "shares": shares}


def importance_of(space: Space, trials: Sequence[Trial], seed: int = 0) -> Importance | None:
    """Return what each searched setting explains of the trials' figures.

    Args:
        space: What was searched.
        trials: Those that came to their end and lie within the space count.
        seed: Of forests and points.

    Returns:
        None for fewer than :data:`LEAST_TRIALS` such trials, or where all have the same figure.
    """
    used = [
        t for t in trials if t.state == "done" and t.value is not None and space.holds(t.values)
    ]
    figures = np.array([t.value for t in used], dtype=np.float64)
    if len(used) < LEAST_TRIALS or np.ptp(figures) == 0:
        return None
    places = np.array([space.units(t.values) for t in used])
    # Ranks bear a single trial that diverged, whose figure would be all that the variance knows.
    figures = np.argsort(np.argsort(figures, kind="stable"), kind="stable") / (len(used) - 1.0)
    rng = np.random.default_rng(seed)
    points = _points(space, rng)
    forest = _forest(places, figures, seed)
    shares = _shares(forest, points)
    resampled = []
    for number in range(_RESAMPLES):
        chosen = rng.integers(len(used), size=len(used))
        resampled.append(_shares(_forest(places[chosen], figures[chosen], seed + number), points))
    low, high = np.percentile(np.array(resampled), [_LOW, _HIGH], axis=0)
    found = [
        Share(name, float(shares[i]), float(min(low[i], shares[i])), float(max(high[i], shares[i])))
        for i, name in enumerate(space.names)
    ]
    return Importance(
        tuple(sorted(found, key=lambda share: -share.share)),
        len(used),
        _predicted(places, figures, seed),
    )


def _points(space: Space, rng: np.random.Generator) -> Array:
    """Return random places in the space, a row each."""
    return np.array([space.units(space.draw(rng)) for _ in range(_POINTS)])


def _forest(places: Array, figures: Array, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(_TREES, random_state=seed, min_samples_leaf=1, max_features=0.7)
    return forest.fit(places, figures)


def _shares(forest: Any, points: Array) -> Array:
    """Return the variance of each setting's averaged curve as a share of that of the whole."""
    whole = float(np.var(forest.predict(points)))
    shares = np.zeros(points.shape[1])
    if whole == 0:
        return shares
    for index in range(points.shape[1]):
        at = np.quantile(points[:, index], (np.arange(_GRID) + 0.5) / _GRID, method="nearest")
        moved = np.repeat(points[None], _GRID, axis=0)
        moved[:, :, index] = at[:, None]
        curve = forest.predict(moved.reshape(-1, points.shape[1])).reshape(_GRID, -1).mean(axis=1)
        shares[index] = np.var(curve) / whole
    return np.minimum(shares, 1.0)


def _predicted(places: Array, figures: Array, seed: int) -> float:
    """Return R² of forests on trials that were left out, a few at a time."""
    order = np.random.default_rng(seed).permutation(len(figures))
    predictions = np.zeros(len(figures))
    for part in np.array_split(order, min(len(figures), 8)):
        rest = np.setdiff1d(order, part)
        predictions[part] = _forest(places[rest], figures[rest], seed).predict(places[part])
    return 1.0 - float(
        np.sum((figures - predictions) ** 2) / np.sum((figures - figures.mean()) ** 2)
    )


def edges(space: Space, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the settings whose value stands at an end of its range, with that end.

    Args:
        space: What was searched.
        values: A combination; what lies outside of the space does not count.
    """
    found = []
    for dimension in space.dimensions:
        value = values.get(dimension.name)
        if value is not None and dimension.holds(value):
            end = dimension.edge(value)
            if end is not None:
                found.append((dimension.name, end))
    return found
