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
from textrnn.nn.cells import CELLS, Array, CellState, Pack, dense
from textrnn.nn.ngrams import ngram_rows
from textrnn.nn.spelling import spelling_rows
from textrnn.tokenizers.base import NUM_SPECIAL

__all__ = [
    "LightEmbedding",
    "LightLayers",
    "LightStack",
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


class _Layer:
    """A recurrent layer of a direction and its norm, if there is one.

    Args:
        tensors: Weights by name, float32.
        name: What the layer's names begin with, without the dot.
        norm: Likewise, the norm's.
        rnn_type: A key of ``CELLS``.
        pack: How weights are packed.
    """

    def __init__(
        self, tensors: Tensors, name: str, norm: str, rnn_type: str, pack: Pack = dense
    ) -> None:
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self._cell = CELLS[rnn_type](*(tensors[f"{name}.{part}"] for part in parts), pack=pack)
        self._norm: tuple[Array, Array] | None = None
        if f"{norm}.weight" in tensors:
            self._norm = tensors[f"{norm}.weight"], tensors[f"{norm}.bias"]

    def run(self, x: Array, state: CellState | None = None) -> Array:
        """Run over a text, (time, input_size) to (time, hidden_size), from a state or from zeros."""
        cell = self._cell
        # Products with the inputs are taken for all steps at once; each step then reads a row of them.
        projected = np.ascontiguousarray(cell.project(np.ascontiguousarray(x.T)).T)
        state = state or cell.start(1)
        outputs = np.empty((len(x), cell.hidden_size), np.float32)
        for row, output in zip(projected[:, :, None], outputs, strict=True):
            state = cell.step_projected(row, state)
            output[:] = state[0][:, 0]
        return outputs if self._norm is None else _layer_normed(outputs, *self._norm)

    def step(self, x: Array, state: CellState) -> tuple[Array, CellState]:
        """Advance rows one step, (input_size, rows); return outputs, (hidden_size, rows), and the state."""
        new = self._cell.step(x, state)
        return new[0] if self._norm is None else _layer_normed(new[0].T, *self._norm).T, new


class LightStack:
    """Recurrent layers that read a text forwards, or forwards and backwards.

    Args:
        tensors: Weights by name, float32.
        name: What the names of its own begin with, without the dot.
        rnn_type: A key of ``CELLS``.
        num_layers: How many.
        bidirectional: Whether there is a backward direction.
        join_directions: Whether layers above the first read both directions.
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
    ) -> None:
        self._layers = {
            direction: [
                _Layer(
                    tensors,
                    f"{name}.{direction}s.{layer}",
                    f"{name}.{direction}_norms.{layer}",
                    rnn_type,
                )
                for layer in range(num_layers)
            ]
            for direction in (("forward", "backward") if bidirectional else ("forward",))
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
                turned = self._layers["backward"][layer].run(turned)
            ahead = self._layers["forward"][layer].run(ahead)
        return np.concatenate((ahead, turned[::-1]), axis=1) if self._bidirectional else ahead


class LightLayers:
    """Recurrent layers that read rows of texts forwards, from any state.

    Args:
        tensors: Weights by name, float32.
        name: What the names of its own begin with, without the dot.
        rnn_type: A key of ``CELLS``.
        num_layers: How many.
    """

    def __init__(self, tensors: Tensors, name: str, rnn_type: str, num_layers: int) -> None:
        self._layers = [
            _Layer(tensors, f"{name}.layers.{layer}", f"{name}.norms.{layer}", rnn_type, blocked)
            for layer in range(num_layers)
        ]

    def __call__(self, x: Array, states: Sequence[CellState]) -> Array:
        """Return the last layer's outputs at every step of one text, (hidden_size, time).

        Args:
            x: Inputs, (input_size, time).
            states: Each layer's before the first step, of one row.
        """
        x = x.T
        for layer, state in zip(self._layers, states, strict=True):
            x = layer.run(x, state)
        outputs: Array = x.T
        return outputs

    def step(self, x: Array, states: Sequence[CellState]) -> tuple[Array, list[CellState]]:
        """Advance one step.

        Args:
            x: Inputs, (input_size, rows).
            states: Each layer's, of as many rows.

        Returns:
            The last layer's outputs, (hidden_size, rows), and the new states.
        """
        new = []
        for layer, state in zip(self._layers, states, strict=True):
            x, after = layer.step(x, state)
            new.append(after)
        return x, new


def _layer_normed(x: Array, weight: Array, bias: Array) -> Array:
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
