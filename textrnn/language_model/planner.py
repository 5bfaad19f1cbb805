"""Chooses what a user left open: sizes, batches, rates, steps, from corpus, device and budget.

A pure function of its arguments: the one speed measurement, which only a time budget asks for, comes in
as a callable. The rules were fitted to the measurements in ``benchmarks/README.md``.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

from textrnn.errors import DataError, UsageError
from textrnn.language_model.facts import CorpusFacts
from textrnn.language_model.pace import Pace
from textrnn.language_model.regularisation import with_regularisation
from textrnn.language_model.schedule import budget_of, scheduled
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.sizes import product_weights, scored_words, training_memory_bytes
from textrnn.training.budget import MEMORY_SHARE, parts_within, seconds_left
from textrnn.training.device import DeviceFacts
from textrnn.training.plan import PlannerAnswer

__all__ = ["plan_language_model"]

DEFAULT_MINUTES = 5.0
HIDDEN_SIZES = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
TOKENS_PER_WEIGHT, TOKENS_PER_WEIGHT_ONCE, TOKENS_PER_WEIGHT_NEW = 6.0, 20.0, 40.0
"""A model is as large as lets the budget show each recurrent weight about so many tokens: of a text that it
reads many times, once, or not to its end. Text that is new teaches more than a larger network would."""
MOST_WEIGHTS = 4_000_000
"""Where no time is given, nobody is to wait for a larger model."""
SAMPLED_WORDS, MANY_WORDS = 1024, 8192
"""How many words are drawn for a step of training on a CPU, and from how large a vocabulary on: scoring all
would take most of the time."""
MOST_ROWS, HARDLY_LONGER = 256, 1.4
"""On other devices than CPUs batches are doubled up to so many rows, while a step takes no more than so many
times as long."""
WEIGHTS_PER_TOKEN = 2.0
"""And no larger than so many recurrent weights per token of the corpus."""

Targets = Callable[[LanguageModelSettings], float]
"""How many targets a time budget lets a network of given sizes be trained on."""
Measure = Callable[[LanguageModelSettings], float]
"""Seconds that one training step takes with the given settings, batch and window included."""


def plan_language_model(
    settings: LanguageModelSettings,
    corpus: CorpusFacts,
    device: DeviceFacts,
    measure: Measure,
    elapsed_s: float = 0.0,
) -> PlannerAnswer[LanguageModelSettings]:
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
        optimizer = "sgd" if settings.rnn_type == "rnn_relu" else "muon"
        settings = dataclasses.replace(settings, optimizer=optimizer)
    may_widen = settings.batch_size is None and not settings.lines
    settings = _with_windows(settings, corpus, reasons)
    settings = _with_sampling(settings, corpus, device, reasons)
    targets: Targets | None = None
    pace: Pace | None = None
    if seconds is not None:
        probe = _with_sizes(settings, corpus, None, [])
        step_s = measure(probe)
        if may_widen and device.type != "cpu":
            probe, step_s = _widened(probe, step_s, corpus, device, measure, seconds)
            if probe.batch_size != settings.batch_size:
                reasons.append(
                    f"batches of {probe.batch_size}: their steps take hardly longer here"
                )
            settings = dataclasses.replace(settings, batch_size=probe.batch_size)
        pace = Pace.of(probe, corpus, step_s, on_cpu=device.type == "cpu")
        targets = functools.partial(pace.targets, corpus=corpus, seconds=seconds)
        reasons.append(f"measured {pace.rate / 1e9:,.0f} GFLOP/s in training on this machine")
    settings = _with_sizes(settings, corpus, targets, reasons)
    settings = with_regularisation(settings, corpus, targets, reasons)
    settings = _within_memory(settings, corpus, device, reasons)
    plan = scheduled(settings, corpus, pace.step_s(settings, corpus) if pace else None, seconds)
    return PlannerAnswer(
        dataclasses.replace(settings, warmup_steps=plan.warmup_steps, patience=plan.patience),
        plan,
        tuple(reasons),
    )


def _widened(
    probe: LanguageModelSettings,
    step_s: float,
    corpus: CorpusFacts,
    device: DeviceFacts,
    measure: Measure,
    seconds: float,
) -> tuple[LanguageModelSettings, float]:
    """Double the batch while a run would leave some of the text unread and steps take hardly longer.

    A recurrence is a chain of small kernels: a GPU takes about as long for a wide batch as for a narrow one,
    as far as its memory goes. A CPU takes longer in proportion.

    Returns:
        The probe with its batch, and the seconds of its steps.
    """
    window = probe.seq_len or 1
    while (batch := probe.batch_size or 1) < MOST_ROWS:
        unread = seconds / step_s * batch * window < corpus.train_tokens
        wider = dataclasses.replace(probe, batch_size=2 * batch)
        needed = training_memory_bytes(wider, corpus.vocab_size)
        fits = needed <= MEMORY_SHARE * device.memory_bytes
        if not (unread and fits and 2 * batch * window <= corpus.train_tokens):
            break
        wider_s = measure(wider)
        if wider_s > HARDLY_LONGER * step_s:
            break
        probe, step_s = wider, wider_s
    return probe, step_s


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


def _with_sampling(
    settings: LanguageModelSettings, corpus: CorpusFacts, device: DeviceFacts, reasons: list[str]
) -> LanguageModelSettings:
    """Choose whether targets are scored against all words in training."""
    if settings.sampled_words is not None:
        return settings
    if device.type != "cpu" or corpus.vocab_size < MANY_WORDS:
        return dataclasses.replace(settings, sampled_words=0)
    reasons.append(
        f"each step scores {SAMPLED_WORDS:,} drawn words for all {corpus.vocab_size:,} (--sampled-words 0 "
        f"scores all)"
    )
    return dataclasses.replace(settings, sampled_words=SAMPLED_WORDS)


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


def _of_size(
    settings: LanguageModelSettings, corpus: CorpusFacts, hidden: int
) -> LanguageModelSettings:
    """Choose layers and embeddings that go with a hidden size.

    Raises:
        UsageError: sizes were given that tied weights cannot have.
    """
    embedding = settings.embedding_dim
    if embedding is None:
        most = 128 if corpus.is_spelt else 256
        embedding = hidden if settings.tie_weights else min(hidden, most)
    if settings.tie_weights and embedding != hidden:
        raise UsageError(
            f"--tie-weights needs equal sizes, but embedding_dim is {embedding} and hidden_size "
            f"{hidden}; give both, equal, or only one"
        )
    return dataclasses.replace(
        settings,
        num_layers=settings.num_layers or 1,
        hidden_size=hidden,
        embedding_dim=embedding,
        ngram_order=settings.ngram_order or (6 if corpus.is_spelt else 1),
    )


def _with_sizes(
    settings: LanguageModelSettings,
    corpus: CorpusFacts,
    targets: Targets | None,
    reasons: list[str],
) -> LanguageModelSettings:
    """Choose layers, hidden size, embeddings."""
    if settings.hidden_size is not None:
        return _of_size(settings, corpus, settings.hidden_size)
    most = WEIGHTS_PER_TOKEN * corpus.train_tokens
    if targets is None:
        most = min(most, MOST_WEIGHTS)

    def fits(hidden: int) -> bool:
        """Whether each recurrent weight will see enough tokens, and the corpus has enough of them."""
        candidate = _of_size(settings, corpus, hidden)
        weights = product_weights(candidate, corpus.vocab_size)
        recurrent = weights - scored_words(candidate, corpus.vocab_size) * hidden
        seen = budget_of(candidate, corpus).planned_targets or math.inf
        if targets is not None:
            seen = min(seen, targets(candidate))
        return (
            recurrent <= most and seen >= _tokens_per_weight(seen / corpus.train_tokens) * recurrent
        )

    chosen = _of_size(settings, corpus, max(filter(fits, HIDDEN_SIZES), default=HIDDEN_SIZES[0]))
    weights = product_weights(chosen, corpus.vocab_size)
    reasons.append(
        f"hidden size {chosen.hidden_size}: {weights:,} weights in the recurrent and output layers, for "
        f"{corpus.train_tokens:,} training tokens and the budget"
    )
    return chosen


def _tokens_per_weight(passes: float) -> float:
    """Return how many tokens each recurrent weight should see in so many passes over the text."""
    once = TOKENS_PER_WEIGHT_ONCE / passes
    return min(TOKENS_PER_WEIGHT_NEW, max(TOKENS_PER_WEIGHT, once))
