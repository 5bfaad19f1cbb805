import pytest
import torch

from textrnn.nn import recurrent
from textrnn.nn.dropout import MaskSource, drop
from textrnn.nn.recurrent import RecurrentLayer, RecurrentStack

CELLS = {
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
    "rnn_tanh": torch.nn.RNN,
    "rnn_relu": torch.nn.RNN,
}
CPU = torch.device("cpu")


def torch_layer(layer: RecurrentLayer) -> torch.nn.Module:
    options = {"nonlinearity": "relu"} if layer.rnn_type == "rnn_relu" else {}
    theirs = CELLS[layer.rnn_type](layer.weight_ih.shape[1], layer.hidden_size, **options)
    theirs.load_state_dict({f"{name}_l0": p.data for name, p in layer.named_parameters()})
    return theirs


@pytest.mark.parametrize("rnn_type", CELLS)
def test_a_layer_equals_torchs(rnn_type: str):
    layer = RecurrentLayer(rnn_type, 5, 7)
    layer.reset_parameters(torch.Generator().manual_seed(0))
    x = torch.randn(11, 3, 5, generator=torch.Generator().manual_seed(1))
    hidden = torch.full((3, 7), 0.3)
    cell = torch.full((3, 7), -0.2) if rnn_type == "lstm" else None
    y, h, c = layer(x, hidden, cell, None)
    state = (hidden[None], cell[None]) if cell is not None else hidden[None]
    expected, end = torch_layer(layer)(x, state)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(h, end[0][0] if cell is not None else end[0])
    if cell is not None:
        torch.testing.assert_close(c, end[1][0])


def step_of(layer: RecurrentLayer, x: torch.Tensor, *, autocast: bool) -> list[torch.Tensor]:
    """Outputs, states, and gradients of the weights and the inputs."""
    layer.zero_grad()
    x = x.clone().requires_grad_()
    with torch.autocast(x.device.type, torch.bfloat16, enabled=autocast):
        zeros = x.new_zeros(x.shape[1], layer.hidden_size)
        y, h, c = layer(x, zeros, zeros if layer.rnn_type == "lstm" else None, None)
    # As small as the gradients of a mean over the targets of a large batch.
    (1e-9 * y.float().square().sum()).backward()
    gradients = [parameter.grad for parameter in layer.parameters()]
    return [y, h, *([] if c is None else [c]), *gradients, x.grad]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("rnn_type", CELLS)
def test_kernels_that_autocast_gets_wrong_are_given_their_type(
    rnn_type: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
):
    layer = RecurrentLayer(rnn_type, 6, 8)
    layer.reset_parameters(torch.Generator().manual_seed(0))
    x = torch.randn(5, 3, 6, generator=torch.Generator().manual_seed(1))
    expected = step_of(layer, x, autocast=dtype == torch.bfloat16)
    monkeypatch.setattr("textrnn.nn.recurrent._is_autocast_wrong", lambda _: True)
    monkeypatch.setattr("textrnn.nn.recurrent._kernel_type", lambda *_: dtype)
    found = step_of(layer, x, autocast=True)
    assert found[0].dtype == dtype
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() <= (0.02 if dtype == torch.bfloat16 else 0) * other.norm()


@pytest.mark.parametrize(
    ("version", "capability", "is_acceptable", "expected"),
    [
        (91300, (9, 0), True, torch.bfloat16),
        (91300, (8, 0), True, torch.bfloat16),
        (91002, (9, 0), True, torch.float32),
        (91300, (7, 5), True, torch.float32),
        (91300, (9, 0), False, torch.float32),  # what PyTorch says before its version 2.10
        (None, (9, 0), True, torch.float32),
    ],
)
def test_gpus_without_kernels_in_bfloat16_take_float32(
    version, capability, is_acceptable, expected, monkeypatch: pytest.MonkeyPatch
):
    # What is asked of a GPU, answered by none.
    monkeypatch.setattr("torch.backends.cudnn.version", lambda: version)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _: capability)
    monkeypatch.setattr("torch.cudnn_is_acceptable", lambda _: is_acceptable)
    kernel_type = recurrent._kernel_type.__wrapped__
    assert kernel_type(CPU, torch.bfloat16) == expected
    assert kernel_type(CPU, torch.float16) == torch.float16
    assert recurrent._is_autocast_wrong("cuda")
    assert not recurrent._is_autocast_wrong("cpu")


