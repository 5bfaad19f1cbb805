"""Three tiny runs, one a job, and what it takes to break them: processes, kills, looking at what is left."""

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from faults.zygote import PHASES

CORPORA = Path(__file__).resolve().parents[2] / "corpora"
SIZES = ("--hidden-size", "16", "--eval-every", "8", "--save-every", "3", "--threads", "1")


@dataclass(frozen=True)
class Job:
    """A job, its tiny run and a use of its model.

    Attributes:
        command: Behind ``textrnn train``.
        data: File that it trains on, in the folder of :func:`write_data`.
        options: All that makes its run tiny.
        use: A command that uses the model ``model``.
        stdin: What that command reads.
    """

    command: str
    data: str
    options: tuple[str, ...]
    use: tuple[str, ...]
    stdin: str

    def train(self, *more: str, steps: int = 40) -> tuple[str, ...]:
        """Return the command that trains ``model``."""
        own = ("-o", "model", "--max-steps", str(steps), "--json")
        return ("train", self.command, self.data, *own, *self.options, *more)

    def resume(self, *more: str) -> tuple[str, ...]:
        """Return the command that goes on with ``model``."""
        return ("train", self.command, "--resume", "model", "--json", *more)


JOBS = {
    job.command: job
    for job in (
        Job(
            "lm",
            "book.txt",
            (
                *SIZES,
                "--batch-size",
                "4",
                "--seq-len",
                "16",
                "--dropout",
                "0.1",
                "--ngram-rows",
                "256",
            ),
            ("generate", "model", "--prompt", "The harbour", "-n", "200", "--seed", "3"),
            "",
        ),
        Job(
            "classifier",
            "remarks.tsv",
            (*SIZES, "--batch-size", "16", "--spelling-rows", "512", "--bag-rows", "512"),
            ("classify", "model", "--json"),
            "The soup was cold.\n\nA splendid week by the sea.\n",
        ),
        Job(
            "translator",
            "phrases.tsv",
            (*SIZES, "--batch-size", "16", "--tokenizer", "word", "--min-frequency", "1"),
            ("translate", "model"),
            "Der Gast singt.\n\nEin Arzt schläft am Morgen.\n",
        ),
    )
}


def write_data(folder: Path) -> None:
    """Write the first lines of the project's own texts into a folder."""
    wanted = (("book.txt", "harbour.txt", 150), ("remarks.tsv", "remarks.tsv", 150))
    for name, source, lines in (*wanted, ("phrases.tsv", "phrases.tsv", 150)):
        with (CORPORA / source).open(encoding="utf-8") as text:
            (folder / name).write_text("".join(islice(text, lines)), encoding="utf-8")


@dataclass
class Child:
    """A command that runs, started by :class:`Zygote`."""

    pid: int
    out: Path
    err: Path
    _zygote: Zygote
    _phase: mmap.mmap | None
    code: int | None = None

    @property
    def phase(self) -> str:
        """What the run is doing."""
        return PHASES[self._phase[0]] if self._phase else PHASES[0]

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait for its end; returns its exit code, a signal that killed it below zero."""
        if self.code is None:
            self.code = self._zygote.ask({"wait": self.pid})
        return self.code

    def wait_until(self, phase: str, most_s: float) -> None:
        """Watch closely until the run is in a phase, or so long."""
        ends = time.monotonic() + most_s
        while self.phase != phase and time.monotonic() < ends and self.is_running():
            time.sleep(0.0002)

    def is_running(self) -> bool:
        """Return whether it has not ended yet."""
        with Path(f"/proc/{self.pid}/stat").open("rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"

    def events(self) -> list[dict[str, Any]]:
        """Return the events that it told so far; the line that a kill has cut is left out."""
        lines = self.out.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def wait_for(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait until it has told of an event so many times; returns the last of them."""
        while True:
            alive = self.is_running()
            told = [event for event in self.events() if event["event"] == name]
            if len(told) >= count:
                return told[count - 1]
            assert alive, f"ended before {name}: {self.err.read_text()}"
            time.sleep(0.002)


class Zygote:
    """Starts commands quickly; a context manager.

    Args:
        environment: Of all commands.
        folder: For what they say.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._folder = folder
        self._number = 0
        script = Path(__file__).with_name("zygote.py")
        self._process = subprocess.Popen(
            [sys.executable, script],
            stdin=-1,
            stdout=-1,
            text=True,
            env={**environment, "PYTHONPATH": str(script.parents[1])},
        )
        assert self._process.stdout.readline() == "ready\n"

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def ask(self, request: Mapping[str, Any]) -> int:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def start(
        self,
        cwd: Path,
        *arguments: str,
        watched: bool = False,
        saves: Path | None = None,
        stdin: str = "",
        **env: str,
    ) -> Child:
        """Start a command.

        Args:
            cwd: Folder that it runs in.
            arguments: Behind ``textrnn``.
            watched: Whether it tells its phases.
            saves: Where a run writes down what each of its saves left.
            stdin: What it reads.
            env: Variables of its own.
        """
        self._number += 1
        names = ("out", "err", "phases", "in")
        out, err, phases, read = (self._folder / f"{self._number}.{name}" for name in names)
        request = {
            "arguments": arguments,
            "cwd": str(cwd),
            "out": str(out),
            "err": str(err),
            "phases": str(phases) if watched else "",
            "saves": str(saves or ""),
            "stdin": str(read),
            "env": env,
        }
        out.touch()
        read.write_text(stdin, encoding="utf-8")
        phase = None
        if watched:
            phases.write_bytes(b"\0")
            with phases.open("r+b") as file:
                phase = mmap.mmap(file.fileno(), 1)
        return Child(self.ask(request), out, err, self, phase)

    def run(self, cwd: Path, *arguments: str, **keywords: Any) -> Child:
        """Run a command to its end; see :meth:`start`."""
        child = self.start(cwd, *arguments, **keywords)
        child.wait()
        return child


def kill(child: Child) -> bool:
    """Kill a command; returns whether it was still running."""
    child.send(signal.SIGKILL)
    return child.wait() == -signal.SIGKILL
