"""Chooses what a user left open: sizes, batches, rates, steps, from corpus, device and budget.

A pure function of its arguments: the one speed measurement, which only a time budget asks for, comes in
as a callable. The rules were fitted to the measurements in ``benchmarks/README.md``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from textrnn.errors import DataError, UsageError
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.sizes import (
    evaluation_ratio,
    model_parameters,
    product_weights,
    scored_words,
)
from textrnn.training.budget import Budget, parts_within, seconds_left
from textrnn.training.device import DeviceFacts
from textrnn.training.plan import Plan

__all__ = ["CorpusFacts", "LanguageModelPlan", "plan_language_model", "training_memory_bytes"]

DEFAULT_MINUTES = 5.0
HIDDEN_SIZES = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
TOKENS_PER_WEIGHT = 1.3
"""A model is as large as lets the budget show each recurrent weight about so many tokens."""
MOST_WEIGHTS = 4_000_000
"""Where no time is given, nobody is to wait for a larger model."""
WEIGHTS_PER_TOKEN = 2.0
"""And no larger than so many recurrent weights per token of the corpus."""
SHORT_VOCABULARY = 1024
"""Up to here tokens are characters or bytes, whose n-grams are worth embeddings of their own."""
EVALUATIONS, FEWEST_EVALUATIONS = 10, 3
EVALUATION_SHARE = 0.02
FINAL_SHARE = 0.01
"""Evaluations take no more than these shares of what training takes, all but the last and the last, so far as
the least that they cover allows."""
LEAST = 1 << 14
LEAST_FINAL, LEAST_FINAL_IN_TIME = 1 << 20, 1 << 16
"""An evaluation, and the last one, cover at least so many targets, where there are as many and they cost what
characters do; ever fewer, the more words are scored for each, down to LEAST_OF_WORDS."""
LEAST_OF_WORDS, LEAST_FINAL_OF_WORDS = 1 << 12, 1 << 14
USUAL_RATIO = 0.4
"""What evaluating a target costs of what training on it does, where words are few."""
UNNOTICED = 1e11
"""Operations of an evaluation that nobody notices: it is never left out."""
MOST_EPOCHS = 20.0
"""A time budget stops after so many passes: more would only learn a small text by heart."""
DROPOUT = ((1.2, 0.0), (2.6, 0.1), (3.5, 0.2), (8.0, 0.3), (math.inf, 0.4))
"""Dropout by the number of passes up to which it serves."""
WARMUP_SHARE = 0.05
LEAST_WARMUP = 20
"""Steps of warm-up with a vocabulary of words, but no more than a third of a short run: the first gradients
of thousands of rows are far from what adaptive optimisers will scale them by."""
RATES = {"adamw": 1.4e-2, "adam": 7e-3, "rmsprop": 1e-3, "sgd": 1.0}
RATE_OF_CELL = {"lstm": 1.0, "gru": 0.45, "rnn_tanh": 0.2, "rnn_relu": 0.03}

Measure = Callable[[LanguageModelSettings], float]
"""Seconds that one training step takes with the given settings, batch and window included."""


@dataclass(frozen=True)
class CorpusFacts:
    """A corpus as the planner sees it.

    Attributes:
        train_tokens: Targets for training.
        valid_tokens: Targets for validation.
        vocab_size: Ids of the tokenizer.
        documents: Documents for training.
        lengths: Targets of some of these documents, taken evenly from all; none stands for documents of
            like length.
    """

    train_tokens: int
    valid_tokens: int
    vocab_size: int
    documents: int
    lengths: tuple[int, ...] = ()

    @property
    def mean_length(self) -> float:
        """Targets of a document on average."""
        return self.train_tokens / max(1, self.documents)

    def targets_of_row(self, seq_len: int) -> float:
        """Return the targets of a window's row on average, where each document has rows of its own.

        Args:
            seq_len: Most targets of a row.
        """
        lengths = self.lengths or (max(1, round(self.mean_length)),)
        rows = sum(-(-length // seq_len) for length in lengths)
        return sum(lengths) / max(1, rows)


@dataclass(frozen=True)
class LanguageModelPlan:
    """The planner's answer.

    Attributes:
        settings: With every None replaced.
        plan: For the loop.
        reasons: Why, a sentence each.
    """

    settings: LanguageModelSettings
    plan: Plan
    reasons: tuple[str, ...]


def plan_language_model(
    settings: LanguageModelSettings,
    corpus: CorpusFacts,
    device: DeviceFacts,
    measure: Measure,
    elapsed_s: float = 0.0,
) -> LanguageModelPlan:
    """Fill in what the settings leave open.

    Args:
        settings: As the user gave them.
        corpus: Facts about the text.
        device: Facts about the machine.
        measure: Measures a step's time; called only where the budget is in minutes.
        elapsed_s: Seconds of a time budget that are gone already.

    Raises:
        DataError: the text is too short to train on.
        UsageError: settings that contradict each other.
    """
    reasons: list[str] = []
    if corpus.train_tokens < 2:
        raise DataError(
            f"the training text has {corpus.train_tokens} token(s); it takes at least 2: give more text, "
            f"or a smaller --valid-fraction"
        )
    if settings.minutes is None and settings.epochs is None and settings.max_steps is None:
        settings = dataclasses.replace(settings, minutes=DEFAULT_MINUTES)
        reasons.append(
            f"budget {DEFAULT_MINUTES:g} minutes, since none was given (--minutes, --epochs or "
            f"--max-steps set one)"
        )
    seconds = seconds_left(settings, elapsed_s)
    if settings.optimizer is None:
        # A ReLU net, whose state nothing bounds, bears the even steps of adaptive optimisers badly.
        optimizer = "sgd" if settings.rnn_type == "rnn_relu" else "adamw"
        settings = dataclasses.replace(settings, optimizer=optimizer)
    settings = _with_windows(settings, corpus, reasons)
    rate = 0.0
    if seconds is not None:
        probe = _with_sizes(settings, corpus, None, None, [])
        weights = _weights(probe, corpus)
        rate = 6 * weights * (probe.batch_size or 1) * (probe.seq_len or 1) / measure(probe)
        reasons.append(f"measured {rate / 1e9:,.0f} GFLOP/s in training on this machine")
    settings = _with_sizes(settings, corpus, rate or None, seconds, reasons)
    settings = _with_regularisation(settings, corpus, rate, seconds, reasons)
    settings = _within_memory(settings, corpus, device, reasons)
    step_s = (
        6 * _weights(settings, corpus) * _tokens_per_step(settings, corpus) / rate if rate else None
    )
    plan = _plan(settings, corpus, step_s, seconds)
    return LanguageModelPlan(
        dataclasses.replace(settings, warmup_steps=plan.warmup_steps, patience=plan.patience),
        plan,
        tuple(reasons),
    )


def _within_memory(
    settings: LanguageModelSettings, corpus: CorpusFacts, device: DeviceFacts, reasons: list[str]
) -> LanguageModelSettings:
    """Work batches off in parts where they would not fit the device's memory."""

    def needed(parts: int) -> int:
        fitted = dataclasses.replace(settings, accumulation=parts)
        return training_memory_bytes(fitted, corpus.vocab_size)

    parts = parts_within(device, needed, settings.accumulation, settings.batch_size or 1)
    if parts is None:
        raise UsageError(
            f"training would take about {needed(settings.batch_size or 1) / 1e9:,.1f} GB, and "
            f"{device.name} has {device.memory_bytes / 1e9:,.1f} GB: choose a smaller --hidden-size, "
            f"--vocab-size or --seq-len"
        )
    if parts > settings.accumulation:
        reasons.append(f"batches in {parts} parts, so that they fit the device's memory")
    return dataclasses.replace(settings, accumulation=parts)


