"""Texts cut in another way each time, so that a network sees more than the best cut of each word."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain

import numpy as np
import numpy.typing as npt

from textrnn.tokenizers.base import Ids
from textrnn.tokenizers.subword import UnigramTokenizer

__all__ = ["CutSampler"]

MOST_CUTS = 8
"""Ways to cut a word among which one is drawn."""
CACHE_SIZE = 1 << 16
"""Words whose ways are remembered; a full cache starts afresh."""

Ways = tuple[list[tuple[int, ...]], list[float]]


class CutSampler:
    """Subword regularisation (Kudo 2018, section 3.3): cuts drawn by their probability, smoothed.

    A way to cut a text is drawn with its probability to the power of ``alpha``. Pieces cross no
    border between words, so this is the same as to draw each word's by itself, among its
    ``MOST_CUTS`` most probable ones; Kudo takes the most probable ones of the whole sentence, among
    which most words never change.

    Args:
        tokenizer: What cuts.
        alpha: Above 0; the smaller, the more evenly the ways are drawn.
    """

    def __init__(self, tokenizer: UnigramTokenizer, alpha: float) -> None:
        self._tokenizer = tokenizer
        self._alpha = alpha
        self._ways: dict[str, Ways] = {}

    def sample(self, text: str, rng: np.random.Generator) -> Ids:
        """Return the ids of one way to cut a text, shape (tokens,), int32.

        Args:
            text: Any text.
            rng: Draws one number for each word.
        """
        units = self._tokenizer.units(text)
        drawn = map(self._draw, units, rng.random(len(units)).tolist())
        return np.fromiter(chain.from_iterable(drawn), np.int32)

    def recut(self, ids: Sequence[int] | npt.NDArray[np.integer], rng: np.random.Generator) -> Ids:
        """Return other ids of the same text, without ``<bos>`` and ``<eos>``.

        Args:
            ids: Of one text, cut anyhow.
            rng: As in :meth:`sample`.
        """
        return self.sample(self._tokenizer.decode(ids), rng)

    def _draw(self, unit: str, number: float) -> tuple[int, ...]:
        ways, ends = self._ways.get(unit) or self._remember(unit)
        return ways[bisect_right(ends, number)]

    def _remember(self, unit: str) -> Ways:
        if len(self._ways) >= CACHE_SIZE:
            self._ways.clear()
        cuts = self._tokenizer.cuts(unit, MOST_CUTS)
        best = max(score for _, score in cuts)
        *ends, total = accumulate(math.exp(self._alpha * (score - best)) for _, score in cuts)
        # The last end is left out: rounding must not put a number behind it.
        found = self._ways[unit] = [ids for ids, _ in cuts], [end / total for end in ends]
        return found
