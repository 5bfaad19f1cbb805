"""A language model measured as it generates: step by step, in generation's precision."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from textrnn.config import as_dict
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.stepper import NumpyStepModel, StepState
from textrnn.nn.cells import Array
from textrnn.nn.recurrent import State

__all__ = ["SteppedLanguageModel"]


class SteppedLanguageModel:
    """A language model whose texts cost what they cost its one-step form.

    A ``textrnn.language_model.model.Pricing``: what evaluates the whole-sequence form so measures what
    generation in a lower precision does. For a CPU only.

    Args:
        settings: With every size known.
        tensors: The weights by name, float32.
        precision: As for ``textrnn.language_model.stepper.NumpyStepModel``.
    """

    def __init__(
        self, settings: LanguageModelSettings, tensors: Mapping[str, Array], precision: str
    ) -> None:
        self._stepper = NumpyStepModel(tensors, as_dict(settings), precision)

    @property
    def device(self) -> torch.device:
        """The CPU."""
        return torch.device("cpu")

    def start(self, batch_size: int) -> dict[str, Tensor]:
        """Return the state at a document's start, each tensor with the batch first."""
        return _as_tensors(self._stepper.start(batch_size))

    def nats(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the surprise of each target in nats and the state behind them."""
        each = []
        now = _as_step_state(state)
        for read, wanted in zip(ids.t(), targets.t(), strict=True):
            logits, now = self._stepper.step(np.ascontiguousarray(read.numpy()), now)
            each.append(
                functional.cross_entropy(torch.from_numpy(logits), wanted, reduction="none")
            )
        return torch.stack(each, dim=1), _as_tensors(now)


def _as_tensors(state: StepState) -> dict[str, Tensor]:
    """Return a state under names, as evaluation carries it, each tensor with the batch first."""
    parts = {
        f"{layer}.{name}": torch.from_numpy(array.T)
        for layer, arrays in enumerate(state.layers)
        for name, array in zip("hc", arrays, strict=False)
    }
    return {**parts, "history": torch.from_numpy(state.history.T)}


def _as_step_state(state: State) -> StepState:
    layers: dict[int, list[Array]] = {}
    for name, tensor in state.items():
        if name != "history":
            layers.setdefault(int(name.partition(".")[0]), []).append(tensor.numpy().T)
    return StepState(tuple(map(tuple, layers.values())), state["history"].numpy().T)
