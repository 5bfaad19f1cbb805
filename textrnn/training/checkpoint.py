"""Saving a run into its model directory, and taking it up again, bit for bit.

A save writes new files and then replaces two small JSON files, the state's first. Whichever of the two
writes a kill falls between, both name files that lie there whole.
"""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from textrnn import bundle
from textrnn._version import __version__
from textrnn.errors import ModelError, TrainingError
from textrnn.training.plan import Plan

__all__ = ["Best", "RunDirectory", "RunState", "versions"]


@dataclass(frozen=True)
class Best:
    """The best weights so far.

    Attributes:
        step: Updates after which they were reached.
        value: The metric they were chosen by; None without validation data.
        metrics: All figures of that evaluation.
    """

    step: int
    value: float | None
    metrics: Mapping[str, float | None]


@dataclass
class RunState:
    """Where a run stands, but for its tensors.

    Attributes:
        plan: What it follows.
        step: Updates done.
        epoch: Passes begun, from 0.
        batch: Number of the epoch's next batch.
        rate_scale: What roll-backs and the plateau schedule have multiplied the rate with.
        rollbacks: How often the run was rolled back.
        waited: Evaluations since the last best.
        best: The best so far; None before the first evaluation.
        elapsed_s: Seconds of all sessions of the run together.
        stepping_s: Seconds of them spent in steps.
        targets: Targets trained on.
        tokens: Tokens read for them.
        history: A record per evaluation.
        ended: Why the run ended, if it did: ``finished``, ``deadline`` or ``patience``.
    """

    plan: Plan
    step: int = 0
    epoch: int = 0
    batch: int = 0
    rate_scale: float = 1.0
    rollbacks: int = 0
    waited: int = 0
    best: Best | None = None
    elapsed_s: float = 0.0
    stepping_s: float = 0.0
    targets: int = 0
    tokens: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    ended: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the state for JSON."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        best = dataclasses.asdict(self.best) if self.best else None
        return {**fields, "plan": self.plan.as_dict(), "best": best}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> RunState:
        """Return the state that :meth:`as_dict` recorded."""
        best = Best(**record["best"]) if record["best"] else None
        return cls(**{**record, "plan": Plan.from_dict(record["plan"]), "best": best})


