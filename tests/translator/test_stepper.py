"""The largest of many logits."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from textrnn.translator.stepper import largest


@given(st.integers(1, 4), st.integers(1, 700), st.integers(1, 8), st.integers(0, 2**32))
def test_the_largest_are_those_that_an_order_of_all_finds(rows, vocab, count, seed):
    count = min(count, vocab)
    generator = torch.Generator().manual_seed(seed)
    values = torch.stack([torch.randperm(vocab, generator=generator) for _ in range(rows)]).float()
    found, places = largest(values, count)
    wanted = values.topk(count)
    assert torch.equal(found, wanted.values)
    assert torch.equal(places, wanted.indices)


@given(st.integers(2, 500), st.integers(1, 5), st.integers(1, 40), st.integers(0, 2**32))
def test_equal_logits_are_seen_as_equal(vocab, count, levels, seed):
    count = min(count, vocab - 1)
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(levels, (3, vocab), generator=generator).float()
    found, places = largest(values, count + 1)
    assert torch.equal(found, values.topk(count + 1).values)
    assert torch.equal(values.gather(1, places), found)
