"""The classifier without torch: it has answered a few texts long before torch would be loaded.

``textrnn.classifier.model`` is the same network in torch; tests hold the two equal. Here each text is read on
its own, at its own length, so that nothing is padded; torch is faster where there are many.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textrnn.classifier.calibration import EVEN_SHARE
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.sizes import has_backward_embedding
from textrnn.nn.cells import CELLS, Array, Cell
from textrnn.nn.ngrams import BAG_SCALE, ngram_rows
from textrnn.nn.spelling import spelling_rows
from textrnn.tokenizers.base import NUM_SPECIAL, Tokenizer

__all__ = ["LightClassifier"]

_EPSILON = np.float32(1e-5)
"""``torch.nn.LayerNorm``'s."""

Ids = npt.NDArray[np.integer[Any]]
Embed = Callable[[Ids], Array]
"""From ids, (time,), to embeddings, (time, dim)."""


class LightClassifier:
    """Scores a text's labels, in float32, on one CPU thread.

    Args:
        tensors: Weights by name, float32, of the shapes that ``weight_shapes`` says.
        settings: Resolved settings.
        tokenizer: What makes the ids.
    """

    def __init__(
        self, tensors: Mapping[str, Array], settings: ClassifierSettings, tokenizer: Tokenizer
    ) -> None:
        self._tensors = tensors
        self._settings = settings
        self._tokenizer = tokenizer
        self._has_own = has_backward_embedding(tensors)

    def logits(self, texts: Sequence[Ids], bag_share: float = EVEN_SHARE) -> Array:
        """Return the score of every label, all experts taken together, (texts, labels).

        Args:
            texts: Token ids of each, (time,), at least one.
            bag_share: The bag's weight, from 0 to 1.
        """
        # What weights make no number of is told by who asked.
        with self._one_thread(), np.errstate(all="ignore"):
            return np.stack([self._of_one(np.asarray(ids, np.int64), bag_share) for ids in texts])

    @functools.cached_property
    def _one_thread(self) -> Callable[[], Any]:
        """Makes the context in which small products are not shared among threads, which would cost more."""
        from threadpoolctl import ThreadpoolController

        controller = ThreadpoolController()
        return functools.partial(controller.limit, limits=1, user_api="blas")

    def _of_one(self, ids: Ids, bag_share: float) -> Array:
        pooled = self._pooled(self._outputs(ids))
        scores: Array = self._tensors["output.weight"] @ pooled + self._tensors["output.bias"]
        if not (self._settings.bag_order and self._settings.bag_rows):
            return scores
        bag = self._bag(ids, self._settings.bag_order, self._settings.bag_rows)
        both: Array = (1 - bag_share) * _log_softmax(scores) + bag_share * _log_softmax(bag)
        return both

    def _outputs(self, ids: Ids) -> Array:
        """Return the last layer's outputs, (time, features), forward features first."""
        s = self._settings
        ahead = self._embedded("embedding", ids)
        if not s.bidirectional:
            for layer in range(s.num_layers or 0):
                ahead = self._direction("forward", layer, ahead)
            return ahead
        # In the backward direction's own order, the text's last token first.
        turned = self._embedded("backward_embedding", ids[::-1]) if self._has_own else ahead[::-1]
        for layer in range(s.num_layers or 0):
            if layer and s.join_directions:
                ahead = np.concatenate((ahead, turned[::-1]), axis=1)
                turned = ahead[::-1]
            turned = self._direction("backward", layer, turned)
            ahead = self._direction("forward", layer, ahead)
        return np.concatenate((ahead, turned[::-1]), axis=1)

    def _direction(self, direction: str, layer: int, x: Array) -> Array:
        """Run one layer of a direction from the zero state, (time, input_size) to (time, hidden_size)."""
        cell = self._cell(direction, layer)
        # Products with the inputs are taken for all steps at once; each step then reads a row of them.
        projected = np.ascontiguousarray(cell.project(np.ascontiguousarray(x.T)).T)
        state = cell.start(1)
        outputs = np.empty((len(x), cell.hidden_size), np.float32)
        for row, output in zip(projected[:, :, None], outputs, strict=True):
            state = cell.step_projected(row, state)
            output[:] = state[0][:, 0]
        if not self._settings.layer_norm:
            return outputs
        norm = f"recurrent.{direction}_norms.{layer}"
        centred = outputs - outputs.mean(axis=1, keepdims=True)
        variance = np.square(centred).mean(axis=1, keepdims=True)
        weight, bias = (self._tensors[f"{norm}.{part}"] for part in ("weight", "bias"))
        normed: Array = centred / np.sqrt(variance + _EPSILON) * weight + bias
        return normed

    @functools.cache  # noqa: B019  (a model's own few cells, which live as long as it does)
    def _cell(self, direction: str, layer: int) -> Cell:
        name = f"recurrent.{direction}s.{layer}"
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return CELLS[self._settings.rnn_type](*(self._tensors[f"{name}.{part}"] for part in parts))

    def _embedded(self, name: str, ids: Ids) -> Array:
        """Return embeddings, those of n-grams and spellings added, (time, dim)."""
        s = self._settings
        embedded: Array = self._tensors[f"{name}.weight"][ids]
        if s.spelling_rows:
            distinct, places = np.unique(ids, return_inverse=True)
            table = self._tensors[f"{name}.spelled"]
            embedded = embedded + self._spelt(distinct, table)[places]
        order = s.ngram_order or 1
        if order > 1:
            seen = np.concatenate((np.zeros(order - 1, np.int64), ids))
            rows = ngram_rows(seen, order, s.ngram_rows)
            embedded = embedded + self._tensors[f"{name}.ngrams"][rows].sum(axis=1)
        return embedded

    def _spelt(self, ids: Ids, table: Array) -> Array:
        """Return the mean embedding of each token's character n-grams, (ids, dim); of none, zeros."""
        words = ids[ids >= NUM_SPECIAL]
        spelt = np.zeros((len(ids), table.shape[1]), np.float32)
        if len(words):
            pieces = [self._tokenizer.decode([token_id]) for token_id in words.tolist()]
            rows = spelling_rows(pieces, len(table))
            count = (rows != 0).sum(axis=1)
            # Row 0 stands for no n-gram, whatever it holds.
            summed = (table[rows] * (rows != 0)[:, :, None]).sum(axis=1)
            spelt[ids >= NUM_SPECIAL] = summed / np.maximum(count, 1)[:, None]
        return spelt

    def _pooled(self, x: Array) -> Array:
        """Return one vector of the outputs, (time, features) to (pooled features,)."""
        kind = self._settings.pooling
        half = x.shape[1] // 2 if self._settings.bidirectional else x.shape[1]
        last = np.concatenate((x[-1, :half], x[0, half:]))
        if kind == "last":
            return last
        if kind == "attention":
            weight, bias = (self._tensors[f"pooling.projection.{p}"] for p in ("weight", "bias"))
            scores = np.tanh(x @ weight.T + bias) @ self._tensors["pooling.query"]
            weights = np.exp(_log_softmax(scores))
            attended: Array = weights @ x
            return attended
        largest: Array = x.max(axis=0)
        mean: Array = x.mean(axis=0)
        joined: Array = np.concatenate((last, largest, mean))
        return {"max": largest, "mean": mean, "concat": joined}[kind or ""]

    def _bag(self, ids: Ids, order: int, rows: int) -> Array:
        """Return the scores of the bag of n-grams, (labels,)."""
        found = [ids % rows]
        if order > 1:
            seen = np.concatenate((np.zeros(order - 1, np.int64), ids))
            found.append((ngram_rows(seen, order, rows) + rows).ravel())
        distinct = np.unique(np.concatenate(found))
        known = self._tensors["bag.weight"][distinct] * self._tensors["bag.ratios"][distinct]
        scale = np.float32(BAG_SCALE / np.sqrt(len(ids)))
        scores: Array = scale * known.sum(axis=0) + self._tensors["bag.bias"]
        return scores


def _log_softmax(scores: Array) -> Array:
    """Return the logarithms of the probabilities that scores, (n,), stand for."""
    shifted = scores - scores.max()
    found: Array = shifted - np.log(np.exp(shifted).sum())
    return found
