"""A trained language model in one-step form on a torch device: what generation on a GPU runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from textrnn.decoding.protocol import Ids64, Logits
from textrnn.nn.cells import Array
from textrnn.nn.ngrams import ngram_rows

__all__ = ["TorchStepModel", "TorchStepState"]

_CELLS = {"gru": torch.gru_cell, "rnn_tanh": torch.rnn_tanh_cell, "rnn_relu": torch.rnn_relu_cell}


class TorchStepState(NamedTuple):
    """State of a batch, on the device.

    Attributes:
        layers: Each recurrent layer's state, tensors (batch, hidden_size): h, then c, if any.
        history: The ids before the next one, oldest first, (ngram_order - 1, batch).
    """

    layers: tuple[tuple[Tensor, ...], ...]
    history: Tensor


class TorchStepModel:
    """The model of ``textrnn.language_model.model`` as a ``textrnn.decoding.protocol.StepModel``.

    torch's cells are used as they are: on a GPU each is two matrix products and one fused kernel.

    Args:
        tensors: Weights by name, float32.
        settings: Resolved settings by name.
        device: A torch device.
    """

    def __init__(
        self, tensors: Mapping[str, Array], settings: Mapping[str, Any], device: str
    ) -> None:
        self._device = torch.device(device)
        weights = {
            name: torch.tensor(array, device=self._device) for name, array in tensors.items()
        }
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        layers = range(settings["num_layers"])
        self._rnn_type = settings["rnn_type"]
        self._layers = [
            tuple(weights[f"recurrent.layers.{layer}.{name}"] for name in names) for layer in layers
        ]
        self._norms = [
            (weights[f"recurrent.norms.{layer}.weight"], weights[f"recurrent.norms.{layer}.bias"])
            for layer in layers
            if settings["layer_norm"]
        ]
        self._embedding = weights["embedding.weight"]
        self._output = weights["embedding.weight" if settings["tie_weights"] else "output.weight"]
        self._output_bias = weights["output.bias"]
        self._order = settings["ngram_order"] or 1
        self._rows = settings["ngram_rows"]
        self._ngrams = weights["embedding.ngrams"] if self._order > 1 else None

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return len(self._output)

    def start(self, batch: int) -> TorchStepState:
        """Return the state before a text's first token."""
        size = self._layers[0][1].shape[1]
        parts = 2 if self._rnn_type == "lstm" else 1
        zeros = torch.zeros(batch, size, device=self._device)
        history = torch.zeros(self._order - 1, batch, dtype=torch.int64, device=self._device)
        return TorchStepState(tuple((zeros,) * parts for _ in self._layers), history)

    @torch.inference_mode()
    def advance(self, ids: Ids64, state: TorchStepState) -> TorchStepState:
        """Read one token per row; see ``StepModel``."""
        there = torch.from_numpy(np.ascontiguousarray(ids)).to(self._device)
        x = functional.embedding(there, self._embedding)
        history = state.history
        if self._ngrams is not None:
            seen = torch.cat((history, there[None]))
            rows = ngram_rows(seen, self._order, self._rows)[0]
            x = x + functional.embedding(rows, self._ngrams).sum(-2)
            history = seen[1:]
        layers = []
        for layer, (weights, before) in enumerate(zip(self._layers, state.layers, strict=True)):
            if layer:
                x = self._normed(layer - 1, x)
            if self._rnn_type == "lstm":
                after = tuple(torch.lstm_cell(x, before, *weights))
            else:
                after = (_CELLS[self._rnn_type](x, before[0], *weights),)
            x = after[0]
            layers.append(after)
        return TorchStepState(tuple(layers), history)

    @torch.inference_mode()
    def step(self, ids: Ids64, state: TorchStepState) -> tuple[Logits, TorchStepState]:
        """Read one token per row and say what may follow; see ``StepModel``."""
        new = self.advance(ids, state)
        last = len(self._layers) - 1
        hidden = self._normed(last, new.layers[last][0])
        logits = functional.linear(hidden, self._output, self._output_bias)
        return logits.cpu().numpy(), new

    def reorder(self, state: TorchStepState, index: Ids64) -> TorchStepState:
        """Return the state of the rows ``index``; see ``StepModel``."""
        there = torch.from_numpy(index).to(self._device)
        layers = tuple(tuple(part[there] for part in parts) for parts in state.layers)
        return TorchStepState(layers, state.history[:, there])

    def join(self, first: TorchStepState, second: TorchStepState) -> TorchStepState:
        """Return the state of the rows of both; see ``StepModel``."""
        layers = tuple(
            tuple(torch.cat(pair) for pair in zip(*parts, strict=True))
            for parts in zip(first.layers, second.layers, strict=True)
        )
        return TorchStepState(layers, torch.cat((first.history, second.history), dim=1))

    def _normed(self, layer: int, x: Tensor) -> Tensor:
        """Return a layer's output as the next one sees it, (batch, hidden_size)."""
        if not self._norms:
            return x
        return functional.layer_norm(x, x.shape[-1:], *self._norms[layer])
