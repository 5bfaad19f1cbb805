"""Settings of a stack of recurrent layers and of the embeddings below it."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.config import setting

__all__ = ["NGRAM_DROPOUT", "RecurrentSettings", "ngram_dropout_of"]

NGRAM_DROPOUT = 0.5
"""Share of n-gram embeddings dropped where nobody says otherwise and a text is not read many times."""


@dataclass(frozen=True)
class RecurrentSettings:
    """The shape of a recurrent network over tokens and its regularisation."""

    rnn_type: str = setting(
        "lstm",
        "Cell of the recurrent layers.",
        section="model",
        choices=("lstm", "gru", "rnn_tanh", "rnn_relu"),
    )
    hidden_size: int | None = setting(
        None, "Units in a recurrent layer.", section="model", minimum=1, maximum=65536
    )
    num_layers: int | None = setting(
        None, "Recurrent layers.", section="model", minimum=1, maximum=64
    )
    embedding_dim: int | None = setting(
        None, "Size of a token's embedding.", section="model", minimum=1, maximum=65536
    )
    layer_norm: bool = setting(
        False, "Layer normalisation after each recurrent layer.", section="model"
    )
    ngram_order: int | None = setting(
        None,
        "Longest n-gram of tokens, ending at the input token, whose hashed embedding is added to the "
        "token's own; 1 adds none.",
        section="model",
        minimum=1,
        maximum=16,
    )
    ngram_rows: int = setting(
        8192,
        "Rows of the embedding table of each n-gram order.",
        section="model",
        minimum=1,
        maximum=1 << 26,
    )
    ngram_dropout: float | None = setting(
        None,
        "Share of n-gram embeddings dropped in training. Left out: half of them, and more for a language "
        "model that reads its text many times.",
        section="model",
        minimum=0,
        below=1,
    )
    input_dropout: float = setting(
        0.0, "Dropout on the embeddings.", section="model", minimum=0, below=1
    )
    dropout: float | None = setting(
        None,
        "Dropout between recurrent layers and before the output layer.",
        section="model",
        minimum=0,
        below=1,
    )
    locked_dropout: bool = setting(
        False,
        "Draw one dropout mask per sequence and window instead of one per time step "
        "(Gal and Ghahramani 2016).",
        section="model",
    )
    weight_drop: float = setting(
        0.0,
        "Share of recurrent weights dropped, one mask per window (Merity et al. 2018).",
        section="model",
        minimum=0,
        below=1,
    )


def ngram_dropout_of(settings: RecurrentSettings) -> float:
    """Return the share of n-gram embeddings dropped in training; the usual one where none is chosen yet."""
    return NGRAM_DROPOUT if settings.ngram_dropout is None else settings.ngram_dropout
