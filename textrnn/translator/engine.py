"""The translator's network at work in torch, on any device, many texts at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from textrnn.decoding.beam import Hypothesis
from textrnn.training.device import answering
from textrnn.training.inference import halving, like_lengths
from textrnn.translator.batches import padded
from textrnn.translator.forcing import forced
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.protocol import Forced, Ids, Source
from textrnn.translator.search import SearchSettings
from textrnn.translator.searching import searched
from textrnn.translator.stepper import TranslatorStepper

__all__ = ["TorchEngine"]

_TOKENS_AT_ONCE = 1 << 14
"""Padded source tokens of a batch, times hypotheses."""
_LOGITS_AT_ONCE = 1 << 24
"""Rows, or rows times steps, of a batch, times the vocabulary."""


class TorchEngine:
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
        self._device = next(model.parameters()).device

    @property
    def device(self) -> str:
        """Where it computes: a torch device's name."""
        return str(self._device)

    def search(
        self,
        sources: Sequence[Source],
        settings: SearchSettings,
        limits: Sequence[int],
        batch_size: int,
    ) -> list[list[Hypothesis]]:
        """Return the hypotheses of every source; see ``Engine``."""
        lengths = np.array([len(source.ids) for source in sources], np.int64)
        at_once = min(batch_size, max(1, _LOGITS_AT_ONCE // (self._vocab_size * settings.rows)))
        found: list[list[Hypothesis]] = [[] for _ in sources]

        def found_in(some: Sequence[tuple[Source, int]]) -> list[list[Hypothesis]]:
            texts, most = zip(*some, strict=True)
            return self._searched(texts, most, settings)

        for places in like_lengths(lengths, max(1, _TOKENS_AT_ONCE // settings.rows), at_once):
            batch = [(sources[place], limits[place]) for place in places]
            answers = halving(found_in, batch, self._device, lambda item: len(item[0].ids))
            for place, answer in zip(places, answers, strict=True):
                found[place] = answer
        return found

    def forced(self, pairs: Sequence[tuple[Ids, Ids]], *, attention: bool = False) -> list[Forced]:
        """Return how probable given targets are; see ``Engine``."""
        lengths = np.array([max(len(src), len(tgt) + 1) for src, tgt in pairs], np.int64)
        tokens = min(_TOKENS_AT_ONCE, max(1, _LOGITS_AT_ONCE // self._vocab_size))
        found: list[Forced | None] = [None] * len(pairs)

        def read(some: Sequence[tuple[Ids, Ids]]) -> list[Forced]:
            with self._computing():
                return forced(self._model, some, attention=attention)

        for places in like_lengths(lengths, tokens, len(pairs)):
            batch = [pairs[place] for place in places]
            answers = halving(read, batch, self._device, lambda pair: sum(map(len, pair)))
            for place, answer in zip(places, answers, strict=True):
                found[place] = answer
        return [each for each in found if each is not None]

    def _searched(
        self, sources: Sequence[Source], limits: Sequence[int], settings: SearchSettings
    ) -> list[list[Hypothesis]]:
        """Search for one batch."""
        with self._computing():
            ids, lengths = padded([source.ids for source in sources])
            encoded = self._model.encode(ids.to(self._device), lengths.to(self._device))
            state = self._model.start(encoded)
            return searched(self._stepper, state, sources, limits, settings, self.forced)

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        with torch.inference_mode(), answering(self._device, self._precision):
            yield
