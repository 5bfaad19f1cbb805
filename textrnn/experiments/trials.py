"""Running trials: each an ordinary training command in a process of its own, whose events are read."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from textrnn import bundle
from textrnn.config import specs
from textrnn.experiments.outcomes import Outcome

__all__ = ["Crew", "Recipe", "TrialProcess"]

_SETUP_FAILED, _KILLED = (
    "Error:",
    "ended by {}; where memory is short, fewer --workers or smaller sizes help",
)
_NEVER_FORCED_S = 30.0
"""How long a process that was killed may take to be gone."""


@dataclass(frozen=True)
class Recipe:
    """What all trials have in common.

    Attributes:
        command: Behind ``textrnn train``.
        settings: The dataclass of the job's settings.
        options: Data given as options, ``("--valid=dev.txt",)``.
        inputs: Data given as arguments.
        fixed: Settings that are not searched, their budget among them.
    """

    command: str
    settings: type
    options: tuple[str, ...]
    inputs: tuple[str, ...]
    fixed: Mapping[str, Any]

    def arguments(self, folder: Path, values: Mapping[str, Any]) -> list[str]:
        """Return the command's arguments that train a new model, or go on where a run has begun.

        Args:
            folder: The model directory.
            values: Settings besides the fixed ones.
        """
        told = ["train", self.command, "--json", "--quiet"]
        if (folder / bundle.CONFIG).is_file():
            return [*told, f"--resume={folder}"]
        given = {**self.fixed, **values}
        known = specs(self.settings)
        chosen = [_option(known[name].option, value) for name, value in given.items()]
        return [*told, f"--output={folder}", *chosen, *self.options, "--", *self.inputs]

    def environment(self) -> dict[str, str]:
        """Return the environment without settings: those that count are in the arguments."""
        names = {spec.variable for spec in specs(self.settings).values()}
        return {name: value for name, value in os.environ.items() if name not in names}


class TrialProcess:
    """A training command that runs.

    Args:
        number: Of the trial; 0 is the last training of the best one.
        recipe: What all trials have in common.
        folder: The model directory.
        values: Settings besides the recipe's.
        lock: Held as long as the process lives; None where there is none.
        inbox: Gets ``(number, event)`` for each event and ``(number, None)`` at the end.
    """

    def __init__(
        self,
        number: int,
        recipe: Recipe,
        folder: Path,
        values: Mapping[str, Any],
        lock: IO[bytes] | None,
        inbox: queue.Queue[tuple[int, dict[str, Any] | None]],
    ) -> None:
        self.number = number
        self.outcome = Outcome()
        self.asked: str | None = None
        self._lock = lock
        self._errors = folder.with_name(f"{folder.name}.log")
        if not (folder / bundle.CONFIG).is_file():
            # What a process left that was killed before its first save.
            shutil.rmtree(folder, ignore_errors=True)
        arguments = recipe.arguments(folder, values)
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603  (this program itself)
                [sys.executable, "-m", "textrnn", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=recipe.environment(),
                # Ctrl-C is for the study, which asks its trials to end itself.
                start_new_session=True,
                pass_fds=() if lock is None or os.name == "nt" else (lock.fileno(),),
            )
        self._reader = threading.Thread(target=self._read, args=(inbox,), daemon=True)
        self._reader.start()

    def ask(self, why: str) -> None:
        """Ask the process to save and end; ``why`` is told as :attr:`asked`. Only the first asking counts."""
        if self.asked is None:
            self.asked = why
            with contextlib.suppress(OSError):
                self._process.terminate()

    def kill(self) -> None:
        """End the process at once; its last save stays."""
        with contextlib.suppress(OSError):
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_NEVER_FORCED_S)
        self.close()

    def close(self) -> int:
        """Wait for the end, release the lock and return the exit status."""
        code = self._process.wait()
        if self._lock is not None:
            self._lock.close()
        with contextlib.suppress(OSError):
            # Whoever was asked to end says so, which nobody needs to know.
            if self.asked is not None or not self._errors.stat().st_size:
                self._errors.unlink()
        return code

    def message(self, code: int) -> str:
        """Return what the process said when it failed.

        Args:
            code: Its exit status.
        """
        if code < 0:
            return _KILLED.format(signal.Signals(-code).name)
        try:
            lines = self._errors.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        said = [line for line in lines if line.startswith(_SETUP_FAILED)] or lines
        return said[-1].removeprefix(_SETUP_FAILED).strip() if said else f"exit status {code}"

    def _read(self, inbox: queue.Queue[tuple[int, dict[str, Any] | None]]) -> None:
        assert self._process.stdout is not None  # noqa: S101  (it is a pipe)
        with self._process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # a line that a kill cut
                    inbox.put((self.number, json.loads(line)))
        inbox.put((self.number, None))


class Crew:
    """The processes that run now; a context manager that leaves none behind."""

    def __init__(self) -> None:
        self.processes: dict[int, TrialProcess] = {}
        self._inbox: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs: each has saved what it would resume from."""
        for process in self.processes.values():
            process.kill()
        self.processes.clear()

    def begin(
        self,
        number: int,
        recipe: Recipe,
        folder: Path,
        values: Mapping[str, Any],
        lock: IO[bytes] | None = None,
    ) -> None:
        """Start a process; arguments as for :class:`TrialProcess`."""
        process = TrialProcess(number, recipe, folder, values, lock, self._inbox)
        self.processes[number] = process

    def ask(self, why: str) -> None:
        """Ask every process to save and end."""
        for process in self.processes.values():
            process.ask(why)

    def next_event(self, timeout_s: float) -> tuple[TrialProcess, dict[str, Any] | None] | None:
        """Return a process and its next event, None for its end; None alone where nothing came in time."""
        try:
            number, event = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return None
        process = self.processes[number]
        if event is None:
            del self.processes[number]
        return process, event


def _option(option: str, value: Any) -> str:
    if isinstance(value, bool):
        return option if value else f"--no-{option[2:]}"
    return f"{option}={value!r}" if isinstance(value, float) else f"{option}={value}"
