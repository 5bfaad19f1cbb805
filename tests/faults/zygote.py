"""Starts commands within milliseconds: a process that has imported everything forks for each of them.

What it forks is a process of its own that runs the command line from its first line to its exit code, and
dies of signals as any other; only the seconds of importing torch are saved. It reads a request a line, as
JSON, and answers each with a line.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import mmap
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faults.leftovers import look_at

IMPORTED = (
    "torch",
    "textrnn.cli.entry",
    "textrnn.training.loop",
    "textrnn.training.resuming",
    "textrnn.language_model.training",
    "textrnn.language_model.resuming",
    "textrnn.language_model.generator",
    "textrnn.classifier.training",
    "textrnn.translator.training",
)

PHASES = ("outside", "step", "evaluation", "save")
"""What a run is doing, as it says in a byte of a file that others can read."""


def main() -> None:
    """Answer requests until the pipe is closed."""
    for name in IMPORTED:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if answer == 0:
                _run(request)
        print(answer, flush=True)


def _run(request: dict[str, Any]) -> None:
    """Be the command that a request describes; does not return."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    null = os.open(request["stdin"], os.O_RDONLY)
    out, err = (
        os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        for name in ("out", "err")
    )
    for number, stream in enumerate((null, out, err)):
        os.dup2(stream, number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  (what was read ahead is not the child's)
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    if request["phases"]:
        _tell_phases(Path(request["phases"]))
    if request["saves"]:
        _tell_saves(Path(request["saves"]))
    from textrnn.cli.entry import leave, run

    leave(run(request["arguments"]))


def _tell_phases(path: Path) -> None:
    """Let the run say in a byte of a file what it is doing."""
    from textrnn.training.checkpoint import RunDirectory
    from textrnn.training.evaluating import Evaluator
    from textrnn.training.update import Updater

    with path.open("r+b") as file:
        place = mmap.mmap(file.fileno(), 1)

    def telling(phase: int, function: Callable[..., Any]) -> Callable[..., Any]:
        def told(*arguments: Any, **keywords: Any) -> Any:
            before, place[0] = place[0], phase
            try:
                return function(*arguments, **keywords)
            finally:
                place[0] = before

        return told

    Updater.update = telling(1, Updater.update)
    Evaluator.metrics = telling(2, Evaluator.metrics)
    RunDirectory.save = telling(3, RunDirectory.save)


def _tell_saves(path: Path) -> None:
    """Let the run write down after every save what its directory then holds."""
    from textrnn.training.checkpoint import RunDirectory

    save = RunDirectory.save

    def told(directory: RunDirectory, *arguments: Any) -> None:
        save(directory, *arguments)
        left = dataclasses.asdict(look_at(directory.path))
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(left) + "\n")

    RunDirectory.save = told


if __name__ == "__main__":
    main()
