"""Tables that are read row by row: embeddings, and output matrices of which a sample is scored.

A step of training reads a few thousand rows of a table that may have a million. Who updates the table can
ask to be told which (:func:`keep_by_rows`); until then, and wherever no gradient is wanted, these are plain
tensors.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Fetch", "keep_by_rows", "looked_up"]

Fetch = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Takes numbers of rows, int64, of any shape; returns as :func:`looked_up` does."""
_KEY = "keeper"


class _Keeper:
    """Points to who keeps a table by rows, without keeping him; copies of the table have none."""

    def __init__(self, fetch: Fetch | None = None) -> None:
        self.fetch = (lambda: None) if fetch is None else weakref.WeakMethod(fetch)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return _Keeper, ()


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
    keeper: _Keeper | None = getattr(table, _KEY, None)
    fetch: Fetch | None = keeper.fetch() if keeper and torch.is_grad_enabled() else None
    return (table, rows) if fetch is None else fetch(rows)


def keep_by_rows(table: Any, fetch: Fetch | None) -> None:
    """Let a table's rows be fetched by somebody in training, for as long as he lives.

    Args:
        table: A parameter, (rows, dim), all of whose readers go through :func:`looked_up`.
        fetch: The method that fetches them; None lets the table be a plain one again.
    """
    setattr(table, _KEY, _Keeper(fetch))
