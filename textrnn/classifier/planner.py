"""Chooses what a user left open about a classifier, from its examples, the device and the budget.

A pure function of its arguments, but for the one speed measurement that a time budget asks for, which
comes in as a callable. The rules were fitted to the measurements in ``benchmarks/README.md``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from textrnn.classifier.settings import ClassifierSettings
from textrnn.errors import UsageError
from textrnn.nn.settings import ngram_dropout_of
from textrnn.nn.sizes import embedding_parameters, recurrent_parameters
from textrnn.training.budget import Budget, parts_within, seconds_left
from textrnn.training.device import DeviceFacts
from textrnn.training.plan import Plan, PlannerAnswer

__all__ = [
    "ExampleFacts",
    "model_parameters",
    "plan_classifier",
    "training_memory_bytes",
    "with_tokens",
]

DEFAULT_MINUTES = 10.0
LONGEST = 1000
"""Tokens of a text that are read where nobody says: time grows with texts, accuracy little beyond it."""
LONG_TEXT = 100
"""Tokens on average from which on texts count as long."""
EVALUATION_SHARE = 0.04
FORWARD_SPEED = 3.0
MOST_EVALUATIONS, LEAST_EVALUATIONS = 12, 3
LEAST_EVALUATED = 2000
HIDDEN_SIZE, EMBEDDING_DIM = 128, 128
SPELLING_ROWS, BAG_ORDER, MOST_BAG_ROWS = 32768, 2, 1 << 19
MOST_BAGGED = 20
"""Labels up to which a bag answers too."""
DROPOUT, TOKEN_DROPOUT = 0.5, 0.1
WEIGHT_DECAY = 0.1
RATES = {"muon": 6e-3, "adamw": 2e-3, "adam": 2e-3, "rmsprop": 5e-4, "sgd": 0.3}
RATE_OF_CELL = {"lstm": 1.0, "gru": 1.0, "rnn_tanh": 0.5, "rnn_relu": 0.3}
MOST_EPOCHS, FEW_EXAMPLES = 3.0, 20_000
"""Passes over the examples where nobody says, and the number below which there are more of them."""
_KEPT = {
    "head": "the first",
    "tail": "the last",
    "both": "half of them from its end",
}

Measure = Callable[[ClassifierSettings, int], float]
"""Seconds that a training step takes with the given settings on texts of so many tokens."""


@dataclass(frozen=True)
class ExampleFacts:
    """Labelled examples as the planner sees them.

    Attributes:
        train_examples: Rows for training.
        valid_examples: Rows for validation.
        test_examples: Rows for the last test.
        num_labels: Number of labels.
        vocab_size: Ids of the tokenizer.
        mean_length: Tokens of a text on average, nothing cut.
        longest: Tokens of the longest text.
    """

    train_examples: int
    valid_examples: int
    test_examples: int
    num_labels: int
    vocab_size: int
    mean_length: float
    longest: int


def with_tokens(settings: ClassifierSettings) -> ClassifierSettings:
    """Return the settings with what a text is cut into decided: for labels, case and spaces say little."""
    normalization, spaces = settings.normalization, settings.spaces
    if normalization is None and settings.tokenizer in ("word", "bpe", "unigram"):
        normalization = "nfkc_cf"
    if spaces is None and settings.tokenizer == "word":
        spaces = False
    return dataclasses.replace(settings, normalization=normalization, spaces=spaces)


def plan_classifier(
    settings: ClassifierSettings,
    facts: ExampleFacts,
    device: DeviceFacts,
    measure: Measure,
    elapsed_s: float = 0.0,
) -> PlannerAnswer[ClassifierSettings]:
    """Fill in what the settings leave open.

    Args:
        settings: As the user gave them.
        facts: Facts about the examples.
        device: Facts about the machine.
        measure: Measures a step's time; called only where the budget is in minutes.
        elapsed_s: Seconds of a time budget that are gone already.

    Raises:
        UsageError: settings that contradict each other or the machine.
    """
    reasons: list[str] = []
    if settings.minutes is None and settings.epochs is None and settings.max_steps is None:
        settings = dataclasses.replace(settings, minutes=DEFAULT_MINUTES)
        reasons.append(
            f"budget at most {DEFAULT_MINUTES:g} minutes, since none was given (--minutes, --epochs or "
            f"--max-steps set one)"
        )
    settings = _with_sizes(settings, facts, reasons)
    settings = _with_regularisation(settings)
    settings = _within_memory(settings, facts, device, reasons)
    seconds = seconds_left(settings, elapsed_s)
    step_s = None
    if seconds is not None:
        step_s = measure(settings, round(_read_length(settings, facts)))
        speed = (settings.batch_size or 1) / step_s
        reasons.append(f"measured {speed:,.0f} texts a second in training on this machine")
    plan = _plan(settings, facts, step_s, seconds)
    settings = dataclasses.replace(settings, warmup_steps=plan.warmup_steps, patience=plan.patience)
    return PlannerAnswer(settings, plan, tuple(reasons))


def model_parameters(settings: ClassifierSettings, facts: ExampleFacts) -> int:
    """Return the number of parameters of a classifier, one embedding for both directions."""
    pooled = _pooled_size(settings)
    attention = pooled * (pooled + 2) if settings.pooling == "attention" else 0
    return (
        embedding_parameters(settings, facts.vocab_size)
        + recurrent_parameters(
            settings, directions=_directions(settings), joined=settings.join_directions
        )
        + attention
        + (settings.spelling_rows or 0) * (settings.embedding_dim or 0)
        + _bag_parameters(settings, facts)
        + (pooled + 1) * facts.num_labels
    )


def _bag_parameters(settings: ClassifierSettings, facts: ExampleFacts) -> int:
    order = settings.bag_order or 0
    return (2 * order * (settings.bag_rows or 0) + (order > 0)) * facts.num_labels


def training_memory_bytes(settings: ClassifierSettings, facts: ExampleFacts) -> int:
    """Return roughly what training takes: weights with their optimiser state, and activations."""
    rows = -(-(settings.batch_size or 1) // settings.accumulation)
    tokens = rows * min(facts.longest, settings.max_length or 1)
    width = _directions(settings) * (settings.hidden_size or 0)
    per_token = 4 * (3 * (settings.embedding_dim or 0) + 12 * width * (settings.num_layers or 0))
    return 16 * model_parameters(settings, facts) + tokens * per_token


def _directions(settings: ClassifierSettings) -> int:
    return 2 if settings.bidirectional else 1


def _pooled_size(settings: ClassifierSettings) -> int:
    size = _directions(settings) * (settings.hidden_size or 0)
    return 3 * size if settings.pooling == "concat" else size


def _read_length(settings: ClassifierSettings, facts: ExampleFacts) -> float:
    """Return the tokens of a text that are read, on average, at most."""
    return min(facts.mean_length, settings.max_length or facts.mean_length)


def _with_sizes(
    settings: ClassifierSettings, facts: ExampleFacts, reasons: list[str]
) -> ClassifierSettings:
    """Choose layers, sizes, pooling, batches and how much of a text is read."""
    max_length = settings.max_length
    if max_length is None:
        max_length = max(2, min(LONGEST, facts.longest))
        if facts.longest > LONGEST:
            reasons.append(
                f"{max_length} tokens of a text are read, {_KEPT[settings.keep]} (the longest has "
                f"{facts.longest:,}; --max-length, --keep)"
            )
    hidden = settings.hidden_size or HIDDEN_SIZE
    return dataclasses.replace(
        settings,
        max_length=max_length,
        num_layers=settings.num_layers or 1,
        hidden_size=hidden,
        embedding_dim=settings.embedding_dim or EMBEDDING_DIM,
        ngram_order=settings.ngram_order or 1,
        spelling_rows=_spelling_rows(settings),
        bag_order=_bag_order(settings, facts),
        bag_rows=settings.bag_rows or _bag_rows(facts),
        pooling=settings.pooling or "concat",
        batch_size=min(settings.batch_size or _batch_size(facts), max(1, facts.train_examples)),
    )


def _spelling_rows(settings: ClassifierSettings) -> int:
    """Return the rows for character n-grams: words are spelt, other tokens are short themselves."""
    if settings.spelling_rows == 1:
        raise UsageError("--spelling-rows 1: it must be 0, for none, or at least 2")
    if settings.spelling_rows is not None:
        return settings.spelling_rows
    return SPELLING_ROWS if settings.tokenizer == "word" else 0


def _bag_order(settings: ClassifierSettings, facts: ExampleFacts) -> int:
    """Return the order of the bag: none where a table for so many labels would outweigh the network."""
    if settings.bag_order is not None:
        return settings.bag_order
    return BAG_ORDER if facts.num_labels <= MOST_BAGGED else 0


def _bag_rows(facts: ExampleFacts) -> int:
    """Return a power of two that leaves most of the corpus's n-grams a row of their own."""
    tokens = facts.train_examples * facts.mean_length
    return int(min(MOST_BAG_ROWS, max(1 << 12, 2 ** round(math.log2(max(1.0, tokens / 6))))))


