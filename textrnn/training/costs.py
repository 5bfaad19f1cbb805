"""What the update of a step costs, told without torch."""

from __future__ import annotations

__all__ = ["BY_ROWS", "FEWEST_NUMBERS", "MUON_ITERATIONS", "muon_operations"]

BY_ROWS = ("muon", "adamw")
"""Optimisers that update large tables by rows whatever else is chosen."""
FEWEST_NUMBERS = 1 << 20
"""A smaller table is updated whole: one pass over it costs less than to find out what to leave alone."""
MUON_ITERATIONS = 4


def muon_operations(rows: int, columns: int) -> float:
    """Return the operations that it takes to orthogonalise a matrix."""
    less, more = sorted((rows, columns))
    return MUON_ITERATIONS * (4.0 * less * less * more + 2.0 * less**3)
