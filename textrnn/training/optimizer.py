"""Optimisers, what they decay, and their state as named tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from textrnn.nn.weights import copy_weights
from textrnn.training.settings import TrainingSettings

__all__ = ["Average", "load_optimizer_tensors", "make_optimizer", "optimizer_tensors"]

Named = Iterable[tuple[str, torch.nn.Parameter]]


def make_optimizer(
    settings: TrainingSettings, parameters: Named, group: Callable[[str], str] = lambda name: ""
) -> torch.optim.Optimizer:
    """Return the optimiser that the settings name.

    Its ``param_groups`` bear as ``name`` what ``group`` returns for their parameters.

    Weight decay acts on matrices only: biases and the gains of norms set a scale that decay would
    distort. With ``adam``, ``sgd`` and ``rmsprop`` it is the classic penalty in the gradient; with
    ``adamw`` it is decoupled (Loshchilov and Hutter 2019).
    """
    members: dict[tuple[str, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in parameters:
        members.setdefault((group(name), parameter.ndim > 1), []).append(parameter)
    decay = settings.weight_decay or 0.0
    groups = [
        {"params": some, "weight_decay": decay if is_matrix else 0.0, "name": name}
        for (name, is_matrix), some in members.items()
    ]
    rate = settings.learning_rate or 0.0
    betas = (settings.beta1, settings.beta2)
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=betas, fused=True)
    if settings.optimizer == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=betas, fused=True)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum, fused=True)
    return torch.optim.RMSprop(groups, lr=rate, momentum=settings.momentum, foreach=True)


def optimizer_tensors(optimizer: torch.optim.Optimizer, parameters: Named) -> dict[str, Tensor]:
    """Return the optimiser's state as tensors named ``PARAMETER/KEY``."""
    state = optimizer.state
    return {
        f"{name}/{key}": torch.as_tensor(value)
        for name, parameter in parameters
        for key, value in state.get(parameter, {}).items()
        if value is not None
    }


def load_optimizer_tensors(
    optimizer: torch.optim.Optimizer, parameters: Named, tensors: Mapping[str, Tensor]
) -> None:
    """Put the tensors of :func:`optimizer_tensors` into the optimiser, on its parameters' devices.

    Each parameter has all that its optimiser keeps of one, or nothing, where it was never updated. The fused
    kernels take the shapes for granted, so they are held against the parameters here.

    Raises:
        ValueError: the tensors are not such an optimiser's; it holds nothing then.
    """
    optimizer.state.clear()
    found: dict[str, dict[str, Tensor]] = {}
    for full, tensor in tensors.items():
        owner, _, key = full.rpartition("/")
        found.setdefault(owner, {})[key] = tensor
    states = []
    for name, parameter in parameters:
        state = found.pop(name, None)
        if state is None:
            continue
        expected = _kept(optimizer, parameter)
        for key in sorted(expected.keys() ^ state.keys()):
            raise ValueError(f"the optimiser's {name}/{key} is missing or too many")
        for key, tensor in state.items():
            shape, given = expected[key], tuple(tensor.shape)
            # NumPy has made one-element vectors of single numbers.
            fits = given == shape or (not shape and given == (1,))
            if not fits or tensor.dtype != torch.float32:
                raise ValueError(
                    f"the optimiser's {name}/{key} has shape {given} of {tensor.dtype}, not {shape}"
                )
        states.append((parameter, state))
    if isinstance(optimizer, torch.optim.SGD):
        for group in optimizer.param_groups:
            held = {any(own is p for own, _ in states) for p in group["params"]}
            if len(held) > 1:
                raise ValueError(
                    "the optimiser's momentum is there for a part of the parameters only"
                )
    if found:
        raise ValueError(f"the optimiser's {min(found)} belongs to no parameter")
    for parameter, state in states:
        optimizer.state[parameter] = {
            key: tensor.to(parameter.device).clone() for key, tensor in state.items()
        }


def _kept(optimizer: torch.optim.Optimizer, parameter: Tensor) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what an optimiser keeps of a parameter once it was updated."""
    like: tuple[int, ...] = tuple(parameter.shape)
    number: tuple[int, ...] = ()
    if isinstance(optimizer, torch.optim.SGD):
        return {"momentum_buffer": like} if optimizer.defaults["momentum"] else {}
    if isinstance(optimizer, torch.optim.RMSprop):
        momentum = {"momentum_buffer": like} if optimizer.defaults["momentum"] else {}
        return {"step": number, "square_avg": like, **momentum}
    return {"step": number, "exp_avg": like, "exp_avg_sq": like}


class Average:
    """Exponential moving average of weights.

    Args:
        tensors: The weights by name; the average starts from them.
        decay: Share of the old average kept at each update, from 0 to below 1.
    """

    def __init__(self, tensors: Mapping[str, Tensor], decay: float) -> None:
        self._decay = decay
        self.tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}

    def update(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Take in the weights after ``step`` updates.

        Early on the average reaches back over a tenth of the run so far, since the first weights are
        worth forgetting.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            own = list(self.tensors.values())
            torch._foreach_lerp_(own, [tensors[name] for name in self.tensors], 1 - decay)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over an average that was saved.

        Raises:
            ValueError: names or shapes differ.
        """
        copy_weights(tensors, self.tensors)
