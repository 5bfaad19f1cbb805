import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textrnn.decoding.randomness import row_key, uniforms

KEYS = np.array([row_key(1, "a", sample) for sample in range(8)], np.uint64)


@given(st.integers(0, 2**64 - 1), st.integers(1, 40), st.integers(0, 39))
def test_a_number_does_not_depend_on_how_it_is_asked_for(first: int, count: int, skip: int):
    block = uniforms(KEYS, first, count + skip)
    np.testing.assert_array_equal(uniforms(KEYS, first + skip, count), block[skip:])
    np.testing.assert_array_equal(uniforms(KEYS[5:6], first, count + skip), block[:, 5:6])


def test_every_part_of_the_key_matters():
    keys = {
        tuple(row_key(seed, prompt, sample))
        for seed in (0, 1, 11, 2**63 - 1)
        for prompt in ("", "1", "a", "a\0", "\ud800")
        for sample in (0, 1, 10)
    }
    assert len(keys) == 4 * 5 * 3
    numbers = uniforms(np.array(sorted(keys), np.uint64), 0, 1)
    assert len(np.unique(numbers)) == len(keys)


def test_numbers_are_evenly_spread_and_below_one():
    numbers = uniforms(KEYS, 0, 20_000)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    # Chi-square of 64 bins a key, 63 degrees of freedom: 110 is passed by one in 4,000.
    for column in numbers.T:
        observed = np.histogram(column, 64, (0, 1))[0]
        assert ((observed - 312.5) ** 2 / 312.5).sum() < 110
    # Neither neighbours in a stream nor equal places of two streams are correlated.
    centred = numbers - 0.5
    bound = 5 / 12 / np.sqrt(len(numbers))
    assert abs((centred[1:] * centred[:-1]).mean(axis=0)).max() < bound
    assert abs((centred[:, 1:] * centred[:, :-1]).mean(axis=0)).max() < bound
