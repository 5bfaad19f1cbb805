"""Training that diverges: gone back on, a stated number of times, and told; what is saved are numbers."""

import dataclasses
import errno
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from faults.hostile_forging import JOBS, TEXTS
from training.test_loop import PLAN, SETTINGS, Clock, finish, make_loop

from textrnn import bundle, records
from textrnn.cli.jobs import JOBS as KINDS
from textrnn.config import make
from textrnn.errors import ModelError, TrainingError
from textrnn.language_model.task import LanguageModelTask
from textrnn.training.divergence import MOST_ROLLBACKS
from textrnn.training.events import Done, Evaluated, Event, RolledBack, Saved, Stopped
from textrnn.training.loop import Loop
from textrnn.training.task import StepOutput
from textrnn.training.update import Updater

TINY: dict[str, Any] = {
    "hidden_size": 8,
    "num_layers": 1,
    "embedding_dim": 6,
    "ngram_order": 1,
    "max_steps": 24,
    "eval_every": 8,
    "save_every": 4,
    "batch_size": 8,
    "device": "cpu",
    "precision": "float32",
    "threads": 1,
}
OWN = {
    "language-model": ("names.txt", {"lines": True, "seq_len": 16}),
    "classifier": ("remarks.tsv", {"bag_order": 1, "bag_rows": 32, "spelling_rows": 16}),
    "translator": ("phrases.tsv", {"encoder_layers": 1, "tokenizer": "word", "select": "loss"}),
}


def some_of(*choices: Sequence[Any]) -> list[Any]:
    """Return every combination; all but those in which no choice repeats itself are for the long form."""
    every = list(itertools.product(*choices))
    longest = max(map(len, choices))
    short = {tuple(some[i % len(some)] for some in choices) for i in range(longest)}
    return [
        each if each in short else pytest.param(*each, marks=pytest.mark.faults) for each in every
    ]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def train(job: str, folder: Path, cache: Path, **settings: Any) -> tuple[list[Event], str]:
    """Train a tiny model of a job; return the events, and the message of the error that ended it, if any."""
    name, own = OWN[job]
    kind = KINDS[job]
    asked = make(kind.settings(), {**TINY, **own, **settings})
    run = kind.prepare()([str(TEXTS / name)], folder, asked, cache=cache)
    events: list[Event] = []
    try:
        events.extend(run.events())
    except TrainingError as error:
        return events, str(error)
    return events, ""


def unsound(model: Path) -> list[str]:
    """Return the tensors of a model, and of its training state, that hold what is no number."""
    found = []
    files = [*model.glob("weights-*.safetensors"), *model.glob("resume/last-*.safetensors")]
    assert len(files) == 2
    for file in files:
        for name, array in records.read_tensors(file).items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                found.append(f"{file.name}: {name}")
    bundle.open_bundle(model).tensors()
    return found


def told(events: list[Event]) -> list[RolledBack]:
    return [event for event in events if isinstance(event, RolledBack)]


def check(job: str, folder: Path, cache: Path, **settings: Any) -> str:
    """Train with hostile settings: whatever comes of it is told, and what is saved is sound."""
    events, message = train(job, folder, cache, **settings)
    assert not unsound(folder)
    returns = told(events)
    if message:
        assert "\n" not in message
        assert f"{MOST_ROLLBACKS} returns" in message
        assert len(returns) >= MOST_ROLLBACKS
        assert isinstance(events[-1], Stopped)
        return "given up"
    assert isinstance(events[-1], Done)
    scores = [e.metrics for e in events if isinstance(e, Evaluated)]
    assert all(v is None or math.isfinite(v) for m in scores for v in m.values())
    return "rolled back" if returns else "went on"


@pytest.mark.parametrize(
    ("job", "settings"),
    [
        ("language-model", {"optimizer": "sgd", "momentum": 0.99, "grad_clip": 0.0}),
        ("classifier", {"optimizer": "muon", "weight_decay": 10.0, "ema_decay": 0.5}),
        ("translator", {"optimizer": "rmsprop", "rnn_type": "rnn_relu"}),
    ],
    ids=JOBS,
)
def test_a_hostile_learning_rate_ruins_no_saved_model(
    job: str, settings: dict[str, Any], tmp_path: Path, cache: Path
) -> None:
    hostile = {"learning_rate": 1000.0, "warmup_steps": 0, "schedule": "constant"}
    check(job, tmp_path / "m", cache, **hostile, **settings)


