"""Two processes that train together, on one CPU: the same figures as one, ends decided together."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import ranks_cases as cases

from textrnn import bundle
from textrnn.errors import DeviceError, UsageError
from textrnn.training.checkpoint import RunDirectory
from textrnn.training.device import own_device, use_threads
from textrnn.training.place import Place

ALIKE = [name for name in cases.CASES if name not in ("noisy", "diverging")]
LIMIT_S = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All cases trained by one process (``one``) and by two (``two``)."""
    path = tmp_path_factory.mktemp("ranks")
    cases.write_data(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTRNN_CACHE", str(path / "cache"))
        for variable in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
            patch.delenv(variable, raising=False)
        (path / "two").mkdir()
        for name in cases.CASES:
            told = cases.train(name, path, path / "one" / name)
            (path / "one" / f"{name}.json").write_text(json.dumps(told))
        cases.train("stream", path, path / "one" / "stopped", stop=6)
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        program = [cases.__file__, str(path)]
        done = subprocess.run(
            [*torchrun, "--nproc-per-node", "2", *program],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        yield path


def told(folder: Path, processes: str, name: str, event: str) -> list[dict]:
    events = json.loads((folder / processes / f"{name}.json").read_text())
    return [each for each in events if each["event"] == event]


def weights(path: Path) -> dict[str, np.ndarray]:
    return bundle.open_bundle(path).tensors()


def resumable(path: Path) -> dict[str, np.ndarray]:
    directory, _, tensors = RunDirectory.reopen(path)
    directory.close()
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def assert_close(a: dict[str, np.ndarray], b: dict[str, np.ndarray], tolerance: float) -> None:
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", ALIKE)
def test_two_processes_reach_the_figures_of_one(folder: Path, name: str):
    one, two = (told(folder, processes, name, "evaluated") for processes in ("one", "two"))
    assert [each["step"] for each in one] == [each["step"] for each in two]
    assert one
    for a, b in zip(one, two, strict=True):
        assert a["metrics"]["valid_loss"] == pytest.approx(b["metrics"]["valid_loss"], rel=2e-4)
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=2e-4)
    assert_close(resumable(folder / "one" / name), resumable(folder / "two" / name), 2e-3)


def test_some_batches_have_fewer_rows_than_there_are_processes(folder: Path):
    facts = bundle.open_bundle(folder / "two" / "classifier").config["facts"]
    assert facts["train_examples"] % 4 == 1
    assert cases.SHARED["max_steps"] > facts["train_examples"] // 4 + 1
    assert facts["processes"] == 2


def test_norms_and_targets_are_those_of_whole_batches(folder: Path):
    for name in ("stream", "classifier", "translator"):
        events = (told(folder, n, name, "progress") for n in ("one", "two"))
        # Others are told by the clock.
        norms = [each["grad_norm"] for some in events for each in some if each["step"] == 4]
        assert norms[0] == pytest.approx(norms[1], rel=2e-4)
        training = [
            bundle.open_bundle(folder / n / name).config["training"] for n in ("one", "two")
        ]
        assert training[0]["targets"] == training[1]["targets"]


def test_a_roll_back_is_everybodys(folder: Path):
    one, two = (told(folder, processes, "diverging", "rolled_back") for processes in ("one", "two"))
    assert one
    # The reasons tell the loss, of weights that were restored.
    assert one == two


def test_noise_is_the_same_from_run_to_run(folder: Path):
    first, again = weights(folder / "two" / "noisy"), weights(folder / "two" / "noisy again")
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])


def test_other_rows_get_other_noise(folder: Path):
    one, two = (told(folder, processes, "noisy", "evaluated")[-1] for processes in ("one", "two"))
    assert one["train_loss"] != pytest.approx(two["train_loss"], rel=1e-6)


def test_a_run_of_two_processes_goes_on_in_one(folder: Path):
    model = folder / "two" / "stopped"
    assert resumable(model)["carried:0.h"].shape[0] == cases.TEXT["batch_size"]
    cases.resume("stream", model)
    assert_close(resumable(model), resumable(folder / "one" / "stream"), 2e-3)


def test_a_run_of_one_process_goes_on_in_two(folder: Path):
    resumed = told(folder, "two", "resumed", "resumed")
    assert [each["step"] for each in resumed] == [6]
    whole = resumable(folder / "one" / "stream")
    assert_close(resumable(folder / "one" / "stopped"), whole, 2e-3)


# Real commands


