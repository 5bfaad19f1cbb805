"""Embeddings, recurrent layers and poolings without torch, of one text at a time.

They are those of ``textrnn.nn.embedding``, ``textrnn.nn.bidirectional``, ``textrnn.nn.recurrent`` and
``textrnn.nn.pooling``; tests hold them equal. A process has answered a few texts with them long before it
would have loaded torch. A text is read at its own length, so that nothing is padded; torch is faster where
there are many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from textrnn.nn.blas import blocked
from textrnn.nn.cells import CELLS, Array, Cell, CellState
from textrnn.nn.ngrams import ngram_rows
from textrnn.nn.spelling import spelling_rows
from textrnn.tokenizers.base import NUM_SPECIAL

__all__ = [
    "LightEmbedding",
    "LightLayers",
    "LightStack",
    "layer_normed",
    "light_pooled",
    "log_softmax",
]

_EPSILON = np.float32(1e-5)
"""``torch.nn.LayerNorm``'s."""

Ids = npt.NDArray[np.int64]
Tensors = Mapping[str, Array]


class LightEmbedding:
    """Embeds the tokens of a text.

    Args:
        tensors: Weights by name, float32.
        name: What the names of its own begin with, without the dot.
        ngram_order: Longest n-gram of tokens.
        ngram_rows: Rows per order.
        piece: Returns what an id stands for, where tokens are spelt.
    """

    def __init__(
        self,
        tensors: Tensors,
        name: str,
        *,
        ngram_order: int,
        ngram_rows: int,
        piece: Callable[[int], str] | None = None,
    ) -> None:
        self._weight = tensors[f"{name}.weight"]
        self._ngrams = tensors.get(f"{name}.ngrams")
        self._spelled = tensors.get(f"{name}.spelled")
        self._order = ngram_order
        self._rows = ngram_rows
        self._piece = piece

    def __call__(self, ids: Ids) -> Array:
        """Return the embeddings of a whole text, (time,), with n-grams and spellings, (time, dim)."""
        seen = np.concatenate((self.start(1)[:, 0], ids))
        return self._embedded(ids, seen)

    def start(self, rows: int) -> Ids:
        """Return the ids before rows of texts begin, all 0, (order - 1, rows): none without n-grams."""
        return np.zeros((0 if self._ngrams is None else self._order - 1, rows), np.int64)

    def step(self, ids: Ids, history: Ids) -> tuple[Array, Ids]:
        """Embed one token for each row.

        Args:
            ids: (rows,).
            history: The ids before them, as :meth:`start` or an earlier call returned them.

        Returns:
            Embeddings, (rows, dim), and the new history.
        """
        if self._ngrams is None:
            return self._embedded(ids, ids), history
        seen = np.concatenate((history, ids[None]))
        return self._embedded(ids, seen), seen[1:]

    def _embedded(self, ids: Ids, seen: Ids) -> Array:
        """Return the embeddings of ids, (n,), which end what was seen, in time or row by row, (n, dim)."""
        embedded: Array = self._weight[ids]
        if self._spelled is not None:
            distinct, places = np.unique(ids, return_inverse=True)
            embedded = embedded + self._spelt(distinct, self._spelled)[places]
        if self._ngrams is not None:
            rows = ngram_rows(seen, self._order, self._rows).reshape(len(ids), -1)
            embedded = embedded + self._ngrams[rows].sum(axis=1)
        return embedded

    def _spelt(self, ids: Ids, table: Array) -> Array:
        """Return the mean embedding of each token's character n-grams, (ids, dim); of none, zeros."""
        words = ids[ids >= NUM_SPECIAL]
        spelt = np.zeros((len(ids), table.shape[1]), np.float32)
        if len(words) and self._piece is not None:
            rows = spelling_rows([self._piece(token_id) for token_id in words.tolist()], len(table))
            # Row 0 stands for no n-gram, whatever it holds.
            is_one = rows != 0
            summed = (table[rows] * is_one[:, :, None]).sum(axis=1)
            spelt[ids >= NUM_SPECIAL] = summed / np.maximum(is_one.sum(axis=1), 1)[:, None]
        return spelt


