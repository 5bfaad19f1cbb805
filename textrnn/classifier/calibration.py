"""How far probabilities can be believed, and what makes them so: a temperature, and the bag's share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "BINS",
    "EVEN_SHARE",
    "HIGHEST_TEMPERATURE",
    "LOWEST_TEMPERATURE",
    "confidence_bins",
    "error_of_bins",
    "expected_calibration_error",
    "fit_bag_share",
    "fit_temperature",
]

BINS = 15
"""Bins of the expected calibration error, as in Guo et al. 2017."""

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.05, 20.0

EVEN_SHARE = 0.5
"""The bag's share of an answer where nothing says otherwise, as in training."""

_SHARES = np.linspace(0, 1, 21)
_SHARE_SPREAD = 0.25
"""How far from even the share is taken to lie before rows are seen, a standard deviation."""

_MOST_STEPS = 60
_PRECISION = 1e-6

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.integer[Any]]


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """Return the temperature by which logits are to be divided before the softmax.

    It minimises the negative log-likelihood of ``softmax(logits / temperature)``, temperature scaling as
    in Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2. It departs from there in
    one thing: of the n rows' targets, 1/(n + 2) is spread over the labels that are not the row's (the
    targets of Platt 1999, section 2.2). Where every row is answered right the likelihood alone would ask
    for ever more certainty; so it asks for as much as n rows can bear out, and with many rows and some
    mistakes the difference vanishes.

    Args:
        logits: (rows, labels). Rows that hold what is not finite are left out.
        labels: (rows,), the number of each row's label.

    Returns:
        From 0.05 to 20; 1 where the rows say nothing: none, a single label, equal logits throughout.
    """
    scores, spread = _centred(logits, labels)
    if scores.size == 0 or not np.any(scores):
        return 1.0
    # In the inverse of the temperature the loss is convex: its slope rises, and crosses zero once.
    low, high = math.log(1 / HIGHEST_TEMPERATURE), math.log(1 / LOWEST_TEMPERATURE)
    place = 0.0
    for _ in range(_MOST_STEPS):
        slope, bend = _slope(scores, spread, math.exp(place))
        low, high = (place, high) if slope < 0 else (low, place)
        step = -slope / bend if bend > 0 else math.inf
        # Newton's step is taken where it stays between the bounds, else the middle between them.
        following = place + step if low < place + step < high else (low + high) / 2
        if abs(following - place) < _PRECISION or slope == 0:
            break
        place = following
    return min(HIGHEST_TEMPERATURE, max(LOWEST_TEMPERATURE, math.exp(-place)))


def fit_bag_share(network: Floats, bag: Floats, labels: Labels) -> float:
    """Return how much of the answers the bag of n-grams is to give.

    Two experts' log-probabilities, weighted, make a logarithmic opinion pool (Heskes 1998, "Selecting
    weighting factors in logarithmic opinion pools"). An expert that has learnt its training texts by heart is
    too sure of itself, and one temperature for both cannot tell. Of the shares 0, 0.05, … 1 the most probable
    one is taken: by the likelihood of the labels, each share at its own temperature, and by a normal
    distribution around even shares, so that a few rows change little.

    Args:
        network: Log-probabilities of the network, (rows, labels).
        bag: Those of the bag, likewise.
        labels: (rows,), the number of each row's label.

    Returns:
        From 0 to 1; 0.5 without rows.
    """
    if not len(labels):
        return EVEN_SHARE

    def improbability(share: float) -> float:
        pooled = (1 - share) * network + share * bag
        nats = _mean_nats(pooled / fit_temperature(pooled, labels), labels) * len(labels)
        return nats + ((share - EVEN_SHARE) / _SHARE_SPREAD) ** 2 / 2

    found = [improbability(float(share)) for share in _SHARES]
    # What is not finite says nothing; of equally good ones the most even is taken.
    best = min(
        (i for i, value in enumerate(found) if math.isfinite(value)),
        key=lambda i: (found[i], abs(_SHARES[i] - EVEN_SHARE)),
        default=len(_SHARES) // 2,
    )
    return round(float(_SHARES[best]), 2)


def expected_calibration_error(probabilities: Floats, labels: Labels, bins: int = BINS) -> float:
    """Return how far, on average, the certainty of the answers lies from their accuracy.

    Rows are put into bins of equal width by the probability of their answer; each bin's distance between
    mean probability and accuracy counts by its rows (Guo et al. 2017, section 2).

    Args:
        probabilities: (rows, labels), each row summing to 1.
        labels: (rows,), the number of each row's label.
        bins: How many.

    Returns:
        From 0 to 1; 0 without rows.
    """
    if len(labels) == 0:
        return 0.0
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    return error_of_bins(confidence_bins(confidence, is_right, bins))


def confidence_bins(
    confidence: Floats, is_right: npt.NDArray[np.bool_], bins: int = BINS
) -> npt.NDArray[np.float64]:
    """Return the sums that the expected calibration error is made of; those of several batches add up.

    Args:
        confidence: (rows,), the probability of each row's answer.
        is_right: (rows,), whether it is right.
        bins: How many; each holds its upper edge.

    Returns:
        (3, bins): rows, the sum of their probabilities, and how many are right.
    """
    exact = confidence.astype(np.float64)
    places = np.clip(np.ceil(exact * bins).astype(np.int64) - 1, 0, bins - 1)
    weights = (np.ones(len(places)), exact, is_right.astype(np.float64))
    return np.stack([np.bincount(places, weight, bins) for weight in weights], dtype=np.float64)


def error_of_bins(sums: npt.NDArray[np.float64]) -> float:
    """Return the expected calibration error of what :func:`confidence_bins` has summed up."""
    rows, confidence, right = sums
    return float(np.abs(right - confidence).sum() / max(1.0, rows.sum()))


def _centred(logits: Floats, labels: Labels) -> tuple[npt.NDArray[np.float64], float]:
    """Return logits as distances from the row's greatest, and the mean that the softmax has to meet."""
    scores = np.asarray(logits, np.float64)
    if scores.ndim != 2 or scores.shape[1] < 2:
        return np.zeros((0, 0)), 0.0
    kept = np.isfinite(scores).all(axis=1)
    scores, targets = scores[kept], np.asarray(labels)[kept]
    if len(scores) == 0:
        return np.zeros((0, 0)), 0.0
    scores = scores - scores.max(axis=1, keepdims=True)
    count, classes = scores.shape
    own = scores[np.arange(count), targets]
    others = (scores.sum(axis=1) - own) / (classes - 1)
    share = 1 / (count + 2)
    return scores, float(((1 - share) * own + share * others).mean())


def _mean_nats(logits: Floats, labels: Labels) -> float:
    """Return the mean negative log-likelihood of the labels."""
    scores = np.asarray(logits, np.float64)
    scores = scores - scores.max(axis=1, keepdims=True)
    own = scores[np.arange(len(labels)), labels]
    return float((np.log(np.exp(scores).sum(axis=1)) - own).mean())


def _slope(scores: npt.NDArray[np.float64], target: float, inverse: float) -> tuple[float, float]:
    """Return the first and second derivative of the mean loss by the logarithm of the inverse temperature.

    The second one leaves out the first's share, so that it is never negative.
    """
    weights = np.exp(scores * inverse)
    weights /= weights.sum(axis=1, keepdims=True)
    weighted = weights * scores
    means = weighted.sum(axis=1)
    variance = (weighted * scores).sum(axis=1) - means**2
    return inverse * (float(means.mean()) - target), inverse**2 * float(variance.mean())
