"""Reading in both directions: equal to torch's packed sequences, whatever stands at padding."""

import pytest
import torch

from textrnn.nn.bidirectional import BidirectionalStack, reversal, reversed_within
from textrnn.nn.dropout import MaskSource

LENGTHS = torch.tensor([5, 1, 3, 7])
CELLS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn_tanh": torch.nn.RNN}


def batch(size: int = 6, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(7, 4, size, generator=generator)


def stack(rnn_type: str = "lstm", layers: int = 2, **options: object) -> BidirectionalStack:
    made = BidirectionalStack(rnn_type, 6, 5, layers, **options)
    made.reset_parameters(torch.Generator().manual_seed(1))
    return made


def packed_twin(own: BidirectionalStack) -> torch.nn.RNNBase:
    twin = CELLS[own.rnn_type](6, 5, own.num_layers, bidirectional=True)
    with torch.no_grad():
        for ways, suffix in ((own.forwards, ""), (own.backwards, "_reverse")):
            for index, layer in enumerate(ways):
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    twin.get_parameter(f"{name}_l{index}{suffix}").copy_(getattr(layer, name))
    return twin


def test_each_sequence_is_turned_round_within_its_own_length():
    x = torch.arange(6.0).view(3, 2, 1)
    places = reversal(torch.tensor([2, 3]), 3)
    turned = reversed_within(x, places)
    assert turned[:, 0, 0].tolist() == [2.0, 0.0, 4.0]
    assert turned[:, 1, 0].tolist() == [5.0, 3.0, 1.0]


def test_turning_round_twice_changes_nothing_and_its_gradient_turns_back():
    x = batch().requires_grad_()
    places = reversal(LENGTHS, 7)
    assert torch.equal(reversed_within(reversed_within(x, places), places), x)
    weights = batch(seed=3)
    (reversed_within(x, places) * weights).sum().backward()
    assert torch.equal(x.grad, reversed_within(weights, places))


@pytest.mark.parametrize("rnn_type", sorted(CELLS))
def test_the_padded_batch_gives_what_packed_sequences_give(rnn_type: str):
    own, x = stack(rnn_type), batch()
    twin = packed_twin(own)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(twin(packed)[0])
    found = own(x, x, LENGTHS, None)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(
            found[:length, row], expected[:length, row], atol=2e-6, rtol=1e-5
        )


def test_gradients_are_those_of_packed_sequences_too():
    own, x = stack(), batch()
    twin = packed_twin(own)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(twin(packed)[0])
    inside = (torch.arange(7)[:, None] < LENGTHS).unsqueeze(-1)
    weights = batch(10, seed=5) * inside
    (expected * weights).sum().backward()
    (own(x, x, LENGTHS, None) * weights).sum().backward()
    for index, layer in enumerate(own.backwards):
        for name in ("weight_ih", "weight_hh", "bias_ih"):
            torch.testing.assert_close(
                getattr(layer, name).grad,
                twin.get_parameter(f"{name}_l{index}_reverse").grad,
                atol=1e-5,
                rtol=1e-4,
            )


@pytest.mark.parametrize("joined", [True, False])
def test_what_stands_at_padding_changes_no_real_output(joined: bool):
    own, x = stack(join_directions=joined, layer_norm=True), batch()
    noisy = x.clone()
    for row, length in enumerate(LENGTHS.tolist()):
        noisy[length:, row] = 1e3
    plain, other = own(x, x, LENGTHS, None), own(noisy, noisy, LENGTHS, None)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(plain[:length, row], other[:length, row])


def test_without_joining_each_direction_is_a_stack_of_its_own():
    own, x = stack(join_directions=False), batch()
    ahead_only = stack(join_directions=False, bidirectional=False)
    ahead_only.forwards.load_state_dict(own.forwards.state_dict())
    found = own(x, batch(seed=9), LENGTHS, None)
    torch.testing.assert_close(found[..., :5], ahead_only(x, x, LENGTHS, None))


def test_dropout_between_layers_and_on_weights_comes_from_the_masks_alone():
    own, x = stack(dropout=0.5, weight_drop=0.3), batch()

    def run(step: int) -> torch.Tensor:
        return own(x, x, LENGTHS, MaskSource(0, (step,), torch.device("cpu")))

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
    assert torch.equal(own(x, x, LENGTHS, None), own(x, x, LENGTHS, None))
