"""Clipping by the norm: torch's bits, whether or not there is anything to clip."""

import math

import pytest
import torch

from textrnn.training.clipping import clip_gradients


def parameters(scale: float) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    found = [torch.nn.Parameter(torch.zeros(size)) for size in (3, 1000, 7, 1)]
    for parameter in found[:3]:
        parameter.grad = scale * torch.randn(parameter.shape, generator=generator)
    return found


@pytest.mark.parametrize("scale", [1e-3, 1.0, math.inf])
@pytest.mark.parametrize("most", [0.5, math.inf])
def test_gradients_and_norm_are_those_of_torchs_clipping(scale: float, most: float):
    own, expected = parameters(scale), parameters(scale)
    norm = clip_gradients(own, most)
    wanted = torch.nn.utils.clip_grad_norm_(expected, most, foreach=True)
    assert torch.equal(norm, wanted) or (norm.isnan() and wanted.isnan())
    for a, b in zip(own[:3], expected[:3], strict=True):
        assert torch.equal(a.grad.nan_to_num(9.0), b.grad.nan_to_num(9.0))
    assert own[3].grad is None


def test_without_gradients_the_norm_is_0():
    assert clip_gradients([torch.nn.Parameter(torch.ones(2))], 1.0) == 0
