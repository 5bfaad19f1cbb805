import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.nn.cells import CELLS, product

TORCH = {
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
    "rnn_tanh": torch.nn.RNN,
    "rnn_relu": torch.nn.RNN,
}


def make(rnn_type: str, input_size: int, hidden_size: int, seed: int = 0):
    """Return torch's layer and our cell with the same weights, biases included."""
    torch.manual_seed(seed)
    options = {"nonlinearity": "relu"} if rnn_type == "rnn_relu" else {}
    layer = TORCH[rnn_type](input_size, hidden_size, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(2)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return layer, CELLS[rnn_type](*(getattr(layer, name).detach().numpy() for name in names))


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(sorted(CELLS)),
    st.integers(1, 7),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 99),
)
def test_steps_equal_torchs_whole_sequence(rnn_type, input_size, hidden_size, batch, seed):
    layer, cell = make(rnn_type, input_size, hidden_size, seed)
    x = torch.randn(12, batch, input_size)
    with torch.no_grad():
        expected, end = layer(x)
    state, projected_state = cell.start(batch), cell.start(batch)
    for time in range(12):
        column = x[time].numpy().T
        state = cell.step(column, state)
        projected_state = cell.step_projected(cell.project(column), projected_state)
        # Without a bound on the outputs, as with rnn_relu, errors grow as they do.
        close = {"atol": 4e-6 * max(1.0, float(expected[time].abs().max())), "rtol": 2e-5}
        np.testing.assert_allclose(state[0].T, expected[time], **close)
        np.testing.assert_allclose(projected_state[0], state[0], **close)
    if rnn_type == "lstm":
        np.testing.assert_allclose(state[1].T, end[1][0], atol=2e-6, rtol=2e-5)


@pytest.mark.parametrize("rnn_type", CELLS)
def test_a_step_leaves_what_it_was_given_alone(rnn_type: str):
    _, cell = make(rnn_type, 3, 4)
    x = np.ones((3, 2), np.float32)
    state = cell.step(x, cell.start(2))
    projected = cell.project(x)
    before = [part.copy() for part in (*state, x, projected)]
    first = cell.step(x, state)
    second = cell.step_projected(projected, state)
    for part, copy in zip((*state, x, projected), before, strict=True):
        np.testing.assert_array_equal(part, copy)
    again = cell.step(x, state)
    for part, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(part, same)
    assert all(part.dtype == np.float32 for part in (*first, *second))


@pytest.mark.parametrize("rnn_type", CELLS)
def test_extreme_inputs_stay_finite(rnn_type: str):
    _, cell = make(rnn_type, 3, 4)
    x = np.array([[1e30], [-1e30], [1e4]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        state = cell.step(x, cell.start(1))
    assert all(np.isfinite(part).all() for part in state)


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 5, 8])
def test_products_are_products(batch: int):
    rng = np.random.default_rng(batch)
    weights = rng.standard_normal((20, 7), np.float32)
    columns = rng.standard_normal((7, batch), np.float32)
    exact = weights.astype(np.float64) @ columns.astype(np.float64)
    np.testing.assert_allclose(product(weights, columns), exact, atol=1e-5)
