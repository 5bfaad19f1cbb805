"""Optimisers, what they decay, and their state as named tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from textrnn.training.rules import Kept, Rule, rule_of
from textrnn.training.settings import TrainingSettings

__all__ = ["Group", "Optimizer", "make_optimizer"]

Named = Iterable[tuple[str, torch.nn.Parameter]]


@dataclass
class Group:
    """Parameters that are updated alike.

    Attributes:
        name: What the group is called.
        parameters: Its parameters by name.
        rate: Learning rate of the next update.
        decay: Weight decay.
    """

    name: str
    parameters: dict[str, torch.nn.Parameter]
    rate: float
    decay: float


class Optimizer:
    """Updates parameters by a rule; gives the same bits as the optimiser of that name in ``torch.optim``.

    Args:
        rule: How.
        groups: What, each parameter once.
    """

    def __init__(self, rule: Rule, groups: Sequence[Group]) -> None:
        self.groups = tuple(groups)
        self._rule = rule
        self._kept: dict[str, Kept] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for group in self.groups:
            learning = {
                name: (parameter, parameter.grad)
                for name, parameter in group.parameters.items()
                if parameter.grad is not None
            }
            for name, (parameter, _) in learning.items():
                if name not in self._kept:
                    self._kept[name] = self._rule.begin(parameter)
            parameters: list[Tensor] = [parameter for parameter, _ in learning.values()]
            gradients = [gradient for _, gradient in learning.values()]
            kept = [self._kept[name] for name in learning]
            self._rule.apply(parameters, gradients, kept, group.rate, group.decay)

    def forget_gradients(self) -> None:
        """Let go of every gradient."""
        for group in self.groups:
            for parameter in group.parameters.values():
                parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """Return what is kept, as tensors named ``PARAMETER/KEY``."""
        return {
            f"{name}/{key}": tensor
            for name, kept in self._kept.items()
            for key, tensor in kept.items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Keep what :meth:`tensors` returned, on the parameters' devices.

        Each parameter has all that the rule keeps of one, or nothing, where it was never updated. The fused
        kernels take the shapes for granted, so they are held against the parameters here.

        Raises:
            ValueError: the tensors are not such an optimiser's; nothing is kept then.
        """
        self._kept = {}
        found: dict[str, Kept] = {}
        for full, tensor in tensors.items():
            owner, _, key = full.rpartition("/")
            found.setdefault(owner, {})[key] = tensor
        kept: dict[str, Kept] = {}
        for group in self.groups:
            there = [name for name in group.parameters if name in found]
            for name in there:
                kept[name] = self._fitting(name, group.parameters[name], found.pop(name))
            if not self._rule.counts and 0 < len(there) < len(group.parameters):
                raise ValueError(
                    "the optimiser's momentum is there for a part of the parameters only"
                )
        if found:
            raise ValueError(f"the optimiser's {min(found)} belongs to no parameter")
        self._kept = kept

    def _fitting(self, name: str, parameter: Tensor, given: Kept) -> Kept:
        """Return a copy of what is to be kept of a parameter.

        Raises:
            ValueError: it is something else.
        """
        shapes = self._rule.shapes(parameter)
        for key in sorted(shapes.keys() ^ given.keys()):
            raise ValueError(f"the optimiser's {name}/{key} is missing or too many")
        for key, tensor in given.items():
            shape, own = shapes[key], tuple(tensor.shape)
            # NumPy has made one-element vectors of single numbers.
            fits = own == shape or (not shape and own == (1,))
            if not fits or tensor.dtype != torch.float32:
                raise ValueError(
                    f"the optimiser's {name}/{key} has shape {own} of {tensor.dtype}, not {shape}"
                )
        return {key: tensor.to(parameter.device).clone() for key, tensor in given.items()}


def make_optimizer(
    settings: TrainingSettings, parameters: Named, group: Callable[[str], str] = lambda name: ""
) -> Optimizer:
    """Return the optimiser that the settings name.

    Its groups bear as ``name`` what ``group`` returns for their parameters.

    Weight decay acts on matrices only: biases and the gains of norms set a scale that decay would
    distort. With ``adam``, ``sgd`` and ``rmsprop`` it is the classic penalty in the gradient; with
    ``adamw`` it is decoupled (Loshchilov and Hutter 2019).
    """
    members: dict[tuple[str, bool], dict[str, torch.nn.Parameter]] = {}
    for name, parameter in parameters:
        members.setdefault((group(name), parameter.ndim > 1), {})[name] = parameter
    rate, decay = settings.learning_rate or 0.0, settings.weight_decay or 0.0
    groups = [
        Group(name, some, rate, decay if is_matrix else 0.0)
        for (name, is_matrix), some in members.items()
    ]
    rule = rule_of(settings.optimizer, settings.momentum, (settings.beta1, settings.beta2))
    return Optimizer(rule, groups)
