"""Tables that are read row by row: embeddings, and output matrices of which a sample is scored.

A step of training reads a few thousand rows of a table that may have a million. Who updates the table can
ask to be told which (:func:`keep_by_rows`); until then, and wherever no gradient is wanted, these are plain
tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Fetch", "keep_by_rows", "looked_up"]

Fetch = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Takes numbers of rows, int64, of any shape; returns as :func:`looked_up` does."""
_KEY = "fetch_rows"


def looked_up(table: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return a table that holds the rows asked for, and where in it each of them stands.

    That is the table itself, unless somebody keeps it by rows and a gradient is wanted: then it is a tensor
    of the distinct rows alone, in the order of their numbers, whose gradient is theirs.

    Args:
        table: (rows, dim).
        rows: Numbers of rows, int64, of any shape.

    Returns:
        (some rows, dim), and numbers of its rows, int64, of the shape of ``rows``.
    """
    fetch: Fetch | None = getattr(table, _KEY, None)
    if fetch is None or not torch.is_grad_enabled():
        return table, rows
    return fetch(rows)


def keep_by_rows(table: Any, fetch: Fetch | None) -> None:
    """Let a table's rows be fetched by somebody in training, or no longer.

    Args:
        table: A parameter, (rows, dim), all of whose readers go through :func:`looked_up`.
        fetch: What fetches them; None undoes it.
    """
    if fetch is None:
        vars(table).pop(_KEY, None)
    else:
        setattr(table, _KEY, fetch)
