"""Matrix products of generation in lower precision, on CPUs: int8 and bf16 weights.

A step reads every weight once, so that its speed at batch 1 is that of reading them from memory: a
weight in a quarter of the bytes takes about a quarter of the time. Many rows at a time are bound by
arithmetic, of which processors do several times as much in int8 and bf16 as in float32.

The products are oneDNN's and FBGEMM's, by torch, and take and return what ``textrnn.nn.cells`` works
on: NumPy arrays in float32, (features, batch). They come out as the transposes of (batch, features),
which NumPy's elementwise functions walk in memory order as well as any other array.
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from textrnn.nn.cells import Array

__all__ = [
    "LEVELS",
    "Bf16Product",
    "Int8Product",
    "QuantizedRows",
    "is_int8_exact",
    "quantized_rows",
]

LEVELS = 127
"""int8 values run from -LEVELS to LEVELS."""

_ZERO = 128
"""Stands for 0 where columns are uint8, which processors multiply by int8."""

_ENDS = np.array([[-_ZERO, LEVELS]], np.float32)
"""The least and the largest value that uint8 stands for, from 0 to 255, where _ZERO stands for 0."""

_LEAST = 1e-30
"""The least that counts as a row's largest value, so that no quotient overflows."""

_ROWS_HINT = 64
"""For so many rows oneDNN arranges weights; fewer are as fast in this arrangement."""


class QuantizedRows(NamedTuple):
    """A matrix as integers and a scale for each row: their product is the matrix, nearly.

    Attributes:
        integers: Whole numbers from -LEVELS to LEVELS, (rows, columns).
        scales: float32, above 0, one of each row.
    """

    integers: Tensor
    scales: Tensor


def quantized_rows(matrix: Tensor) -> QuantizedRows:
    """Return a matrix quantised symmetrically: every row's largest value becomes LEVELS.

    No value changes by more than half of its row's scale.

    Args:
        matrix: float32, (rows, columns).

    Returns:
        Integers as float32, scales (rows, 1).
    """
    scales = matrix.abs().amax(dim=1, keepdim=True).clamp_min(_LEAST) / LEVELS
    return QuantizedRows((matrix / scales).round_(), scales)


class Int8Product:
    """``weights @ columns`` with weights in int8, a scale for each of their rows.

    Each column is quantised too, by a scale of its own, so that a row of a batch does not depend on the
    others. Sums are exact, in int32, and one row and many give the same bits, however many threads work;
    but where 128 times the sum of a row's integers passes 2**24, as it may if nearly all are of one sign,
    oneDNN loses last digits.

    Args:
        weights: float32, (rows, columns); at most 65,000 columns, or sums might overflow.
    """

    def __init__(self, weights: Array) -> None:
        integers, scales = quantized_rows(torch.tensor(weights))
        self._weights = QuantizedRows(integers.to(torch.int8), scales[:, 0].contiguous())

    def __call__(self, columns: Array) -> Array:
        """Return the product, (rows, batch)."""
        if columns.shape[1] == 1:
            return self._one(columns)
        integers, scales = quantized_rows(torch.from_numpy(np.ascontiguousarray(columns.T)))
        found: Array = self._onednn.many(integers).mul_(scales).numpy().T
        return found

    def _one(self, column: Array) -> Array:
        """Return the product with one column: the same, but that NumPy is faster at so little."""
        largest = max(float(column.max()), -float(column.min()))
        if not math.isfinite(largest):
            return np.full((len(self._weights.scales), 1), np.nan, np.float32)
        scale = np.float32(max(largest, _LEAST)) / np.float32(LEVELS)
        found: Array = self._fastest.one(np.divide(column.T, scale, dtype=np.float32)).T
        found *= scale
        return found

    @functools.cached_property
    def _onednn(self) -> _OneDnnInt8:
        return _OneDnnInt8(*self._weights)

    @functools.cached_property
    def _fastest(self) -> _FbgemmInt8 | _OneDnnInt8:
        return _FbgemmInt8(*self._weights) if _has_fbgemm() else self._onednn


