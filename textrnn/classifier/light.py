"""The classifier without torch: it has answered a few texts long before torch would be loaded.

``textrnn.classifier.model`` is the same network in torch; tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from textrnn.classifier.calibration import EVEN_SHARE
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.sizes import has_backward_embedding
from textrnn.nn.cells import Array
from textrnn.nn.light import LightEmbedding, LightStack, light_pooled, log_softmax
from textrnn.nn.ngrams import BAG_SCALE, ngram_rows
from textrnn.tokenizers.base import Tokenizer

__all__ = ["LightClassifier"]

Ids = npt.NDArray[np.integer[Any]]


class LightClassifier:
    """Scores a text's labels, in float32.

    Args:
        tensors: Weights by name, float32, of the shapes that ``weight_shapes`` says.
        settings: Resolved settings.
        tokenizer: What makes the ids.
    """

    def __init__(
        self, tensors: Mapping[str, Array], settings: ClassifierSettings, tokenizer: Tokenizer
    ) -> None:
        s = settings
        self._tensors = tensors
        self._settings = s

        def embedding(name: str) -> LightEmbedding:
            # Decoded, not as a person may read them, which depends on the machine's version of Unicode.
            return LightEmbedding(
                tensors,
                name,
                ngram_order=s.ngram_order or 1,
                ngram_rows=s.ngram_rows,
                piece=lambda token_id: tokenizer.decode([token_id]),
            )

        self._embedding = embedding("embedding")
        self._backward_embedding: LightEmbedding | None = None
        if has_backward_embedding(tensors):
            self._backward_embedding = embedding("backward_embedding")
        self._recurrent = LightStack(
            tensors,
            "recurrent",
            s.rnn_type,
            s.num_layers or 0,
            bidirectional=s.bidirectional,
            join_directions=s.join_directions,
        )

    def logits(self, ids: Ids, bag_share: float = EVEN_SHARE) -> Array:
        """Return the score of every label, all experts taken together, (labels,).

        Args:
            ids: Token ids of a text, (time,), at least one.
            bag_share: The bag's weight, from 0 to 1.
        """
        return self._of_one(np.asarray(ids, np.int64), bag_share)

    def _of_one(self, ids: npt.NDArray[np.int64], bag_share: float) -> Array:
        s = self._settings
        ahead = self._embedding(ids)
        turned = ahead[::-1]
        if self._backward_embedding is not None:
            # N-grams end at the token that is read last: for this direction, the first of the text.
            turned = self._backward_embedding(ids[::-1])
        outputs = self._recurrent(ahead, turned)
        pooled = light_pooled(
            self._tensors, "pooling", s.pooling or "", outputs, bidirectional=s.bidirectional
        )
        scores: Array = self._tensors["output.weight"] @ pooled + self._tensors["output.bias"]
        if not (s.bag_order and s.bag_rows):
            return scores
        bag = self._bag(ids, s.bag_order, s.bag_rows)
        both: Array = (1 - bag_share) * log_softmax(scores) + bag_share * log_softmax(bag)
        return both

    def _bag(self, ids: npt.NDArray[np.int64], order: int, rows: int) -> Array:
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
