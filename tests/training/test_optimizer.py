"""Our optimisers are torch's, bit for bit, before and after a stop."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from textrnn.language_model.settings import LanguageModelSettings
from textrnn.training.optimizer import Optimizer, make_optimizer

SETTINGS = LanguageModelSettings(learning_rate=0.02, weight_decay=0.1, beta1=0.8, beta2=0.95)
STEPS = 7
NAMES = ("early.weight", "early.bias", "late.weight", "late.bias")

Weights = dict[str, torch.nn.Parameter]


def torchs(name: str, momentum: float, weights: Weights) -> torch.optim.Optimizer:
    """Return torch's own optimiser, with one group for each parameter."""
    groups: list[dict[str, Any]] = [
        {"params": [weights[one]], "weight_decay": 0.1 if one.endswith("weight") else 0.0}
        for one in NAMES
    ]
    betas = (SETTINGS.beta1, SETTINGS.beta2)
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=0.02, betas=betas, fused=True)
    if name == "adam":
        return torch.optim.Adam(groups, lr=0.02, betas=betas, fused=True)
    if name == "sgd":
        return torch.optim.SGD(groups, lr=0.02, momentum=momentum, fused=True)
    return torch.optim.RMSprop(groups, lr=0.02, momentum=momentum, foreach=True)


def fresh_weights() -> Weights:
    generator = torch.Generator().manual_seed(1)
    shapes = ((37, 19), (37,), (5, 37), (5,))
    return {
        name: torch.nn.Parameter(torch.randn(shape, generator=generator))
        for name, shape in zip(NAMES, shapes, strict=True)
    }


def set_gradients(weights: Weights, step: int) -> None:
    """Give the same gradients to whoever asks; one half learns from the third step on only."""
    generator = torch.Generator().manual_seed(100 + step)
    for name, weight in weights.items():
        gradient = torch.randn(weight.shape, generator=generator)
        is_frozen = name.startswith("late") and step < 2
        weight.grad = None if is_frozen else gradient * (gradient > -1)


def ours(name: str, momentum: float, weights: Weights) -> Optimizer:
    settings = dataclasses.replace(SETTINGS, optimizer=name, momentum=momentum)
    return make_optimizer(settings, weights.items(), lambda full: full.partition(".")[0])


@pytest.mark.parametrize(
    ("name", "momentum"),
    [("adamw", 0.0), ("adam", 0.0), ("sgd", 0.0), ("sgd", 0.9), ("rmsprop", 0.0), ("rmsprop", 0.9)],
)
def test_updates_are_torchs_bit_for_bit_even_after_a_stop(name, momentum):
    expected, weights = fresh_weights(), fresh_weights()
    reference, optimizer = torchs(name, momentum, expected), ours(name, momentum, weights)
    for step in range(STEPS):
        for group in (*reference.param_groups, *optimizer.groups):
            if isinstance(group, dict):
                group["lr"] = 0.02 / (1 + step)
            else:
                group.rate = 0.02 / (1 + step)
        set_gradients(expected, step)
        set_gradients(weights, step)
        reference.step()
        optimizer.step()
        if step in (1, 4):
            # A run that stops here and goes on knows of the past what was saved.
            saved = {key: tensor.clone() for key, tensor in optimizer.tensors().items()}
            optimizer = ours(name, momentum, weights)
            optimizer.load(saved)
        for one in NAMES:
            assert torch.equal(weights[one], expected[one]), (step, one)
        kept = {
            f"{one}/{key}": value
            for one in NAMES
            for key, value in reference.state.get(expected[one], {}).items()
        }
        assert optimizer.tensors().keys() == kept.keys()
        for key, tensor in optimizer.tensors().items():
            assert tensor.dtype == kept[key].dtype
            assert torch.equal(tensor, kept[key]), (step, key)
