"""Settings that pass on from a trained model to one that starts from its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from textrnn.config import specs
from textrnn.errors import ModelError, UsageError
from textrnn.training.settings import TrainingSettings

__all__ = ["inherited"]

S = TypeVar("S", bound=TrainingSettings)


def inherited(
    settings: S, own: Mapping[str, Any], given: Collection[str] | None, parent: Path, model: str
) -> S:
    """Return the settings with those of the parent's that pass on; refuse contradictions.

    Where nobody names an optimiser, it is AdamW: what Muon, which moves all directions alike, leaves of what
    was learned before has not been measured.

    Args:
        settings: Of the new run.
        own: The parent's, by name: those that pass on.
        given: Names of the settings that the user gave; None takes those that are not the default.
        parent: The parent's directory, for messages.
        model: What starts from it: ``a classifier``.

    Raises:
        UsageError: a setting was given that differs from the parent's.
        ModelError: the parent's settings are not what training writes.
    """
    known = specs(type(settings))
    if given is None:
        given = [name for name, spec in known.items() if getattr(settings, name) != spec.default]
    values: dict[str, Any] = {}
    for name in sorted(own):
        try:
            values[name] = known[name].check(own[name], str(parent))
        except UsageError as error:
            raise ModelError(f"{error}; the model is damaged") from None
        asked = getattr(settings, name)
        if name in given and asked != values[name]:
            raise UsageError(
                f"{known[name].option} {asked}: {parent} has {values[name]}, and {model} that starts from "
                f"it keeps its shape and tokenizer"
            )
    settings = dataclasses.replace(settings, **values)
    if settings.optimizer is None and values.get("rnn_type") != "rnn_relu":
        settings = dataclasses.replace(settings, optimizer="adamw")
    return settings
