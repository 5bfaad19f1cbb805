"""A trained language model in one-step form on a torch device: what generation on a GPU runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from textrnn.decoding.protocol import Ids64, Logits
from textrnn.nn.captured import Captured, record
from textrnn.nn.cells import Array
from textrnn.nn.ngrams import ngram_rows

__all__ = ["TorchStepModel", "TorchStepState"]

_CELLS = {"gru": torch.gru_cell, "rnn_tanh": torch.rnn_tanh_cell, "rnn_relu": torch.rnn_relu_cell}


class TorchStepState(NamedTuple):
    """State of a batch, on the device.

    Attributes:
        layers: Each recurrent layer's h, then its c, if any: (num_layers * 1 or 2, batch, hidden_size).
        history: The ids before the next one, oldest first, (ngram_order - 1, batch).
    """

    layers: Tensor
    history: Tensor


class TorchStepModel:
    """The model of ``textrnn.language_model.model`` as a ``textrnn.decoding.protocol.StepModel``.

    On a GPU a step of a batch that comes again and again is replayed as a graph.

    Args:
        tensors: Weights by name, float32.
        settings: Resolved settings by name.
        device: A torch device.
    """

    def __init__(
        self, tensors: Mapping[str, Array], settings: Mapping[str, Any], device: str
    ) -> None:
        self._device = torch.device(device)
        self._network = _Network(tensors, settings, self._device)
        recording = record if self._device.type == "cuda" else None
        self._read = Captured(self._network.read, recording)
        self._say = Captured(self._network.say, recording)

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return self._network.vocab_size

    def start(self, batch: int) -> TorchStepState:
        """Return the state before a text's first token."""
        network = self._network
        rows, size, before = network.state_rows, network.hidden_size, network.order - 1
        layers = torch.zeros(rows, batch, size, device=self._device)
        history = torch.zeros(before, batch, dtype=torch.int64, device=self._device)
        return TorchStepState(layers, history)

    @torch.inference_mode()
    def advance(self, ids: Ids64, state: TorchStepState) -> TorchStepState:
        """Read one token per row; see ``StepModel``."""
        return TorchStepState(*self._read(self._there(ids), *state))

    @torch.inference_mode()
    def step(self, ids: Ids64, state: TorchStepState) -> tuple[Logits, TorchStepState]:
        """Read one token per row and say what may follow; see ``StepModel``."""
        logits, *new = self._say(self._there(ids), *state)
        return logits.cpu().numpy(), TorchStepState(*new)

    def reorder(self, state: TorchStepState, index: Ids64) -> TorchStepState:
        """Return the state of the rows ``index``; see ``StepModel``."""
        there = self._there(index)
        return TorchStepState(state.layers[:, there], state.history[:, there])

    def join(self, first: TorchStepState, second: TorchStepState) -> TorchStepState:
        """Return the state of the rows of both; see ``StepModel``."""
        return TorchStepState(*(torch.cat(pair, 1) for pair in zip(first, second, strict=True)))

    def _there(self, ids: Ids64) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(ids)).to(self._device)


class _Network:
    """What a step computes, from tensors to tensors; arguments as for :class:`TorchStepModel`.

    torch's cells are used as they are: on a GPU each is two matrix products and one fused kernel.
    """

    def __init__(
        self, tensors: Mapping[str, Array], settings: Mapping[str, Any], device: torch.device
    ) -> None:
        weights = {name: torch.tensor(array, device=device) for name, array in tensors.items()}
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        layers = range(settings["num_layers"])
        self._rnn_type = settings["rnn_type"]
        self._parts = 2 if self._rnn_type == "lstm" else 1
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
        self._rows = settings["ngram_rows"]
        self.order = settings["ngram_order"] or 1
        self._ngrams = weights["embedding.ngrams"] if self.order > 1 else None
        self.vocab_size = len(self._output)
        self.hidden_size = int(self._layers[0][1].shape[1])
        self.state_rows = self._parts * len(self._layers)

    def read(self, ids: Tensor, layers: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Return a state's tensors after one more token of each row, (batch,)."""
        x = functional.embedding(ids, self._embedding)
        if self._ngrams is not None:
            seen = torch.cat((history, ids[None]))
            rows = ngram_rows(seen, self.order, self._rows)[0]
            x = x + functional.embedding(rows, self._ngrams).sum(-2)
            history = seen[1:]
        after: list[Tensor] = []
        for layer, weights in enumerate(self._layers):
            if layer:
                x = self._normed(layer - 1, x)
            if self._rnn_type == "lstm":
                x, c = torch.lstm_cell(x, tuple(layers[2 * layer : 2 * layer + 2]), *weights)
                after.extend((x, c))
            else:
                x = _CELLS[self._rnn_type](x, layers[layer], *weights)
                after.append(x)
        return torch.stack(after), history

    def say(self, ids: Tensor, layers: Tensor, history: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of what may follow, (batch, vocab_size), and the state's tensors."""
        layers, history = self.read(ids, layers, history)
        hidden = self._normed(len(self._layers) - 1, layers[-self._parts])
        return functional.linear(hidden, self._output, self._output_bias), layers, history

    def _normed(self, layer: int, x: Tensor) -> Tensor:
        """Return a layer's output as the next one sees it, (batch, hidden_size)."""
        if not self._norms:
            return x
        return functional.layer_norm(x, x.shape[-1:], *self._norms[layer])