def training_memory_bytes(settings: LanguageModelSettings, vocab_size: int) -> int:
    """Return roughly what training takes: weights with their optimiser state, activations, logits."""
    parameters = model_parameters(settings, vocab_size)
    tokens = -(-(settings.batch_size or 1) * (settings.seq_len or 1) // settings.accumulation)
    scored = scored_words(settings, vocab_size)
    per_layer = 10 * (settings.hidden_size or 0) * 4
    activations = tokens * ((settings.num_layers or 0) * per_layer + 3 * scored * 4)
    return 16 * parameters + activations


def _with_windows(
    settings: LanguageModelSettings, corpus: CorpusFacts, reasons: list[str]
) -> LanguageModelSettings:
    """Choose batch and window, no larger than the corpus allows."""
    seq_len, batch_size = settings.seq_len or 64, settings.batch_size or 32
    if settings.lines:
        # Windows that hold nearly every line whole, and as many targets a step as running text has.
        seq_len = settings.seq_len or min(128, max(8, math.ceil(2 * corpus.mean_length)))
        batch_size = settings.batch_size or min(512, max(16, round(2048 / corpus.mean_length)))
        return dataclasses.replace(
            settings, seq_len=seq_len, batch_size=max(1, min(batch_size, corpus.documents))
        )
    ids = corpus.train_tokens + corpus.documents
    if batch_size * seq_len > ids:
        seq_len = min(seq_len, max(1, ids // 2))
        batch_size = max(1, min(batch_size, ids // (2 * seq_len)))
        reasons.append(
            f"batch {batch_size} and window {seq_len}, since the text has only "
            f"{corpus.train_tokens:,} tokens"
        )
    return dataclasses.replace(settings, seq_len=seq_len, batch_size=batch_size)


def _with_sizes(
    settings: LanguageModelSettings,
    corpus: CorpusFacts,
    rate: float | None,
    seconds: float | None,
    reasons: list[str],
) -> LanguageModelSettings:
    """Choose layers, hidden size, embeddings."""
    short = corpus.vocab_size <= SHORT_VOCABULARY
    num_layers = settings.num_layers or 1
    order = settings.ngram_order or (6 if short else 1)

    def sized(hidden: int) -> LanguageModelSettings:
        embedding = settings.embedding_dim
        if embedding is None:
            embedding = hidden if settings.tie_weights else min(hidden, 128 if short else 256)
        if settings.tie_weights and embedding != hidden:
            raise UsageError(
                f"--tie-weights needs equal sizes, but embedding_dim is {embedding} and hidden_size "
                f"{hidden}; give both, equal, or only one"
            )
        return dataclasses.replace(
            settings,
            num_layers=num_layers,
            hidden_size=hidden,
            embedding_dim=embedding,
            ngram_order=order,
        )

    if settings.hidden_size is not None:
        return sized(settings.hidden_size)
    most = WEIGHTS_PER_TOKEN * corpus.train_tokens
    if rate is not None and seconds is not None:
        arithmetic = rate * seconds / 6
    else:
        most = min(most, MOST_WEIGHTS)
        arithmetic = math.inf

    def fits(hidden: int) -> bool:
        """Whether each recurrent weight will see enough tokens, and the corpus has enough of them."""
        candidate = sized(hidden)
        weights = _weights(candidate, corpus)
        recurrent = weights - scored_words(candidate, corpus.vocab_size) * hidden
        planned = _budget(candidate, corpus).planned_targets or math.inf
        seen = min(planned, arithmetic / weights)
        return recurrent <= most and seen >= TOKENS_PER_WEIGHT * recurrent

    chosen = sized(max(filter(fits, HIDDEN_SIZES), default=HIDDEN_SIZES[0]))
    weights = _weights(chosen, corpus)
    reasons.append(
        f"hidden size {chosen.hidden_size}: {weights:,} weights in the recurrent and output layers, for "
        f"{corpus.train_tokens:,} training tokens and the budget"
    )
    return chosen


def _with_regularisation(
    settings: LanguageModelSettings,
    corpus: CorpusFacts,
    rate: float,
    seconds: float | None,
    reasons: list[str],
) -> LanguageModelSettings:
    """Choose dropout, weight decay and rate by how often the run will see the corpus."""
    if seconds is not None and rate:
        tokens = rate * seconds / (6 * _weights(settings, corpus))
    else:
        tokens = _budget(settings, corpus).planned_targets or 0.0
    epochs = tokens / corpus.train_tokens
    if seconds is not None and settings.epochs is None:
        epochs = min(epochs, MOST_EPOCHS)
    repeated = epochs > 1.5
    dropout = settings.dropout
    if dropout is None:
        dropout = next(rate for most, rate in DROPOUT if epochs <= most)
        reasons.append(f"dropout {dropout:g} for about {epochs:.2g} passes over the text")
    decay = settings.weight_decay
    if decay is None:
        decay = 0.0 if settings.optimizer != "adamw" else 0.3 if repeated else 0.05
    peak = settings.learning_rate
    if peak is None:
        of_cell = 0.5 if settings.optimizer == "sgd" else RATE_OF_CELL[settings.rnn_type]
        peak = RATES[settings.optimizer or "adamw"] * of_cell
        if settings.optimizer in ("adamw", "adam") and (settings.hidden_size or 0) > 512:
            peak *= math.sqrt(512 / (settings.hidden_size or 512))
    return dataclasses.replace(settings, dropout=dropout, weight_decay=decay, learning_rate=peak)


def _plan(
    settings: LanguageModelSettings,
    corpus: CorpusFacts,
    step_s: float | None,
    seconds: float | None,
) -> Plan:
    """Lay out steps, evaluations and saves."""
    budget = _budget(settings, corpus)
    max_steps, most_steps = budget.steps(step_s, seconds)
    ratio = evaluation_ratio(settings, corpus.vocab_size)
    worth = min(1.0, USUAL_RATIO / ratio)
    trained = max_steps * budget.step_targets
    affordable = int(EVALUATION_SHARE * trained / ratio)
    least = max(LEAST_OF_WORDS, int(LEAST * worth))
    each = min(corpus.valid_tokens, max(least, affordable // EVALUATIONS))
    evaluations = EVALUATIONS
    if each * ratio * 6 * _weights(settings, corpus) > UNNOTICED:
        evaluations = min(EVALUATIONS, max(FEWEST_EVALUATIONS, affordable // each))
    final_targets: int | None = None
    if each < corpus.valid_tokens:
        least_final = LEAST_FINAL if seconds is None else LEAST_FINAL_IN_TIME
        share = int(FINAL_SHARE * trained / ratio)
        final = max(share, LEAST_FINAL_OF_WORDS, int(least_final * worth))
        final_targets = final if final < corpus.valid_tokens else None
    return budget.plan(
        max_steps,
        most_steps,
        evaluations=evaluations,
        valid_targets=corpus.valid_tokens,
        eval_targets=each if each < corpus.valid_tokens else None,
        final_targets=final_targets,
        warmup_share=_warmup_share(max_steps, corpus),
        patience=5,
    )


def _warmup_share(max_steps: int, corpus: CorpusFacts) -> float:
    """Return the share of a run over which the rate rises."""
    if corpus.vocab_size <= SHORT_VOCABULARY:
        return WARMUP_SHARE
    return max(WARMUP_SHARE, min(1 / 3, LEAST_WARMUP / max_steps))


def _budget(settings: LanguageModelSettings, corpus: CorpusFacts) -> Budget:
    return Budget(settings, corpus.train_tokens, _tokens_per_step(settings, corpus), MOST_EPOCHS)


def _tokens_per_step(settings: LanguageModelSettings, corpus: CorpusFacts) -> int:
    """Return the targets of a step: of separate lines, the last row of each is as short as its rest."""
    batch_size, seq_len = settings.batch_size or 1, settings.seq_len or 1
    if settings.lines:
        return max(1, round(batch_size * corpus.targets_of_row(seq_len)))
    return batch_size * seq_len


def _weights(settings: LanguageModelSettings, corpus: CorpusFacts) -> int:
    """Return the weights that take part in matrix products, from which a step's arithmetic follows."""
    return product_weights(settings, corpus.vocab_size)
