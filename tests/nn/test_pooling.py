"""Pooling over real tokens only, worked by hand."""

import pytest
import torch

from textrnn.nn.pooling import POOLINGS, Pooling

X = torch.tensor([[[1.0, 8.0], [4.0, 1.0]], [[3.0, 2.0], [-9.0, 9.0]], [[5.0, 5.0], [7.0, 7.0]]])
LENGTHS = torch.tensor([3, 1])


def pooled(kind: str, x: torch.Tensor = X, directions: int = 1) -> list[list[float]]:
    pooling = Pooling(kind, 2, directions)
    pooling.reset_parameters(torch.Generator().manual_seed(0))
    return pooling(x, LENGTHS).tolist()


def test_golden():
    assert pooled("last") == [[5.0, 5.0], [4.0, 1.0]]
    assert pooled("last", directions=2) == [[5.0, 8.0], [4.0, 1.0]]
    assert pooled("max") == [[5.0, 8.0], [4.0, 1.0]]
    assert pooled("mean") == [[3.0, 5.0], [4.0, 1.0]]
    assert pooled("concat") == [[5.0, 5.0, 5.0, 8.0, 3.0, 5.0], [4.0, 1.0, 4.0, 1.0, 4.0, 1.0]]


def test_attention_weighs_all_tokens_alike_at_first_and_learns_to_prefer():
    pooling = Pooling("attention", 2, 1)
    pooling.reset_parameters(torch.Generator().manual_seed(0))
    torch.testing.assert_close(pooling(X, LENGTHS), torch.tensor([[3.0, 5.0], [4.0, 1.0]]))
    with torch.no_grad():
        pooling.projection.weight.copy_(torch.eye(2))
        pooling.query.copy_(torch.tensor([50.0, -50.0]))
    # tanh of (1, 8), (3, 2), (5, 5): the second token has the greatest difference.
    scores = torch.tensor([0.7616 - 1.0, 0.9951 - 0.9640, 0.9999 - 0.9999]) * 50
    weights = scores.softmax(0)
    expected = (weights[:, None] * X[:, 0]).sum(0)
    torch.testing.assert_close(pooling(X, LENGTHS)[0], expected, atol=2e-2, rtol=1e-2)
    assert pooling(X, LENGTHS)[1].tolist() == [4.0, 1.0]


@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize("noise", [1e6, float("nan"), float("-inf")])
def test_what_stands_at_padding_is_no_matter(kind: str, noise: float):
    noisy = X.clone()
    noisy[1:, 1] = noise
    assert pooled(kind, noisy) == pooled(kind)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="median"):
        Pooling("median", 2, 1)
