"""How fast a machine trains a language model of any size, from one measured step."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.language_model.facts import CorpusFacts, targets_per_step
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.sizes import (
    product_weights,
    update_operations,
    updated_numbers,
)

__all__ = ["Pace"]

_PARAMETER_S = 4e-9
"""Seconds of a step on a CPU for each parameter, whatever the batch: clearing gradients, their norm, AdamW;
measured on one thread, where it is the memory that bounds it."""
_UPDATE_SHARE = 0.4
"""What an operation in the products of an update costs of one in training: they are large, and none waits."""
_LEAST_SHARE = 0.2
"""Products take at least so much of a measured step: on faster memory the constant is too large."""


@dataclass(frozen=True)
class Pace:
    """How long steps take.

    Attributes:
        rate: Operations a second in matrix products, forward and backward.
        parameter_s: Seconds of a step for each number that its update passes over.
    """

    rate: float
    parameter_s: float

    @classmethod
    def of(
        cls,
        probe: LanguageModelSettings,
        corpus: CorpusFacts,
        measured_s: float,
        *,
        on_cpu: bool,
    ) -> Pace:
        """Return the pace of a machine.

        Args:
            probe: What was measured, its sizes known.
            corpus: Facts about the text.
            measured_s: Seconds of one of its steps, full windows of it.
            on_cpu: Whether the machine is a CPU; to others parameters cost next to nothing.
        """
        parameter_s = _PARAMETER_S if on_cpu else 0.0
        targets = (probe.batch_size or 1) * (probe.seq_len or 1)
        others = parameter_s * updated_numbers(probe, corpus.vocab_size, targets)
        products_s = max(measured_s - others, _LEAST_SHARE * measured_s)
        return cls(_operations(probe, corpus, targets) / products_s, parameter_s)

    def step_s(self, settings: LanguageModelSettings, corpus: CorpusFacts) -> float:
        """Return the seconds of a step."""
        targets = targets_per_step(settings, corpus)
        others = self.parameter_s * updated_numbers(settings, corpus.vocab_size, targets)
        return _operations(settings, corpus, targets) / self.rate + others

    def targets(
        self, settings: LanguageModelSettings, corpus: CorpusFacts, seconds: float
    ) -> float:
        """Return how many targets are trained on in some seconds."""
        return seconds / self.step_s(settings, corpus) * targets_per_step(settings, corpus)


def _operations(settings: LanguageModelSettings, corpus: CorpusFacts, targets: float) -> float:
    """Return the operations of a step, in those of training's products."""
    trained = 6 * product_weights(settings, corpus.vocab_size) * targets
    return trained + _UPDATE_SHARE * update_operations(settings)