@pytest.mark.faults
@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "muon", "rmsprop"])
def test_no_hostile_rate_of_many_ruins_a_saved_model(
    job: str,
    optimizer: str,
    tmp_path: Path,
    cache: Path,
    keep_figures: Callable[[str, dict[str, Any]], None],
) -> None:
    outcomes: dict[str, int] = {}
    number = 0
    for rnn_type in ("lstm", "rnn_relu"):
        for rate in (1.0, 30.0, 1000.0):
            for ema_decay in (0.0, 0.9):
                for clip in (0.0, 1.0):
                    number += 1
                    came = check(
                        job,
                        tmp_path / str(number),
                        cache,
                        optimizer=optimizer,
                        learning_rate=rate,
                        rnn_type=rnn_type,
                        ema_decay=ema_decay,
                        grad_clip=clip,
                        weight_decay=10.0 if optimizer in ("adamw", "muon") else 0.0,
                        schedule="constant",
                        warmup_steps=0,
                    )
                    outcomes[came] = outcomes.get(came, 0) + 1
    keep_figures(f"divergence {job} {optimizer}", outcomes)


class Spoiled(torch.autograd.Function):
    """Lets a loss through, and turns its gradient into what is no number."""

    @staticmethod
    def forward(ctx: Any, loss: torch.Tensor, value: float) -> torch.Tensor:
        ctx.value = value
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0] * ctx.value, None


def spoil(
    monkeypatch: pytest.MonkeyPatch,
    job: str,
    kind: str,
    number: int | None,
    times: float = math.inf,
) -> None:
    """Spoil the forward or backward pass of a batch, by its place in the run; of every one, if None."""
    names = {
        "language-model": "textrnn.language_model.task.LanguageModelTask",
        "classifier": "textrnn.classifier.task.ClassifierTask",
        "translator": "textrnn.translator.task.TranslatorTask",
    }
    module, _, name = names[job].rpartition(".")
    task = getattr(__import__(module, fromlist=[name]), name)
    step, done = task.step, {"steps": 0, "spoilt": 0}

    def spoilt(self: Any, batch: Any, state: Any, masks: Any) -> StepOutput:
        output = step(self, batch, state, masks)
        done["steps"] += 1
        if (number is not None and done["steps"] != number) or done["spoilt"] >= times:
            return output
        done["spoilt"] += 1
        if kind.startswith("forward"):
            return dataclasses.replace(output, loss=output.loss * float(kind.split()[1]))
        return dataclasses.replace(output, loss=Spoiled.apply(output.loss, float(kind.split()[1])))

    monkeypatch.setattr(task, "step", spoilt)


@pytest.mark.parametrize(
    ("job", "kind"), some_of(JOBS, ["forward nan", "forward inf", "backward nan", "backward inf"])
)
def test_a_batch_that_goes_wrong_once_is_gone_back_on_and_told(
    job: str, kind: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, job, kind, 14)
    events, message = train(job, tmp_path / "m", cache)
    assert not message
    (returned,) = told(events)
    assert (returned.step, returned.to_step) == (14, 12)
    assert "not finite" in returned.reason
    assert returned.rate_scale < 1
    assert isinstance(events[-1], Done)
    assert events[-1].steps == 24
    assert not unsound(tmp_path / "m")


@pytest.mark.parametrize("job", JOBS)
def test_batches_that_always_go_wrong_end_the_run_after_a_stated_number_of_returns(
    job: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, job, "backward nan", None)
    events, message = train(job, tmp_path / "m", cache)
    assert len(told(events)) == MOST_ROLLBACKS
    assert message.startswith("training diverged at step 1: the gradient is not finite")
    assert f"{tmp_path / 'm'} holds the weights that it began with" in message
    assert "it is always the same step" in message
    assert not unsound(tmp_path / "m")


