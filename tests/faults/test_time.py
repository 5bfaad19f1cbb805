"""Time budgets: met from the command's start to its last save, and no run is lost to a pause."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.harness import CORPORA, JOBS, Zygote
from faults.leftovers import look_at
from faults.unbroken import require_whole

TEXTRNN = (sys.executable, "-m", "textrnn")
WHOLE = {"lm": "harbour.txt", "classifier": "remarks.tsv", "translator": "phrases.tsv"}


@pytest.mark.faults
def test_a_run_that_stood_still_beyond_its_budget_ends_in_order(
    zygote: Zygote, folder: Path
) -> None:
    job = JOBS["lm"]
    timed = [a for a in job.train() if a not in ("--max-steps", "40")]
    child = zygote.start(folder, *timed, "--minutes", "0.05")
    child.wait_for("saved", 2)
    child.send(signal.SIGSTOP)
    time.sleep(3)
    child.send(signal.SIGCONT)
    assert child.wait() == 0, child.err.read_text()
    assert child.events()[-1]["reason"] == "deadline"
    left = require_whole(folder / "model")
    assert left.history
    assert left.best_step > 0
    more = zygote.run(folder, *job.resume("--max-steps", "3"))
    assert more.code == 0
    assert look_at(folder / "model").step == left.step + 3


@pytest.mark.faults
@pytest.mark.parametrize("command", list(WHOLE))
@pytest.mark.parametrize("minutes", [0.25, 1.0])
def test_budgets_are_met(
    command: str, minutes: float, tmp_path: Path, variables: dict, keep_figures: Callable
) -> None:
    """As a user runs it: whole texts, default settings."""
    took = timed_run(command, minutes, tmp_path, variables)
    budget = 60 * minutes
    keep_figures(
        f"time, {command}, {minutes:g} min",
        {"budget_s": budget, "took_s": round(took, 2), "off": round(took / budget - 1, 4)},
    )
    assert abs(took - budget) <= max(5.0, 0.03 * budget)


def timed_run(
    command: str,
    minutes: float,
    folder: Path,
    variables: dict[str, str],
    pause: tuple[float, float] | None = None,
) -> float:
    """Run with a budget and return the seconds from the process's start to its last save.

    Args:
        command: Behind ``textrnn train``.
        minutes: The budget.
        folder: Where it runs.
        variables: Its environment.
        pause: Seconds after which it is stopped, and for how long.
    """
    endless = ("--epochs", "100000", "--patience", "0")
    begun = time.time()
    data = str(CORPORA / WHOLE[command])
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(
            # Passes without end: a budget in minutes alone stops where more would only learn by heart.
            [*TEXTRNN, "train", command, data, "-o", "model", *endless, "--minutes", str(minutes)],
            cwd=folder,
            env=variables,
            stderr=said,
        )
        if pause is not None:
            time.sleep(pause[0])
            os.kill(child.pid, signal.SIGSTOP)
            time.sleep(pause[1])
            os.kill(child.pid, signal.SIGCONT)
        assert child.wait() == 0
    require_whole(folder / "model")
    return (folder / "model" / "resume" / "state.json").stat().st_mtime - begun


@pytest.mark.faults
def test_a_pause_within_the_budget_is_made_up_for(
    tmp_path: Path, variables: dict, keep_figures: Callable
) -> None:
    took = timed_run("lm", 0.75, tmp_path, variables, pause=(15.0, 10.0))
    keep_figures("time, lm, 0.75 min, stopped for 10 s", {"budget_s": 45, "took_s": round(took, 2)})
    assert abs(took - 45) <= 5.0
