"""What translating asks of a network: token ids of sources in, token ids of translations and scores out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from textrnn.decoding.beam import Hypothesis
from textrnn.translator.search import SearchSettings

__all__ = ["Engine", "Forced", "Ids", "Source"]

Ids = npt.NDArray[np.integer]


class Source(NamedTuple):
    """A text to translate.

    Attributes:
        text: It, which keys the random numbers.
        ids: Its tokens, ``<eos>`` last, (tokens,).
    """

    text: str
    ids: Ids


class Forced(NamedTuple):
    """What a model makes of a given target.

    Attributes:
        log_prob: Of its tokens and ``<eos>`` after them, in nats.
        weights: What each of them looked at, (target tokens + 1, source tokens), float32; None where nobody
            asked.
    """

    log_prob: float
    weights: npt.NDArray[np.float32] | None


class Engine(Protocol):
    """A network at work on any number of sources."""

    @property
    def device(self) -> str:
        """Where it computes: a torch device's name."""

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

        Raises:
            ModelError: the weights make no number of a text.
            DeviceError: memory has no room for a single one.
        """

    def forced(self, pairs: Sequence[tuple[Ids, Ids]], *, attention: bool = False) -> list[Forced]:
        """Return how probable given targets are, in their order.

        Args:
            pairs: Sources, ``<eos>`` last, and targets without ``<bos>`` and ``<eos>``; any number.
            attention: Whether to return what was looked at.

        Raises:
            DeviceError: memory has no room for a single one.
        """
