"""Killed at any moment: the model always loads, and the resumed run ends with the same bits."""

import collections
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.harness import JOBS, Job, Zygote, kill, write_data
from faults.leftovers import look_at
from faults.unbroken import Unbroken, require_whole
from faults.zygote import PHASES

PIECES, KILLS = 4, 17


def break_and_resume(
    zygote: Zygote, job: Job, folder: Path, whole: Unbroken, rng: random.Random
) -> collections.Counter[str]:
    """Kill a run again and again until one of its sessions reaches the end; returns what was hit."""
    hit: collections.Counter[str] = collections.Counter()
    write_data(folder)
    model = folder / "model"
    arguments, saved = job.train(), 0
    while True:
        child = zygote.start(folder, *arguments, watched=True)
        time.sleep(rng.uniform(0, 0.7 * whole.whole_s))
        if rng.random() < 0.7:
            child.wait_until(rng.choice(PHASES[1:]), most_s=1.0)
            time.sleep(rng.uniform(0, 0.02))
        phase = child.phase
        if not kill(child):
            assert child.code == 0, child.err.read_text()
            break
        told = [event["step"] for event in child.events() if event["event"] == "saved"]
        saved = max([saved, *told])
        if not (model / "config.json").exists():
            assert not told
            hit["before the first save"] += 1
            arguments = job.train("--force")
            continue
        hit[phase] += 1
        hit["left a file half written"] += any(folder.rglob("*.part"))
        left = require_whole(model, whole, saved)
        hit["between the two records"] += left.step != left.resume_step
        arguments = job.resume()
    assert look_at(model) == whole.last
    assert not any(folder.rglob("*.part"))
    return hit


def kills(hit: collections.Counter[str]) -> int:
    return sum(hit[name] for name in (*PHASES, "before the first save"))


@pytest.mark.faults
@pytest.mark.parametrize("piece", range(PIECES))
def test_killed_at_random_moments(
    zygote: Zygote, job: Job, tmp_path: Path, piece: int, keep_figures: Callable
) -> None:
    whole = Unbroken(zygote, job, tmp_path / "whole")
    rng = random.Random(f"{job.command} {piece}")
    hit: collections.Counter[str] = collections.Counter()
    runs = 0
    while kills(hit) < KILLS:
        folder = tmp_path / f"broken-{runs}"
        folder.mkdir()
        hit += break_and_resume(zygote, job, folder, whole, rng)
        runs += 1
    keep_figures(f"kills, {job.command}, {piece}", {**hit, "kills": kills(hit), "runs": runs})


@pytest.mark.faults
def test_killed_while_replacing_a_model(
    zygote: Zygote, tmp_path: Path, keep_figures: Callable
) -> None:
    """With ``--force`` one of two models is there afterwards, the old one or the new one, whole."""
    job, rng = JOBS["lm"], random.Random(0)
    old = Unbroken(zygote, job, tmp_path / "old", "--seed", "9")
    new = Unbroken(zygote, job, tmp_path / "new")
    became: collections.Counter[str] = collections.Counter()
    for number in range(20):
        folder = tmp_path / f"replaced-{number}"
        folder.mkdir()
        write_data(folder)
        shutil.copytree(old.model, folder / "model")
        child = zygote.start(folder, *job.train("--force"))
        time.sleep(rng.uniform(0, 0.5 * new.whole_s))
        kill(child)
        ended = zygote.run(folder, *job.resume())
        assert ended.code == 0, ended.err.read_text()
        left = look_at(folder / "model")
        assert left in (old.last, new.last)
        became["the old model is back" if left == old.last else "the new model went on"] += 1
    assert len(became) == 2
    keep_figures("kills while replacing", {**became, "kills": sum(became.values())})


def test_killed_while_saving(zygote: Zygote, job: Job, folder: Path) -> None:
    """The short form: one run, killed in a step, an evaluation and a save."""
    whole = Unbroken(zygote, job, folder / "whole")
    rng = random.Random(job.command)
    arguments = job.train()
    for phase in ("step", "evaluation", "save"):
        child = zygote.start(folder, *arguments, watched=True)
        child.wait_for("resumed" if "--resume" in arguments else "saved")
        child.wait_until(phase, most_s=10)
        time.sleep(rng.uniform(0, 0.005))
        kill(child)
        require_whole(folder / "model", whole, 0)
        arguments = job.resume()
    ended = zygote.run(folder, *arguments)
    assert ended.code == 0
    assert look_at(folder / "model") == whole.last