class _OneDnnInt8:
    """Products of whole numbers with weights in int8, times the weights' scales, by oneDNN.

    Args:
        integers: int8, (rows, columns).
        scales: float32, (rows,).
    """

    def __init__(self, integers: Tensor, scales: Tensor) -> None:
        shape = [_ROWS_HINT, integers.shape[1]]
        packed = torch.ops.onednn.qlinear_prepack(integers, shape)
        self._weights = packed, scales, torch.zeros(len(scales), dtype=torch.int64)
        self._multiply = torch.ops.onednn.qlinear_pointwise.default

    def many(self, integers: Tensor) -> Tensor:
        """Return the product, (batch, rows), of whole numbers, (batch, columns), which it overwrites."""
        return self._product(integers.add_(_ZERO).to(torch.uint8))

    def one(self, numbers: Array) -> Array:
        """Return the product, (1, rows), of numbers from -LEVELS to LEVELS, rounded, (1, columns)."""
        integers = np.rint(numbers)
        integers += _ZERO
        found: Array = self._product(torch.from_numpy(integers.astype(np.uint8))).numpy()
        return found

    def _product(self, rows: Tensor) -> Tensor:
        packed, scales, zeros = self._weights
        found: Tensor = self._multiply(
            *(rows, 1.0, _ZERO, packed, scales, zeros),
            *(None, 1.0, 0, torch.float32, "none", [], ""),
        )
        return found


class _FbgemmInt8:
    """:meth:`_OneDnnInt8.one` by FBGEMM, to the same bits: of one row it reads weights faster.

    FBGEMM quantises what it is given by the least and the largest value. Two more columns, whose weights
    are 0, hold ends between which its steps are 1, so that whole numbers stay what they are.

    Args:
        integers: int8, (rows, columns).
        scales: float32, (rows,).
    """

    def __init__(self, integers: Tensor, scales: Tensor) -> None:
        weights = nn.functional.pad(integers, (0, _ENDS.size))
        sums = weights.sum(dim=1, dtype=torch.int32)
        packed = torch.fbgemm_pack_quantized_matrix(weights)
        # Beside what is packed only their shape is looked at.
        shape = torch.zeros((), dtype=torch.int8).expand(weights.shape)
        self._weights = shape, packed, sums, 1.0, 0, torch.zeros(len(weights))
        self._scales = scales.numpy()
        self._multiply = torch.fbgemm_linear_int8_weight_fp32_activation

    def one(self, numbers: Array) -> Array:
        """Return the product, (1, rows), of numbers from -LEVELS to LEVELS, rounded, (1, columns)."""
        integers = np.concatenate((numbers, _ENDS), axis=1)
        np.rint(integers, out=integers)
        found: Array = self._multiply(torch.from_numpy(integers), *self._weights).numpy()
        found *= self._scales
        return found


@functools.cache
def _has_fbgemm() -> bool:
    """Return whether torch has FBGEMM's product for this processor, and it is exact there.

    It is deprecated, without a date; what comes without it is as right, and reads weights more slowly.
    """
    weights = torch.full((16, 64), LEVELS, dtype=torch.int8)
    numbers = np.full((1, 64), LEVELS, np.float32)
    with warnings.catch_warnings():
        # Of the deprecation, once in a process.
        warnings.simplefilter("ignore")
        try:
            found = _FbgemmInt8(weights, torch.ones(len(weights))).one(numbers)
        except (AttributeError, RuntimeError):
            return False
    return bool((found == 64 * LEVELS**2).all())


class Bf16Product:
    """``weights @ columns`` in bfloat16, sums in float32, results rounded to bfloat16.

    Args:
        weights: float32, (rows, columns).
    """

    def __init__(self, weights: Array) -> None:
        matrix = torch.tensor(weights).to(torch.bfloat16)
        self._weights = torch.ops.mkldnn._reorder_linear_weight(matrix, _ROWS_HINT)
        self._multiply = torch.ops.mkldnn._linear_pointwise.default

    def __call__(self, columns: Array) -> Array:
        """Return the product, (rows, batch)."""
        rows = torch.from_numpy(np.ascontiguousarray(columns.T)).to(torch.bfloat16)
        found: Array = self._multiply(rows, self._weights, None, "none", [], "").float().numpy().T
        return found


def is_int8_exact() -> bool:
    """Return whether this processor and this build of torch multiply int8 as :class:`Int8Product` says.

    Instructions older than VNNI add products up in int16, where they overflow.
    """
    try:
        product = Int8Product(np.ones((16, 64), np.float32))
        found = [product(np.ones((64, batch), np.float32)) for batch in (1, 2)]
    except (AttributeError, RuntimeError):
        return False
    return all(np.allclose(each, 64) for each in found)
