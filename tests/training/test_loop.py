"""The loop on a tiny language model: resuming, faults, budgets; every part is the real one."""

import dataclasses
import errno
import functools
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from textrnn import bundle, records
from textrnn.config import as_dict
from textrnn.data.store import TokenStore
from textrnn.errors import ModelError, TrainingError
from textrnn.language_model.facts import CorpusFacts
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.planner import plan_language_model
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.task import LanguageModelTask
from textrnn.tokenizers import ByteTokenizer
from textrnn.training import costs
from textrnn.training.checkpoint import RunDirectory
from textrnn.training.device import DeviceFacts
from textrnn.training.events import (
    BatchReduced,
    Done,
    Evaluated,
    Event,
    Replanned,
    RolledBack,
    Saved,
    SaveFailed,
    Stopped,
)
from textrnn.training.loop import Loop
from textrnn.training.plan import Plan
from textrnn.training.state import RunState

VOCAB = 12
SETTINGS = LanguageModelSettings(
    hidden_size=10,
    num_layers=2,
    embedding_dim=6,
    ngram_order=3,
    ngram_rows=32,
    ngram_dropout=0.5,
    dropout=0.3,
    weight_drop=0.2,
    batch_size=4,
    seq_len=5,
    optimizer="muon",
    learning_rate=0.01,
    weight_decay=0.1,
    device="cpu",
    precision="float32",
    seed=3,
)
PLAN = Plan(max_steps=30, warmup_steps=3, eval_every=8, save_every=5, valid_targets=79)


@pytest.fixture(autouse=True)
def small_tables_go_by_rows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "FEWEST_ROWS", 0)
    monkeypatch.setattr(costs, "FEWEST_NUMBERS", 0)


def store(length: int, seed: int) -> TokenStore:
    rng = np.random.default_rng(seed)
    ids = np.cumsum(rng.integers(1, 3, length)) % (VOCAB - 4) + 4
    ids[0] = 2
    return TokenStore(
        ids=ids.astype(np.uint8), starts=np.zeros(1, np.int64), characters=length - 1, unknown=0
    )