def _batch_size(facts: ExampleFacts) -> int:
    """Return the texts of a batch: fewer where they are long or few, so that there are steps enough."""
    most = 32 if facts.mean_length > LONG_TEXT else 64
    return max(8, min(most, facts.train_examples // 64))


def _with_regularisation(settings: ClassifierSettings) -> ClassifierSettings:
    """Choose optimiser, rate, decay and dropouts."""
    optimizer = settings.optimizer or ("sgd" if settings.rnn_type == "rnn_relu" else "muon")
    rate = settings.learning_rate
    if rate is None:
        rate = RATES[optimizer] * RATE_OF_CELL[settings.rnn_type]
    decay = settings.weight_decay
    if decay is None:
        decay = WEIGHT_DECAY if optimizer in ("muon", "adamw") else 0.0
    return dataclasses.replace(
        settings,
        optimizer=optimizer,
        learning_rate=rate,
        weight_decay=decay,
        dropout=DROPOUT if settings.dropout is None else settings.dropout,
        token_dropout=TOKEN_DROPOUT if settings.token_dropout is None else settings.token_dropout,
        ngram_dropout=ngram_dropout_of(settings),
    )


def _within_memory(
    settings: ClassifierSettings, facts: ExampleFacts, device: DeviceFacts, reasons: list[str]
) -> ClassifierSettings:
    """Work batches off in parts where they would not fit the device's memory."""

    def needed(parts: int) -> int:
        return training_memory_bytes(dataclasses.replace(settings, accumulation=parts), facts)

    parts = parts_within(device, needed, settings.accumulation, settings.batch_size or 1)
    if parts is None:
        raise UsageError(
            f"training would take about {needed(settings.batch_size or 1) / 1e9:,.1f} GB, and "
            f"{device.name} has {device.memory_bytes / 1e9:,.1f} GB: choose a smaller --hidden-size, "
            f"--vocab-size or --max-length"
        )
    if parts > settings.accumulation:
        reasons.append(f"batches in {parts} parts, so that they fit the device's memory")
    return dataclasses.replace(settings, accumulation=parts)


def _plan(
    settings: ClassifierSettings,
    facts: ExampleFacts,
    step_s: float | None,
    seconds: float | None,
) -> Plan:
    """Lay out steps, evaluations and saves."""
    most_epochs = MOST_EPOCHS * max(1.0, (FEW_EXAMPLES / max(1, facts.train_examples)) ** 0.5)
    budget = Budget(settings, facts.train_examples, settings.batch_size or 1, most_epochs)
    max_steps, most_steps = budget.steps(step_s, seconds)
    affordable = EVALUATION_SHARE * max_steps * budget.step_targets * FORWARD_SPEED
    wanted = affordable / max(1, min(facts.valid_examples, LEAST_EVALUATED))
    evaluations = round(min(MOST_EVALUATIONS, max(LEAST_EVALUATIONS, wanted)))
    eval_targets = None
    if facts.valid_examples > max(LEAST_EVALUATED, affordable / evaluations):
        eval_targets = round(max(LEAST_EVALUATED, affordable / evaluations))
    return budget.plan(
        max_steps,
        most_steps,
        evaluations=evaluations,
        valid_targets=facts.valid_examples,
        eval_targets=eval_targets,
        final_targets=None,
        warmup_share=0.05,
        patience=0,
        closing_targets=facts.test_examples,
    )
