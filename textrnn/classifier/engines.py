"""The classifier's network at work on a CPU without torch, and with it where that is faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from textrnn.classifier.light import LightClassifier
from textrnn.nn.blas import one_thread
from textrnn.nn.cells import Array
from textrnn.training.inference import LightFirst

__all__ = ["ChosenEngine", "Engine", "LightEngine"]

_TOKEN_S, _WEIGHT_S = 1e-5, 7.5e-11
"""What a token takes without torch, and each recurrent weight more."""

_TEXTS = 1
"""Up to so many texts at a time torch is hardly faster, even once it is loaded."""

Ids = npt.NDArray[np.integer[Any]]


class Engine(Protocol):
    """A network at work on any number of texts."""

    @property
    def device(self) -> str:
        """Where it computes: a torch device's name."""

    def logits(self, texts: Sequence[Ids], bag_share: float, batch_size: int) -> Array:
        """Return the score of every label, all experts taken together, (texts, labels).

        Args:
            texts: Token ids of each, (time,), at least one; at least one text.
            bag_share: The bag's weight, from 0 to 1.
            batch_size: Texts read at a time, at most.

        Raises:
            DeviceError: there is no memory for a single one.
        """


class LightEngine:
    """Runs a network in NumPy, one text after the other, on one CPU thread.

    Args:
        model: The network.
    """

    device = "cpu"

    def __init__(self, model: LightClassifier) -> None:
        self._model = model

    def logits(
        self,
        texts: Sequence[Ids],
        bag_share: float,
        batch_size: int,  # noqa: ARG002
    ) -> Array:
        """Return the score of every label; see ``Engine``."""
        found = []
        for ids in texts:
            # One by one: others may wait for their turn. Who asked tells what weights make no number of.
            with one_thread(), np.errstate(all="ignore"):
                found.append(self._model.logits(ids, bag_share))
        return np.stack(found)


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

    def logits(self, texts: Sequence[Ids], bag_share: float, batch_size: int) -> Array:
        """Return the score of every label; see ``Engine``."""
        needed_s = self._token_s * sum(map(len, texts))
        return self.chosen(needed_s, len(texts)).logits(texts, bag_share, batch_size)
