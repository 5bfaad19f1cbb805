"""Sizes of a network, counted without building it."""

from __future__ import annotations

from textrnn.nn.settings import RecurrentSettings

__all__ = ["GATES", "embedding_parameters", "recurrent_parameters"]

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
"""Rows of a recurrent layer's matrices in units of its hidden size, in torch's gate order."""


def recurrent_parameters(
    settings: RecurrentSettings,
    *,
    directions: int = 1,
    joined: bool = True,
    vectors: bool = True,
) -> int:
    """Return the number of parameters of the recurrent layers.

    Args:
        settings: Resolved settings.
        directions: 1, or 2 where the layers read backwards too.
        joined: Whether layers above the first read both directions.
        vectors: Whether to count biases and norms, which take no part in matrix products.
    """
    hidden = settings.hidden_size or 0
    rows = GATES[settings.rnn_type] * hidden
    total = 0
    for layer in range(settings.num_layers or 0):
        below = hidden * (directions if joined else 1) if layer else settings.embedding_dim or 0
        matrices = rows * (below + hidden)
        total += directions * (matrices + vectors * (2 * rows + 2 * hidden * settings.layer_norm))
    return total


def embedding_parameters(settings: RecurrentSettings, vocab_size: int) -> int:
    """Return the number of parameters of the embeddings of tokens and n-grams.

    Args:
        settings: Resolved settings.
        vocab_size: Number of ids.
    """
    rows = vocab_size + ((settings.ngram_order or 1) - 1) * settings.ngram_rows
    return rows * (settings.embedding_dim or 0)
