"""Times of batches: few lengths, little padding."""

from hypothesis import given
from hypothesis import strategies as st

from textrnn.data.batching import padded_time


@given(st.integers(1, 100_000))
def test_padding_is_little_and_leaves_a_padded_time_as_it_is(longest: int):
    time = padded_time(longest)
    assert longest <= time < longest * 17 / 16
    assert padded_time(time) == time


def test_few_lengths_golden():
    found = {padded_time(longest) for longest in range(1, 401)}
    assert sorted(found) == [
        *range(1, 33),
        *range(34, 65, 2),
        *range(68, 129, 4),
        *range(136, 257, 8),
        *range(272, 401, 16),
    ]
