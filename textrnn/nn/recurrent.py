"""Recurrent layers in whole-sequence form: a window of tokens in one call of a compiled kernel.

The kernels are cuDNN's on GPUs, oneDNN's for the LSTM on CPUs, and torch's C++ loop for the others.
``textrnn.nn.cells`` holds the same layers in one-step form for generation; tests hold the two equal.

Shapes are time-major, (time, batch, features), the order in which the kernels work.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from textrnn.nn.dropout import MaskSource, drop
from textrnn.nn.precision import as_given
from textrnn.nn.sizes import GATES

__all__ = ["RecurrentLayer", "RecurrentStack", "State", "detach"]

RELU_RECURRENCE, RELU_INPUT = 0.5, 0.5

_CUDNN_BFLOAT16 = 91300
"""The version from which cuDNN's recurrent kernels compute in bfloat16."""

State = Mapping[str, Tensor]
"""Recurrent state by name, each tensor with the batch as its first dimension."""


def detach(state: State) -> dict[str, Tensor]:
    """Return the state cut off from the graph that made it (truncated back-propagation)."""
    return {name: tensor.detach() for name, tensor in state.items()}


def _is_autocast_wrong(kind: str) -> bool:
    """Return whether autocast computes recurrent layers in another type than it was asked for.

    On GPUs it takes float16 whatever its type is (PyTorch, ``aten/src/ATen/cudnn/AutocastRNN.cpp``), where
    the small gradients of a language model vanish.
    """
    return kind == "cuda"


@functools.cache
def _accept_copies() -> None:
    """Keep PyTorch from warning of something that is meant, in a process that computes on a GPU.

    cuDNN wants the weights of a layer in one piece of memory, which takes a step a copy of them: far fewer
    numbers than its products read.
    """
    warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")


@functools.cache
def _kernel_type(device: torch.device, wanted: torch.dtype) -> torch.dtype:
    """Return the type in which a GPU's recurrent kernels are to compute, where ``wanted`` were best.

    Without cuDNN's kernels in bfloat16 that is float32, whose products cuDNN takes in TF32: what is left in
    bfloat16 is PyTorch's own loop over time, of several small kernels a step.
    """
    if wanted != torch.bfloat16:
        return wanted
    # As use_cudnn of PyTorch's aten/src/ATen/native/RNN.cpp decides.
    is_used = torch.cudnn_is_acceptable(torch.empty(1, dtype=wanted, device=device))
    version = torch.backends.cudnn.version() or 0  # type: ignore[no-untyped-call]
    is_there = is_used and version >= _CUDNN_BFLOAT16
    return (
        wanted if is_there and torch.cuda.get_device_capability(device) >= (8, 0) else torch.float32
    )


