"""Sizes of a language model, counted without building it."""

from __future__ import annotations

from textrnn.language_model.settings import LanguageModelSettings
from textrnn.nn.sizes import embedding_parameters, recurrent_parameters

__all__ = [
    "evaluation_ratio",
    "features_read",
    "model_parameters",
    "product_weights",
    "scored_words",
    "training_memory_bytes",
]

_FORWARD_RATIO = 1 / 2.5
"""What reading a target costs of what training on it does, where words are few; measured."""
_SOFTMAX = 1000
"""What a word's share of the softmax costs beside its product, in operations of that; measured, for it is no
matrix product."""


def model_parameters(settings: LanguageModelSettings, vocab_size: int) -> int:
    """Return the number of parameters, tied ones counted once.

    Args:
        settings: Resolved settings.
        vocab_size: Number of ids.
    """
    tied = vocab_size * (settings.embedding_dim or 0) if settings.tie_weights else 0
    output = vocab_size * (features_read(settings) + 1)
    return (
        embedding_parameters(settings, vocab_size) - tied + recurrent_parameters(settings) + output
    )


def product_weights(settings: LanguageModelSettings, vocab_size: int) -> int:
    """Return the weights that take part in matrix products, from which a step's arithmetic follows."""
    output = scored_words(settings, vocab_size) * features_read(settings)
    return recurrent_parameters(settings, vectors=False) + output


def features_read(settings: LanguageModelSettings) -> int:
    """Return how many features the output layer reads."""
    beside = (settings.embedding_dim or 0) if settings.skip_connection else 0
    return (settings.hidden_size or 0) + beside


def scored_words(settings: LanguageModelSettings, vocab_size: int) -> int:
    """Return how many ids are scored for each target in training."""
    return min(settings.sampled_words or vocab_size, vocab_size)


def evaluation_ratio(settings: LanguageModelSettings, vocab_size: int) -> float:
    """Return what evaluating a target costs of what training on it does.

    Evaluations score all words, however few training does: of 48,000 words each target takes several times as
    long as one of training against a sample of 1,024.

    Args:
        settings: Resolved settings.
        vocab_size: Number of ids.
    """
    recurrent = 6 * recurrent_parameters(settings, vectors=False)
    features = features_read(settings)
    training = recurrent + scored_words(settings, vocab_size) * (6 * features + _SOFTMAX)
    return (_FORWARD_RATIO * recurrent + vocab_size * (2 * features + _SOFTMAX)) / training


def training_memory_bytes(settings: LanguageModelSettings, vocab_size: int) -> int:
    """Return roughly what training takes: weights with their optimiser state, activations, logits."""
    parameters = model_parameters(settings, vocab_size)
    tokens = -(-(settings.batch_size or 1) * (settings.seq_len or 1) // settings.accumulation)
    scored = scored_words(settings, vocab_size)
    per_layer = 10 * (settings.hidden_size or 0) * 4
    activations = tokens * ((settings.num_layers or 0) * per_layer + 3 * scored * 4)
    return 16 * parameters + activations
