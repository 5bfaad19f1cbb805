"""The classifier's network at work in torch, on any device, many texts at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from textrnn.classifier.batches import padded
from textrnn.classifier.model import TextClassifier
from textrnn.training.device import answering
from textrnn.training.inference import halving, like_lengths

__all__ = ["TorchEngine"]

_TOKENS_AT_ONCE = 1 << 14
"""Padded tokens of a batch."""

Ids = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float32]


class TorchEngine:
    """Scores the labels of batches of texts.

    Args:
        model: The network.
        device: Where it is to compute.
        precision: ``float32`` or ``bf16``.
    """

    def __init__(self, model: TextClassifier, device: torch.device, precision: str) -> None:
        self._model = model.to(device)
        self._device = device
        self._precision = precision

    @property
    def device(self) -> str:
        """Where it computes: a torch device's name."""
        return str(self._device)

    def logits(self, texts: Sequence[Ids], bag_share: float, batch_size: int) -> Floats:
        """Return the score of every label; see ``Engine``. Texts of like length are read together."""

        def computed(some: Sequence[Ids]) -> list[Floats]:
            with torch.inference_mode(), answering(self._device, self._precision):
                ids, lengths = (tensor.to(self._device) for tensor in padded(some))
                return list(self._model.logits(ids, lengths, bag_share).float().cpu().numpy())

        found: list[Floats] = [np.empty(0, np.float32)] * len(texts)
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        for places in like_lengths(lengths, _TOKENS_AT_ONCE, batch_size):
            batch = [texts[place] for place in places.tolist()]
            for place, row in zip(places, halving(computed, batch, self._device, len), strict=True):
                found[place] = row
        return np.stack(found)
