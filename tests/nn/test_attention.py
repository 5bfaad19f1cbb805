"""Attention, worked by hand; padding never counts, whatever stands there."""

import math

import pytest
import torch

from textrnn.nn.attention import ATTENTIONS, Attention

# Three steps of two sequences, the second of which has one real token.
KEYS = torch.tensor([[[1.0, 0.0], [0.5, 2.0]], [[0.0, 1.0], [9.0, 9.0]], [[2.0, 2.0], [9.0, 9.0]]])
MASK = torch.tensor([[True, True], [True, False], [True, False]])
QUERIES = torch.tensor([[[1.0, 2.0], [1.0, -1.0]]])


def made(kind: str, **tensors: list) -> Attention:
    attention = Attention(kind, 2, 2)
    attention.reset_parameters(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for name, value in tensors.items():
            target = getattr(attention, name)
            (target if name == "score" else target.weight).copy_(torch.tensor(value))
    return attention


def expected_weights(kind: str) -> torch.Tensor:
    query, keys = QUERIES[0, 0], KEYS[:, 0]
    if kind == "dot":
        scores = [1.0, 2.0, 6.0]
    elif kind == "general":
        # W doubles the first feature of a key: q W k.
        scores = [2.0, 2.0, 8.0]
    elif kind == "scaled":
        # The query is turned round, (2, 1); the keys stay.
        scores = [2.0 / math.sqrt(2), 1.0 / math.sqrt(2), 6.0 / math.sqrt(2)]
    else:
        # Both sums as they are, scored by (1, 3).
        scores = [
            math.tanh(float(query[0] + key[0])) + 3 * math.tanh(float(query[1] + key[1]))
            for key in keys
        ]
    return torch.tensor(scores).softmax(0)


EYE = [[1.0, 0.0], [0.0, 1.0]]
BY_HAND = {
    "dot": {},
    "general": {"key": [[2.0, 0.0], [0.0, 1.0]]},
    "scaled": {"query": [[0.0, 1.0], [1.0, 0.0]], "key": EYE},
    "additive": {"query": EYE, "key": EYE, "score": [1.0, 3.0]},
}


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_golden(kind: str):
    context, weights = made(kind, **BY_HAND[kind])(QUERIES, KEYS, MASK)
    expected = expected_weights(kind)
    torch.testing.assert_close(weights[0, 0], expected)
    torch.testing.assert_close(context[0, 0], expected @ KEYS[:, 0])
    assert weights[0, 1].tolist() == [1.0, 0.0, 0.0]
    assert context[0, 1].tolist() == [0.5, 2.0]


@pytest.mark.parametrize("kind", ATTENTIONS)
@pytest.mark.parametrize("noise", [1e6, float("nan"), float("inf")])
def test_what_stands_at_padding_is_no_matter(kind: str, noise: float):
    noisy = KEYS.clone()
    noisy[1:, 1] = noise
    attention = made(kind)
    plain, other = attention(QUERIES, KEYS, MASK), attention(QUERIES, noisy, MASK)
    assert torch.equal(plain[0], other[0])
    assert torch.equal(plain[1], other[1])


@pytest.mark.parametrize("kind", ATTENTIONS)
def test_steps_and_sequences_do_not_mix(kind: str):
    attention = made(kind)
    queries = torch.randn(4, 2, 2, generator=torch.Generator().manual_seed(1))
    context, weights = attention(queries, KEYS, MASK)
    assert (context.shape, weights.shape) == ((4, 2, 2), (4, 2, 3))
    keys = attention.prepare(KEYS, MASK)
    for step in range(4):
        alone, _ = attention.attend(queries[step : step + 1], keys)
        torch.testing.assert_close(alone[0], context[step])
    swapped, _ = attention.attend(queries[:, [1, 0, 1]], keys.rows(torch.tensor([1, 0, 1])))
    torch.testing.assert_close(swapped, context[:, [1, 0, 1]])


def test_a_great_score_takes_all_and_equal_ones_share():
    attention = made("dot")
    _, weights = attention(QUERIES * 1000, KEYS, MASK)
    assert weights[0, 0].tolist() == [0.0, 0.0, 1.0]
    _, weights = attention(QUERIES * 0, KEYS, MASK)
    torch.testing.assert_close(weights[0, 0], torch.full((3,), 1 / 3))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="cosine"):
        Attention("cosine", 2, 2)
    with pytest.raises(ValueError, match="equal sizes"):
        Attention("dot", 2, 3)
    assert Attention("general", 2, 3).prepare(torch.zeros(3, 2, 3), MASK).scored.shape == (2, 3, 2)


def test_additive_attention_of_long_texts_takes_no_more_memory_than_allowed(monkeypatch):
    attention = Attention("additive", 4, 6)
    attention.reset_parameters(torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    queries = torch.randn(11, 3, 4, generator=generator)
    keys = attention.prepare(torch.randn(5, 3, 6, generator=generator), torch.ones(5, 3) > 0)
    whole, shares = attention.attend(queries, keys)
    sizes = []
    plain = torch.tanh

    def watched(values):
        sizes.append(values.numel())
        return plain(values)

    monkeypatch.setattr(torch, "tanh", watched)
    for most in (1, 150, 10_000):
        monkeypatch.setattr("textrnn.nn.attention._SUMS_AT_ONCE", most)
        sizes.clear()
        with torch.no_grad():
            found, weights = attention.attend(queries, keys)
        torch.testing.assert_close(found, whole)
        torch.testing.assert_close(weights, shares)
        # A query at a time at least: 3 * 5 * 4 features.
        assert max(sizes) <= max(most, 60)
        assert sum(sizes) == 11 * 60
    # Gradients need all of it.
    monkeypatch.setattr("textrnn.nn.attention._SUMS_AT_ONCE", 1)
    sizes.clear()
    attention.attend(queries, keys)
    assert sizes == [11 * 60]
