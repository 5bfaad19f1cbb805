"""Sampled softmax: near the whole softmax, in loss and gradient, where the sample is large."""

import pytest
import torch

from textrnn.nn import sampled
from textrnn.nn.dropout import MaskSource
from textrnn.nn.sampled import expected_counts, log_uniform, sampled_nats

VOCAB, FEATURES = 60, 8
CPU = torch.device("cpu")


def masks() -> MaskSource:
    return MaskSource(0, (1,), CPU)


def layer() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(VOCAB, FEATURES, generator=generator, requires_grad=True)
    bias = torch.randn(VOCAB, generator=generator, requires_grad=True)
    return weight, bias


def hidden(count: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    targets = torch.randint(VOCAB, (count,), generator=generator)
    return torch.randn(count, FEATURES, generator=generator) * 0.5, targets


def test_samples_follow_zipf():
    drawn = log_uniform(MaskSource(0, (1,), CPU).uniform(200_000), VOCAB)
    counts = torch.bincount(drawn, minlength=VOCAB).float()
    expected = expected_counts(torch.arange(VOCAB), 200_000, VOCAB)
    assert torch.allclose(expected.sum(), torch.tensor(200_000.0))
    assert ((counts - expected).abs() < 5 * expected.sqrt() + 1).all()


def plain(states, targets, weight, bias, samples, masks) -> torch.Tensor:
    """The estimate as the paper has it: one score for each draw."""
    drawn = log_uniform(masks.uniform(samples), VOCAB)
    right = (states * weight[targets]).sum(-1) + bias[targets]
    others = states @ weight[drawn].t() + bias[drawn]
    others = others - expected_counts(drawn, samples, VOCAB).log()
    others = others.masked_fill(targets.unsqueeze(-1) == drawn, -torch.inf)
    return torch.logaddexp(right, others.logsumexp(-1)) - right


def of_all(found: torch.Tensor, wanted: list[torch.Tensor]) -> list[torch.Tensor]:
    return [found.detach(), *torch.autograd.grad(3 * found, wanted)]


@pytest.mark.parametrize("copies", ["left out", "kept without weight"])
@pytest.mark.parametrize("samples", [1, 20, 300])
def test_value_and_gradients_are_the_plain_ones(samples, copies, monkeypatch):
    if copies == "kept without weight":  # as on GPUs
        monkeypatch.setattr(sampled, "_distinct", sampled._with_copies)
    monkeypatch.setattr(sampled, "_CPU_NUMBERS", 3 * samples)
    states, targets = hidden()
    counted = torch.tensor([1.0, 0.0, 1.0, 1.0] * 3)
    wanted = [states.requires_grad_(), *layer()]
    right = (plain(*wanted[:1], targets, *wanted[1:], samples, masks()) * counted).sum()
    own = sampled_nats(wanted[0], targets, *wanted[1:], samples, masks(), counted)
    for a, b in zip(of_all(own, wanted), of_all(right, wanted), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_a_second_derivative_is_refused_since_it_would_be_wrong():
    weight, bias = layer()
    squared = sampled_nats(*hidden(), weight, bias, 20, masks()).square()
    (gradient,) = torch.autograd.grad(squared, bias, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        gradient.sum().backward()


def test_bf16_is_near_float32():
    states, targets = hidden()
    wanted = [states.requires_grad_(), *layer()]
    right = of_all(sampled_nats(wanted[0], targets, *wanted[1:], 40, masks()), wanted)
    with torch.autocast("cpu", torch.bfloat16):
        found = of_all(sampled_nats(wanted[0], targets, *wanted[1:], 40, masks()), wanted)
    for a, b in zip(found, right, strict=True):
        assert a.dtype == torch.float32
        torch.testing.assert_close(a, b, atol=0.1, rtol=0.05)


def test_a_large_sample_gives_the_whole_softmax_and_its_gradient():
    states, targets = hidden()
    weight, bias = layer()
    whole = torch.nn.functional.cross_entropy(states @ weight.t() + bias, targets, reduction="none")
    whole.sum().backward()
    expected = weight.grad.clone()
    weight.grad = None
    found = sampled_nats(states, targets, weight, bias, 200_000, masks())
    found.backward()
    torch.testing.assert_close(found, whole.sum(), atol=0.5, rtol=0.05)
    torch.testing.assert_close(weight.grad, expected, atol=0.1, rtol=0.1)


def test_small_samples_are_right_on_average_in_the_direction_of_learning():
    states, targets = hidden()
    weight, bias = layer()
    whole = torch.nn.functional.cross_entropy(states @ weight.t() + bias, targets)
    (expected,) = torch.autograd.grad(whole, weight)
    mean = torch.zeros_like(expected)
    for step in range(300):
        nats = sampled_nats(states, targets, weight, bias, 20, MaskSource(0, (step,), CPU))
        mean += torch.autograd.grad(nats, weight)[0] / 300
    cosine = torch.nn.functional.cosine_similarity(mean.flatten(), expected.flatten(), dim=0)
    assert cosine > 0.95


def test_the_sample_comes_from_the_masks_alone():
    states, targets = hidden()
    weight, bias = layer()

    def nats(step: int) -> torch.Tensor:
        return sampled_nats(states, targets, weight, bias, 10, MaskSource(0, (step,), CPU))

    assert torch.equal(nats(1), nats(1))
    assert not torch.equal(nats(1), nats(2))
