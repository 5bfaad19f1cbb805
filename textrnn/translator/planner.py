"""Chooses what a user left open about a translator, from its pairs, the device and the budget.

A pure function of its arguments, but for the one speed measurement that a time budget asks for, which
comes in as a callable.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from textrnn.errors import UsageError
from textrnn.nn.settings import ngram_dropout_of
from textrnn.training.budget import Budget, parts_within, seconds_left
from textrnn.training.device import DeviceFacts
from textrnn.training.plan import Plan, PlannerAnswer
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.sizes import training_memory_bytes

__all__ = ["PairFacts", "plan_translator", "require_sizes", "with_max_length"]

DEFAULT_MINUTES = 10.0
LONGEST, LONGEST_SPELT = 200, 500
"""Tokens of a side that are read where nobody says; more of them where they are characters or bytes."""
EVALUATION_SHARE = 0.05
FORWARD_SPEED = 3.0
"""How much faster an evaluation goes through its targets than training does."""
GREEDY_COST = 2.0
"""What translating a pair costs in units of finding its loss."""
MOST_EVALUATIONS, LEAST_EVALUATIONS = 10, 3
LEAST_EVALUATED = 300
"""Validation pairs that tell one model from another."""
HIDDEN_SIZE, EMBEDDING_DIM = 256, 256
DROPOUT = ((2.0, 0.1), (12.0, 0.2), (math.inf, 0.3))
"""Rates by the passes over the pairs up to which they hold."""
WEIGHT_DECAY = 0.1
BATCH_SIZE = 64
RATES = {"muon": 1.2e-2, "adamw": 3e-3, "adam": 3e-3, "rmsprop": 5e-4, "sgd": 0.3}
RATE_OF_CELL = {"lstm": 1.0, "gru": 1.0, "rnn_tanh": 0.5, "rnn_relu": 0.3}
MOST_EPOCHS, FEW_PAIRS = 30.0, 30_000
"""Passes over the pairs where nobody says, and the number below which there are more of them."""

Measure = Callable[[TranslatorSettings], float]
"""Seconds that a training step takes with the given settings."""


@dataclass(frozen=True)
class PairFacts:
    """Pairs of texts as the planner sees them: those that are short enough.

    Attributes:
        train_pairs: Pairs for training.
        train_src_tokens: Tokens of their sources.
        train_targets: Tokens to predict, an ``<eos>`` for each target among them.
        valid_pairs: Pairs for validation.
        valid_targets: Their tokens to predict.
        longest: Tokens of the longest side, in training.
        left_out: Pairs left out of training since a side is too long.
        src_vocab_size: Ids of the source's tokenizer.
        tgt_vocab_size: Ids of the target's.
    """

    train_pairs: int
    train_src_tokens: int
    train_targets: int
    valid_pairs: int
    valid_targets: int
    longest: int
    left_out: int
    src_vocab_size: int
    tgt_vocab_size: int

    @property
    def mean_target(self) -> float:
        """Tokens to predict of a pair, on average."""
        return self.train_targets / max(1, self.train_pairs)

    @property
    def src_per_tgt(self) -> float:
        """Source tokens for each target token."""
        return self.train_src_tokens / max(1, self.train_targets)


def with_max_length(settings: TranslatorSettings) -> TranslatorSettings:
    """Return the settings with the greatest length decided, which decides which pairs there are."""
    longest = LONGEST_SPELT if settings.tokenizer in ("char", "byte") else LONGEST
    return dataclasses.replace(settings, max_length=settings.max_length or longest)


def require_sizes(settings: TranslatorSettings) -> None:
    """Refuse sizes that no pairs could make fit each other, before any are read.

    Raises:
        UsageError: such sizes.
    """
    _with_sizes(settings)


def plan_translator(
    settings: TranslatorSettings,
    facts: PairFacts,
    device: DeviceFacts,
    measure: Measure,
    elapsed_s: float = 0.0,
) -> PlannerAnswer[TranslatorSettings]:
    """Fill in what the settings leave open.

    Args:
        settings: As :func:`with_max_length` returned them.
        facts: Facts about the pairs.
        device: Facts about the machine.
        measure: Measures a step's time; called only where the budget is in minutes.
        elapsed_s: Seconds of a time budget that are gone already.

    Raises:
        UsageError: settings that contradict each other, the pairs or the machine.
    """
    reasons: list[str] = []
    if settings.minutes is None and settings.epochs is None and settings.max_steps is None:
        settings = dataclasses.replace(settings, minutes=DEFAULT_MINUTES)
        reasons.append(
            f"budget at most {DEFAULT_MINUTES:g} minutes, since none was given (--minutes, --epochs or "
            f"--max-steps set one)"
        )
    if facts.left_out:
        reasons.append(
            f"{facts.left_out:,} pairs with more than {settings.max_length} tokens on a side are left out "
            f"of training (--max-length)"
        )
    settings = _with_sizes(settings)
    settings = _with_batches(settings, facts)
    settings = _with_optimizer(settings)
    settings = _within_memory(settings, facts, device, reasons)
    seconds = seconds_left(settings, elapsed_s)
    step_s = None
    if seconds is not None:
        step_s = measure(settings)
        speed = (settings.batch_tokens or 1) / step_s
        reasons.append(f"measured {speed:,.0f} target tokens a second in training on this machine")
    plan = _plan(settings, facts, step_s, seconds)
    settings = _with_dropout(settings, facts, plan, reasons)
    settings = dataclasses.replace(settings, warmup_steps=plan.warmup_steps, patience=plan.patience)
    return PlannerAnswer(settings, plan, tuple(reasons))


def _with_sizes(settings: TranslatorSettings) -> TranslatorSettings:
    """Choose layers and their sizes."""
    s = settings
    hidden = s.hidden_size or HIDDEN_SIZE
    if s.bidirectional and hidden % 2:
        raise UsageError(
            f"--hidden-size {hidden}: it must be even, since half of the encoder's units read in each "
            f"direction (or --no-bidirectional)"
        )
    return dataclasses.replace(
        s,
        hidden_size=hidden,
        embedding_dim=s.embedding_dim or (hidden if s.hidden_size else EMBEDDING_DIM),
        num_layers=s.num_layers or 2,
        encoder_layers=s.encoder_layers or 2,
        ngram_order=s.ngram_order or 1,
    )


def _with_batches(settings: TranslatorSettings, facts: PairFacts) -> TranslatorSettings:
    """Choose the size of batches, in pairs and in target tokens."""
    tokens, size = settings.batch_tokens, settings.batch_size
    if tokens is not None and size is not None:
        # A record of all settings holds both.
        if _pairs_of(tokens, facts) == size or _tokens_of(size, facts) == tokens:
            return settings
        raise UsageError(
            f"--batch-size {size} and --batch-tokens {tokens}: both say how large a batch is; leave one "
            f"of them out"
        )
    if tokens is not None:
        size = _pairs_of(tokens, facts)
    else:
        size = min(size or _batch_size(facts), max(1, facts.train_pairs))
        tokens = _tokens_of(size, facts)
    return dataclasses.replace(settings, batch_tokens=tokens, batch_size=size)


def _pairs_of(tokens: int, facts: PairFacts) -> int:
    return max(1, round(tokens / max(1.0, facts.mean_target)))


def _tokens_of(pairs: int, facts: PairFacts) -> int:
    return max(1, round(pairs * facts.mean_target))


def _batch_size(facts: PairFacts) -> int:
    """Return the pairs of a batch: few where there are few in all, so that there are steps enough."""
    return max(8, min(BATCH_SIZE, facts.train_pairs // 64))


def _with_optimizer(settings: TranslatorSettings) -> TranslatorSettings:
    """Choose optimiser, rate and decay."""
    optimizer = settings.optimizer or ("sgd" if settings.rnn_type == "rnn_relu" else "muon")
    rate = settings.learning_rate
    if rate is None:
        rate = RATES[optimizer] * RATE_OF_CELL[settings.rnn_type]
    decay = settings.weight_decay
    if decay is None:
        decay = WEIGHT_DECAY if optimizer in ("muon", "adamw") else 0.0
    return dataclasses.replace(
        settings, optimizer=optimizer, learning_rate=rate, weight_decay=decay
    )


def _with_dropout(
    settings: TranslatorSettings, facts: PairFacts, plan: Plan, reasons: list[str]
) -> TranslatorSettings:
    """Choose dropout by how often the run will see the pairs."""
    passes = plan.max_steps * (settings.batch_tokens or 1) / max(1, facts.train_targets)
    dropout = next(rate for most, rate in DROPOUT if passes <= most)
    settings = dataclasses.replace(settings, ngram_dropout=ngram_dropout_of(settings))
    if settings.dropout is not None:
        return settings
    reasons.append(f"dropout {dropout:g} for about {passes:.2g} passes over the pairs")
    return dataclasses.replace(settings, dropout=dropout)


def _within_memory(
    settings: TranslatorSettings, facts: PairFacts, device: DeviceFacts, reasons: list[str]
) -> TranslatorSettings:
    """Work batches off in parts where they would not fit the device's memory."""

    def needed(parts: int) -> int:
        return training_memory_bytes(
            dataclasses.replace(settings, accumulation=parts),
            facts.src_vocab_size,
            facts.tgt_vocab_size,
            facts.src_per_tgt,
            facts.longest,
        )

    size = settings.batch_size or 1
    parts = parts_within(device, needed, settings.accumulation, size)
    if parts is None:
        raise UsageError(
            f"training would take about {needed(size) / 1e9:,.1f} GB, and {device.name} has "
            f"{device.memory_bytes / 1e9:,.1f} GB: choose a smaller --hidden-size, --vocab-size or "
            f"--max-length"
        )
    if parts > settings.accumulation:
        reasons.append(f"batches in {parts} parts, so that they fit the device's memory")
    return dataclasses.replace(settings, accumulation=parts)


