"""Settings that would do nothing in the run at hand: refused where somebody gave them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from textrnn.config import specs
from textrnn.errors import UsageError
from textrnn.training.settings import TrainingSettings

__all__ = ["refuse_idle"]


def refuse_idle(
    settings: TrainingSettings, given: Collection[str] | None, idle: Mapping[str, str]
) -> None:
    """Refuse settings that would do nothing; not their defaults, which a record of all settings holds.

    Args:
        settings: Of the run.
        given: Names of the settings that the user gave; None refuses nothing.
        idle: Names of those that would do nothing, each with the reason, for the message.

    Raises:
        UsageError: one of them was given, and is not its default.
    """
    for name, reason in idle.items():
        spec = specs(type(settings))[name]
        if given is not None and name in given and getattr(settings, name) != spec.default:
            raise UsageError(f"{spec.option}: {reason}")
