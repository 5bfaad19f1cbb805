"""The largest of many logits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textrnn.decoding.candidates import best_candidates
from textrnn.decoding.protocol import Candidates
from textrnn.translator import stepper as module
from textrnn.translator.stepper import TranslatorStepper, largest


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


class Given(torch.nn.Module):
    """Stands for a network whose logits are known."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def step(self, ids, state):
        return self.logits.detach(), state, None


def extended(logits, count, banned=None) -> Candidates:
    found, _ = TranslatorStepper(Given(logits)).extend(
        np.zeros(len(logits), int), None, count, banned
    )
    return found


@given(
    st.integers(8, 400),
    st.integers(1, 6),
    st.integers(1, 30),
    st.lists(st.tuples(st.integers(0, 2), st.integers(4, 7)), max_size=3),
    st.integers(0, 2**32),
)
def test_of_equals_the_lowest_id_comes_first_as_numpy_has_it(vocab, count, levels, out, seed):
    count = min(count, vocab - 4)
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randint(levels, (3, vocab), generator=generator).float() / 4
    banned = (np.array([row for row, _ in out], int), np.array([token for _, token in out], int))
    found = extended(logits, count, banned)
    expected = best_candidates(logits.numpy(), count, banned)
    # Where too few may follow, what is left over is as impossible in one order as in another.
    possible = np.isfinite(expected.log_probs)
    assert (found.ids == expected.ids)[possible].all()
    np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-5)
    np.testing.assert_allclose(found.ends, expected.ends, atol=1e-5)


def test_equals_stay_on_the_device(monkeypatch):
    """In bfloat16 there are some at nearly every step."""
    monkeypatch.setattr(module, "best_candidates", lambda *_: pytest.fail("all logits travelled"))
    logits = torch.zeros(2, 100)
    logits[0, 50:54], logits[1, 9], logits[1, 20:40] = 2.0, 3.0, 1.0
    found = extended(logits, 3)
    assert found.ids.tolist() == [[50, 51, 52], [9, 20, 21]]