class Clock:
    """Seconds that pass only where a test lets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make_loop(
    path: Path,
    settings: LanguageModelSettings = SETTINGS,
    plan: Plan = PLAN,
    *,
    resume: bool = False,
    task_type: type[LanguageModelTask] = LanguageModelTask,
    **options: object,
) -> Loop:
    model = RecurrentLanguageModel(settings, VOCAB)
    model.reset_parameters(torch.Generator().manual_seed(settings.seed))
    tensors = None
    if resume:
        directory, state, tensors = RunDirectory.reopen(path)
    else:
        record, files = bundle.tokenizer_part(ByteTokenizer())
        head = {"job": "language-model", "settings": as_dict(settings), "tokenizer": record}
        directory, state = RunDirectory.create(path, head, files), RunState(plan)
    task = task_type(model, settings, store(160, 0), store(80, 1))
    options.setdefault("clock", Clock())
    loop = Loop(
        task,
        settings,
        state,
        directory,
        device=torch.device("cpu"),
        precision=settings.precision,
        **options,
    )
    if tensors is not None:
        loop.restore(tensors)
    return loop


def finish(loop: Loop) -> list[Event]:
    try:
        return list(loop.run())
    finally:
        loop._directory.close()


def weights(loop: Loop) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in loop.task.model.tensors().items()}


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "bf16", "beta1": 0.8},
        {"rnn_type": "gru", "optimizer": "rmsprop", "layer_norm": True, "precision": "bf16"},
        {"rnn_type": "rnn_tanh", "optimizer": "sgd", "schedule": "plateau", "ngram_order": 1},
        {"optimizer": "adam", "ema_decay": 0.9, "locked_dropout": True, "lines": True},
    ],
    ids=["lstm", "lstm-bf16", "gru-bf16", "rnn", "lines"],
)
@pytest.mark.parametrize("stop", [1, 7, 13, 24])
def test_k_steps_a_stop_and_the_rest_give_the_same_bits(tmp_path: Path, changes: dict, stop: int):
    settings = dataclasses.replace(SETTINGS, **changes)
    whole = make_loop(tmp_path / "whole", settings)
    finish(whole)

    broken = make_loop(tmp_path / "broken", settings)
    broken._stop_signal = lambda: 2 if broken.state.step >= stop else None
    events = finish(broken)
    assert events[-1] == Stopped(stop, "interrupted")
    resumed = make_loop(tmp_path / "broken", settings, resume=True)
    assert resumed.state.step == stop
    finish(resumed)

    assert_same(weights(whole), weights(resumed))
    a, b = (bundle.open_bundle(tmp_path / name).tensors() for name in ("whole", "broken"))
    assert_same(a, b)
    figures = [
        [{k: v for k, v in record.items() if k != "elapsed_s"} for record in loop.state.history]
        for loop in (whole, resumed)
    ]
    for one, other in zip(*figures, strict=True):
        assert one["valid_loss"] == other["valid_loss"]


def test_a_kill_between_any_two_writes_leaves_a_model_that_resumes_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Cut the run off at every single file operation in turn, as a kill would."""
    plan = dataclasses.replace(PLAN, max_steps=6, eval_every=3, save_every=2)
    whole = make_loop(tmp_path / "whole", plan=plan)
    finish(whole)

    real = records.write_file
    for cut in itertools.count():
        path = tmp_path / f"cut-{cut}"
        operations = itertools.count()

        def write(target: Path, *content: bytes, operations=operations, cut=cut):
            if next(operations) == cut:
                target.with_name(f".{target.name}.part").write_bytes(
                    b"".join(content)[: sum(map(len, content)) // 2]
                )
                raise KeyboardInterrupt
            return real(target, *content)

        monkeypatch.setattr(records, "write_file", write)
        try:
            loop = make_loop(path, plan=plan)
            finish(loop)
            break
        except KeyboardInterrupt:
            pass
        finally:
            monkeypatch.setattr(records, "write_file", real)
        if not (path / "config.json").exists():
            continue
        bundle.open_bundle(path)
        resumed = make_loop(path, plan=plan, resume=True)
        finish(resumed)
        assert_same(weights(whole), weights(resumed))
        left = {entry.name for entry in path.rglob("*") if entry.is_file()}
        assert not [name for name in left if name.endswith(".part")]
    assert cut > 15


def test_a_save_that_fails_is_tried_again_and_changes_no_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The best weights were among what could not be written, and nothing else was due for long."""
    plan = dataclasses.replace(PLAN, eval_every=8, save_every=8)
    whole = make_loop(tmp_path / "whole", plan=plan)
    finish(whole)

    real, clock, is_full = records.write_file, Clock(), [False]

    def write(target: Path, *content: bytes):
        if is_full[0]:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return real(target, *content)

    monkeypatch.setattr(records, "write_file", write)
    loop = make_loop(tmp_path / "full", plan=plan, clock=clock)
    told = []
    for event in loop.run():
        told.append(event)
        if isinstance(event, Saved) and event.step == 0:
            is_full[0] = True
        if isinstance(event, SaveFailed):
            is_full[0] = False
            assert event.saved_step == 0
            assert event.reason.endswith(": cannot be written: No space left on device")
            assert bundle.open_bundle(tmp_path / "full").config["training"]["step"] == 0
            clock.now += event.retry_s
    loop._directory.close()
    assert [event.step for event in told if isinstance(event, SaveFailed)] == [8]
    # Tried again as soon as it was time, at a step where nothing was due.
    assert [event.step for event in told if isinstance(event, Saved)] == [0, 9, 16, 24, 30, 30]
    assert_same(weights(whole), weights(loop))
    a, b = (bundle.open_bundle(tmp_path / name).tensors() for name in ("whole", "full"))
    assert_same(a, b)


def test_a_run_ends_where_its_first_or_its_last_save_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real, count = records.write_file, itertools.count()

    def write(target: Path, *content: bytes, most=math.inf):
        if next(count) >= most:
            raise OSError(errno.EROFS, "Read-only file system", str(target))
        return real(target, *content)

    monkeypatch.setattr(records, "write_file", write)
    finish(make_loop(tmp_path / "counted"))
    operations = next(count)
    for most, advice in (
        (2, "make it writable, or choose another directory with --output"),
        (
            operations - 2,
            "what was saved at step 30 is whole: make it writable, and go on from there",
        ),
    ):
        count = itertools.count()
        loop = make_loop(tmp_path / str(most))
        monkeypatch.setattr(records, "write_file", functools.partial(write, most=most))
        with pytest.raises(
            TrainingError, match="cannot be written: Read-only file system"
        ) as raised:
            finish(loop)
        assert advice in str(raised.value)
        monkeypatch.setattr(records, "write_file", write)
    resumed = make_loop(tmp_path / str(operations - 2), resume=True)
    assert isinstance(finish(resumed)[-1], Done)


def test_accumulation_changes_nothing_but_rounding(tmp_path: Path):
    settings = dataclasses.replace(SETTINGS, dropout=0.0, weight_drop=0.0, ngram_dropout=0.0)
    one = make_loop(tmp_path / "one", settings)
    finish(one)
    parts = make_loop(tmp_path / "parts", dataclasses.replace(settings, accumulation=3))
    finish(parts)
    for name, tensor in weights(one).items():
        np.testing.assert_allclose(weights(parts)[name], tensor, atol=2e-5, err_msg=name)


class HungryTask(LanguageModelTask):
    """Runs out of memory with more than two rows, as a device would."""

    def step(self, batch, state, masks):
        if len(batch.ids) > 2:
            raise torch.OutOfMemoryError("too many rows")
        return super().step(batch, state, masks)


def test_out_of_memory_halves_the_parts_and_goes_on(tmp_path: Path):
    settings = dataclasses.replace(SETTINGS, dropout=0.0, weight_drop=0.0, ngram_dropout=0.0)
    hungry = make_loop(tmp_path / "hungry", settings, task_type=HungryTask)
    events = finish(hungry)
    assert [e for e in events if isinstance(e, BatchReduced)] == [BatchReduced(0, 2)]
    plain = make_loop(tmp_path / "plain", settings)
    finish(plain)
    for name, tensor in weights(plain).items():
        np.testing.assert_allclose(weights(hungry)[name], tensor, atol=2e-5)


class FaultyTask(LanguageModelTask):
    """Gives a loss that is not a number at step 12, for the first ``faults`` times."""

    faults = 1

    def step(self, batch, state, masks):
        output = super().step(batch, state, masks)
        type(self).calls = getattr(type(self), "calls", 0) + 1
        if self.calls >= 12 and self.faults:
            type(self).faults -= 1
            return dataclasses.replace(output, loss=output.loss * float("nan"))
        return output


def test_a_loss_that_is_not_finite_goes_back_to_the_last_save_with_a_smaller_rate(tmp_path: Path):
    class Once(FaultyTask):
        faults = 1

    loop = make_loop(tmp_path / "m", task_type=Once)
    events = finish(loop)
    (back,) = [event for event in events if isinstance(event, RolledBack)]
    assert (back.step, back.to_step) == (12, 10)
    assert back.rate_scale < 1
    assert isinstance(events[-1], Done)
    assert loop.state.step == PLAN.max_steps
    for array in bundle.open_bundle(tmp_path / "m").tensors().values():
        assert np.isfinite(array).all()


def test_divergence_without_end_stops_with_advice_and_keeps_the_last_good_model(tmp_path: Path):
    class Always(FaultyTask):
        faults = 10**6

    loop = make_loop(tmp_path / "m", task_type=Always)
    events: list[Event] = []
    with pytest.raises(TrainingError, match=r"step 1[12].*--learning-rate"):
        events.extend(loop.run())
    loop._directory.close()
    assert isinstance(events[-1], Stopped)
    assert events[-1].reason == "diverged"
    for array in bundle.open_bundle(tmp_path / "m").tensors().values():
        assert np.isfinite(array).all()


def test_an_exploding_evaluation_is_not_kept_and_training_recovers(tmp_path: Path):
    """With sgd and a huge rate the first update already ruins the weights."""
    settings = dataclasses.replace(SETTINGS, learning_rate=300.0, grad_clip=0.0, optimizer="sgd")
    plan = dataclasses.replace(PLAN, warmup_steps=0, eval_every=1, save_every=1)
    loop = make_loop(tmp_path / "m", settings, plan)
    loop.settings = dataclasses.replace(settings, schedule="constant")
    events: list[Event] = []
    try:
        events.extend(loop.run())
    except TrainingError:
        pass
    finally:
        loop._directory.close()
    rolled = [event for event in events if isinstance(event, RolledBack)]
    assert rolled
    assert all(event.to_step == 0 or event.rate_scale < 0.1 for event in rolled)
    kept = [e.metrics["valid_loss"] for e in events if isinstance(e, Evaluated)]
    assert all(loss <= loop.task.most_loss for loss in kept)
    for array in bundle.open_bundle(tmp_path / "m").tensors().values():
        assert np.isfinite(array).all()


class UnmeasurableTask(LanguageModelTask):
    """Its second evaluation is not a number."""

    calls = 0

    def evaluate(self, most_targets):
        type(self).calls += 1
        metrics = super().evaluate(most_targets)
        return {**metrics, "valid_loss": float("nan")} if self.calls == 2 else metrics


def test_a_validation_loss_that_is_not_finite_is_rolled_back(tmp_path: Path):
    loop = make_loop(tmp_path / "m", task_type=UnmeasurableTask)
    events = finish(loop)
    (back,) = [event for event in events if isinstance(event, RolledBack)]
    assert (back.step, back.to_step) == (16, 15)
    assert isinstance(events[-1], Done)


@pytest.mark.parametrize(
    ("rnn_type", "optimizer"),
    [
        *itertools.product(
            ["lstm", "gru", "rnn_tanh"], ["muon", "adamw", "adam", "sgd", "rmsprop"]
        ),
        ("rnn_relu", "sgd"),
    ],
)
def test_every_cell_learns_with_every_optimizers_default_rate(
    tmp_path: Path, rnn_type: str, optimizer: str
):
    corpus = CorpusFacts(159, 79, VOCAB, 1)
    wanted = LanguageModelSettings(
        rnn_type=rnn_type,
        optimizer=optimizer,
        hidden_size=32,
        dropout=0.0,
        batch_size=4,
        seq_len=10,
        max_steps=100,
        eval_every=50,
        precision="float32",
        device="cpu",
    )
    machine = DeviceFacts("cpu", "a laptop", 16 << 30, 2, "float32")
    planned = plan_language_model(wanted, corpus, machine, lambda _: 1.0)
    loop = make_loop(tmp_path / "m", planned.settings, planned.plan)
    events = finish(loop)
    assert not [event for event in events if isinstance(event, RolledBack)]
    assert events[-1].metrics["valid_loss"] < 0.9 * math.log(VOCAB)


def test_patience_ends_a_run_that_no_longer_gains(tmp_path: Path):
    plan = dataclasses.replace(PLAN, max_steps=10_000, eval_every=2, save_every=50, patience=3)
    settings = dataclasses.replace(SETTINGS, learning_rate=1e-12, schedule="constant")
    loop = make_loop(tmp_path / "m", settings, plan)
    events = finish(loop)
    assert isinstance(events[-1], Done)
    assert events[-1].reason == "patience"
    assert loop.state.step < 200


def test_the_best_weights_are_kept_not_the_last(tmp_path: Path):
    settings = dataclasses.replace(SETTINGS, learning_rate=0.1, schedule="constant", grad_clip=0.0)
    loop = make_loop(
        tmp_path / "m", settings, dataclasses.replace(PLAN, max_steps=90, eval_every=3)
    )
    events = finish(loop)
    losses = {e.step: e.metrics["valid_loss"] for e in events if isinstance(e, Evaluated)}
    best = min(losses, key=losses.get)
    assert best != 90
    done = events[-1]
    assert done.best_step == best
    loop.task.model.load_tensors(
        {k: torch.from_numpy(v) for k, v in bundle.open_bundle(tmp_path / "m").tensors().items()}
    )
    with torch.no_grad():
        assert loop.task.evaluate(None)["valid_loss"] == losses[best]


def test_events_come_in_their_order(tmp_path: Path):
    events = finish(make_loop(tmp_path / "m"))
    assert isinstance(events[0], Saved)
    assert events[0].step == 0
    evaluated = [event.step for event in events if isinstance(event, Evaluated)]
    assert evaluated == [8, 16, 24, 30]
    assert [type(event) for event in events[-3:]] == [Stopped, Saved, Done]
    saved = [event.step for event in events if isinstance(event, Saved)]
    assert saved == [0, 5, 8, 10, 15, 16, 20, 24, 25, 30, 30]


def test_a_deadline_moves_the_end_and_is_met(tmp_path: Path):
    clock = Clock()

    class Slow(LanguageModelTask):
        def step(self, batch, state, masks):
            clock.now += 0.5
            return super().step(batch, state, masks)

    loop = make_loop(tmp_path / "m", task_type=Slow, clock=clock, deadline_s=12.0)
    events = finish(loop)
    assert any(isinstance(event, Replanned) for event in events)
    assert events[-1].reason in ("finished", "deadline")
    assert 10.5 < clock.now <= 12.0


def test_steps_in_flight_are_waited_for_before_the_clock_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clock, done = Clock(), 0.0

    class InFlight(LanguageModelTask):
        def step(self, batch, state, masks):
            nonlocal done
            clock.now += 0.001
            done = max(clock.now, done) + 0.5
            return super().step(batch, state, masks)

    def wait(device: torch.device) -> None:
        clock.now = max(clock.now, done)

    monkeypatch.setattr("textrnn.training.loop.finish", wait)
    loop = make_loop(tmp_path / "m", task_type=InFlight, clock=clock, deadline_s=12.0)
    finish(loop)
    assert 10.5 < done <= 12.0
    assert loop.state.stepping_s == pytest.approx(0.5 * loop.state.step, abs=0.6)


def test_a_second_run_into_one_directory_is_refused(tmp_path: Path):
    loop = make_loop(tmp_path / "m")
    running = loop.run()
    next(running)
    with pytest.raises(TrainingError, match="another run"):
        make_loop(tmp_path / "m", resume=True)
    running.close()
    loop._directory.close()
    make_loop(tmp_path / "m", resume=True)._directory.close()


def test_a_model_without_training_state_says_how_to_go_on(tmp_path: Path):
    finish(make_loop(tmp_path / "m"))
    (tmp_path / "m" / "resume" / "state.json").unlink()
    with pytest.raises(ModelError, match="--init-from"):
        make_loop(tmp_path / "m", resume=True)


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path):
    finish(make_loop(tmp_path / "m"))
    before = bundle.open_bundle(tmp_path / "m").tensors()
    again = make_loop(tmp_path / "m", resume=True)
    events = finish(again)
    assert [type(event) for event in events] == [Stopped, Done]
    assert_same(before, bundle.open_bundle(tmp_path / "m").tensors())
