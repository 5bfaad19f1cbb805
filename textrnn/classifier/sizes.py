"""Shapes of a classifier's weights, known without building the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy.typing as npt

from textrnn.classifier.settings import ClassifierSettings
from textrnn.nn.sizes import Shapes, embedding_shapes, layer_shapes

__all__ = ["has_backward_embedding", "recurrent_weights", "weight_shapes"]

_BACKWARD = "backward_embedding"


def has_backward_embedding(names: Iterable[str]) -> bool:
    """Return whether weights of these names hold embeddings of their own for the backward direction."""
    return any(name.startswith(f"{_BACKWARD}.") for name in names)


def recurrent_weights(arrays: Mapping[str, npt.NDArray[Any]]) -> int:
    """Return how many weights of the recurrent layers are multiplied for each token.

    Args:
        arrays: Weights by name.
    """
    return sum(
        array.size
        for name, array in arrays.items()
        if name.startswith("recurrent.") and array.ndim > 1
    )


def weight_shapes(
    settings: ClassifierSettings, vocab_size: int, num_labels: int, *, backward_embedding: bool
) -> Shapes:
    """Return the shapes of ``TextClassifier``'s weights by name.

    Args:
        settings: Resolved settings.
        vocab_size: Number of ids.
        num_labels: Number of labels.
        backward_embedding: Whether the backward direction has embeddings of its own.

    Raises:
        ValueError: a size is missing.
    """
    s = settings
    if not (s.hidden_size and s.embedding_dim and s.num_layers and s.ngram_order and s.pooling):
        raise ValueError("the settings are not resolved: a size is missing")
    if s.spelling_rows == 1:
        raise ValueError("spelling_rows is 1; one row stands for no n-gram at all, so it takes 2")
    hidden, dim = s.hidden_size, s.embedding_dim
    shapes: Shapes = {}
    for name in ("embedding", _BACKWARD) if backward_embedding else ("embedding",):
        shapes |= embedding_shapes(s, name, vocab_size)
        if s.spelling_rows:
            shapes[f"{name}.spelled"] = (s.spelling_rows, dim)
    above = hidden * (2 if s.bidirectional and s.join_directions else 1)
    for direction in ("forward", "backward") if s.bidirectional else ("forward",):
        for layer in range(s.num_layers):
            name, norm = (f"recurrent.{direction}{kind}.{layer}" for kind in ("s", "_norms"))
            shapes |= layer_shapes(s, name, norm, above if layer else dim, hidden)
    features = hidden * (2 if s.bidirectional else 1)
    if s.pooling == "attention":
        shapes["pooling.query"] = (features,)
        shapes["pooling.projection.weight"] = (features, features)
        shapes["pooling.projection.bias"] = (features,)
    pooled = features * (3 if s.pooling == "concat" else 1)
    shapes |= {"output.weight": (num_labels, pooled), "output.bias": (num_labels,)}
    if s.bag_order and s.bag_rows:
        table = (s.bag_order * s.bag_rows, num_labels)
        shapes |= {"bag.weight": table, "bag.ratios": table, "bag.bias": (num_labels,)}
    return shapes
