"""Recurrent layers that read a padded batch in both directions.

A packed sequence would be the classic way to keep padding out of the backward direction; on CPUs its
kernels train 2.5 to 4.4 times slower than those of a padded batch. Here the batch stays padded, and the
backward direction reads every sequence reversed within its own length: padding comes last in both
directions, so that no real token's output depends on it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from textrnn.nn.dropout import MaskSource, drop
from textrnn.nn.recurrent import RecurrentLayer

__all__ = ["BidirectionalStack", "reversal", "reversed_within"]


def reversal(lengths: Tensor, time: int) -> Tensor:
    """Return the places that turn each sequence of a padded batch round, padding left where it is.

    Args:
        lengths: Real tokens of each sequence, (batch,), int64, at most ``time``.
        time: Steps of the padded batch.

    Returns:
        Flat places into (time, batch), (time * batch,), int64; applied twice they change nothing.
    """
    steps = torch.arange(time, device=lengths.device)[:, None]
    turned = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return (turned * len(lengths) + torch.arange(len(lengths), device=lengths.device)).flatten()


def reversed_within(x: Tensor, places: Tensor) -> Tensor:
    """Return a batch with every sequence turned round within its length.

    Args:
        x: (time, batch, features).
        places: As :func:`reversal` made them for this batch.
    """
    turned: Tensor = _Reversed.apply(x, places)  # type: ignore[no-untyped-call]
    return turned


class _Reversed(torch.autograd.Function):
    """A permutation that is its own inverse, so that its gradient is a copy instead of a scattered sum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        return x.flatten(0, 1).index_select(0, places).view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (places,) = ctx.saved_tensors
        gradient = gradients[0]
        turned = gradient.flatten(0, 1).index_select(0, places).view_as(gradient)
        return turned, None


class BidirectionalStack(nn.Module):
    """Recurrent layers on top of each other that read forwards, or forwards and backwards.

    With ``join_directions`` each layer reads what both directions below have made (Graves et al. 2013);
    without, two stacks stand side by side, each with its own direction all the way up (Peters et al.
    2018), as when each was trained alone. For one layer the two are the same.

    Args:
        rnn_type: A key of ``textrnn.nn.sizes.GATES``.
        input_size: Features that come in.
        hidden_size: Features of every layer and direction.
        num_layers: How many.
        bidirectional: Whether there is a backward direction.
        join_directions: Whether layers above the first read both directions.
        layer_norm: Whether each layer's output is normalised.
        dropout: Rate between layers.
        locked_dropout: One mask per sequence instead of one per step.
        weight_drop: Rate on the recurrent weights (Merity et al. 2018, section 2).
    """

    def __init__(
        self,
        rnn_type: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        *,
        bidirectional: bool = True,
        join_directions: bool = True,
        layer_norm: bool = False,
        dropout: float = 0.0,
        locked_dropout: bool = False,
        weight_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_layers = num_layers
        self.hidden_size = hidden_size
        self.num_directions = 2 if bidirectional else 1
        self.joined = bidirectional and join_directions
        self.rnn_type = rnn_type
        self.dropout = dropout
        self.locked_dropout = locked_dropout
        self.weight_drop = weight_drop
        above = hidden_size * (2 if self.joined else 1)
        sizes = [input_size] + [above] * (num_layers - 1)
        self.forwards = nn.ModuleList(RecurrentLayer(rnn_type, n, hidden_size) for n in sizes)
        self.backwards = nn.ModuleList(
            RecurrentLayer(rnn_type, n, hidden_size) for n in sizes if bidirectional
        )
        norms = num_layers if layer_norm else 0
        self.forward_norms = nn.ModuleList(nn.LayerNorm(hidden_size) for _ in range(norms))
        self.backward_norms = nn.ModuleList(
            nn.LayerNorm(hidden_size) for _ in range(norms if bidirectional else 0)
        )

    @property
    def output_size(self) -> int:
        """Features that come out: those of both directions."""
        return self.hidden_size * self.num_directions

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the starting weights of every layer."""
        for layer in (*self.forwards, *self.backwards):
            if isinstance(layer, RecurrentLayer):
                layer.reset_parameters(generator)

    def forward(
        self, x: Tensor, backward_x: Tensor, lengths: Tensor, masks: MaskSource | None
    ) -> Tensor:
        """Run over a padded batch.

        Args:
            x: Inputs of the forward direction, (time, batch, input_size).
            backward_x: Those of the backward direction, in the same order of time; the same tensor but
                where each direction has embeddings of its own.
            lengths: Real tokens of each sequence, (batch,), int64.
            masks: Source of dropout masks; None for evaluation.

        Returns:
            The last layer's outputs, (time, batch, output_size), forward features first; what stands at
            padding means nothing.
        """
        if self.num_directions == 1:
            for index in range(self.num_layers):
                x = self._between(index, x, masks)
                x = self._direction(self.forwards, self.forward_norms, index, x, masks)
            return x
        places = reversal(lengths, len(x))
        ahead, back = x, backward_x
        for index in range(self.num_layers):
            ahead, back = self._between(index, ahead, masks), self._between(index, back, masks)
            if self.joined and index:
                ahead = back = torch.cat([ahead, back], -1)
            turned = reversed_within(back, places)
            turned = self._direction(self.backwards, self.backward_norms, index, turned, masks)
            ahead = self._direction(self.forwards, self.forward_norms, index, ahead, masks)
            back = reversed_within(turned, places)
        return torch.cat([ahead, back], -1)

    def _between(self, index: int, x: Tensor, masks: MaskSource | None) -> Tensor:
        """Drop what comes from the layer below, if there is one."""
        return drop(x, self.dropout if index else 0.0, masks, locked=self.locked_dropout)

    def _direction(
        self,
        layers: nn.ModuleList,
        norms: nn.ModuleList,
        index: int,
        x: Tensor,
        masks: MaskSource | None,
    ) -> Tensor:
        """Run one layer of a direction from the zero state."""
        layer = layers[index]
        assert isinstance(layer, RecurrentLayer)  # noqa: S101  (an invariant of the model's own code)
        mask = None
        if masks is not None and self.weight_drop:
            weight = layer.weight_hh
            mask = masks.mask(weight.shape, self.weight_drop, weight.dtype)
        zeros = x.new_zeros(x.shape[1], self.hidden_size)
        x, _, _ = layer(x, zeros, zeros if self.rnn_type == "lstm" else None, mask)
        return norms[index](x) if norms else x
