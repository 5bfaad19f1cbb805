"""A run that nothing broke, which all that was broken is held against."""

from __future__ import annotations

import json
import time
from pathlib import Path

from faults.harness import Job, Zygote, write_data
from faults.leftovers import Left, look_at

import textrnn
from textrnn import bundle, records

__all__ = ["Unbroken", "require_whole"]


class Unbroken:
    """A run that nothing broke, and what its directory held after each of its saves.

    Args:
        zygote: Starts it.
        job: What it trains.
        folder: A folder to make for it.
        more: Further options.
    """

    def __init__(self, zygote: Zygote, job: Job, folder: Path, *more: str) -> None:
        folder.mkdir()
        write_data(folder)
        begun = time.monotonic()
        child = zygote.run(folder, *job.train(*more), saves=folder / "saves.jsonl")
        self.whole_s = time.monotonic() - begun
        assert child.code == 0, child.err.read_text()
        lines = (folder / "saves.jsonl").read_text().splitlines()
        saves = [Left(**json.loads(line)) for line in lines]
        self.models = {left.model for left in saves}
        self.states = {left.state for left in saves}
        self.model = folder / "model"
        self.last = look_at(self.model)


def require_whole(model: Path, whole: Unbroken | None = None, least_step: int = 0) -> Left:
    """Open a model directory in every way; hold what lies there against the unbroken run's saves."""
    opened = bundle.open_bundle(model)
    records.read_record(model / "resume", bundle.STATE)
    textrnn.load(model, device="cpu")
    left = look_at(model)
    assert opened.config["weights"] == f"weights-{left.best_step:08d}.safetensors"
    if whole is not None:
        # The weights are the best that the unbroken run had at that step, bit for bit.
        assert left.model in whole.models
        assert left.state in whole.states
    assert left.resume_step >= left.step >= least_step
    return left
