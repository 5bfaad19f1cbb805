"""A recurrent stack in one-step form on torch tensors: for loops over time that need a gradient or a GPU.

``textrnn.nn.recurrent`` holds the same layers in whole-sequence form; tests hold the two equal. A call of
torch's cell costs a fraction of a whole-sequence kernel's call for a single step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from textrnn.nn.dropout import MaskSource, drop
from textrnn.nn.recurrent import RecurrentLayer, RecurrentStack, State

__all__ = ["ReplayedMasks", "step_stack"]

_CELLS = {"gru": torch.gru_cell, "rnn_tanh": torch.rnn_tanh_cell, "rnn_relu": torch.rnn_relu_cell}


class ReplayedMasks(MaskSource):
    """Draws masks for a loop over time as a whole-sequence call would have them.

    A mask on weights, and with ``locked`` every other mask too, is drawn in the first step and comes
    again in the following ones, which must ask for the same masks in the same order.

    Args:
        masks: Where they come from.
        locked: One mask per sequence instead of one per step.
    """

    def __init__(self, masks: MaskSource, *, locked: bool) -> None:
        self._masks = masks
        self._locked = locked
        self._drawn: list[Tensor] = []
        self._asked = 0

    def next_step(self) -> None:
        """Begin a step."""
        self._asked = 0

    def uniform(self, count: int) -> Tensor:
        """Return numbers; see ``MaskSource``."""
        return self._masks.uniform(count)

    def mask(self, shape: Sequence[int], rate: float, dtype: torch.dtype) -> Tensor:
        """Return a mask; see ``MaskSource``."""
        is_weight = len(shape) == 2
        if not (self._locked or is_weight):
            return self._masks.mask(shape, rate, dtype)
        if self._asked == len(self._drawn):
            self._drawn.append(self._masks.mask(shape, rate, dtype))
        self._asked += 1
        return self._drawn[self._asked - 1]


def step_stack(
    stack: RecurrentStack, x: Tensor, state: State, masks: MaskSource | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Advance a stack one step.

    Args:
        stack: The layers.
        x: Inputs, (batch, input_size).
        state: As ``stack.start`` or an earlier call returned it.
        masks: Source of dropout masks; None for evaluation.

    Returns:
        Outputs of the last layer, (batch, hidden_size), and the new state.
    """
    new: dict[str, Tensor] = {}
    for index, layer in enumerate(stack.layers):
        assert isinstance(layer, RecurrentLayer)  # noqa: S101  (an invariant of the package's own code)
        weight_hh: Tensor = layer.weight_hh
        if masks is not None and stack.weight_drop:
            weight_hh = weight_hh * masks.mask(weight_hh.shape, stack.weight_drop, weight_hh.dtype)
        weights = (layer.weight_ih, weight_hh, layer.bias_ih, layer.bias_hh)
        hidden = state[f"{index}.h"]
        if layer.rnn_type == "lstm":
            hidden, cell = torch.lstm_cell(x, (hidden, state[f"{index}.c"]), *weights)
            new[f"{index}.c"] = cell
        else:
            hidden = _CELLS[layer.rnn_type](x, hidden, *weights)
        new[f"{index}.h"] = x = hidden
        if stack.norms:
            x = stack.norms[index](x)
        x = drop(x.unsqueeze(0), stack.dropout, masks, locked=stack.locked_dropout).squeeze(0)
    return x, new