@pytest.mark.parametrize(("job", "ema_decay", "at"), some_of(JOBS, [0.0, 0.9], [9, 24]))
def test_weights_that_no_loss_shows_to_be_ruined_are_not_saved(
    job: str,
    ema_decay: float,
    at: int,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row of an embedding that no text uses: losses and gradients know nothing of it."""
    update, done = Updater.update, {"updates": 0}

    def ruining(self: Updater, *arguments: Any) -> Any:
        result = update(self, *arguments)
        done["updates"] += 1
        if done["updates"] == at:
            name = next(n for n in self._task.model.tensors() if n.endswith("embedding.weight"))
            with torch.no_grad():
                self._task.model.tensors()[name][0, 0] = math.inf
        return result

    monkeypatch.setattr(Updater, "update", ruining)
    events, message = train(job, tmp_path / "m", cache, ema_decay=ema_decay)
    assert not message
    (returned,) = told(events)
    assert "not finite" in returned.reason
    assert isinstance(events[-1], Done)
    assert not unsound(tmp_path / "m")


class Unwatched(Loop):
    """As on a GPU: what a step came to is looked at only where something is due."""

    def _is_look_free(self) -> bool:
        return False

    def _is_progress_due(self) -> bool:
        return False


class Ruinous(LanguageModelTask):
    """Its losses are no numbers from some step on."""

    begins = 0
    done = 0

    def step(self, *arguments: Any) -> StepOutput:
        output = super().step(*arguments)
        self.done += 1
        return (
            dataclasses.replace(output, loss=output.loss * math.nan)
            if self.done > self.begins
            else output
        )


@pytest.mark.parametrize("reason", ["deadline", "interrupted"])
@pytest.mark.parametrize("begins", [0, 9])
def test_a_run_that_ends_between_two_looks_leaves_the_last_save(
    reason: str, begins: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ruinous, "begins", begins)
    monkeypatch.setattr("training.test_loop.Loop", Unwatched)
    clock = Clock()
    loop = make_loop(
        tmp_path / "m",
        plan=dataclasses.replace(PLAN, save_every=8),
        task_type=Ruinous,
        clock=clock,
        deadline_s=1000.0 if reason == "deadline" else None,
        stop_signal=lambda: (
            2 if reason == "interrupted" and loop.state.step == begins + 2 else None
        ),
    )
    update = loop._updater.update

    def timed(*arguments: Any) -> Any:
        if loop.state.step == begins + 1 and reason == "deadline":
            clock.now = 999.9
        return update(*arguments)

    loop._updater.update = timed  # type: ignore[method-assign]
    events = finish(loop)
    (returned,) = told(events)
    last = 8 if begins else 0
    assert (returned.step, returned.to_step) == (begins + 2, last)
    assert not unsound(tmp_path / "m")
    stopped = next(e for e in reversed(events) if isinstance(e, Stopped))
    assert stopped.step == last
    assert stopped.reason in ((reason,) if reason == "interrupted" else ("deadline", "finished"))
    again = make_loop(tmp_path / "m", resume=True)
    assert again.state.step == last
    again._directory.close()


def test_a_gradient_without_bound_is_remembered_until_the_next_look(tmp_path: Path) -> None:
    from textrnn.training.interval import Interval

    since = Interval(0.0)
    for norm in (1.0, math.inf, 1.0):
        since.add({"loss": torch.tensor(1.0)}, torch.tensor(norm), 1)
    assert since.fault(9.0) == "the gradient is not finite"


def test_a_sample_that_leaves_the_range_of_numbers_ends_no_run(tmp_path: Path) -> None:
    class Loud(LanguageModelTask):
        def sample(self, step: int) -> str | None:
            raise ModelError("the model's logits are not finite")

    events = finish(make_loop(tmp_path / "m", task_type=Loud))
    assert isinstance(events[-1], Done)


def test_figures_that_are_no_numbers_are_left_out_of_the_record(tmp_path: Path) -> None:
    class Vague(LanguageModelTask):
        def evaluate(self, most_targets: int | None) -> dict[str, float | None]:
            return {**super().evaluate(most_targets), "valid_more": math.nan}

    events = finish(make_loop(tmp_path / "m", task_type=Vague))
    assert isinstance(events[-1], Done)
    assert bundle.open_bundle(tmp_path / "m").config["training"]["metrics"]["valid_more"] is None


def test_data_without_a_batch_end_the_run(tmp_path: Path) -> None:
    class Empty(LanguageModelTask):
        def batches(self, epoch: int, start: int) -> Iterator[Any]:
            return iter(())

    with pytest.raises(TrainingError, match="no batch"):
        finish(make_loop(tmp_path / "m", task_type=Empty))


def test_every_save_of_a_run_that_diverges_again_and_again_is_sound(tmp_path: Path) -> None:
    class Ninth(LanguageModelTask):
        done = 0

        def step(self, *arguments: Any) -> StepOutput:
            output = super().step(*arguments)
            self.done += 1
            worse = math.inf if self.done % 9 == 0 else 1.0
            return dataclasses.replace(output, loss=output.loss * worse)

    settings = dataclasses.replace(SETTINGS, ema_decay=0.9)
    loop = make_loop(tmp_path / "m", settings, task_type=Ninth)
    events = []
    for event in loop.run():
        events.append(event)
        if isinstance(event, Saved):
            assert not unsound(tmp_path / "m")
    loop._directory.close()
    assert len(told(events)) >= 2
    assert isinstance(events[-1], Done)


def test_weights_of_a_save_that_failed_are_gone_back_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ninth(LanguageModelTask):
        done = 0

        def step(self, *arguments: Any) -> StepOutput:
            output = super().step(*arguments)
            self.done += 1
            worse = math.nan if self.done == 9 else 1.0
            return dataclasses.replace(output, loss=output.loss * worse)

    write = records.write_file

    def failing(path: Path, *content: bytes) -> Any:
        if loop.state.step == 8 and not failed:
            failed.append(path)
            raise OSError(errno.ENOSPC, "no room")
        return write(path, *content)

    failed: list[Path] = []
    loop = make_loop(tmp_path / "m", task_type=Ninth)
    monkeypatch.setattr(records, "write_file", failing)
    events = []
    for event in loop.run():
        events.append(event)
        if isinstance(event, Saved):
            config = bundle.open_bundle(tmp_path / "m").config
            best = config["training"]["best_step"]
            assert config["weights"] == f"weights-{best:08d}.safetensors"
    loop._directory.close()
    assert failed
    (returned,) = told(events)
    assert (returned.step, returned.to_step) == (9, 5)
