"""Two runs into one directory: one of them is refused, the other does not notice."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.harness import JOBS, Job, Zygote, kill
from faults.leftovers import look_at
from faults.unbroken import Unbroken, require_whole

import textrnn
from textrnn import bundle, records
from textrnn.errors import ModelError


def test_a_second_run_is_refused(zygote: Zygote, job: Job, folder: Path) -> None:
    """Begun anew, with ``--force`` or with ``--resume``, while the first one stands still."""
    whole = Unbroken(zygote, job, folder / "whole")
    child = zygote.start(folder, *job.train())
    child.wait_for("evaluated")
    child.send(signal.SIGSTOP)
    try:
        for arguments, code, said in (
            (job.train(), 2, "model exists already"),
            (job.train("--force"), 1, "model: a run is writing into this directory"),
            (job.resume(), 1, "model: another run is writing into this directory"),
            (job.resume("--dry-run"), 1, "model: another run is writing into this directory"),
        ):
            refused = zygote.run(folder, *arguments)
            assert refused.code == code
            assert refused.err.read_text().splitlines()[-1].startswith(f"Error: {said}")
        require_whole(folder / "model", whole)
    finally:
        child.send(signal.SIGCONT)
    assert child.wait() == 0
    assert look_at(folder / "model") == whole.last


def test_a_lock_ends_with_its_process(zygote: Zygote, folder: Path) -> None:
    job = JOBS["lm"]
    child = zygote.start(folder, *job.train(steps=100_000))
    child.wait_for("saved", 2)
    assert kill(child)
    assert (folder / "model" / "resume" / ".lock").exists()
    assert zygote.run(folder, *job.resume("--max-steps", "3")).code == 0


def begin_together(zygote: Zygote, job: Job, folder: Path, count: int) -> list[int]:
    """Begin runs into one directory at the same time; return their exit codes."""
    runs = [zygote.start(folder, *job.train("--seed", str(seed))) for seed in range(count)]
    codes = [run.wait() for run in runs]
    won = [seed for seed, code in enumerate(codes) if code == 0]
    assert len(won) == 1, [run.err.read_text() for run in runs]
    left = require_whole(folder / "model")
    alone = folder / "alone"
    alone.mkdir()
    ran = zygote.run(folder, *job.train("-o", "alone", "--seed", str(won[0])))
    assert ran.code == 0
    assert left == look_at(alone)
    for run, code in zip(runs, codes, strict=True):
        if code:
            assert code in (1, 2)
            assert "Traceback" not in run.err.read_text()
            assert run.err.read_text().splitlines()[-1].startswith("Error: model")
    return codes


@pytest.mark.faults
def test_of_many_runs_that_begin_together_one_goes_on(
    zygote: Zygote, job: Job, folder: Path, keep_figures: Callable
) -> None:
    rounds, count = 8, 6
    for _ in range(rounds):
        begin_together(zygote, job, folder, count)
        shutil.rmtree(folder / "model")
        shutil.rmtree(folder / "alone")
    keep_figures(f"begun together, {job.command}", {"rounds": rounds, "runs_each": count})


def test_a_run_that_read_for_long_replaces_nothing(zygote: Zygote, folder: Path) -> None:
    """Another one has made the directory meanwhile, and ended."""
    os.mkfifo(folder / "slow.txt")
    job = JOBS["lm"]
    slow = [argument.replace("book", "slow") for argument in job.train()]
    child = zygote.start(folder, *slow)
    with (folder / "slow.txt").open("wb") as pipe:
        assert zygote.run(folder, *job.train()).code == 0
        before = look_at(folder / "model")
        pipe.write((folder / "book.txt").read_bytes() * 2)
    assert child.wait() == 2
    assert child.err.read_text().splitlines()[-1].startswith("Error: model exists already")
    assert look_at(folder / "model") == before


def save_anew(model: Path) -> None:
    """Do to a model what a run's next save does: new weights, a new record, the old weights swept."""
    config = json.loads((model / "config.json").read_text())
    name = config["weights"]
    weights = {key: array + 1 for key, array in records.read_tensors(model / name).items()}
    config["weights"] = f"weights-{config['training']['step'] + 1:08d}.safetensors"
    config["training"]["step"] += 1
    files = {key: entry for key, entry in config["files"].items() if key != name}
    files[config["weights"]] = records.write_tensors(model / config["weights"], weights)
    del config["digest"], config["format"]
    records.write_record(model, "config.json", {**config, "files": files})
    (model / name).unlink()


def test_a_save_between_reading_a_record_and_its_files(
    zygote: Zygote, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens a model meanwhile, or has opened it, reads the new one."""
    assert zygote.run(folder, *JOBS["lm"].train()).code == 0
    model, verify, saves = folder / "model", records.verify_file, [2]

    def verify_late(*arguments: Any) -> None:
        if saves[0]:
            saves[0] -= 1
            save_anew(model)
        verify(*arguments)

    monkeypatch.setattr(records, "verify_file", verify_late)
    opened = bundle.open_bundle(model)
    assert opened.config["training"]["step"] == 42
    before = opened.tensors()
    save_anew(model)
    after = opened.tensors()
    assert all((after[name] == before[name] + 1).all() for name in before)
    (model / bundle.open_bundle(model).config["weights"]).unlink()
    with pytest.raises(ModelError, match="missing"):
        opened.tensors()


@pytest.mark.faults
def test_a_model_opens_while_its_run_saves(zygote: Zygote, folder: Path) -> None:
    """A save sweeps the weights of the one before; whoever is reading them reads the new ones."""
    job = JOBS["lm"]
    child = zygote.start(
        folder, *job.train("--eval-every", "1", "--save-every", "1", steps=100_000)
    )
    child.wait_for("evaluated")
    try:
        steps = {require_opens(folder / "model") for _ in range(60)}
    finally:
        kill(child)
    assert len(steps) > 1


def require_opens(model: Path) -> int:
    """Open a model and return the step that it is of."""
    textrnn.load(model, device="cpu")
    opened = bundle.open_bundle(model)
    assert opened.tensors()
    step: int = opened.config["training"]["step"]
    return step
