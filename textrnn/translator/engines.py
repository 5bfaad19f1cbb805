"""The translator's network at work on a CPU without torch, and with it where that is faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from textrnn.decoding.beam import Hypothesis
from textrnn.nn.blas import one_thread
from textrnn.training.inference import LightFirst
from textrnn.translator.light import LightTranslator
from textrnn.translator.protocol import Engine, Forced, Ids, Source
from textrnn.translator.search import SearchSettings
from textrnn.translator.searching import searched

__all__ = ["ChosenEngine", "LightEngine"]

_TOKEN_S, _WEIGHT_S = 4e-4, 1e-10
"""What a source token and its share of a greedy translation take without torch, and each weight more."""

_ROWS = 8
"""So many more hypotheses of a text take as much again as the first."""

_TEXTS = 2
"""Up to so many texts at a time torch is no faster, even once it is loaded."""


class LightEngine:
    """Runs a network in NumPy, one source after the other, on one CPU thread.

    Args:
        model: The network.
    """

    device = "cpu"

    def __init__(self, model: LightTranslator) -> None:
        self._model = model

    def search(
        self,
        sources: Sequence[Source],
        settings: SearchSettings,
        limits: Sequence[int],
        batch_size: int,  # noqa: ARG002
    ) -> list[list[Hypothesis]]:
        """Return the hypotheses of every source; see ``Engine``."""
        found = []
        for source, limit in zip(sources, limits, strict=True):
            # One by one: others may wait for their turn. Who asked tells what weights make no number of.
            with one_thread(), np.errstate(all="ignore"):
                state = self._model.start(source.ids)
                found += searched(self._model, state, [source], [limit], settings, self._forced)
        return found

    def forced(self, pairs: Sequence[tuple[Ids, Ids]], *, attention: bool = False) -> list[Forced]:
        """Return how probable given targets are; see ``Engine``."""
        found = []
        for pair in pairs:
            with one_thread(), np.errstate(all="ignore"):
                found += self._forced([pair])
        return found if attention else [Forced(each.log_prob, None) for each in found]

    def _forced(self, pairs: Sequence[tuple[Ids, Ids]]) -> list[Forced]:
        return [self._model.forced(src, tgt) for src, tgt in pairs]


class ChosenEngine(LightFirst[Engine]):
    """Runs a network without torch where that is done sooner, and in torch where it is not.

    Args:
        light: Makes what runs without torch, on the CPU.
        heavy: Loads torch and the network in it.
        weights: How many are multiplied for a token.
    """

    def __init__(
        self, light: Callable[[], Engine], heavy: Callable[[], Engine], weights: int
    ) -> None:
        super().__init__(light, heavy, _TEXTS)
        self._token_s = _TOKEN_S + _WEIGHT_S * weights

    def search(
        self,
        sources: Sequence[Source],
        settings: SearchSettings,
        limits: Sequence[int],
        batch_size: int,
    ) -> list[list[Hypothesis]]:
        """Return the hypotheses of every source; see ``Engine``."""
        tokens = sum(len(source.ids) for source in sources)
        needed_s = self._token_s * tokens * (1 + (settings.rows - 1) / _ROWS)
        chosen = self.chosen(needed_s, len(sources))
        return chosen.search(sources, settings, limits, batch_size)

    def forced(self, pairs: Sequence[tuple[Ids, Ids]], *, attention: bool = False) -> list[Forced]:
        """Return how probable given targets are; see ``Engine``."""
        tokens = sum(max(len(src), len(tgt)) for src, tgt in pairs)
        chosen = self.chosen(self._token_s * tokens, len(pairs))
        return chosen.forced(pairs, attention=attention)
