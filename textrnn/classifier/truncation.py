"""Truncation: what is read of a text that is too long."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["KEEPS", "cut"]

KEEPS = ("head", "tail", "both")

Ids = npt.NDArray[np.integer[Any]]


def cut(ids: Ids, max_length: int, keep: str) -> Ids:
    """Return a text's ids, cut to at most ``max_length``.

    Args:
        ids: The whole text, one dimension.
        max_length: Most ids to keep, at least 1.
        keep: ``head`` keeps the first ids, ``tail`` the last, ``both`` half of them each, the odd one at
            the head.
    """
    if len(ids) <= max_length:
        return ids
    if keep == "head":
        return ids[:max_length]
    if keep == "tail":
        return ids[len(ids) - max_length :]
    tail = max_length // 2
    return np.concatenate([ids[: max_length - tail], ids[len(ids) - tail :]])
