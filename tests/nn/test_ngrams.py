import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textrnn.nn.ngrams import ngram_rows, rows_of_ngrams

IDS = st.lists(st.integers(0, 2**31 - 2), min_size=2, max_size=8)


def plain(newest_first: list[int], rows: int) -> list[int]:
    """The hash as its definition has it, for one place."""
    found = []
    accumulated = newest_first[0] + 1
    for order, x in enumerate(newest_first[1:], 2):
        accumulated = (accumulated * 1_000_003 + x + 1) % 2_147_483_647
        found.append((accumulated * 48_271 % 2_147_483_647) % rows + (order - 2) * rows)
    return found


def test_worked_by_hand():
    # 5 + 1 = 6; 6 * 1,000,003 + 7 + 1 = 6,000,026; times 48,271 = 289,627,255,046, which leaves
    # 1,864,446,348 after 134 times 2,147,483,647.
    assert rows_of_ngrams([5, 7], 100) == [48]


@given(IDS, st.integers(1, 1 << 20))
def test_integers_arrays_and_tensors_agree(newest_first: list[int], rows: int):
    order = len(newest_first)
    expected = plain(newest_first, rows)
    assert rows_of_ngrams(newest_first, rows) == expected
    oldest_first = np.array(newest_first[::-1], np.int64)
    assert ngram_rows(oldest_first, order, rows).tolist() == [expected]
    assert ngram_rows(torch.from_numpy(oldest_first), order, rows).tolist() == [expected]


@pytest.mark.parametrize("order", [2, 3, 6])
def test_a_sequence_has_each_places_rows(order: int):
    ids = np.random.default_rng(0).integers(0, 50, (order - 1 + 9, 3))
    rows = ngram_rows(ids, order, 1000)
    assert rows.shape == (9, 3, order - 1)
    for time in range(9):
        for row in range(3):
            newest_first = ids[time : time + order, row][::-1].tolist()
            assert rows[time, row].tolist() == plain(newest_first, 1000)