class RecurrentLayer(nn.Module):
    """One recurrent layer of a direction.

    Weights start as follows: recurrent matrices orthogonal per gate (Saxe et al. 2014), so that signals
    neither grow nor fade at first; for ``rnn_relu`` half the identity of Le et al. (2015),
    since a state that is carried from window to window would grow without bound; input matrices by
    Glorot and Bengio (2010), halved for ``rnn_relu``; the LSTM's forget gate with bias 1, so that it
    remembers before it has learned to (Gers et al. 2000; Jozefowicz et al. 2015).

    Args:
        rnn_type: A key of ``GATES``.
        input_size: Features that come in.
        hidden_size: Features that go out and recur.
    """

    def __init__(self, rnn_type: str, input_size: int, hidden_size: int) -> None:
        super().__init__()
        rows = GATES[rnn_type] * hidden_size
        self.rnn_type = rnn_type
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias_ih = nn.Parameter(torch.zeros(rows))
        self.bias_hh = nn.Parameter(torch.zeros(rows))

    @property
    def blocks(self) -> dict[str, int]:
        """Of how many gates the matrices are piles."""
        return dict.fromkeys(("weight_ih", "weight_hh"), GATES[self.rnn_type])

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the starting weights."""
        size = self.hidden_size
        with torch.no_grad():
            for start in range(0, len(self.weight_hh), size):
                gate = slice(start, start + size)
                # Per gate: Glorot's bound counts the fan-out of one gate, not of all of them.
                bound = math.sqrt(6 / (size + self.weight_ih.shape[1]))
                self.weight_ih[gate].uniform_(-bound, bound, generator=generator)
                if self.rnn_type == "rnn_relu":
                    nn.init.eye_(self.weight_hh[gate])
                    self.weight_hh[gate].mul_(RELU_RECURRENCE)
                    self.weight_ih[gate].mul_(RELU_INPUT)
                else:
                    nn.init.orthogonal_(self.weight_hh[gate], generator=generator)
            self.bias_ih.zero_()
            self.bias_hh.zero_()
            if self.rnn_type == "lstm":
                self.bias_ih[size : 2 * size] = 1.0

    def forward(
        self, x: Tensor, hidden: Tensor, cell: Tensor | None, weight_mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Run over a window.

        Args:
            x: Inputs, (time, batch, input_size).
            hidden: h before the first step, (batch, hidden_size).
            cell: c before the first step, likewise; None for all but the LSTM.
            weight_mask: Mask on the recurrent weights, their shape, or None.

        Returns:
            Outputs, (time, batch, hidden_size), and h and c after the last step.
        """
        weight_hh = self.weight_hh if weight_mask is None else self.weight_hh * weight_mask
        weights = [self.weight_ih, weight_hh, self.bias_ih, self.bias_hh]
        # cuDNN refuses states that are parts of other tensors.
        given = (hidden,) if cell is None else (hidden, cell)
        states = [state.unsqueeze(0).contiguous() for state in given]
        kind = x.device.type
        if kind == "cuda":
            _accept_copies()
        if not (_is_autocast_wrong(kind) and torch.is_autocast_enabled(kind)):
            return self._run(x, states, weights)
        dtype = _kernel_type(x.device, torch.get_autocast_dtype(kind))
        with as_given(x.device):
            return self._run(
                x.to(dtype), [s.to(dtype) for s in states], [w.to(dtype) for w in weights]
            )

    def _run(
        self, x: Tensor, states: list[Tensor], weights: list[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Call the kernel."""
        options = (True, 1, 0.0, torch.is_grad_enabled(), False, False)
        if len(states) == 2:
            y, h, c = torch.lstm(x, states, weights, *options)
            return y, h.squeeze(0), c.squeeze(0)
        run = {"gru": torch.gru, "rnn_tanh": torch.rnn_tanh, "rnn_relu": torch.rnn_relu}
        y, h = run[self.rnn_type](x, states[0], weights, *options)
        return y, h.squeeze(0), None


class RecurrentStack(nn.Module):
    """Recurrent layers on top of each other.

    Layer normalisation (Ba et al. 2016) stands between layers, not inside gates, and dropout after it.

    Args:
        rnn_type: A key of ``GATES``.
        input_size: Features that come in.
        hidden_size: Features of every layer.
        num_layers: How many.
        layer_norm: Whether each layer's output is normalised.
        dropout: Rate after each layer.
        locked_dropout: One mask per sequence and window instead of one per step.
        weight_drop: Rate on the recurrent weights (Merity et al. 2018, section 2).
    """

    def __init__(
        self,
        rnn_type: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        *,
        layer_norm: bool = False,
        dropout: float = 0.0,
        locked_dropout: bool = False,
        weight_drop: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        layers = [RecurrentLayer(rnn_type, size, hidden_size) for size in sizes]
        self.layers = nn.ModuleList(layers)
        norms = [nn.LayerNorm(hidden_size) for _ in sizes] if layer_norm else []
        self.norms = nn.ModuleList(norms)
        self.rnn_type = rnn_type
        self.hidden_size = hidden_size
        self.dropout = dropout
        self.locked_dropout = locked_dropout
        self.weight_drop = weight_drop

    @property
    def _layers(self) -> list[RecurrentLayer]:
        return [layer for layer in self.layers if isinstance(layer, RecurrentLayer)]

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the starting weights of every layer."""
        for layer in self._layers:
            layer.reset_parameters(generator)

    def start(self, batch_size: int, like: Tensor) -> dict[str, Tensor]:
        """Return the all-zero state on the device and in the type of ``like``."""
        names = ("h", "c") if self.rnn_type == "lstm" else ("h",)
        return {
            f"{index}.{name}": like.new_zeros(batch_size, self.hidden_size)
            for index in range(len(self.layers))
            for name in names
        }

    def forward(
        self, x: Tensor, state: State, masks: MaskSource | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run over a window.

        Args:
            x: Inputs, (time, batch, input_size).
            state: As :meth:`start` or an earlier call returned it.
            masks: Source of dropout masks; None for evaluation.

        Returns:
            Outputs of the last layer, (time, batch, hidden_size), and the new state.
        """
        new: dict[str, Tensor] = {}
        for index, layer in enumerate(self._layers):
            weight_mask = None
            if masks is not None and self.weight_drop:
                weight = layer.weight_hh
                weight_mask = masks.mask(weight.shape, self.weight_drop, weight.dtype)
            x, h, c = layer(x, state[f"{index}.h"], state.get(f"{index}.c"), weight_mask)
            new[f"{index}.h"] = h
            if c is not None:
                new[f"{index}.c"] = c
            if self.norms:
                x = self.norms[index](x)
            x = drop(x, self.dropout, masks, locked=self.locked_dropout)
        return x, new
