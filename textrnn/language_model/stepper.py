"""A trained language model in one-step form, without torch: what generation on a CPU runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textrnn.decoding.protocol import Ids64, Logits, StepModel
from textrnn.errors import ModelError
from textrnn.nn.cells import CELLS, Array, Cell, CellState, product
from textrnn.nn.ngrams import rows_of_ngrams

__all__ = ["NumpyStepModel", "StepState", "make_stepper"]

_MOST_TABLE_BYTES = 16 << 20
"""The first layer's input products are computed ahead for all ids if they fit into this.

A table saves the product with W_ih in every step; one of this size takes about 50 ms to make.
"""

_EPSILON = np.float32(1e-5)
"""``torch.nn.LayerNorm``'s."""


class StepState(NamedTuple):
    """State of a batch.

    Attributes:
        layers: Each recurrent layer's state, arrays (hidden_size, batch).
        history: The ids before the next one, newest first, (ngram_order - 1, batch).
    """

    layers: tuple[CellState, ...]
    history: Ids64


def make_stepper(
    tensors: Mapping[str, Any], settings: Mapping[str, Any], device: str = "cpu"
) -> StepModel[Any]:
    """Return a language model in one-step form.

    Args:
        tensors: Its weights by name, float32: NumPy arrays, or torch tensors on any device.
        settings: Its resolved settings by name.
        device: ``cpu``, which needs no torch, or a torch device.

    Raises:
        ModelError: the weights do not fit the settings.
    """
    arrays = {name: _as_array(tensor) for name, tensor in tensors.items()}
    try:
        if device == "cpu":
            return NumpyStepModel(arrays, settings)
        from textrnn.language_model.torch_stepper import TorchStepModel

        return TorchStepModel(arrays, settings, device)
    except (KeyError, ValueError) as error:
        raise ModelError(f"the model's weights do not fit its settings: {error}") from error


class NumpyStepModel:
    """The model of ``textrnn.language_model.model`` as a ``textrnn.decoding.protocol.StepModel``.

    One row runs on matrix-vector products, a batch on matrix products.

    Args:
        tensors: Weights by name, float32.
        settings: Resolved settings by name.
    """

    def __init__(self, tensors: Mapping[str, Array], settings: Mapping[str, Any]) -> None:
        layers = range(settings["num_layers"])
        order = settings["ngram_order"] or 1
        cell = CELLS[settings["rnn_type"]]
        weights = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self._cells: list[Cell] = [
            cell(*(tensors[f"recurrent.layers.{layer}.{name}"] for name in weights))
            for layer in layers
        ]
        self._norms = [
            tuple(
                tensors[f"recurrent.norms.{layer}.{name}"][:, None] for name in ("weight", "bias")
            )
            for layer in layers
            if settings["layer_norm"]
        ]
        self._embedding = tensors["embedding.weight"]
        tied = settings["tie_weights"]
        self._output = np.ascontiguousarray(
            tensors["embedding.weight" if tied else "output.weight"]
        )
        self._output_bias = tensors["output.bias"]
        self._rows = settings["ngram_rows"]
        self._history = order - 1
        self._ngrams = tensors["embedding.ngrams"] if order > 1 else None
        self._table = self._input_products()

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return len(self._output)

    def start(self, batch: int) -> StepState:
        """Return the state before a text's first token."""
        layers = tuple(cell.start(batch) for cell in self._cells)
        return StepState(layers, np.zeros((self._history, batch), np.int64))

    def advance(self, ids: Ids64, state: StepState) -> StepState:
        """Read one token per row; see ``StepModel``."""
        x: Array | None = None
        layers = []
        for layer, (cell, before) in enumerate(zip(self._cells, state.layers, strict=True)):
            if x is not None:
                after = cell.step(self._normed(layer - 1, x), before)
            elif self._table is not None:
                after = cell.step_projected(self._projected(ids), before)
            else:
                after = cell.step(self._embed(ids, state.history), before)
            x = after[0]
            layers.append(after)
        history = state.history
        if self._history:
            history = np.concatenate((ids[None], history[:-1]))
        return StepState(tuple(layers), history)

    def step(self, ids: Ids64, state: StepState) -> tuple[Logits, StepState]:
        """Read one token per row and say what may follow; see ``StepModel``."""
        new = self.advance(ids, state)
        last = len(self._cells) - 1
        logits = product(self._output, self._normed(last, new.layers[last][0])).T
        return logits + self._output_bias, new

    def reorder(self, state: StepState, index: Ids64) -> StepState:
        """Return the state of the rows ``index``; see ``StepModel``."""
        layers = tuple(tuple(part.take(index, axis=1) for part in parts) for parts in state.layers)
        return StepState(layers, state.history.take(index, axis=1))

    def join(self, first: StepState, second: StepState) -> StepState:
        """Return the state of the rows of both; see ``StepModel``."""
        layers = tuple(
            tuple(np.concatenate(pair, axis=1) for pair in zip(*parts, strict=True))
            for parts in zip(first.layers, second.layers, strict=True)
        )
        return StepState(layers, np.concatenate((first.history, second.history), axis=1))

    def _input_products(self) -> tuple[Array, Array] | None:
        """Return the first layer's input products of each id, as rows and as columns, if they fit.

        One row of a batch reads its products as they lie, a batch gathers columns: turning gathered
        rows into columns takes four times as long.
        """
        cell = self._cells[0]
        size = 4 * len(self._embedding) * len(cell.project(self._embedding[:1].T))
        if self._ngrams is not None or size > _MOST_TABLE_BYTES:
            return None
        columns = cell.project(np.ascontiguousarray(self._embedding.T))
        return np.ascontiguousarray(columns.T), columns

    def _projected(self, ids: Ids64) -> Array:
        """Return the input products of ids, (gates * hidden_size, batch)."""
        assert self._table is not None  # noqa: S101  (asked only where there is one)
        rows, columns = self._table
        projected: Array = rows[ids].T if len(ids) == 1 else columns.take(ids, axis=1)
        return projected

    def _embed(self, ids: Ids64, history: Ids64) -> Array:
        """Return the embeddings of ids, those of the n-grams that they end added, (dim, batch)."""
        embedded = self._embedding[ids]
        if self._ngrams is not None:
            embedded += self._ngrams[self._ngram_rows(ids, history)].sum(axis=0)
        columns: Array = embedded.T
        return columns

    def _ngram_rows(self, ids: Ids64, history: Ids64) -> npt.NDArray[np.int64]:
        """Return the rows of the n-grams that ids end, (ngram_order - 1, batch)."""
        if len(ids) > 1:
            return np.stack(rows_of_ngrams([ids, *history], self._rows))
        # Python's integers are an order of magnitude faster than arrays of one.
        newest_first = [*ids.tolist(), *history[:, 0].tolist()]
        return np.array(rows_of_ngrams(newest_first, self._rows))[:, None]

    def _normed(self, layer: int, x: Array) -> Array:
        """Return a layer's output as the next one sees it, (hidden_size, batch)."""
        if not self._norms:
            return x
        weight, bias = self._norms[layer]
        centred = x - x.mean(axis=0)
        variance = np.square(centred).mean(axis=0)
        normed: Array = centred * (weight / np.sqrt(variance + _EPSILON)) + bias
        return normed


def _as_array(tensor: Any) -> Array:
    """Return a torch tensor on any device, or an array, as a float32 array."""
    if not isinstance(tensor, np.ndarray):
        tensor = tensor.detach().cpu().float().numpy()
    array: Array = np.asarray(tensor, np.float32)
    return array