@pytest.mark.parametrize("rnn_type", CELLS)
def test_kernels_get_states_in_one_piece_of_memory(rnn_type: str, monkeypatch: pytest.MonkeyPatch):
    # cuDNN refuses others; torch's own kernels take them, so that only a look tells.
    given: list[torch.Tensor] = []
    run = RecurrentLayer._run

    def watched(
        layer: RecurrentLayer, x: torch.Tensor, states: list[torch.Tensor], weights: object
    ):
        given.extend(states)
        return run(layer, x, states, weights)

    monkeypatch.setattr(RecurrentLayer, "_run", watched)
    layer = RecurrentLayer(rnn_type, 5, 7)
    hidden, cell = torch.zeros(3, 14).split(7, dim=1)
    layer(torch.zeros(4, 3, 5), hidden, cell if rnn_type == "lstm" else None, None)
    assert not hidden.is_contiguous()
    assert given
    assert all(state.is_contiguous() for state in given)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
@pytest.mark.parametrize("rnn_type", CELLS)
def test_on_a_gpu_no_layer_computes_in_float16(rnn_type: str):
    layer = RecurrentLayer(rnn_type, 64, 64).cuda()
    layer.reset_parameters(torch.Generator("cuda").manual_seed(0))
    x = torch.randn(50, 16, 64, generator=torch.Generator().manual_seed(1)).cuda()
    exact = step_of(layer, x, autocast=False)
    near = step_of(layer, x, autocast=True)
    assert near[0].dtype in (torch.bfloat16, torch.float32)
    for one, other in zip(near, exact, strict=True):
        error = (one.float() - other).norm() / other.norm()
        assert error < 0.05  # half of such gradients are 0 in float16


def test_starting_weights_are_as_the_papers_have_them():
    layer = RecurrentLayer("lstm", 16, 16)
    layer.reset_parameters(torch.Generator().manual_seed(0))
    assert (layer.bias_ih[16:32] == 1).all()
    assert layer.bias_ih.sum() == 16
    for gate in layer.weight_hh.split(16):
        torch.testing.assert_close(gate @ gate.T, torch.eye(16), atol=1e-5, rtol=0)
    relu = RecurrentLayer("rnn_relu", 4, 4)
    relu.reset_parameters(torch.Generator().manual_seed(0))
    torch.testing.assert_close(relu.weight_hh.data, 0.5 * torch.eye(4))


def test_masks_are_keyed_and_keep_the_mean():
    first = MaskSource(1, (5, 0), CPU).mask((400, 500), 0.3, torch.float32)
    again = MaskSource(1, (5, 0), CPU).mask((400, 500), 0.3, torch.float32)
    other = MaskSource(1, (6, 0), CPU).mask((400, 500), 0.3, torch.float32)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.mean().item() == pytest.approx(1.0, abs=0.01)
    assert (first == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)


def test_locked_dropout_is_one_mask_for_all_steps():
    x = torch.ones(6, 2, 50)
    locked = drop(x, 0.5, MaskSource(0, (0,), CPU), locked=True)
    assert all(torch.equal(locked[0], step) for step in locked)
    free = drop(x, 0.5, MaskSource(0, (0,), CPU))
    assert not torch.equal(free[0], free[1])
    assert drop(x, 0.5, None) is x


def stack(**options: object) -> RecurrentStack:
    made = RecurrentStack("lstm", 4, 6, 2, **options)
    made.reset_parameters(torch.Generator().manual_seed(0))
    return made


def test_weight_drop_drops_recurrent_weights_in_training_only():
    x = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(1))
    dropped, plain = stack(weight_drop=0.9), stack()
    state = plain.start(2, x)
    assert torch.equal(dropped(x, state, None)[0], plain(x, state, None)[0])
    trained = dropped(x, state, MaskSource(0, (0,), CPU))[0]
    assert not torch.allclose(trained, plain(x, state, None)[0])
    # The first step sees no recurrent weights, since the state is zero.
    first = plain.layers[0](x[:1], state["0.h"], state["0.c"], None)[0]
    masked = dropped.layers[0](x[:1], state["0.h"], state["0.c"], torch.zeros(24, 6))[0]
    torch.testing.assert_close(first, masked)


def test_layer_norm_normalises_what_goes_up_and_not_what_recurs():
    x = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(1))
    normed, plain = stack(layer_norm=True), stack()
    state = plain.start(2, x)
    y, new = normed(x, state, None)
    torch.testing.assert_close(y.mean(-1), torch.zeros(5, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(new["0.h"], plain(x, state, None)[1]["0.h"])
