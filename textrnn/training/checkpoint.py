"""Saving a run into its model directory, and taking it up again, bit for bit.

A save writes new files and then replaces two small JSON files, the state's first. Whichever of the two
writes a kill falls between, both name files that lie there whole.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from textrnn import bundle, records
from textrnn.errors import ModelError, TrainingError
from textrnn.files import is_plain
from textrnn.training.locking import DirectoryLock
from textrnn.training.save_error import SaveError, explained
from textrnn.training.state import RunState
from textrnn.training.versions import versions

__all__ = ["RunDirectory"]

_WEIGHTS = ("weights-*.safetensors", ".*.part")
_LAST = ("last-*.safetensors", ".*.part")
"""What a save may leave behind."""


class RunDirectory:
    """A model directory that one run at a time writes into.

    Args:
        path: The directory.
        head: What ``config.json`` holds besides weights and figures: job, settings, data, tokenizers.
        lock: What keeps other runs out.
    """

    def __init__(self, path: Path, head: Mapping[str, Any], lock: DirectoryLock) -> None:
        self.path = path
        self._head = dict(head)
        self._lock = lock
        self._files: dict[str, records.FileRecord] = {}
        self._unwritten: dict[str, Any] = {}
        self._saved_step: int | None = None
        self.weights = ""

    @classmethod
    def create(
        cls, path: Path, head: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> RunDirectory:
        """Begin a new model in an empty or new directory.

        Args:
            path: The directory.
            head: As for the class; versions are added.
            files: What the model consists of besides weights, by name.

        Raises:
            TrainingError: another run is writing there, or has written there meanwhile.
            SaveError: it cannot be written.
        """
        with explained(path):
            (path / bundle.RESUME).mkdir(parents=True, exist_ok=True)
            lock = DirectoryLock(path)
        directory = cls(path, {**head, "versions": versions()}, lock)
        try:
            if (path / bundle.CONFIG).exists():
                raise TrainingError(
                    f"{path}: another run has written a model here since this one began; choose another "
                    f"directory with --output"
                )
            with explained(path):
                for name, content in files.items():
                    directory._files[name] = records.write_file(path / name, content)
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
            TrainingError: another run is writing there.
            SaveError: it cannot be written.
        """
        bundle.open_bundle(path)
        folder = path / bundle.RESUME
        _require_own(path)
        if not (folder / bundle.STATE).exists():
            raise ModelError(
                f"{path}: holds no training state, so it cannot be resumed; to train it further on any "
                f"text, start a new model from it with --init-from {path}"
            )
        with explained(path):
            lock = DirectoryLock(path)
        directory = cls(path, {}, lock)
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
            records.verify_file(self.path, name, entry)
            self._files[name] = entry
            self.weights = name
        state, tensors = self.load()
        self._saved_step = state.step
        with explained(self.path, lambda: state.step):
            # First, since a disk may be full of what a save that failed has left.
            self._sweep_unnamed()
            # A kill between the two JSON files left config.json with what was best before.
            self._write_config(state)
            self._sweep(record["tensors"])
        return state, tensors

    def _read_state(self) -> dict[str, Any]:
        """Read and verify the state's record.

        Raises:
            ModelError: damaged, or not what this version writes.
        """
        folder = self.path / bundle.RESUME
        record = records.read_record(folder, bundle.STATE)
        run, weights = record.get("run"), record.get("weights")
        tensors = record.get("tensors")
        whole = isinstance(run, dict) and isinstance(tensors, str)
        named = list(weights) if isinstance(weights, dict) else []
        whole = whole and len(named) == 1 and _is_weights(named[0])
        if not whole or tensors not in record["files"]:
            raise ModelError(f"{folder / bundle.STATE}: incomplete; the training state is damaged")
        return record

    @property
    def head(self) -> Mapping[str, Any]:
        """What ``config.json`` holds besides weights and figures."""
        return self._head

    @property
    def saved_step(self) -> int | None:
        """Step of the last save; None before the first."""
        return self._saved_step

    def update_head(self, **entries: Any) -> None:
        """Change entries of ``config.json`` from the next save on."""
        self._head.update(entries)

    def keep_weights(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Take the weights that are to be the model's from the next :meth:`save` on."""
        self.weights = f"weights-{step:08d}.safetensors"
        arrays = {name: array.copy() for name, array in _arrays(tensors).items()}
        self._unwritten = {self.weights: arrays}

    def save(self, state: RunState, tensors: Mapping[str, Tensor]) -> None:
        """Save the state to resume from, and make the last weights kept the model's.

        Args:
            state: Where the run stands.
            tensors: Everything of it that is a tensor, by name.

        Raises:
            SaveError: something could not be written; what was saved before is whole, and the weights
                that were to be the model's are kept for the next try.
        """
        try:
            with explained(self.path, lambda: self._saved_step):
                self._lock.require_held()
                self._write(state, f"last-{state.step:08d}.safetensors", _arrays(tensors))
        except SaveError:
            with contextlib.suppress(OSError, ModelError):
                self._lock.require_held()
                self._sweep_unnamed()
            raise
        self._unwritten = {}

    def _write(self, state: RunState, last: str, arrays: Mapping[str, Any]) -> None:
        """Write new files, and then the two records that name them."""
        folder = self.path / bundle.RESUME
        files = {name: entry for name, entry in self._files.items() if not _is_weights(name)}
        for name, weights in self._unwritten.items():
            self._files[name] = records.write_tensors(self.path / name, weights)
        files[self.weights] = self._files[self.weights]
        entry = records.write_tensors(folder / last, arrays)
        record = {
            "run": state.as_dict(),
            "tensors": last,
            "files": {last: entry},
            "weights": {self.weights: files[self.weights]},
        }
        records.write_record(folder, bundle.STATE, record)
        self._saved_step = state.step
        self._files = files
        self._write_config(state)
        self._sweep(last)

    def _write_config(self, state: RunState) -> None:
        best = state.best
        summary = {
            "step": state.step,
            "best_step": best.step if best else _step_of(self.weights),
            "metrics": dict(best.metrics) if best else {},
            "elapsed_s": round(state.elapsed_s, 3),
            "targets": state.targets,
            "tokens": state.tokens,
        }
        files = self._files
        config = {**self._head, "training": summary, "weights": self.weights, "files": files}
        records.write_record(self.path, bundle.CONFIG, config)

    def _sweep(self, last: str) -> None:
        records.sweep(self.path, self._files, _WEIGHTS)
        records.sweep(self.path / bundle.RESUME, (last,), _LAST)

    def _sweep_unnamed(self) -> None:
        """Delete what neither of the two records on the disk names."""
        config = records.peek_record(self.path, bundle.CONFIG)
        state = records.peek_record(self.path / bundle.RESUME, bundle.STATE)
        named = (*config["files"], *state["weights"])
        records.sweep(self.path, named, _WEIGHTS)
        records.sweep(self.path / bundle.RESUME, state["files"], _LAST)

    def load(self) -> tuple[RunState, dict[str, Tensor]]:
        """Return the state and the tensors of the last save, and make its weights the model's again."""
        folder = self.path / bundle.RESUME
        record = self._read_state()
        # Weights that could not be written since are not those that the state tells of.
        self._unwritten = {}
        for self.weights, entry in record["weights"].items():
            self._files[self.weights] = entry
        arrays = records.read_tensors(folder / record["tensors"])
        try:
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
            return RunState.from_dict(record["run"]), tensors
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(
                f"{folder / bundle.STATE}: not what this version writes ({error}); the training state is "
                f"damaged"
            ) from None

    def load_weights(self) -> dict[str, Tensor]:
        """Return the model's weights as they were last kept."""
        arrays = self._unwritten.get(self.weights)
        if arrays is None:
            arrays = records.read_tensors(self.path / self.weights)
        return {key: torch.from_numpy(array) for key, array in arrays.items()}

    def close(self) -> None:
        """Let other runs into the directory."""
        self._lock.close()


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the tensors for NumPy, which has no bf16: float32 holds the same numbers."""
    arrays = {}
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu()
        arrays[name] = (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
    return arrays


def _require_own(path: Path) -> None:
    """Refuse a directory that leads out of itself where a run writes.

    Raises:
        ModelError: something in it is a link, or no file or folder where one belongs.
    """
    own = {bundle.RESUME: True, f"{bundle.RESUME}/.lock": False, bundle.LOG: False}
    for name, is_folder in {**own, "tensorboard": True}.items():
        entry = path / name
        if os.path.lexists(entry) and not is_plain(entry, folder=is_folder):
            kind = "folder" if is_folder else "file"
            raise ModelError(
                f"{entry}: not a plain {kind}, so nothing is written there; the model is damaged"
            )


def _is_weights(name: str) -> bool:
    return name.startswith("weights-")


def _step_of(weights: str) -> int:
    """Return the step that the name of a file of weights tells."""
    step = Path(weights).stem.removeprefix("weights-")
    return int(step) if step.isdecimal() else 0
