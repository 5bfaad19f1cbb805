"""Padding, truncation and batches of like length."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textrnn.classifier.batches import (
    evaluation_batches,
    padded,
    training_batches,
)
from textrnn.classifier.truncation import KEEPS, cut
from textrnn.data.batching import padded_time
from textrnn.data.examples import ExampleStore
from textrnn.data.store import TokenStore


def store(lengths: list[int]) -> ExampleStore:
    """Texts whose ids are their own number, so that they can be told apart."""
    ids = np.concatenate([np.full(length, number) for number, length in enumerate(lengths)])
    starts = np.cumsum([0, *lengths[:-1]]).astype(np.int64)
    tokens = TokenStore(ids.astype(np.int32), starts, characters=len(ids), unknown=0)
    return ExampleStore(tokens, np.arange(len(lengths)).astype(np.int32) % 3)


def test_cutting_golden():
    ids = np.arange(10)
    assert cut(ids, 4, "head").tolist() == [0, 1, 2, 3]
    assert cut(ids, 4, "tail").tolist() == [6, 7, 8, 9]
    assert cut(ids, 4, "both").tolist() == [0, 1, 8, 9]
    assert cut(ids, 5, "both").tolist() == [0, 1, 2, 8, 9]
    assert cut(ids, 1, "both").tolist() == [0]
    assert cut(ids, 10, "tail") is ids


@given(st.integers(1, 40), st.integers(1, 50), st.sampled_from(KEEPS))
def test_what_is_cut_has_the_asked_length_and_keeps_the_order(length: int, most: int, keep: str):
    kept = cut(np.arange(length), most, keep)
    assert len(kept) == min(length, most)
    assert (np.diff(kept) > 0).all()


def test_padding_stands_behind_each_text():
    ids, lengths = padded([np.array([7, 8]), np.array([9])])
    assert ids.tolist() == [[7, 8], [9, 0]]
    assert lengths.tolist() == [2, 1]
    assert ids.dtype == lengths.dtype == torch.int64


@given(st.lists(st.integers(1, 80), min_size=1, max_size=60), st.integers(1, 9), st.integers(1, 70))
def test_an_epoch_has_every_text_once_with_its_label(lengths: list[int], size: int, most: int):
    seen = []
    for batch in training_batches(store(lengths), size, most, "both", np.random.default_rng(0)):
        assert batch.num_targets <= size
        time, longest = batch.ids.shape[1], int(batch.lengths.max())
        assert len(batch.ids) == batch.num_targets
        assert time == min(most, padded_time(longest))
        for ids, length, label in zip(batch.ids, batch.lengths, batch.labels, strict=True):
            number = int(ids[0])
            assert ids[:length].tolist() == [number] * min(lengths[number], most)
            assert not ids[length:].any()
            assert int(label) == number % 3
            seen.append(number)
    assert sorted(seen) == list(range(len(lengths)))


def test_texts_of_like_length_share_a_batch_in_random_order():
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 200, 512).tolist()
    batches = list(training_batches(store(lengths), 16, 400, "head", np.random.default_rng(0)))
    wasted = sum(batch.ids.numel() - batch.num_tokens for batch in batches)
    assert wasted < 0.07 * sum(lengths)
    means = [float(batch.lengths.float().mean()) for batch in batches]
    assert means != sorted(means)


def test_batches_are_of_like_size_so_that_the_longest_text_weighs_no_more_than_others():
    lengths = [*range(1, 65), 500]
    for epoch in range(3):
        rng = np.random.default_rng(epoch)
        sizes = [b.num_targets for b in training_batches(store(lengths), 64, 999, "head", rng)]
        assert sorted(sizes) == [32, 33]


def test_a_resumed_epoch_goes_on_with_the_same_batches():
    def batches(start: int) -> list[list[int]]:
        found = training_batches(store([3] * 40), 4, 9, "head", np.random.default_rng(5), start)
        return [batch.ids[:, 0].tolist() for batch in found]

    assert batches(0)[7:] == batches(7)
    assert len(batches(0)) == 10


@pytest.mark.parametrize("most", [None, 7, 1000])
def test_evaluation_sees_every_text_once_or_evenly_spread_ones(most: int | None):
    found = [
        int(row[0])
        for batch in evaluation_batches(store([5, 900, 1, 40] * 10), 300, "both", most)
        for row in batch.ids
    ]
    assert len(found) == len(set(found)) == (7 if most == 7 else 40)
    # Evenly spread: tables are often sorted by label.
    assert max(np.diff(sorted([-1, *found, 40]))) <= 7


def test_evaluation_batches_stay_within_memory():
    long = store([2000] * 100)
    assert all(b.ids.numel() <= 1 << 15 for b in evaluation_batches(long, 2000, "head"))


def test_rows_of_a_batch():
    batch = next(training_batches(store([2, 3, 4]), 3, 9, "head", np.random.default_rng(0)))
    part = batch.rows(1, 3)
    assert part.num_targets == 2
    assert torch.equal(part.ids, batch.ids[1:3])
    assert torch.equal(part.labels, batch.labels[1:3])
