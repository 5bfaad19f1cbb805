"""Sizes of a language model, counted without building it."""

from __future__ import annotations

from textrnn.language_model.settings import LanguageModelSettings
from textrnn.nn.settings import ngram_dropout_of
from textrnn.nn.sizes import GATES, embedding_parameters, recurrent_parameters
from textrnn.training.costs import is_large, makes_up, muon_operations

__all__ = [
    "evaluation_ratio",
    "model_parameters",
    "product_weights",
    "scored_words",
    "training_memory_bytes",
    "update_operations",
    "updated_numbers",
]

_FORWARD_RATIO = 1 / 2.5
"""What reading a target costs of what training on it does, where words are few; measured."""
_LOOKED_UP = 3.5
"""What a number costs in an update by rows, fetched, made up for and put back, in those of an update of the
whole table; measured."""
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
    output = vocab_size * ((settings.hidden_size or 0) + 1)
    return (
        embedding_parameters(settings, vocab_size) - tied + recurrent_parameters(settings) + output
    )


def updated_numbers(settings: LanguageModelSettings, vocab_size: int, targets: float) -> float:
    """Return how many numbers the update of a step passes over on a CPU, those of rows by what they cost.

    Of one process: several update whole tables.

    Args:
        settings: Resolved settings.
        vocab_size: Number of ids.
        targets: Targets of a step.
    """
    dim = settings.embedding_dim or 0
    orders = (settings.ngram_order or 1) - 1
    ngrams = orders * targets * (1 - ngram_dropout_of(settings))
    tables = [(orders * settings.ngram_rows, ngrams, dim)]
    if not settings.tie_weights:
        tables.append((vocab_size, targets, dim))
        if settings.sampled_words:
            looked_up = settings.sampled_words + targets
            tables.append((vocab_size, looked_up, settings.hidden_size or 0))
    numbers = float(model_parameters(settings, vocab_size))
    if not makes_up(settings):
        return numbers
    for rows, looked_up, width in tables:
        if is_large(rows, width):
            numbers += (_LOOKED_UP * min(rows, looked_up) - rows) * width
    return numbers


def update_operations(settings: LanguageModelSettings) -> float:
    """Return the operations of matrix products in the update of a step."""
    if settings.optimizer != "muon":
        return 0.0
    hidden = settings.hidden_size or 0
    inputs = [settings.embedding_dim or 0, *[hidden] * ((settings.num_layers or 1) - 1)]
    shapes = [(hidden, hidden)] * len(inputs) + [(hidden, size) for size in inputs]
    gates = GATES[settings.rnn_type]
    return gates * sum(muon_operations(*shape) for shape in shapes)


def product_weights(settings: LanguageModelSettings, vocab_size: int) -> int:
    """Return the weights that take part in matrix products, from which a step's arithmetic follows."""
    output = scored_words(settings, vocab_size) * (settings.hidden_size or 0)
    return recurrent_parameters(settings, vectors=False) + output


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
    hidden = settings.hidden_size or 0
    training = recurrent + scored_words(settings, vocab_size) * (6 * hidden + _SOFTMAX)
    return (_FORWARD_RATIO * recurrent + vocab_size * (2 * hidden + _SOFTMAX)) / training


def training_memory_bytes(settings: LanguageModelSettings, vocab_size: int) -> int:
    """Return roughly what training takes: weights with their optimiser state, activations, logits."""
    parameters = model_parameters(settings, vocab_size)
    tokens = -(-(settings.batch_size or 1) * (settings.seq_len or 1) // settings.accumulation)
    scored = scored_words(settings, vocab_size)
    per_layer = 10 * (settings.hidden_size or 0) * 4
    activations = tokens * ((settings.num_layers or 0) * per_layer + 3 * scored * 4)
    return 16 * parameters + activations
