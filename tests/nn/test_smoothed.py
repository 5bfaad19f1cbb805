"""Smoothed cross-entropy in one go equals torch's, value and gradients."""

import pytest
import torch
from torch.nn import functional

from textrnn.nn import smoothed
from textrnn.nn.smoothed import each_nats, smoothed_nats

ROWS, DIM, VOCAB = 11, 5, 17


def tensors(dtype: torch.dtype) -> tuple[list[torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((ROWS, DIM), (VOCAB, DIM), (VOCAB,))
    found = [
        (2 * torch.randn(*shape, generator=generator, dtype=torch.float64)).to(dtype)
        for shape in shapes
    ]
    targets = torch.randint(1, VOCAB, (ROWS,), generator=generator)
    targets[3] = targets[7] = 0
    return [tensor.requires_grad_() for tensor in found], targets


def expected(smoothing: float) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The formula, written out: a share of certainty for all ids, the rest for the right one."""
    (features, weight, bias), targets = tensors(torch.float64)
    logs = (features @ weight.T + bias).log_softmax(-1)
    total = torch.zeros((), dtype=torch.float64)
    for row, target in enumerate(targets.tolist()):
        if target:
            total = total - (1 - smoothing) * logs[row, target] - smoothing * logs[row].mean()
    (3 * total).backward()
    return total, [tensor.grad for tensor in (features, weight, bias)]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("numbers", [1, 5 * VOCAB, 1 << 20])
def test_value_and_gradients(smoothing: float, numbers: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smoothed, "_CPU_NUMBERS", numbers)
    total, gradients = expected(smoothing)
    own, targets = tensors(torch.float32)
    nats = smoothed_nats(*own, targets, smoothing=smoothing, ignored=0)
    (3 * nats).backward()
    torch.testing.assert_close(nats.double(), total, atol=1e-4, rtol=1e-5)
    for tensor, gradient in zip(own, gradients, strict=True):
        torch.testing.assert_close(tensor.grad.double(), gradient, atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        still = smoothed_nats(*own, targets, smoothing=smoothing, ignored=0)
    torch.testing.assert_close(still, nats)
    torch.testing.assert_close(
        functional.cross_entropy(
            functional.linear(*own),
            targets,
            ignore_index=0,
            label_smoothing=smoothing,
            reduction="sum",
        ),
        nats,
    )


def test_a_second_derivative_is_refused_since_it_would_be_wrong():
    own, targets = tensors(torch.float32)
    squared = smoothed_nats(*own, targets).square()
    (gradient,) = torch.autograd.grad(squared, own[0], create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        gradient.sum().backward()


def test_scores_beyond_what_an_exponential_holds():
    features = torch.tensor([[1000.0], [-1000.0]])
    weight, bias = torch.tensor([[1.0], [0.0], [-1.0]]), torch.zeros(3)
    nats = smoothed_nats(features, weight, bias, torch.tensor([2, 2]))
    assert nats.item() == 2000.0


def test_bf16_is_near_float32():
    total, gradients = expected(0.1)
    own, targets = tensors(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        nats = smoothed_nats(*own, targets, smoothing=0.1, ignored=0)
    (3 * nats).backward()
    assert nats.dtype == own[1].grad.dtype == torch.float32
    torch.testing.assert_close(nats.double(), total, atol=0.5, rtol=0.02)
    for tensor, gradient in zip(own, gradients, strict=True):
        torch.testing.assert_close(tensor.grad.double(), gradient, atol=0.3, rtol=0.05)


@pytest.mark.parametrize("numbers", [1, 3 * VOCAB, 1 << 20])
@pytest.mark.parametrize("words", [1, 4, VOCAB])
def test_each_targets_part_whatever_the_blocks(numbers: int, words: int, monkeypatch):
    monkeypatch.setattr(smoothed, "_CPU_NUMBERS", numbers)
    monkeypatch.setattr(smoothed, "_WORDS", words)
    own, targets = tensors(torch.float32)
    found = each_nats(*own, targets)
    wanted = functional.cross_entropy(functional.linear(*own), targets, reduction="none")
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_each_target_of_scores_beyond_what_an_exponential_holds():
    features = torch.tensor([[1000.0], [-1000.0]])
    weight, bias = torch.tensor([[1.0], [0.0], [-1.0]]), torch.zeros(3)
    assert each_nats(features, weight, bias, torch.tensor([2, 2])).tolist() == [2000.0, 0.0]
