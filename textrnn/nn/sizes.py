"""Sizes of a network, counted without building it."""

from __future__ import annotations

from textrnn.nn.settings import RecurrentSettings

__all__ = ["GATES", "stack_parameters"]

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
"""Rows of a recurrent layer's matrices in units of its hidden size, in torch's gate order."""


def stack_parameters(
    settings: RecurrentSettings, vocab_size: int, *, embeddings: bool = True
) -> int:
    """Return the number of parameters of embeddings, recurrent layers and an output layer.

    Args:
        settings: Resolved settings.
        vocab_size: Number of ids.
        embeddings: Whether to count the embedding tables, which take no part in matrix products.
    """
    hidden, embedding = settings.hidden_size or 0, settings.embedding_dim or 0
    layers, order = settings.num_layers or 0, settings.ngram_order or 1
    rows = GATES[settings.rnn_type] * hidden
    total = 0
    for layer in range(layers):
        total += rows * ((embedding if layer == 0 else hidden) + hidden)
        total += 2 * rows * embeddings
    total += vocab_size * hidden
    if embeddings:
        total += vocab_size
        total += 2 * hidden * layers * settings.layer_norm
        total += 0 if settings.tie_weights else vocab_size * embedding
        total += (order - 1) * settings.ngram_rows * embedding
    return total
