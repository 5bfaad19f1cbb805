"""Lays out the run of a language model: its steps, when it is evaluated and on how much, its warm-up."""

from __future__ import annotations

from textrnn.language_model.facts import CorpusFacts, targets_per_step
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.sizes import evaluation_ratio, product_weights
from textrnn.training.budget import Budget
from textrnn.training.plan import Plan

__all__ = ["MOST_EPOCHS", "budget_of", "scheduled"]

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
WARMUP_SHARE = 0.05
LEAST_WARMUP = 20
"""Steps of warm-up with a vocabulary of words, but no more than a third of a short run: the first gradients
of thousands of rows are far from what adaptive optimisers will scale them by."""


def budget_of(settings: LanguageModelSettings, corpus: CorpusFacts) -> Budget:
    """Return how long a run may go on, in steps of its batches and windows."""
    return Budget(settings, corpus.train_tokens, targets_per_step(settings, corpus), MOST_EPOCHS)


def scheduled(
    settings: LanguageModelSettings,
    corpus: CorpusFacts,
    step_s: float | None,
    seconds: float | None,
) -> Plan:
    """Lay out steps, evaluations and saves.

    Args:
        settings: With batch, window and sizes resolved.
        corpus: Facts about the text.
        step_s: Seconds of a step; None without a time budget.
        seconds: Seconds that are left of it, likewise.
    """
    budget = budget_of(settings, corpus)
    max_steps, most_steps = budget.steps(step_s, seconds)
    ratio = evaluation_ratio(settings, corpus.vocab_size)
    worth = min(1.0, USUAL_RATIO / ratio)
    trained = max_steps * budget.step_targets
    affordable = int(EVALUATION_SHARE * trained / ratio)
    least = max(LEAST_OF_WORDS, int(LEAST * worth))
    each = min(corpus.valid_tokens, max(least, affordable // EVALUATIONS))
    evaluations = EVALUATIONS
    if each * ratio * 6 * product_weights(settings, corpus.vocab_size) > UNNOTICED:
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
    if corpus.is_spelt:
        return WARMUP_SHARE
    return max(WARMUP_SHARE, min(1 / 3, LEAST_WARMUP / max_steps))