def _plan(
    settings: TranslatorSettings,
    facts: PairFacts,
    step_s: float | None,
    seconds: float | None,
) -> Plan:
    """Lay out steps, evaluations and saves."""
    most_epochs = MOST_EPOCHS * max(1.0, (FEW_PAIRS / max(1, facts.train_pairs)) ** 0.5)
    tokens = settings.batch_tokens or 1
    budget = Budget(settings, facts.train_targets, tokens, most_epochs)
    max_steps, most_steps = budget.steps(step_s, seconds)
    mean = facts.valid_targets / max(1, facts.valid_pairs)
    least = LEAST_EVALUATED * mean
    affordable = EVALUATION_SHARE * max_steps * tokens * FORWARD_SPEED / (1 + GREEDY_COST)
    wanted = affordable / max(1.0, min(facts.valid_targets, 2 * least))
    evaluations = round(min(MOST_EVALUATIONS, max(LEAST_EVALUATIONS, wanted)))
    eval_targets = None
    if facts.valid_targets > max(least, affordable / evaluations):
        eval_targets = round(max(least, affordable / evaluations))
    return budget.plan(
        max_steps,
        most_steps,
        evaluations=evaluations,
        valid_targets=facts.valid_targets,
        eval_targets=eval_targets,
        final_targets=None,
        warmup_share=0.05,
        patience=0,
    )