class LightStack:
    """Recurrent layers that read a text forwards, or forwards and backwards.

    Args:
        tensors: Weights by name, float32.
        name: What the names of its own begin with, without the dot.
        rnn_type: A key of ``CELLS``.
        num_layers: How many.
        bidirectional: Whether there is a backward direction.
        join_directions: Whether layers above the first read both directions.
        layer_norm: Whether each layer's output is normalised.
    """

    def __init__(
        self,
        tensors: Tensors,
        name: str,
        rnn_type: str,
        num_layers: int,
        *,
        bidirectional: bool,
        join_directions: bool = True,
        layer_norm: bool = False,
    ) -> None:
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        directions = ("forward", "backward") if bidirectional else ("forward",)
        self._cells: dict[str, list[Cell]] = {
            direction: [
                CELLS[rnn_type](*(tensors[f"{name}.{direction}s.{layer}.{part}"] for part in parts))
                for layer in range(num_layers)
            ]
            for direction in directions
        }
        self._norms = {
            (direction, layer): tuple(
                tensors[f"{name}.{direction}_norms.{layer}.{part}"] for part in ("weight", "bias")
            )
            for direction in directions
            for layer in range(num_layers if layer_norm else 0)
        }
        self._num_layers = num_layers
        self._bidirectional = bidirectional
        self._joined = bidirectional and join_directions

    def __call__(self, ahead: Array, turned: Array) -> Array:
        """Return the last layer's outputs, (time, features), forward features first.

        Args:
            ahead: Inputs, (time, input_size).
            turned: Those of the backward direction in its own order, the text's last token first; unheeded
                where there is none.
        """
        for layer in range(self._num_layers):
            if layer and self._joined:
                ahead = np.concatenate((ahead, turned[::-1]), axis=1)
                turned = ahead[::-1]
            if self._bidirectional:
                turned = self._direction("backward", layer, turned)
            ahead = self._direction("forward", layer, ahead)
        return np.concatenate((ahead, turned[::-1]), axis=1) if self._bidirectional else ahead

    def _direction(self, direction: str, layer: int, x: Array) -> Array:
        """Run one layer of a direction from the zero state, (time, input_size) to (time, hidden_size)."""
        cell = self._cells[direction][layer]
        # Products with the inputs are taken for all steps at once; each step then reads a row of them.
        projected = np.ascontiguousarray(cell.project(np.ascontiguousarray(x.T)).T)
        state = cell.start(1)
        outputs = np.empty((len(x), cell.hidden_size), np.float32)
        for row, output in zip(projected[:, :, None], outputs, strict=True):
            state = cell.step_projected(row, state)
            output[:] = state[0][:, 0]
        norm = self._norms.get((direction, layer))
        return outputs if norm is None else layer_normed(outputs, *norm)


class LightLayers:
    """Recurrent layers that read rows of texts forwards, from any state.

    Args:
        tensors: Weights by name, float32.
        name: What the names of its own begin with, without the dot.
        rnn_type: A key of ``CELLS``.
        num_layers: How many.
        layer_norm: Whether each layer's output is normalised.
    """

    def __init__(
        self, tensors: Tensors, name: str, rnn_type: str, num_layers: int, *, layer_norm: bool
    ) -> None:
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self._layers: list[tuple[Cell, tuple[Array, Array] | None]] = []
        for layer in range(num_layers):
            weights = (tensors[f"{name}.layers.{layer}.{part}"] for part in parts)
            cell = CELLS[rnn_type](*weights, pack=blocked)
            norm = None
            if layer_norm:
                norm = (
                    tensors[f"{name}.norms.{layer}.weight"],
                    tensors[f"{name}.norms.{layer}.bias"],
                )
            self._layers.append((cell, norm))

    def __call__(self, x: Array, states: Sequence[CellState]) -> Array:
        """Return the last layer's outputs at every step of one text, (hidden_size, time).

        Args:
            x: Inputs, (input_size, time).
            states: Each layer's before the first step, of one row.
        """
        for (cell, norm), start in zip(self._layers, states, strict=True):
            projected = np.ascontiguousarray(cell.project(np.ascontiguousarray(x)).T)
            outputs = np.empty((len(projected), cell.hidden_size), np.float32)
            state = start
            for row, output in zip(projected[:, :, None], outputs, strict=True):
                state = cell.step_projected(row, state)
                output[:] = state[0][:, 0]
            x = (outputs if norm is None else layer_normed(outputs, *norm)).T
        return x

    def step(self, x: Array, states: Sequence[CellState]) -> tuple[Array, list[CellState]]:
        """Advance one step.

        Args:
            x: Inputs, (input_size, rows).
            states: Each layer's, of as many rows.

        Returns:
            The last layer's outputs, (hidden_size, rows), and the new states.
        """
        new = []
        for (cell, norm), state in zip(self._layers, states, strict=True):
            found = cell.step(x, state)
            new.append(found)
            x = found[0] if norm is None else layer_normed(found[0].T, *norm).T
        return x, new


def layer_normed(x: Array, weight: Array, bias: Array) -> Array:
    """Return rows, (n, features), as ``torch.nn.LayerNorm`` does."""
    centred = x - x.mean(axis=1, keepdims=True)
    variance = np.square(centred).mean(axis=1, keepdims=True)
    normed: Array = centred / np.sqrt(variance + _EPSILON) * weight + bias
    return normed


def light_pooled(tensors: Tensors, name: str, kind: str, x: Array, *, bidirectional: bool) -> Array:
    """Return one vector of a text's outputs, (time, features) to (pooled features,).

    Args:
        tensors: Weights by name, float32.
        name: What the names of its own begin with, without the dot.
        kind: One of ``textrnn.nn.pooling.POOLINGS``.
        x: Outputs at every token.
        bidirectional: Whether the second half of the features reads backwards.
    """
    if kind == "attention":
        weight, bias = (tensors[f"{name}.projection.{part}"] for part in ("weight", "bias"))
        scores = np.tanh(x @ weight.T + bias) @ tensors[f"{name}.query"]
        attended: Array = np.exp(log_softmax(scores)) @ x
        return attended
    half = x.shape[1] // 2 if bidirectional else x.shape[1]
    last: Array = np.concatenate((x[-1, :half], x[0, half:]))
    if kind == "last":
        return last
    largest: Array = x.max(axis=0)
    mean: Array = x.mean(axis=0)
    joined: Array = np.concatenate((last, largest, mean))
    return {"max": largest, "mean": mean, "concat": joined}[kind]


def log_softmax(scores: Array) -> Array:
    """Return the logarithms of the probabilities that scores stand for, along their last dimension."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    found: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found
