import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from textrnn.nn import products
from textrnn.nn.cells import CELLS
from textrnn.nn.products import (
    LEVELS,
    Bf16Product,
    Int8Product,
    is_int8_exact,
    quantized_rows,
)

FLAGS = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
HAS_VNNI = "avx512_vnni" in FLAGS or "avx_vnni" in FLAGS
"""FBGEMM's products take that of AVX-512."""
needs_int8 = pytest.mark.skipif(not is_int8_exact(), reason="no fast int8 on this processor")


def test_a_small_matrix_is_quantised_as_by_hand():
    integers, scales = quantized_rows(torch.tensor([[1.27, -0.633, 0.004], [0.0, 0.0, 0.0]]))
    assert integers.tolist() == [[127, -63, 0], [0, 0, 0]]
    assert scales[0, 0].item() == pytest.approx(0.01)


@settings(deadline=None, max_examples=60)
@given(
    st_numpy.arrays(
        np.float32, (3, 5), elements=st.floats(-(2.0**60), 2.0**60, width=32, allow_subnormal=False)
    )
)
def test_no_value_changes_by_more_than_half_a_scale(matrix: np.ndarray):
    integers, scales = (part.double().numpy() for part in quantized_rows(torch.tensor(matrix)))
    assert np.abs(integers).max() <= LEVELS
    assert (np.abs(matrix - scales * integers) <= scales * (0.5 + 1e-5)).all()


@pytest.fixture(params=["FBGEMM", "oneDNN"])
def one_row_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What computes products of one row."""
    if request.param == "FBGEMM":
        if not ("avx512_vnni" in FLAGS and hasattr(torch, "fbgemm_pack_quantized_matrix")):
            pytest.skip("this build of torch, or this processor, lacks FBGEMM's product")
        assert products._has_fbgemm()
    monkeypatch.setattr(products, "_has_fbgemm", lambda: request.param == "FBGEMM")


@needs_int8
@pytest.mark.usefixtures("one_row_by")
@pytest.mark.parametrize("shape", [(1, 1), (20, 7), (64, 48), (96, 130), (33, 1024)])
def test_products_in_int8_are_those_of_the_integers_whatever_the_batch(shape: tuple[int, int]):
    rng = np.random.default_rng(shape[0])
    weights = rng.standard_normal(shape, np.float32)
    columns = rng.standard_normal((shape[1], 6), np.float32) * np.float32([[1, 9, 0.1, 1, 0, 1e4]])
    product = Int8Product(weights)
    found = product(columns)
    (w, w_scale), (x, x_scale) = (
        quantized_rows(torch.from_numpy(each)) for each in (weights, columns.T.copy())
    )
    exact = (w.double() @ x.double().T) * w_scale * x_scale.T
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-30)
    for number in range(6):
        alone = product(columns[:, number : number + 1])
        np.testing.assert_array_equal(alone[:, 0], found[:, number])


@pytest.mark.skipif(not HAS_VNNI, reason="an older processor")
def test_processors_with_vnni_multiply_int8():
    assert is_int8_exact()


@needs_int8
@pytest.mark.usefixtures("one_row_by")
def test_one_row_is_rounded_to_the_nearest():
    product = Int8Product(np.eye(6, dtype=np.float32) * LEVELS)
    below, above = np.nextafter(np.float32(1.5), np.float32([0, 2]))
    column = np.float32([[127, below, above, -below, -1.5, 2.5]]).T
    np.testing.assert_allclose(product(column)[:, 0], np.float32([127, 1, 2, -1, -2, 2]) * LEVELS)
    with np.errstate(all="raise"):
        doubled = product(column.astype(np.float64))
    np.testing.assert_array_equal(doubled, product(column))


@needs_int8
def test_nothing_is_said_of_what_will_be_gone_some_day():
    code = (
        "import numpy as np; from textrnn.nn.products import Int8Product; "
        "assert Int8Product(np.ones((8, 64), np.float32))(np.ones((64, 1), np.float32))[0] > 63"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_int8
def test_a_torch_without_fbgemm_is_as_right(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(torch, "fbgemm_pack_quantized_matrix", raising=False)
    products._has_fbgemm.cache_clear()
    try:
        assert not products._has_fbgemm()
        assert is_int8_exact()
    finally:
        products._has_fbgemm.cache_clear()


@needs_int8
@pytest.mark.parametrize("batch", [1, 2])
def test_what_is_not_finite_stays_so(batch: int):
    for value in (np.nan, np.inf, -np.inf):
        columns = np.full((4, batch), value, np.float32)
        assert not np.isfinite(Int8Product(np.ones((3, 4), np.float32))(columns)).any()


def test_products_in_bf16_lose_its_last_digits():
    rng = np.random.default_rng(0)
    weights, columns = (rng.standard_normal(s, np.float32) for s in ((24, 50), (50, 5)))
    exact = weights.astype(np.float64) @ columns.astype(np.float64)
    for batch in (1, 5):
        found = Bf16Product(weights)(columns[:, :batch])
        assert found.dtype == np.float32
        # Two factors of each term are rounded to 8 bits, and so is the sum.
        allowed = 2.0**-8 * (np.abs(weights) @ np.abs(columns) + np.abs(exact))[:, :batch]
        assert (np.abs(found - exact[:, :batch]) <= allowed).all()
        assert np.abs(found - exact[:, :batch]).max() > 1e-4


@pytest.mark.parametrize("pack", [Bf16Product, pytest.param(Int8Product, marks=needs_int8)])
@pytest.mark.parametrize("rnn_type", CELLS)
def test_packed_cells_stay_near_those_in_float32(rnn_type: str, pack: type):
    rng = np.random.default_rng(1)
    names = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
    rows = names[rnn_type] * 16
    shapes = ((rows, 10), (rows, 16), (rows,), (rows,))
    weights = [rng.standard_normal(shape, np.float32) * np.float32(0.2) for shape in shapes]
    exact, packed = CELLS[rnn_type](*weights), CELLS[rnn_type](*weights, pack=pack)
    states = exact.start(3), packed.start(3)
    projected = exact.project(np.ones((10, 3), np.float32))
    np.testing.assert_array_equal(
        packed.project(np.ones((10, 3), np.float32)), projected
    )  # what is computed once is float32
    for _ in range(8):
        x = rng.standard_normal((10, 3), np.float32)
        states = exact.step(x, states[0]), packed.step(x, states[1])
        size = max(1.0, float(np.abs(states[0][0]).max()))
        np.testing.assert_allclose(states[1][0], states[0][0], atol=0.05 * size)
    alone = packed.step_projected(projected[:, :1], tuple(part[:, :1] for part in states[1]))
    together = packed.step_projected(projected, states[1])
    for one, many in zip(alone, together, strict=True):
        tolerance = 0 if pack is Int8Product else 0.02
        np.testing.assert_allclose(one[:, 0], many[:, 0], atol=tolerance)
    assert not np.array_equal(states[0][0], states[1][0])
