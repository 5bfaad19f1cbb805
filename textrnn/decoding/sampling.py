"""Choosing the next token: temperature, filters, repetition penalty, the draw.

Logits are turned into float64 at once. Filters act in this order: repetition penalty, temperature,
top-k, top-p, min-p; each sees what the ones before it left, made to sum to 1 again.
"""

from __future__ import annotations

import dataclasses
import math
import secrets
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textrnn.config import setting
from textrnn.decoding.protocol import Ids64
from textrnn.errors import ModelError
from textrnn.tokenizers.base import EOS_ID, NUM_SPECIAL

__all__ = ["Sampler", "SamplingSettings", "keep_largest", "penalise_repetition", "with_seed"]

Floats = npt.NDArray[np.float64]

_COLDEST = 1e-30
"""Where temperatures end, so that no quotient overflows; long before it, sampling is greedy."""


@dataclass(frozen=True)
class SamplingSettings:
    """How text is generated."""

    max_new_tokens: int = setting(
        500,
        "Tokens to generate at most; -1: until a stop string or the text's end, or for ever.",
        section="sampling",
        minimum=-1,
    )
    temperature: float = setting(
        1.0,
        "Divides the logits: bolder choices become rarer below 1, more frequent above 1; 0 always "
        "takes the likeliest token.",
        section="sampling",
        minimum=0,
    )
    top_k: int = setting(
        0,
        "Sample from the k likeliest tokens only (Fan et al. 2018); 0 from all.",
        section="sampling",
        minimum=0,
    )
    top_p: float = setting(
        1.0,
        "Sample from the fewest likeliest tokens whose probabilities reach this sum (Holtzman et "
        "al. 2020); 1 from all.",
        section="sampling",
        above=0,
        maximum=1,
    )
    min_p: float = setting(
        0.0,
        "Sample from tokens at least this share as likely as the likeliest (Nguyen et al. 2024); "
        "0 from all.",
        section="sampling",
        minimum=0,
        maximum=1,
    )
    repetition_penalty: float = setting(
        1.0,
        "Divides the positive and multiplies the negative logits of recent tokens (Keskar et al. "
        "2019); 1 changes nothing.",
        section="sampling",
        above=0,
        maximum=1000,
    )
    repetition_window: int = setting(
        64,
        "How many of the last tokens, those of the prompt included, are recent.",
        section="sampling",
        minimum=1,
        maximum=65536,
    )
    seed: int | None = setting(
        None,
        "Seed of the random choices; the same seed gives the same text. Without one, every call "
        "gives another text.",
        section="sampling",
        minimum=0,
        maximum=2**63 - 1,
    )


def with_seed(settings: SamplingSettings) -> SamplingSettings:
    """Return the settings with a seed: their own, or a new one, to be shown and given again."""
    if settings.seed is not None:
        return settings
    return dataclasses.replace(settings, seed=secrets.randbelow(2**32))


