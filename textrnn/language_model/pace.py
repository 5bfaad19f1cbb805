"""How fast a machine trains a language model of any size, from one measured step."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.language_model.facts import CorpusFacts, targets_per_step
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.sizes import model_parameters, product_weights

__all__ = ["Pace"]

_PARAMETER_S = 4e-9
"""Seconds of a step on a CPU for each parameter, whatever the batch: clearing gradients, their norm, AdamW;
measured on one thread, where it is the memory that bounds it."""
_LEAST_SHARE = 0.2
"""Products take at least so much of a measured step: on faster memory the constant is too large."""


@dataclass(frozen=True)
class Pace:
    """How long steps take.

    Attributes:
        rate: Operations a second in matrix products, forward and backward.
        parameter_s: Seconds of a step for each parameter.
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
        others = parameter_s * model_parameters(probe, corpus.vocab_size)
        products_s = max(measured_s - others, _LEAST_SHARE * measured_s)
        operations = 6 * product_weights(probe, corpus.vocab_size)
        return cls(
            operations * (probe.batch_size or 1) * (probe.seq_len or 1) / products_s, parameter_s
        )

    def step_s(self, settings: LanguageModelSettings, corpus: CorpusFacts) -> float:
        """Return the seconds of a step."""
        operations = 6 * product_weights(settings, corpus.vocab_size)
        others = self.parameter_s * model_parameters(settings, corpus.vocab_size)
        return operations * targets_per_step(settings, corpus) / self.rate + others

    def targets(
        self, settings: LanguageModelSettings, corpus: CorpusFacts, seconds: float
    ) -> float:
        """Return how many targets are trained on in some seconds."""
        return seconds / self.step_s(settings, corpus) * targets_per_step(settings, corpus)
