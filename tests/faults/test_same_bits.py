"""The same plan gives the same bits: training, and what a trained model answers."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.harness import Job, Zygote, write_data
from faults.leftovers import Left, look_at
from faults.unbroken import Unbroken


def answer(zygote: Zygote, job: Job, folder: Path) -> str:
    """Return what a model answers."""
    used = zygote.run(folder, *job.use, stdin=job.stdin)
    assert used.code == 0, used.err.read_text()
    return used.out.read_text()


def test_the_same_plan_gives_the_same_bits(zygote: Zygote, job: Job, folder: Path) -> None:
    """In another folder, with nothing prepared before; and made again from the settings recorded."""
    whole = Unbroken(zygote, job, folder / "whole")
    again = zygote.run(folder, *job.train(), TEXTRNN_CACHE=str(folder / "cache"))
    assert again.code == 0
    assert look_at(folder / "model") == whole.last
    said = answer(zygote, job, folder)
    assert said.strip()
    assert answer(zygote, job, whole.model.parent) == said
    assert answer(zygote, job, folder) == said

    recorded = zygote.run(folder, "train", job.command, "--resume", "model", "--print-config")
    (folder / "recorded.toml").write_text(recorded.out.read_text())
    made = zygote.run(
        folder, "train", job.command, job.data, "--config", "recorded.toml", "-o", "made"
    )
    assert made.code == 0, made.err.read_text()
    assert look_at(folder / "made") == whole.last


def separate(job: Job, folder: Path, variables: dict[str, str], *more: str, seed: str) -> Left:
    """Run as users do, each run a process of its own, with another seed for Python's hashes."""
    folder.mkdir()
    write_data(folder)
    env = {**variables, "PYTHONHASHSEED": seed, "TEXTRNN_CACHE": str(folder / "cache")}
    arguments = [sys.executable, "-m", "textrnn", *job.train(*more)]
    subprocess.run(arguments, cwd=folder, env=env, check=True, capture_output=True)
    return look_at(folder / "model")


@pytest.mark.faults
def test_separate_processes_threads_and_precisions(
    zygote: Zygote, job: Job, tmp_path: Path, variables: dict[str, str], keep_figures: Callable
) -> None:
    """Each plan repeats its own bits; what another precision or number of threads changes is written down."""
    whole = Unbroken(zygote, job, tmp_path / "whole", "--precision", "bf16")

    def run(name: str, precision: str, threads: str, seed: str) -> Left:
        more = ("--precision", precision, "--threads", threads)
        return separate(job, tmp_path / name, variables, *more, seed=seed)

    assert run("bf16", "bf16", "1", seed="1") == whole.last
    plain = run("plain", "float32", "1", seed="1")
    assert run("again", "float32", "1", seed="2") == plain
    threaded = run("threaded", "float32", "2", seed="1")
    assert run("rethreaded", "float32", "2", seed="2") == threaded
    figures = {}
    for name, other in (("bf16", whole.last), ("2 threads", threaded)):
        losses = [list(left.history.values())[-1] for left in (plain, other)]
        figures[name] = {
            "same_bits_as_float32_on_1_thread": other == plain,
            "valid_loss_differs_by": abs(losses[0] - losses[1]),
        }
    keep_figures(f"same bits, {job.command}", figures)