class Sampler:
    """Turns logits into ids.

    ``<pad>``, ``<unk>`` and ``<bos>`` are never chosen.

    Args:
        settings: The choices of the user.
        allow_eos: Whether ``<eos>`` may be chosen: only where the model has seen texts end.
    """

    def __init__(self, settings: SamplingSettings, *, allow_eos: bool) -> None:
        self._settings = settings
        # The special ids come first, <eos> last among them.
        self._banned = EOS_ID if allow_eos else NUM_SPECIAL
        self._scale = 1 / max(settings.temperature, _COLDEST)

    @property
    def is_random(self) -> bool:
        """Whether :meth:`choose` needs random numbers."""
        return self._settings.temperature > 0

    def scores(self, logits: npt.NDArray[np.floating], recent: Ids64 | None) -> Floats:
        """Return the logits, repetition penalised, special ids ruled out: a new float64 array.

        Args:
            logits: (batch, vocab).
            recent: Recent ids, (batch, window), filled up with ``<pad>``; None where none count.
        """
        scores = np.array(logits, np.float64, order="C")
        if recent is not None and self._settings.repetition_penalty != 1:
            penalise_repetition(scores, recent, self._settings.repetition_penalty)
        scores[:, : self._banned] = -np.inf
        return scores

    def weights(self, logits: npt.NDArray[np.floating], recent: Ids64 | None) -> Floats:
        """Return what each id's probability is proportional to, (batch, vocab), the greatest 1.

        Args:
            logits: (batch, vocab).
            recent: As for :meth:`scores`.

        Raises:
            ModelError: the logits are not finite.
        """
        s = self._settings
        scores = self.scores(logits, recent)
        scores -= _finite_maxima(scores)
        scores *= self._scale
        weights = np.exp(scores, out=scores)
        vocab = weights.shape[1]
        if 0 < s.top_k < vocab:
            keep_largest(weights, np.full(len(weights), s.top_k))
        if s.top_p < 1:
            keep_largest(weights, _nucleus_sizes(weights, s.top_p))
        if s.min_p > 0:
            # The greatest weight is 1, whatever the filters before have left.
            weights[weights < s.min_p] = 0
        return weights

    def choose(
        self,
        logits: npt.NDArray[np.floating],
        recent: Ids64 | None = None,
        numbers: Floats | None = None,
    ) -> Ids64:
        """Return one id per row.

        Args:
            logits: (batch, vocab).
            recent: As for :meth:`scores`.
            numbers: Random numbers from [0, 1), (batch,); not read where ``is_random`` is False.

        Raises:
            ModelError: the logits are not finite.
        """
        if numbers is None or not self.is_random:
            scores = self.scores(logits, recent)
            qualifies = scores == _finite_maxima(scores)
        else:
            # Inverse of the distribution function, in the order of ids: the first id whose cumulated
            # weight exceeds the number. A number below 1 times the total is below the total, so
            # there is one.
            cumulated = self.weights(logits, recent).cumsum(axis=1)
            qualifies = cumulated > (numbers * cumulated[:, -1])[:, None]
        # The first that qualifies: of equals, the lowest id.
        chosen: Ids64 = qualifies.argmax(axis=1)
        return chosen


def penalise_repetition(scores: Floats, recent: Ids64, penalty: float) -> None:
    """Divide positive and multiply negative scores of recent ids, in place.

    Keskar et al. (2019, section 4.1) divide logits of either sign, which would favour what is
    repeated where they are negative; as elsewhere by now, those are multiplied. An id counts once,
    however often it came.

    Args:
        scores: (batch, vocab).
        recent: (batch, window).
        penalty: 1 changes nothing, above 1 discourages, below 1 encourages.
    """
    places = recent + (np.arange(len(scores)) * scores.shape[1])[:, None]
    values = scores.take(places)
    scores.put(places, np.where(values > 0, values / penalty, values * penalty))


def keep_largest(weights: Floats, counts: npt.NDArray[np.integer]) -> None:
    """Set all but the largest weights of each row to 0, in place; of equals, the lowest ids stay.

    Args:
        weights: (batch, vocab), at least 0.
        counts: How many to keep, (batch,), from 1 to vocab.
    """
    vocab = weights.shape[1]
    places = vocab - counts
    if (counts == counts[0]).all():
        least = np.partition(weights, places[0], axis=1)[:, places[0], None]
    else:
        least = np.take_along_axis(np.sort(weights, axis=1), places[:, None], axis=1)
    dropped = weights < least
    weights[dropped] = 0
    excess = vocab - dropped.sum(axis=1) - counts
    if excess.any():
        # Equals of the least: the last ones go.
        equal = weights == least
        room = equal.sum(axis=1) - excess
        weights[equal & (equal.cumsum(axis=1) > room[:, None])] = 0


def _nucleus_sizes(weights: Floats, top_p: float) -> npt.NDArray[np.int64]:
    """Return how many of each row's largest weights reach ``top_p`` of their sum, (batch,)."""
    cumulated = np.sort(weights, axis=1)[:, ::-1].cumsum(axis=1)
    before = (cumulated < top_p * cumulated[:, -1:]).sum(axis=1)
    sizes: npt.NDArray[np.int64] = np.minimum(before + 1, weights.shape[1])
    return sizes


def _finite_maxima(scores: Floats) -> Floats:
    """Return each row's greatest score, (batch, 1).

    Raises:
        ModelError: it is not finite.
    """
    maxima: Floats = scores.max(axis=1, keepdims=True)
    if not all(map(math.isfinite, maxima.ravel().tolist())):
        raise ModelError("the model's logits are not finite: its weights are unusable")
    return maxima
