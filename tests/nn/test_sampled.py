"""Sampled softmax: near the whole softmax, in loss and gradient, where the sample is large."""

import torch

from textrnn.nn.dropout import MaskSource
from textrnn.nn.sampled import expected_counts, log_uniform, sampled_nats

VOCAB, FEATURES = 60, 8
CPU = torch.device("cpu")


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


def test_a_large_sample_gives_the_whole_softmax_and_its_gradient():
    states, targets = hidden()
    weight, bias = layer()
    whole = torch.nn.functional.cross_entropy(states @ weight.t() + bias, targets, reduction="none")
    whole.sum().backward()
    expected = weight.grad.clone()
    weight.grad = None
    masks = MaskSource(0, (1,), CPU)
    sampled = sampled_nats(states, targets, weight, bias, 200_000, masks)
    sampled.sum().backward()
    torch.testing.assert_close(sampled, whole, atol=0.05, rtol=0.05)
    torch.testing.assert_close(weight.grad, expected, atol=0.1, rtol=0.1)


def test_small_samples_are_right_on_average_in_the_direction_of_learning():
    states, targets = hidden()
    weight, bias = layer()
    whole = torch.nn.functional.cross_entropy(states @ weight.t() + bias, targets)
    (expected,) = torch.autograd.grad(whole, weight)
    mean = torch.zeros_like(expected)
    for step in range(300):
        nats = sampled_nats(states, targets, weight, bias, 20, MaskSource(0, (step,), CPU))
        mean += torch.autograd.grad(nats.mean(), weight)[0] / 300
    cosine = torch.nn.functional.cosine_similarity(mean.flatten(), expected.flatten(), dim=0)
    assert cosine > 0.95


def test_the_sample_comes_from_the_masks_alone():
    states, targets = hidden()
    weight, bias = layer()

    def nats(step: int) -> torch.Tensor:
        return sampled_nats(states, targets, weight, bias, 10, MaskSource(0, (step,), CPU))

    assert torch.equal(nats(1), nats(1))
    assert not torch.equal(nats(1), nats(2))
