"""What is replayed equals what is called, for shapes that come often and those that do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from textrnn.nn import captured
from textrnn.nn.captured import Captured, Recorded

Function = Callable[..., tuple[Tensor, ...]]


class Recorder:
    """Stands in for the GPU's recorder: a replay computes anew, on the recording's tensors and no others."""

    def __init__(self) -> None:
        self.recorded: list[torch.Size] = []

    def __call__(self, function: Function, tensors: tuple[Tensor, ...]) -> Recorded:
        self.recorded.append(tensors[0].shape)
        inputs = tuple(tensor.clone() for tensor in tensors)
        outputs = tuple(tensor.clone() for tensor in function(*inputs))

        def replay() -> None:
            for output, new in zip(outputs, function(*inputs), strict=True):
                output.copy_(new)

        return Recorded(inputs, replay, outputs)


def stepped(x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    state = torch.tanh(state + x)
    return state.sum(-1), state


def test_replayed_steps_give_what_calls_give_and_keep_none_of_their_memory():
    recorder = Recorder()
    replaying = Captured(stepped, recorder)
    draws = torch.Generator().manual_seed(0)
    state = torch.zeros(3, 4)
    kept, expected = [], []
    for _ in range(30):
        x = torch.randn(3, 4, generator=draws)
        before = state.clone()
        expected.append(stepped(x, state))
        found = replaying(x, state)
        assert torch.equal(state, before)
        kept.append(found)
        state = found[1]
    assert recorder.recorded == [torch.Size([3, 4])]
    # Results of long ago still stand after all later replays.
    for found, wanted in zip(kept, expected, strict=True):
        assert all(map(torch.equal, found, wanted))


def test_only_shapes_that_come_often_are_recorded_and_few_are_kept(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(captured, "_MOST_GRAPHS", 2)
    recorder = Recorder()
    replaying = Captured(stepped, recorder)

    def call(rows: int, times: int) -> None:
        x = torch.ones(rows, 2)
        for _ in range(times):
            assert all(map(torch.equal, replaying(x, x), stepped(x, x)))

    call(1, captured._CALLS_FIRST)
    assert not recorder.recorded
    for rows in (1, 2, 1, 3):
        call(rows, captured._CALLS_FIRST + 1)
    assert [shape[0] for shape in recorder.recorded] == [1, 2, 3]
    call(1, 1)  # used after 2 was, and so kept
    assert len(recorder.recorded) == 3
    call(2, captured._CALLS_FIRST + 1)
    assert [shape[0] for shape in recorder.recorded] == [1, 2, 3, 2]


def test_what_cannot_be_recorded_is_called():
    tried = []

    def refuse(function: Function, tensors: tuple[Tensor, ...]) -> Recorded:
        tried.append(tensors)
        raise RuntimeError("operation not permitted when stream is capturing")

    replaying = Captured(stepped, refuse)
    x = torch.ones(2, 2)
    for _ in range(captured._CALLS_FIRST + 5):
        assert all(map(torch.equal, replaying(x, x), stepped(x, x)))
    assert len(tried) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="takes a GPU")
def test_a_graph_on_a_gpu_gives_what_calls_give():
    replaying = Captured(stepped, captured.record)
    state = torch.zeros(3, 4, device="cuda")
    for _ in range(20):
        x = torch.randn(3, 4, device="cuda")
        expected = stepped(x, state)
        found = replaying(x, state)
        assert all(map(torch.equal, found, expected))
        state = found[1]
