"""The translator's network at work on a CPU without torch, and with it where that is faster."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from textrnn.decoding.beam import Hypothesis
from textrnn.nn.blas import one_thread
from textrnn.translator.light import LightTranslator
from textrnn.translator.protocol import Engine, Forced, Ids, Source
from textrnn.translator.search import SearchSettings
from textrnn.translator.searching import searched

__all__ = ["ChosenEngine", "LightEngine"]

_LOADING_S = 1.5
"""What torch takes to load."""

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
        # What weights make no number of is told by who asked.
        with one_thread(), np.errstate(all="ignore"):
            for source, limit in zip(sources, limits, strict=True):
                state = self._model.start(source.ids)
                found += searched(self._model, state, [source], [limit], settings, self._forced)
        return found

    def forced(self, pairs: Sequence[tuple[Ids, Ids]], *, attention: bool = False) -> list[Forced]:
        """Return how probable given targets are; see ``Engine``."""
        with one_thread(), np.errstate(all="ignore"):
            found = self._forced(pairs)
        return found if attention else [Forced(each.log_prob, None) for each in found]

    def _forced(self, pairs: Sequence[tuple[Ids, Ids]]) -> list[Forced]:
        return [self._model.forced(src, tgt) for src, tgt in pairs]


class ChosenEngine:
    """Runs a network without torch where that is done sooner, and in torch where it is not.

    Single texts do not need torch. Of more at a time, so many are answered without it as are done by when it
    would be loaded.

    Args:
        light: Makes what runs without torch, on the CPU.
        heavy: Loads torch and the network in it.
        weights: How many are multiplied for a token.
    """

    def __init__(
        self, light: Callable[[], Engine], heavy: Callable[[], Engine], weights: int
    ) -> None:
        self._make_light = light
        self._make_heavy = heavy
        self._heavy: Engine | None = None
        self._token_s = _TOKEN_S + _WEIGHT_S * weights
        self._light_s = 0.0

    @functools.cached_property
    def _light(self) -> Engine:
        return self._make_light()

    @property
    def device(self) -> str:
        """Where it computes; ``cpu`` before torch is needed."""
        return "cpu" if self._heavy is None else self._heavy.device

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
        chosen = self._chosen(needed_s, len(sources))
        return chosen.search(sources, settings, limits, batch_size)

    def forced(self, pairs: Sequence[tuple[Ids, Ids]], *, attention: bool = False) -> list[Forced]:
        """Return how probable given targets are; see ``Engine``."""
        tokens = sum(max(len(src), len(tgt)) for src, tgt in pairs)
        chosen = self._chosen(self._token_s * tokens, len(pairs))
        return chosen.forced(pairs, attention=attention)

    def _chosen(self, needed_s: float, texts: int) -> Engine:
        """Return what is to do something.

        Args:
            needed_s: What it would take without torch.
            texts: Of how many.
        """
        if self.device == "cpu" and texts <= _TEXTS and needed_s <= _LOADING_S:
            return self._light
        self._light_s += needed_s
        if self._heavy is None and self._light_s > _LOADING_S:
            self._heavy = self._make_heavy()
        return self._heavy or self._light