def logged(model: Path) -> list[dict]:
    """Return the events in a log that may be growing."""
    if not (model / bundle.LOG).exists():
        return []
    lines = (model / bundle.LOG).read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines]


class Pair:
    """Two processes of one command, in a folder of their own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
        shared |= {"MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
        self.children = [
            subprocess.Popen(
                [sys.executable, "-m", "textrnn", *arguments],
                cwd=folder,
                env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]

    def wait_for(self, path: Path, is_it: Callable[[dict], bool]) -> None:
        """Wait for an event in the log of a model."""
        while self.children[0].poll() is None:
            if any(map(is_it, logged(path))):
                return
            time.sleep(0.02)
        raise AssertionError(self.end())

    def end(self) -> list[tuple[int, str, str]]:
        """Return exit code, stdout and stderr of both."""
        try:
            outs = [child.communicate(timeout=LIMIT_S) for child in self.children]
        finally:
            for child in self.children:
                child.kill()
        codes = (child.returncode for child in self.children)
        return [(code, *out) for code, out in zip(codes, outs, strict=True)]


ENDLESS = "train lm book.txt --device cpu --max-steps 100000 --save-every 5 --eval-every 1000 "
ENDLESS += "--hidden-size 8 --num-layers 1 --batch-size 4 --seq-len 8 --ngram-order 1 --quiet -o"


def test_a_signal_to_any_process_saves_and_ends_all(folder: Path):
    pair = Pair(folder, *ENDLESS.split(), "signalled")
    pair.wait_for(
        folder / "signalled", lambda event: event["event"] == "saved" and event["step"] > 0
    )
    pair.children[1].send_signal(signal.SIGTERM)
    (code, out, err), other = pair.end()
    assert code == 130, err
    assert other == (0, "", "")
    stopped = logged(folder / "signalled")[-1]
    assert out == ""
    assert (stopped["event"], stopped["reason"]) == ("stopped", "interrupted")
    directory, state, tensors = RunDirectory.reopen(folder / "signalled")
    directory.close()
    assert state.step == stopped["step"]
    assert tensors["carried:0.h"].shape[0] == 4


def test_a_process_that_is_lost_ends_the_run_with_its_state_saved(folder: Path):
    pair = Pair(folder, *ENDLESS.split(), "lost")
    pair.wait_for(folder / "lost", lambda event: event["event"] == "saved" and event["step"] > 0)
    pair.children[1].kill()
    (code, out, err), _ = pair.end()
    assert (code, out) == (1, "")
    assert "another process of this run has ended" in err
    assert "go on with --resume" in err
    assert "Traceback" not in err
    saved = [event for event in logged(folder / "lost") if event["event"] == "saved"]
    directory, state, _ = RunDirectory.reopen(folder / "lost")
    directory.close()
    assert state.step == saved[-1]["step"]
    assert f"step {state.step:,}" in err


def test_what_the_first_process_refuses_ends_the_others_silently(folder: Path):
    (code, out, err), other = Pair(folder, "train", "lm", "nothing.txt", "-o", "none").end()
    assert (code, out) == (1, "")
    assert "nothing.txt" in err
    assert other == (0, "", "")


# What the environment says


def test_one_process_is_alone():
    assert Place.of({}) == Place()
    assert Place.of({"WORLD_SIZE": "1", "RANK": "0"}) == Place()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WORLD_SIZE": "2"}, "RANK"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is 'two'"),
        (
            {"WORLD_SIZE": "2", "RANK": "2", "MASTER_ADDR": "h", "MASTER_PORT": "1"},
            "must be below",
        ),
    ],
    ids=["rank", "words", "range"],
)
def test_an_environment_that_contradicts_itself_is_refused(environment: dict, said: str):
    with pytest.raises(UsageError, match=said):
        Place.of(environment)


def test_every_process_has_a_device_of_its_own():
    place = Place(rank=3, size=4, local_rank=1, local_size=2)
    assert own_device("cuda", place) == "cuda:1"
    assert own_device("cpu", place) == "cpu"
    assert own_device("cuda:1", Place()) == "cuda:1"
    for name in ("cuda:1", "mps"):
        with pytest.raises(DeviceError, match="give --device"):
            own_device(name, place)


def test_processes_share_the_threads_of_their_machine():
    import torch

    before = torch.get_num_threads()
    try:
        assert use_threads(64, 1000) == 1
        assert use_threads(3) == 3
    finally:
        torch.set_num_threads(before)
