"""Hostile models before the commands that open them, in processes whose crash or hang is seen."""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from faults.hostile_forging import TEXTS

__all__ = ["PATIENCE_S", "Opener", "commands", "faults_of"]

PATIENCE_S = 60.0
"""How long the commands of a case may take; they take a second at most."""

_LONGEST_LINE = 1000

TESTS = Path(__file__).resolve().parents[1]

_USES = {
    "language-model": ["generate", "--temperature", "0", "--max-new-tokens", "12", "--prompt", "B"],
    "classifier": ["classify", "--json"],
    "translator": ["translate", "--beam-size", "1", "--max-length", "12"],
}
_TRAINED_ON = {
    "language-model": ("lm", "names.txt"),
    "classifier": ("classifier", "remarks.tsv"),
    "translator": ("translator", "phrases.tsv"),
}


def commands(job: str, model: Path, *names: str) -> list[list[str]]:
    """Return the command lines that open a model: ``use``, ``info``, ``resume``, ``finished``, ``init``."""
    trained, text = _TRAINED_ON[job]
    command, *options = _USES[job]
    new = model.parent / "new"
    lines = {
        "use": [command, str(model), *options],
        "info": ["info", str(model)],
        "resume": ["train", trained, "--resume", str(model), "--max-steps", "2", "-q"],
        "finished": ["train", trained, "--resume", str(model)],
        "init": [
            *("train", trained, str(TEXTS / text), "--init-from", str(model), "-o", str(new)),
            *("--max-steps", "2", "--eval-every", "2", "--force", "-q"),
        ],
    }
    return [lines[name] for name in names]


class Opener:
    """Runs commands in a process of its own, which is begun anew when it is gone; a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._cache = tempfile.TemporaryDirectory()

    def __enter__(self) -> "Opener":
        """Return itself; the process begins with the first case."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self._stop()
        self._said.close()
        self._cache.cleanup()

    def ask(self, lines: Iterable[list[str]]) -> tuple[list[dict[str, Any]], list[str]]:
        """Run commands; return how each went, and what was wrong with that."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"commands": list(lines)}) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        line = process.stdout.readline() if ready else None
        if line:
            runs = json.loads(line)["runs"]
            return runs, [fault for run in runs for fault in faults_of(run)]
        if line is None:
            self._stop()
            return [], [f"hangs for {PATIENCE_S:g} s"]
        code = process.wait()
        self._said.seek(0)
        said = self._said.read()[-2000:].decode(errors="replace")
        self._stop()
        return [], [f"the interpreter ended with {code}: {said}"]

    def _start(self) -> subprocess.Popen[str]:
        self._said.truncate(0)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TEXTRNN")},
            "TEXTRNN_CACHE": self._cache.name,
            "TEXTRNN_THREADS": "1",
            "PYTHONPATH": str(TESTS),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.hostile_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=environment,
        )
        return self._process

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process = None


def faults_of(run: dict[str, Any]) -> list[str]:
    """Return what is wrong with how a command ended: more than one clear line, or none."""
    faults = []
    if run["raised"] or run["code"] not in (0, 1, 2):
        faults.append(f"ended with {run['code']}: {run['raised'][-1500:]}")
    marks = ("Traceback", "this is a fault of textrnn", "out of memory", "Usage:")
    faults += [f"{mark!r}: {run['err'][-1500:]}" for mark in marks if mark in run["err"]]
    errors = [line for line in run["err"].splitlines() if line.startswith("Error:")]
    if run["code"] and (len(errors) != 1 or len(errors[0]) > _LONGEST_LINE):
        faults.append(f"not one clear line: {run['err'][-1500:]!r}")
    return faults
