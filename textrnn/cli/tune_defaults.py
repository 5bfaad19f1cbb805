"""What is searched, and by what trials are compared, where nobody says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from textrnn.errors import UsageError
from textrnn.experiments.outcomes import Objective

__all__ = ["default_search", "objective_of", "selections"]

_TOKENS = frozenset(
    {"tokenizer", "vocab_size", "min_frequency", "normalization", "spaces", "joint_vocabulary"}
)
"""Settings that change what a token is, and so what a loss per token means."""
_ANY_RATE = "learning_rate=log:1e-4..0.3"
"""Where another optimiser or cell is given, whose best rates lie elsewhere."""

SEARCHES: Mapping[str, tuple[str, ...]] = {
    # Rates to either side of the planner's 1.4e-2 for an LSTM under AdamW. Sizes from the planner's least,
    # which it takes for small texts, to more than it takes for some minutes on a CPU: twice the size costs up
    # to four times the time of a step, and so the steps of a time budget. Dropout from none, which serves a
    # text seen once, to what serves one seen often. Two layers pay where there is time for them.
    "language-model": (
        "learning_rate=log:3e-3..4e-2",
        "hidden_size=64,96,128,192,256,384,512,768",
        "dropout=0..0.5",
        "num_layers=1..2",
    ),
    # The planner's 2e-3, 128, 0.5 and 0.1 lie in the middle. Classifiers learn by heart quickly: how they are
    # kept from it (dropout, hidden tokens) is at least as much to choose as their size.
    "classifier": (
        "learning_rate=log:5e-4..8e-3",
        "hidden_size=64,128,192,256",
        "dropout=0.1..0.7",
        "token_dropout=0..0.3",
    ),
    # The planner's 3e-3 and 256 lie in the middle, and its dropout of 0.1 to 0.3.
    "translator": (
        "learning_rate=log:8e-4..1e-2",
        "hidden_size=128,192,256,384,512",
        "dropout=0..0.5",
        "num_layers=1..2",
    ),
}

_LOSS = Objective("loss", "valid_loss", maximize=False)
_OBJECTIVES: Mapping[str, tuple[Objective, ...]] = {
    "language-model": (_LOSS, Objective("bits_per_char", "bits_per_char", maximize=False)),
    "classifier": (
        _LOSS,
        Objective("accuracy", "valid_accuracy", maximize=True),
        Objective("macro_f1", "valid_macro_f1", maximize=True),
    ),
    "translator": (_LOSS, Objective("bleu", "valid_bleu", maximize=True)),
}
_WITHOUT_TOKENS = {"language-model": "bits_per_char", "translator": "bleu"}
"""What can be compared between trials whose tokens differ."""


def default_search(job: str, fixed: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is searched where nobody says.

    Args:
        job: Its name.
        fixed: Settings that have a value already.

    Raises:
        UsageError: every setting of the default search has.
    """
    texts = [text for text in SEARCHES[job] if text.partition("=")[0] not in fixed]
    if {"optimizer", "rnn_type"} & set(fixed):
        texts = [_ANY_RATE if text.startswith("learning_rate=") else text for text in texts]
    if not texts:
        raise UsageError(
            "all settings that are searched by default are given: name others with --search NAME=VALUES"
        )
    return tuple(texts)


def selections(job: str) -> tuple[str, ...]:
    """Return the names of what a job's trials can be compared by."""
    return tuple(objective.name for objective in _OBJECTIVES[job])


def objective_of(job: str, select: str | None, searched: Collection[str]) -> Objective:
    """Return what trials are compared by.

    Args:
        job: Its name.
        select: What was asked for; None where nobody did.
        searched: Names of the searched settings.

    Raises:
        UsageError: a loss per token, where trials differ in their tokens.
    """
    known = {objective.name: objective for objective in _OBJECTIVES[job]}
    tokens = sorted(_TOKENS & set(searched))
    instead = _WITHOUT_TOKENS.get(job)
    if tokens and instead is not None:
        if select == "loss":
            raise UsageError(
                f"--select loss with --search {tokens[0]}=…: a loss per token says nothing where tokens "
                f"differ; use --select {instead}"
            )
        return known[select or instead]
    return known[select or "loss"]
