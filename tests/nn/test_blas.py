"""Products in blocks are those in one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.nn import blas
from textrnn.nn.blas import blocked, blocked_product


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
