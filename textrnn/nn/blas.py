"""Products of weights and a few columns: small ones, on one thread.

OpenBLAS has kernels for small matrices, which read the weights as they lie; before a larger product it packs
them, which takes most of the time where the columns are few. So the weights are cut into blocks of rows that
count as small: with 1024 x 512 weights and 5 columns 110 microseconds instead of 220 (Intel, AVX-512), with
two columns 55 instead of 120 for two matrix-vector products.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from textrnn.nn.cells import Array, Product, product

__all__ = ["blocked", "blocked_product", "has_small_kernels", "one_thread"]

_SMALL = 1_000_000
"""Multiplications of the largest product that counts as small (OpenBLAS, ``kernel/x86_64``, the permit of
``sgemm_small_kernel`` of SkylakeX)."""

_MOST_COLUMNS = 16
"""Beyond so many columns, packing the weights pays."""

_ARCHITECTURES = {"SkylakeX", "Cooperlake", "SapphireRapids"}


_turn = threading.RLock()


def _forget_turn() -> None:
    global _turn
    _turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_turn)


@functools.cache
def has_small_kernels() -> bool:
    """Return whether NumPy's BLAS has kernels for small products on this processor."""
    return any(pool.get("architecture") in _ARCHITECTURES for pool in _pools().info())


def blocked_product(weights: Array, columns: Array) -> Array:
    """Return ``weights @ columns``, (rows, batch); as ``textrnn.nn.cells.product``."""
    batch = columns.shape[1]
    if not 1 < batch <= _MOST_COLUMNS or not has_small_kernels():
        return product(weights, columns)
    columns = np.ascontiguousarray(columns)
    out = np.empty((len(weights), batch), np.float32)
    step = max(1, _SMALL // columns.size)
    for low in range(0, len(weights), step):
        np.dot(weights[low : low + step], columns, out=out[low : low + step])
    return out


def blocked(weights: Array) -> Product:
    """Return the product with weights as they are, in float32; a ``textrnn.nn.cells.Pack``."""
    return functools.partial(blocked_product, weights)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Return the context in which small products are not shared among threads, which would cost more.

    The number of threads is the whole process's, and is put back at the end: so those that ask for this take
    turns, or one might find the other's number and put that back.
    """
    with _turn, _pools().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
