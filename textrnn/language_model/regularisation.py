"""Chooses dropout, weight decay and learning rate of a language model by how often it will see its corpus."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from textrnn.language_model.facts import CorpusFacts
from textrnn.language_model.schedule import MOST_EPOCHS, budget_of
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.nn.settings import NGRAM_DROPOUT

__all__ = ["with_regularisation"]

DROPOUT = ((3.0, 0.0), (10.0, 0.1), (15.0, 0.2), (math.inf, 0.3))
"""Dropout by the number of passes up to which it serves."""
NGRAM_DROPOUTS = ((10.0, NGRAM_DROPOUT), (math.inf, 0.7))
"""Likewise, the share of n-gram embeddings dropped."""
RATES = {"muon": 1.4e-2, "adamw": 1.4e-2, "adam": 7e-3, "rmsprop": 1e-3, "sgd": 1.0}
RATE_OF_CELL = {"lstm": 1.0, "gru": 0.45, "rnn_tanh": 0.2, "rnn_relu": 0.03}


def with_regularisation(
    settings: LanguageModelSettings,
    corpus: CorpusFacts,
    targets: Callable[[LanguageModelSettings], float] | None,
    reasons: list[str],
) -> LanguageModelSettings:
    """Choose dropout, weight decay and rate by how often the run will see the corpus.

    Args:
        settings: With sizes, batch and optimiser resolved.
        corpus: Facts about the text.
        targets: How many targets a time budget lets a network be trained on; None without one.
        reasons: Is told what was chosen and why.
    """
    seen = targets(settings) if targets else budget_of(settings, corpus).planned_targets or 0.0
    epochs = seen / corpus.train_tokens
    if targets and settings.epochs is None:
        epochs = min(epochs, MOST_EPOCHS)
    repeated = epochs > 1.5
    dropout = settings.dropout
    if dropout is None:
        dropout = next(rate for most, rate in DROPOUT if epochs <= most)
        reasons.append(f"dropout {dropout:g} for about {epochs:.2g} passes over the text")
    ngrams = settings.ngram_dropout
    if ngrams is None:
        ngrams = next(rate for most, rate in NGRAM_DROPOUTS if epochs <= most)
    decay = settings.weight_decay
    if decay is None:
        decay = 0.0 if settings.optimizer not in ("muon", "adamw") else 0.3 if repeated else 0.05
    peak = settings.learning_rate
    if peak is None:
        of_cell = 0.5 if settings.optimizer == "sgd" else RATE_OF_CELL[settings.rnn_type]
        peak = RATES[settings.optimizer or "adamw"] * of_cell
        if settings.optimizer in ("muon", "adamw", "adam") and (settings.hidden_size or 0) > 512:
            peak *= math.sqrt(512 / (settings.hidden_size or 512))
    return dataclasses.replace(
        settings, dropout=dropout, ngram_dropout=ngrams, weight_decay=decay, learning_rate=peak
    )
