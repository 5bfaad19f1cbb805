"""Figures derived from sums and counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["bits_per_char", "macro_f1", "perplexity"]


def perplexity(loss: float) -> float:
    """Return the exponential of a loss in nats per target; infinity where it overflows."""
    return math.exp(loss) if loss < 700 else math.inf


def bits_per_char(nats: float, characters: int) -> float | None:
    """Return the bits that a text's characters cost on average.

    Args:
        nats: Summed surprise of all its targets.
        characters: Its characters (Unicode code points); 0 gives None.
    """
    return nats / math.log(2) / characters if characters else None


def macro_f1(true: npt.NDArray[Any], predicted: npt.NDArray[Any], num_labels: int) -> float:
    """Return the mean over labels of the harmonic mean of precision and recall.

    Labels that neither stand in ``true`` nor were predicted do not count, as in scikit-learn.

    Args:
        true: Numbers of the right labels, (rows,).
        predicted: Numbers of the answers, (rows,).
        num_labels: Number of labels.
    """
    hits = np.bincount(true[true == predicted], minlength=num_labels)
    both = np.bincount(true, minlength=num_labels) + np.bincount(predicted, minlength=num_labels)
    return float(np.mean(2 * hits[both > 0] / both[both > 0]))
