"""Sizes of a network and shapes of its weights, known without building it."""

from __future__ import annotations

from textrnn.nn.settings import RecurrentSettings

__all__ = [
    "GATES",
    "Shapes",
    "embedding_parameters",
    "embedding_shapes",
    "layer_shapes",
    "recurrent_parameters",
]

Shapes = dict[str, tuple[int, ...]]
"""Of weights, by name."""

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


def embedding_shapes(settings: RecurrentSettings, name: str, vocab_size: int) -> Shapes:
    """Return the shapes of the embeddings of tokens and n-grams.

    Args:
        settings: Resolved settings.
        name: What their names begin with, without the dot.
        vocab_size: Number of ids.
    """
    dim, order = settings.embedding_dim or 0, settings.ngram_order or 1
    shapes: Shapes = {f"{name}.weight": (vocab_size, dim)}
    if order > 1:
        shapes[f"{name}.ngrams"] = ((order - 1) * settings.ngram_rows, dim)
    return shapes


def layer_shapes(
    settings: RecurrentSettings, name: str, norm: str, input_size: int, hidden_size: int
) -> Shapes:
    """Return the shapes of a recurrent layer's weights, its norm's among them.

    Args:
        settings: Resolved settings.
        name: What the layer's names begin with, without the dot.
        norm: Likewise, the norm's, if there is one.
        input_size: Features that come in.
        hidden_size: Features that go out.
    """
    rows = GATES[settings.rnn_type] * hidden_size
    shapes: Shapes = {
        f"{name}.weight_ih": (rows, input_size),
        f"{name}.weight_hh": (rows, hidden_size),
        f"{name}.bias_ih": (rows,),
        f"{name}.bias_hh": (rows,),
    }
    if settings.layer_norm:
        shapes |= {f"{norm}.{part}": (hidden_size,) for part in ("weight", "bias")}
    return shapes
