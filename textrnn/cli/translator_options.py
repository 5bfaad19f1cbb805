"""How pairs are read and translations searched for: of the command line, the model and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textrnn.cli.options import given
from textrnn.config import make, specs
from textrnn.data.settings import PairSettings
from textrnn.translator.search import SearchSettings

if TYPE_CHECKING:
    from textrnn.bundle import Bundle

__all__ = ["pair_reading", "search_settings"]

READING = ("encoding", "src_column", "tgt_column")
"""The settings that hold for evaluation as they did for training, where no others are given."""

_OTHERS = ("max_length",)
"""Settings whose variables are those of training."""
_SAMPLING = ("temperature", "top_k", "top_p", "seed")
"""Settings whose variables may be meant for other commands where nothing is drawn at random."""
_SEARCHING = ("beam_size", "no_repeat_ngram")
"""Settings that mean nothing where all is drawn at random."""


def search_settings(values: Mapping[str, Any]) -> SearchSettings:
    """Return how to search.

    Args:
        values: A command's parameters; those not given are None.

    Raises:
        UsageError: a wrong value, or options that contradict each other.
    """
    known = specs(SearchSettings)
    heard = dict(os.environ)
    for name in _OTHERS:
        heard.pop(known[name].variable, None)
    found = given(SearchSettings, values, heard)
    # Nobody can have meant those of the other way; where they were typed, they are refused.
    idle = _SEARCHING if found.get("sample") else _SAMPLING
    kept = {n: v for n, v in found.items() if n not in idle or values.get(n) is not None}
    return make(SearchSettings, kept)


def pair_reading(opened: Bundle, overrides: Mapping[str, Any]) -> PairSettings:
    """Return how to read a translator's pairs: as in training, but for what was given."""
    recorded = {name: opened.settings.get(name) for name in READING}
    known = {name: value for name, value in recorded.items() if value is not None}
    return make(PairSettings, {**known, **overrides}, "evaluate")
