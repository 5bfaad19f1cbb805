"""Ctrl-C and SIGTERM at any moment: saved first, and what was begun ends with the same bits."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.harness import JOBS, Job, Zygote, write_data
from faults.leftovers import look_at
from faults.unbroken import Unbroken, require_whole

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def interrupt_and_resume(
    zygote: Zygote, job: Job, folder: Path, whole: Unbroken, rng: random.Random
) -> Counter[str]:
    """Interrupt a run again and again until a session reaches the end; return how sessions ended."""
    ended: Counter[str] = Counter()
    write_data(folder)
    arguments = job.train()
    while True:
        child = zygote.start(folder, *arguments)
        number = rng.choice(list(CODES))
        if rng.random() < 0.8:
            child.wait_for("resumed" if "--resume" in arguments else "saved")
        time.sleep(rng.uniform(0, 0.5 * whole.whole_s))
        child.send(number)
        is_twice = rng.random() < 0.3
        if is_twice:
            time.sleep(0.35)
            child.send(number)
        code, said = child.wait(), child.err.read_text()
        assert "Traceback" not in said
        if code == 0:
            break
        assert code == CODES[number], said
        last = child.events()[-1] if child.events() else {"event": "nothing"}
        if last["event"] == "stopped":
            ended["saved and ended"] += 1
            left = require_whole(folder / "model")
            assert left.step == left.resume_step == last["step"]
            assert f"Stopped at step {last['step']:,} and saved" in said
        elif (folder / "model" / "config.json").exists():
            ended["left at once, by a second signal" if is_twice else "before training"] += 1
            require_whole(folder / "model")
        else:
            ended["before the first save"] += 1
            arguments = job.train("--force")
            continue
        arguments = job.resume()
    assert look_at(folder / "model") == whole.last
    return ended


@pytest.mark.faults
def test_interrupted_at_random_moments(
    zygote: Zygote, job: Job, tmp_path: Path, keep_figures: Callable
) -> None:
    whole = Unbroken(zygote, job, tmp_path / "whole")
    rng = random.Random(job.command)
    ended: Counter[str] = Counter()
    for number in range(8):
        folder = tmp_path / f"interrupted-{number}"
        folder.mkdir()
        ended += interrupt_and_resume(zygote, job, folder, whole, rng)
    keep_figures(f"signals, {job.command}", {**ended, "signals": sum(ended.values())})


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.faults)]
)
def test_a_signal_saves_and_a_second_one_leaves_at_once(
    number: signal.Signals, zygote: Zygote, folder: Path
) -> None:
    job = JOBS["classifier" if number == signal.SIGINT else "translator"]
    whole = Unbroken(zygote, job, folder / "whole")
    child = zygote.start(folder, *job.train())
    child.wait_for("saved", 4)
    child.send(number)
    assert child.wait() == CODES[number]
    saved = require_whole(folder / "model").step
    second = zygote.start(folder, *job.resume())
    second.wait_for("saved")
    second.send(signal.SIGSTOP)
    # Both wait until it runs again: the first asks, and the second one leaves.
    second.send(number)
    second.send(signal.SIGCONT)
    second.send(number)
    assert second.wait() == CODES[number]
    assert require_whole(folder / "model").step >= saved
    assert zygote.run(folder, *job.resume()).code == 0
    assert look_at(folder / "model") == whole.last


@pytest.mark.faults
def test_a_signal_while_the_command_starts(
    variables: dict[str, str], folder: Path, keep_figures: Callable
) -> None:
    """From Python's own start on, which handles signals its own way for some 20 ms."""
    rng = random.Random(0)
    codes: Counter[str] = Counter()
    for number in range(40):
        child = subprocess.Popen(
            [sys.executable, "-m", "textrnn", *JOBS["lm"].train("-o", f"model-{number}", "-q")],
            cwd=folder,
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=-1,
            text=True,
        )
        time.sleep(rng.uniform(0.06, 2.0))
        child.send_signal(signal.SIGINT)
        said = child.communicate()[1]
        assert "Traceback" not in said, said
        codes[str(child.returncode)] += 1
        # Before it handles signals itself, one ends it as it ends any process: shells report 130, too.
        assert child.returncode in (0, 130, -signal.SIGINT)
    keep_figures("signals while starting", dict(codes))
