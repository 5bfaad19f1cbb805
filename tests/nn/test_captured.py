"""What is replayed equals what is called, for shapes that come often and those that do not."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from textrnn.config import as_dict
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.torch_stepper import TorchStepModel
from textrnn.nn import captured
from textrnn.nn.captured import Captured, Recorded
from textrnn.nn.sizes import GATES

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


def test_only_shapes_that_come_in_a_row_are_recorded_and_few_are_kept(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(captured, "_MOST_GRAPHS", 2)
    recorder = Recorder()
    replaying = Captured(stepped, recorder)

    def call(rows: int, times: int) -> None:
        x = torch.ones(rows, 2)
        for _ in range(times):
            assert all(map(torch.equal, replaying(x, x), stepped(x, x)))

    for _ in range(3):
        call(1, captured._CALLS_IN_A_ROW)
        call(2, captured._CALLS_IN_A_ROW)
    assert not recorder.recorded
    for rows in (1, 2, 1, 3):
        call(rows, captured._CALLS_IN_A_ROW + 1)
    assert [shape[0] for shape in recorder.recorded] == [1, 2, 3]
    call(1, 1)  # used after 2 was, and so kept
    assert len(recorder.recorded) == 3
    call(2, captured._CALLS_IN_A_ROW + 1)
    assert [shape[0] for shape in recorder.recorded] == [1, 2, 3, 2]


def test_threads_do_not_mix_their_tensors():
    replaying = Captured(stepped, Recorder())
    wrong = []

    def work(value: float) -> None:
        x = torch.full((3, 4), value)
        expected = stepped(x, x)
        wrong.extend(
            value for _ in range(200) if not all(map(torch.equal, replaying(x, x), expected))
        )

    threads = [threading.Thread(target=work, args=(value,)) for value in (0.1, 0.2, 0.3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_cannot_be_recorded_is_called():
    tried = []

    def refuse(function: Function, tensors: tuple[Tensor, ...]) -> Recorded:
        tried.append(tensors)
        raise RuntimeError("operation not permitted when stream is capturing")

    replaying = Captured(stepped, refuse)
    x = torch.ones(2, 2)
    for _ in range(captured._CALLS_IN_A_ROW):
        replaying(x, x)
    with pytest.warns(UserWarning, match="not permitted"):
        found = replaying(x, x)
    assert all(map(torch.equal, found, stepped(x, x)))
    for _ in range(captured._CALLS_IN_A_ROW + 5):
        assert all(map(torch.equal, replaying(x, x), stepped(x, x)))
    assert len(tried) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="takes a GPU")
@pytest.mark.parametrize("rnn_type", list(GATES))
def test_graphs_on_a_gpu_give_what_a_cpu_gives(rnn_type):
    settings = LanguageModelSettings(
        rnn_type=rnn_type,
        hidden_size=16,
        num_layers=2,
        embedding_dim=8,
        ngram_order=3,
        ngram_rows=32,
        layer_norm=True,
    )
    model = RecurrentLanguageModel(settings, 30)
    model.reset_parameters(torch.Generator().manual_seed(0))
    tensors = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    there, here = (TorchStepModel(tensors, as_dict(settings), name) for name in ("cuda", "cpu"))
    rng = np.random.default_rng(0)
    states = there.start(4), here.start(4)
    for _ in range(2 * captured._CALLS_IN_A_ROW):
        ids = rng.integers(0, 30, 4)
        found, expected = there.step(ids, states[0]), here.step(ids, states[1])
        np.testing.assert_allclose(found[0], expected[0], atol=1e-4)
        states = found[1], expected[1]
    assert there._say._graphs
