"""The rules by which optimisers update weights: torch's functions, told what to keep.

The classes of ``torch.optim`` import torch's compiler as soon as one of them is made, which takes longer than
``import torch`` itself; the functions that do their arithmetic import nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

__all__ = ["ADAM_EPS", "AdamRule", "Kept", "RMSpropRule", "Rule", "SGDRule", "rule_of"]

Kept = dict[str, Tensor]
"""What an optimiser keeps of a parameter, by ``torch.optim``'s names."""

ADAM_EPS = 1e-8
_RMSPROP_ALPHA, _RMSPROP_EPS = 0.99, 1e-8
"""The defaults of ``torch.optim``."""


class Rule(ABC):
    """How the weights of a group are updated.

    Attributes:
        like: What is kept in the shape of a parameter.
        counts: Whether its updates are counted too, as ``step``.
        needs_all: Whether all parameters of a group are updated for the first time at once.
    """

    like: Sequence[str]
    counts: ClassVar[bool] = True
    needs_all: ClassVar[bool] = False

    @abstractmethod
    def apply(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        kept: list[Kept],
        rate: float,
        decay: float,
    ) -> None:
        """Update parameters, and what is kept of each, in place.

        Args:
            parameters: What to update.
            gradients: Their gradients.
            kept: As :meth:`begin` or the last update left it.
            rate: Learning rate.
            decay: Weight decay.
        """

    def begin(self, parameter: Tensor) -> Kept:
        """Return what is kept of a parameter that was never updated."""
        kept = {key: torch.zeros_like(parameter) for key in self.like}
        if self.counts:
            kept["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        return kept

    def shapes(self, parameter: Tensor) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what is kept of a parameter once it was updated."""
        shapes: dict[str, tuple[int, ...]] = {"step": ()} if self.counts else {}
        return shapes | dict.fromkeys(self.like, tuple(parameter.shape))


class AdamRule(Rule):
    """Adam (Kingma and Ba 2015), or AdamW (Loshchilov and Hutter 2019).

    Args:
        betas: Decay of the averages of gradients and of their squares.
        decoupled: Decay the weights themselves, as AdamW does, not in the gradient.

    Attributes:
        betas: Those.
    """

    def __init__(self, betas: tuple[float, float], *, decoupled: bool) -> None:
        self.like = ("exp_avg", "exp_avg_sq")
        self.betas = betas
        self._function: Callable[..., None] = adamw if decoupled else adam

    def apply(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        kept: list[Kept],
        rate: float,
        decay: float,
    ) -> None:
        """Update parameters, as :meth:`Rule.apply` says."""
        self._function(
            parameters,
            gradients,
            [state["exp_avg"] for state in kept],
            [state["exp_avg_sq"] for state in kept],
            [],
            [state["step"] for state in kept],
            fused=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=rate,
            weight_decay=decay,
            eps=ADAM_EPS,
            maximize=False,
        )


class SGDRule(Rule):
    """Gradient descent, with classic momentum where it is above 0."""

    counts = False
    needs_all = True

    def __init__(self, momentum: float) -> None:
        self.like = ("momentum_buffer",) if momentum else ()
        self._momentum = momentum

    def begin(self, parameter: Tensor) -> Kept:  # noqa: ARG002
        """Return nothing: the first gradient becomes the momentum."""
        return {}

    def apply(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        kept: list[Kept],
        rate: float,
        decay: float,
    ) -> None:
        """Update parameters, as :meth:`Rule.apply` says."""
        buffers = [state.get("momentum_buffer") for state in kept] if self._momentum else []
        sgd(
            parameters,
            gradients,
            buffers,
            fused=True,
            weight_decay=decay,
            momentum=self._momentum,
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        for state, buffer in zip(kept, buffers, strict=False):
            if buffer is not None:
                state["momentum_buffer"] = buffer


class RMSpropRule(Rule):
    """RMSprop (Hinton 2012, lecture 6 of Neural Networks for Machine Learning)."""

    def __init__(self, momentum: float) -> None:
        self.like = ("square_avg", "momentum_buffer") if momentum else ("square_avg",)
        self._momentum = momentum

    def apply(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        kept: list[Kept],
        rate: float,
        decay: float,
    ) -> None:
        """Update parameters, as :meth:`Rule.apply` says."""
        rmsprop(
            parameters,
            gradients,
            [state["square_avg"] for state in kept],
            [],
            [state["momentum_buffer"] for state in kept] if self._momentum else [],
            [state["step"] for state in kept],
            foreach=True,
            lr=rate,
            alpha=_RMSPROP_ALPHA,
            eps=_RMSPROP_EPS,
            weight_decay=decay,
            momentum=self._momentum,
            centered=False,
        )


def rule_of(optimizer: str | None, momentum: float, betas: tuple[float, float]) -> Rule:
    """Return the rule that a setting names: ``adamw``, ``adam``, ``sgd`` or ``rmsprop``.

    Of ``muon`` it is the one for all but the matrices of hidden layers: AdamW.

    Raises:
        ValueError: no such optimiser; none at all where settings are not resolved.
    """
    if optimizer in ("adamw", "adam", "muon"):
        return AdamRule(betas, decoupled=optimizer != "adam")
    if optimizer == "sgd":
        return SGDRule(momentum)
    if optimizer == "rmsprop":
        return RMSpropRule(momentum)
    raise ValueError(f"{optimizer!r} is no optimiser")
