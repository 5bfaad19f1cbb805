"""The classifier's network at work in torch, on any device, many texts at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from textrnn.classifier.batches import padded
from textrnn.classifier.model import TextClassifier
from textrnn.training.device import autocast
from textrnn.training.inference import exactly, halving

__all__ = ["TorchEngine"]

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

    def logits(self, texts: Sequence[Ids], bag_share: float) -> Floats:
        """Return the score of every label, all experts taken together, (texts, labels).

        Args:
            texts: Token ids of each, at least one.
            bag_share: The bag's weight, from 0 to 1.

        Raises:
            DeviceError: there is no memory for a single one.
        """

        def computed(some: Sequence[Ids]) -> list[Floats]:
            with (
                torch.inference_mode(),
                exactly(self._device),
                autocast(self._device, self._precision),
            ):
                ids, lengths = (tensor.to(self._device) for tensor in padded(some))
                return list(self._model.logits(ids, lengths, bag_share).float().cpu().numpy())

        found: list[Floats] = halving(computed, texts, self._device, len)
        return np.stack(found)
