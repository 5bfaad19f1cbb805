"""Products in blocks are those in one."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.nn import blas
from textrnn.nn.blas import blocked, blocked_product, one_thread


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 20), st.integers(1, 300))
def test_blocks_make_up_the_whole(rows, inner, batch, small):
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((rows, inner)).astype(np.float32)
    columns = rng.standard_normal((batch, inner)).astype(np.float32).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blas, "_SMALL", small)
        for has_kernels in (False, True):
            patch.setattr(blas, "has_small_kernels", lambda has=has_kernels: has)
            for found in (blocked_product(weights, columns), blocked(weights)(columns)):
                assert found.dtype == np.float32
                np.testing.assert_allclose(found, weights @ columns, atol=1e-5)


def threads_of_blas():
    return max((pool["num_threads"] for pool in blas._pools().info()), default=1)


def test_threads_that_come_at_once_leave_the_number_as_it_was():
    inside, seen = threading.Event(), []

    def first():
        with one_thread():
            inside.set()
            # Long enough for the other one to come, were it let in.
            time.sleep(0.05)
            seen.append(threads_of_blas())

    def second():
        inside.wait(10)
        with one_thread(), one_thread():
            seen.append(threads_of_blas())

    before = threads_of_blas()
    both = [threading.Thread(target=work) for work in (first, second)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert seen == [1, 1]
    assert threads_of_blas() == before
