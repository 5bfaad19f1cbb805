"""What the update of a step costs, told without torch."""

from __future__ import annotations

from textrnn.training.settings import TrainingSettings

__all__ = ["MUON_ITERATIONS", "is_large", "makes_up", "muon_operations"]

FEWEST_ROWS, FEWEST_NUMBERS = 1 << 12, 1 << 20
"""A smaller table is updated whole: where a step looks up a quarter of its rows, one pass costs less."""
MUON_ITERATIONS = 3
"""Of the orthogonalisation; a fourth costs a third more and brought nothing."""


def is_large(rows: int, width: int) -> bool:
    """Return whether a table is large enough to be updated by rows."""
    return rows >= FEWEST_ROWS and rows * width >= FEWEST_NUMBERS


def makes_up(settings: TrainingSettings) -> bool:
    """Return whether what a row misses in updates without a gradient can be made up for later.

    Weight decay in the gradient lets no row be without one, and an average of weights takes in whole tables.
    Where its momentum outlives the average that it is divided by, a row would move ever faster.
    """
    has_rule = settings.optimizer in ("muon", "adamw") or (
        settings.optimizer == "adam" and not settings.weight_decay
    )
    return has_rule and settings.beta1**2 < settings.beta2 and not settings.ema_decay


def muon_operations(rows: int, columns: int) -> float:
    """Return the operations that it takes to orthogonalise a matrix."""
    less, more = sorted((rows, columns))
    return MUON_ITERATIONS * (4.0 * less * less * more + 2.0 * less**3)
