"""A curve in a line of characters."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["sparkline"]

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = "_.-:=+*#"


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """Return numbers as a row of blocks, the least the lowest.

    Args:
        values: The numbers, finite; where there are more than ``width``, evenly spread ones are
            shown, the last always.
        width: Most characters.
        ascii_only: Use ASCII characters for blocks.
    """
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    if not values or width < 1:
        return ""
    count = min(len(values), width)
    chosen = [values[(i + 1) * len(values) // count - 1] for i in range(count)]
    low, high = min(chosen), max(chosen)
    scale = (len(blocks) - 1) / (high - low) if high > low else 0.0
    return "".join(blocks[round((value - low) * scale)] for value in chosen)
