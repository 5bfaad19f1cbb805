"""The network at work: token ids of sources in, token ids of translations and their scores out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from textrnn.decoding.beam import Hypothesis, beam_search, length_norm
from textrnn.decoding.drawing import draw
from textrnn.decoding.randomness import row_key
from textrnn.decoding.sampling import Sampler
from textrnn.training.device import autocast
from textrnn.training.inference import exactly, halving, like_lengths
from textrnn.translator.batches import padded
from textrnn.translator.forcing import Forced, forced
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.search import SearchSettings
from textrnn.translator.stepper import TranslatorStepper

__all__ = ["Engine", "Source"]

_TOKENS_AT_ONCE = 1 << 14
"""Padded source tokens of a batch, times hypotheses."""
_LOGITS_AT_ONCE = 1 << 24
"""Rows, or rows times steps, of a batch, times the vocabulary."""

Ids = npt.NDArray[np.integer]


class Source(NamedTuple):
    """A text to translate.

    Attributes:
        text: It, which keys the random numbers.
        ids: Its tokens, ``<eos>`` last, (tokens,).
    """

    text: str
    ids: Ids


class Engine:
    """Runs a network over any number of sources, in batches of like length that memory has room for.

    Args:
        model: The network, on its device.
        vocab_size: Ids of the target.
        never: Ids that are never said.
        precision: ``float32`` or ``bf16``.
    """

    def __init__(
        self, model: EncoderDecoder, vocab_size: int, never: Sequence[int], precision: str
    ) -> None:
        self._model = model
        self._vocab_size = vocab_size
        self._stepper = TranslatorStepper(model, never)
        self._precision = precision
        self.device = next(model.parameters()).device

    def search(
        self,
        sources: Sequence[Source],
        settings: SearchSettings,
        limits: Sequence[int],
        batch_size: int,
    ) -> list[list[Hypothesis]]:
        """Return the hypotheses of every source, or ``n_best`` samples, in the order of the sources.

        Args:
            sources: Any number.
            settings: How to search, with a seed where that is at random.
            limits: Most tokens of each one's translation.
            batch_size: Sources looked at at a time, at most.
        """
        lengths = np.array([len(source.ids) for source in sources], np.int64)
        at_once = min(batch_size, max(1, _LOGITS_AT_ONCE // (self._vocab_size * settings.rows)))
        found: list[list[Hypothesis]] = [[] for _ in sources]

        def searched(some: Sequence[tuple[Source, int]]) -> list[list[Hypothesis]]:
            texts, most = zip(*some, strict=True)
            return self._searched(texts, most, settings)

        for places in like_lengths(lengths, max(1, _TOKENS_AT_ONCE // settings.rows), at_once):
            batch = [(sources[place], limits[place]) for place in places]
            answers = halving(searched, batch, self.device, lambda item: len(item[0].ids))
            for place, answer in zip(places, answers, strict=True):
                found[place] = answer
        return found

    def forced(self, pairs: Sequence[tuple[Ids, Ids]], *, attention: bool = False) -> list[Forced]:
        """Return how probable given targets are, in their order; see :func:`forced`."""
        lengths = np.array([max(len(src), len(tgt) + 1) for src, tgt in pairs], np.int64)
        tokens = min(_TOKENS_AT_ONCE, max(1, _LOGITS_AT_ONCE // self._vocab_size))
        found: list[Forced | None] = [None] * len(pairs)

        def read(some: Sequence[tuple[Ids, Ids]]) -> list[Forced]:
            with self._computing():
                return forced(self._model, some, attention=attention)

        for places in like_lengths(lengths, tokens, len(pairs)):
            batch = [pairs[place] for place in places]
            answers = halving(read, batch, self.device, lambda pair: sum(map(len, pair)))
            for place, answer in zip(places, answers, strict=True):
                found[place] = answer
        return [each for each in found if each is not None]

    def _searched(
        self, sources: Sequence[Source], limits: Sequence[int], settings: SearchSettings
    ) -> list[list[Hypothesis]]:
        """Search for one batch."""
        with self._computing():
            ids, lengths = padded([source.ids for source in sources])
            encoded = self._model.encode(ids.to(self.device), lengths.to(self.device))
            state = self._model.start(encoded)
            if not settings.sample:
                return beam_search(self._stepper, state, np.array(limits, np.int64), settings)
            num = settings.n_best
            state = self._stepper.reorder(state, np.repeat(np.arange(len(sources)), num))
            seed = settings.seed or 0
            keys = [row_key(seed, source.text, k) for source in sources for k in range(num)]
            sampler = Sampler(settings.sampling, allow_eos=True)
            most = np.repeat(np.array(limits, np.int64), num)
            drawn = draw(self._stepper, state, most, sampler, np.array(keys, np.uint64))
        # What was drawn is told with the probability that the model gives it, not with that of the draw.
        read = self.forced([(sources[i // num].ids, said) for i, said in enumerate(drawn)])
        scored = [
            Hypothesis(said, each.log_prob, each.log_prob / norm_of(said, settings))
            for said, each in zip(drawn, read, strict=True)
        ]
        return [scored[low : low + num] for low in range(0, len(scored), num)]

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        with torch.inference_mode(), exactly(self.device), autocast(self.device, self._precision):
            yield


def norm_of(ids: Ids, settings: SearchSettings) -> float:
    """Return what a translation's log-probability is divided by."""
    return float(length_norm(len(ids) + 1, settings.length_penalty))
