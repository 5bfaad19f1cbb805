"""What lies in a model directory after its run has ended, or was ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Left", "look_at"]


@dataclass(frozen=True)
class Left:
    """What the two records of a model directory name.

    Attributes:
        step: Step of the save that ``config.json`` is of.
        best_step: Step of its weights.
        weights: Their digest.
        resume_step: Step that a resumed run goes on from.
        tensors: Digest of all that it goes on with.
        history: The losses of its evaluations so far, by step.
    """

    step: int
    best_step: int
    weights: str
    resume_step: int
    tensors: str
    history: dict[str, float]

    @property
    def model(self) -> tuple[int, int, str]:
        """What ``config.json`` names."""
        return self.step, self.best_step, self.weights

    @property
    def state(self) -> tuple[int, str, tuple[tuple[str, float], ...]]:
        """What ``resume/state.json`` names."""
        return self.resume_step, self.tensors, tuple(self.history.items())


def look_at(model: Path) -> Left:
    """Return what the records name; a kill between them leaves the first one behind."""
    config = _read(model / "config.json")
    state = _read(model / "resume" / "state.json")
    return Left(
        config["training"]["step"],
        config["training"]["best_step"],
        config["files"][config["weights"]]["sha256"],
        state["run"]["step"],
        state["files"][state["tensors"]]["sha256"],
        {str(record["step"]): record["valid_loss"] for record in state["run"]["history"]},
    )


def _read(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record
