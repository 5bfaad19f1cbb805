"""Dropout whose masks come from a source that is passed in, never from global random state.

A step's masks are keyed by the run's seed and the step's number, so a resumed run draws the same masks
without any saved random state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from textrnn.nn.precision import exact_type

__all__ = ["MaskSource", "drop"]

_LEVELS = 1 << 16


class MaskSource:
    """Draws the dropout masks and samples of one step, in the order in which the model asks for them.

    On CPUs the bits come from NumPy, whose raw generator is an order of magnitude faster than
    ``Tensor.bernoulli_`` (which took an eighth of a step's time); rates are rounded to 1/65536.

    Args:
        seed: The run's seed.
        key: What tells this source from the others of the run: step, part of the batch, rank.
        device: Where the masks are needed.
    """

    def __init__(self, seed: int, key: Sequence[int], device: torch.device) -> None:
        self._device = device
        sequence = np.random.SeedSequence([seed, *key])
        if device.type == "cpu":
            self._bits: np.random.Generator | None = np.random.Generator(np.random.SFC64(sequence))
        else:
            self._bits = None
            self._generator = torch.Generator(device)
            self._generator.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))

    def uniform(self, count: int) -> Tensor:
        """Return ``count`` numbers from 0 to below 1, in the device's longest type, for samples."""
        if self._bits is None:
            drawn = torch.empty(count, dtype=exact_type(self._device), device=self._device)
            return drawn.uniform_(generator=self._generator)
        return torch.from_numpy(self._bits.random(count))

    def mask(self, shape: Sequence[int], rate: float, dtype: torch.dtype) -> Tensor:
        """Return a mask of ``shape``: 0 with probability ``rate``, else 1 / (1 - rate)."""
        if self._bits is None:
            keep = torch.empty(tuple(shape), dtype=dtype, device=self._device)
            return keep.bernoulli_(1 - rate, generator=self._generator).mul_(1 / (1 - rate))
        count = int(np.prod(shape))
        draws = np.frombuffer(self._bits.bytes(2 * count), dtype=np.uint16)
        threshold = min(round(rate * _LEVELS), _LEVELS - 1)
        kept = torch.from_numpy(draws >= threshold).view(tuple(shape))
        return kept.to(dtype).mul_(_LEVELS / (_LEVELS - threshold))


def drop(x: Tensor, rate: float, masks: MaskSource | None, *, locked: bool = False) -> Tensor:
    """Return ``x`` with a share ``rate`` of its elements dropped and the rest scaled up.

    Args:
        x: Activations, (time, batch, features).
        rate: Share dropped, from 0 to below 1.
        masks: Where masks come from; None drops nothing (evaluation).
        locked: One mask for all time steps (Gal and Ghahramani 2016, section 4).
    """
    if masks is None or rate == 0:
        return x
    shape = (1, *x.shape[1:]) if locked else x.shape
    return x * masks.mask(shape, rate, x.dtype)
