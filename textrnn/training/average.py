"""The moving average of a run's weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from textrnn.nn.weights import copy_weights

__all__ = ["Average"]


class Average:
    """Exponential moving average of weights.

    Args:
        tensors: The weights by name; the average starts from them.
        decay: Share of the old average kept at each update, from 0 to below 1.
    """

    def __init__(self, tensors: Mapping[str, Tensor], decay: float) -> None:
        self._decay = decay
        self.tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}

    def update(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Take in the weights after ``step`` updates.

        Early on the average reaches back over a tenth of the run so far, since the first weights are
        worth forgetting.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            own = list(self.tensors.values())
            torch._foreach_lerp_(own, [tensors[name] for name in self.tensors], 1 - decay)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over an average that was saved.

        Raises:
            ValueError: names or shapes differ.
        """
        copy_weights(tensors, self.tensors)