class RunDirectory:
    """A model directory that one run at a time writes into.

    Args:
        path: The directory.
        head: What ``config.json`` holds besides weights and figures: job, settings, data, tokenizers.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path = path
        self._head = dict(head)
        self._files: dict[str, bundle.FileRecord] = {}
        self.weights = ""
        self._lock: IO[bytes] | None = None

    @classmethod
    def create(
        cls, path: Path, head: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> RunDirectory:
        """Begin a new model in an empty or new directory.

        Args:
            path: The directory.
            head: As for the class; versions are added.
            files: What the model consists of besides weights, by name.
        """
        directory = cls(path, {**head, "versions": versions()})
        with _explained(path):
            (path / bundle.RESUME).mkdir(parents=True, exist_ok=True)
            directory._acquire()
            try:
                for name, content in files.items():
                    directory._files[name] = bundle.write_file(path / name, content)
            except BaseException:
                directory.close()
                raise
        return directory

    @classmethod
    def reopen(cls, path: Path) -> tuple[RunDirectory, RunState, dict[str, Tensor]]:
        """Open a model to go on with its training.

        Returns:
            The directory, the state, and its tensors by name.

        Raises:
            ModelError: damaged, or without a state to resume from.
        """
        bundle.open_bundle(path)
        folder = path / bundle.RESUME
        if not (folder / bundle.STATE).exists():
            raise ModelError(
                f"{path}: holds no training state, so it cannot be resumed; to train it further on any "
                f"text, start a new model from it with --init-from {path}"
            )
        directory = cls(path, {})
        with _explained(path):
            directory._acquire()
        try:
            # Read again under the lock: another run may have saved and ended meanwhile.
            return directory, *directory._take_up()
        except BaseException:
            directory.close()
            raise

    def _take_up(self) -> tuple[RunState, dict[str, Tensor]]:
        """Read what was saved last, and put right what a kill has left."""
        opened = bundle.open_bundle(self.path)
        record = self._read_state()
        drop = {"format", "digest", "files", "weights", "training"}
        self._head = {key: value for key, value in opened.config.items() if key not in drop}
        entries = opened.config["files"]
        self._files = {name: entry for name, entry in entries.items() if not _is_weights(name)}
        for name, entry in record["weights"].items():
            bundle.verify_file(self.path, name, entry)
            self._files[name] = entry
            self.weights = name
        state, tensors = self.load()
        # A kill between the two JSON files left config.json with what was best before.
        with _explained(self.path):
            self._write_config(state)
            self._sweep(record["tensors"])
        return state, tensors

    def _read_state(self) -> dict[str, Any]:
        """Read and verify the state's record.

        Raises:
            ModelError: damaged, or not what this version writes.
        """
        folder = self.path / bundle.RESUME
        record = bundle.read_record(folder, bundle.STATE)
        run, weights = record.get("run"), record.get("weights")
        whole = isinstance(run, dict) and isinstance(weights, dict) and len(weights) == 1
        if not whole or record.get("tensors") not in record["files"]:
            raise ModelError(f"{folder / bundle.STATE}: incomplete; the training state is damaged")
        return record

    @property
    def head(self) -> Mapping[str, Any]:
        """What ``config.json`` holds besides weights and figures."""
        return self._head

    def update_head(self, **entries: Any) -> None:
        """Change entries of ``config.json`` from the next save on."""
        self._head.update(entries)

    def write_weights(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Write the weights that are to be the model's from the next :meth:`save` on."""
        name = f"weights-{step:08d}.safetensors"
        with _explained(self.path):
            self._files[name] = bundle.write_tensors(self.path / name, _arrays(tensors))
        self.weights = name

    def save(self, state: RunState, tensors: Mapping[str, Tensor]) -> None:
        """Save the state to resume from, and make the last weights written the model's.

        Args:
            state: Where the run stands.
            tensors: Everything of it that is a tensor, by name.
        """
        folder = self.path / bundle.RESUME
        last = f"last-{state.step:08d}.safetensors"
        files = {name: entry for name, entry in self._files.items() if not _is_weights(name)}
        files[self.weights] = self._files[self.weights]
        with _explained(self.path):
            entry = bundle.write_tensors(folder / last, _arrays(tensors))
            record = {
                "run": state.as_dict(),
                "tensors": last,
                "files": {last: entry},
                "weights": {self.weights: files[self.weights]},
            }
            bundle.write_record(folder, bundle.STATE, record)
            self._files = files
            self._write_config(state)
            self._sweep(last)

    def _write_config(self, state: RunState) -> None:
        best = state.best
        summary = {
            "step": state.step,
            "best_step": best.step if best else 0,
            "metrics": dict(best.metrics) if best else {},
            "elapsed_s": round(state.elapsed_s, 3),
            "targets": state.targets,
            "tokens": state.tokens,
        }
        files = self._files
        config = {**self._head, "training": summary, "weights": self.weights, "files": files}
        bundle.write_record(self.path, bundle.CONFIG, config)

    def _sweep(self, last: str) -> None:
        bundle.sweep(self.path, self._files, ("weights-*.safetensors", ".*.part"))
        bundle.sweep(self.path / bundle.RESUME, (last,), ("last-*.safetensors", ".*.part"))

    def load(self) -> tuple[RunState, dict[str, Tensor]]:
        """Return the state and the tensors of the last save."""
        folder = self.path / bundle.RESUME
        record = self._read_state()
        arrays = bundle.read_tensors(folder / record["tensors"])
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        try:
            return RunState.from_dict(record["run"]), tensors
        except (TypeError, ValueError, KeyError, AttributeError):
            raise ModelError(
                f"{folder / bundle.STATE}: not what this version writes; the training state is damaged"
            ) from None

    def load_weights(self) -> dict[str, Tensor]:
        """Return the model's weights as they were last written."""
        arrays = bundle.read_tensors(self.path / self.weights)
        return {key: torch.from_numpy(array) for key, array in arrays.items()}

    def close(self) -> None:
        """Let other runs into the directory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _acquire(self) -> None:
        """Keep a second run out; the lock goes with the process, however it ends."""
        handle = (self.path / bundle.RESUME / ".lock").open("ab")
        try:
            _lock(handle)
        except OSError:
            handle.close()
            raise TrainingError(
                f"{self.path}: another run is writing into this directory; wait for it or choose another "
                f"with --output"
            ) from None
        self._lock = handle


def versions() -> dict[str, str]:
    """Return the versions that decide whether two runs agree bit for bit."""
    return {
        "textrnn": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _lock(handle: IO[bytes]) -> None:
    if os.name == "nt":  # pragma: no cover
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the tensors for NumPy, which has no bf16: float32 holds the same numbers."""
    arrays = {}
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu()
        arrays[name] = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
    return arrays


def _is_weights(name: str) -> bool:
    return name.startswith("weights-")


class _explained:  # noqa: N801
    """Turns an OSError while writing into a message that says what could not be written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise TrainingError(
                f"{self._path}: cannot be written: {error.strerror or error}; what was saved before is "
                f"whole: make room or choose another directory with --output, and go on with --resume"
            ) from error
