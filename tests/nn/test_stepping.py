"""One-step form equals the whole-sequence form, masks included."""

import pytest
import torch

from textrnn.nn.dropout import MaskSource
from textrnn.nn.recurrent import RecurrentStack
from textrnn.nn.stepping import ReplayedMasks, step_stack

CPU = torch.device("cpu")
X = torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(1))


def stack(rnn_type: str, **options: object) -> RecurrentStack:
    made = RecurrentStack(rnn_type, 4, 5, 2, **options)
    made.reset_parameters(torch.Generator().manual_seed(0))
    return made


def stepped(layers: RecurrentStack, masks: ReplayedMasks | None) -> tuple[torch.Tensor, dict]:
    state, outputs = layers.start(3, X), []
    for x in X:
        if masks is not None:
            masks.next_step()
        y, state = step_stack(layers, x, state, masks)
        outputs.append(y)
    return torch.stack(outputs), state


@pytest.mark.parametrize("rnn_type", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_steps_equal_the_whole_sequence(rnn_type: str, layer_norm: bool):
    layers = stack(rnn_type, layer_norm=layer_norm)
    expected, end = layers(X, layers.start(3, X), None)
    found, state = stepped(layers, None)
    torch.testing.assert_close(found, expected)
    assert state.keys() == end.keys()
    for name in end:
        torch.testing.assert_close(state[name], end[name])


def test_locked_and_weight_masks_are_those_of_the_whole_sequence():
    layers = stack("lstm", dropout=0.4, weight_drop=0.4, locked_dropout=True)
    expected, _ = layers(X, layers.start(3, X), MaskSource(0, (1,), CPU))
    found, _ = stepped(layers, ReplayedMasks(MaskSource(0, (1,), CPU), locked=True))
    torch.testing.assert_close(found, expected)


def test_free_masks_are_drawn_anew_at_every_step_but_for_weights():
    masks = ReplayedMasks(MaskSource(0, (1,), CPU), locked=False)
    seen = []
    for _ in range(2):
        masks.next_step()
        seen.append((masks.mask((9, 9), 0.5, X.dtype), masks.mask((1, 9, 9), 0.5, X.dtype)))
    (weight, free), (weight_again, free_again) = seen
    assert torch.equal(weight, weight_again)
    assert not torch.equal(free, free_again)
