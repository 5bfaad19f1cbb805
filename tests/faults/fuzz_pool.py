"""Runs many cases in worker processes under a watchdog: a hang or a crash is seen, and whose it was.

PYTHONPATH=tests python -m faults.fuzz_pool --kind command --first 0 --count 2000 --seconds 110
"""

import argparse
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["PATIENCE_S", "make_pool", "run_cases", "summary"]

PATIENCE_S = 60.0
"""How long a case may take before it counts as one that hangs; the slowest takes a few seconds."""

TESTS = Path(__file__).resolve().parents[1]


class Worker:
    """A process that runs cases one at a time; started again when it is gone."""

    def __init__(self, pool: Path, own: Path) -> None:
        self._pool, self._own = pool, own
        self._process: subprocess.Popen[str] | None = None

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a case; a hang or a crash is a fault of it."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        failed = {**request, "suite": "?", "code": None, "growth_mb": 0.0, "cpu_s": 0.0}
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
            reply = process.stdout.readline() if ready else None
        except BrokenPipeError:
            reply = ""
        if reply:
            return dict(json.loads(reply))
        native = (self._own / "native").read_text(errors="replace")[-1000:]
        self.stop()
        if reply is None:
            return {**failed, "faults": [f"hangs: {(self._own / 'stack').read_text()[-3000:]}"]}
        return {**failed, "faults": [f"crashed with {process.returncode}: {native}"]}

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        self._own.mkdir(exist_ok=True)
        words = [sys.executable, "-m", "faults.fuzz_worker", self._pool, self._own, PATIENCE_S - 5]
        self._process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}", "OMP_NUM_THREADS": "1"},
        )
        return self._process


def run_cases(
    requests: Iterable[tuple[str, int]], folder: Path, seconds: float = 1e9
) -> Iterator[dict[str, Any]]:
    """Run cases; yield how each went.

    Args:
        requests: Kind and seed: ``command``, ``reader``, or ``mended`` (what went wrong once).
        folder: Where models and files go.
        seconds: After so long no further case begins.
    """
    pool = folder / "models"
    own = Path(tempfile.mkdtemp(dir=folder))
    worker = Worker(pool, own)
    until = time.monotonic() + seconds
    try:
        if (failed := worker.ask({"kind": "models", "seed": 0}))["faults"]:
            raise RuntimeError(f"the models could not be made: {failed['faults']}")
        for kind, seed in requests:
            if time.monotonic() > until:
                return
            yield worker.ask({"kind": kind, "seed": seed})
    finally:
        worker.stop()
        shutil.rmtree(own, ignore_errors=True)


def make_pool(folder: Path) -> Path:
    """Train the models, in a process of their own; return where they are."""
    for _ in run_cases([], folder):
        pass
    return folder / "models"


def summary(replies: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of a run."""
    return {
        "cases": len(replies),
        "suites": dict(Counter(reply["suite"] for reply in replies)),
        "codes": {str(code): n for code, n in Counter(r["code"] for r in replies).items()},
        "faults": sum(bool(reply["faults"]) for reply in replies),
        "most_growth_mb": round(max((reply["growth_mb"] for reply in replies), default=0)),
        "slowest_cpu_s": round(max((reply["cpu_s"] for reply in replies), default=0), 2),
        "next": replies[-1]["seed"] + 1 if replies else 0,
    }


def main() -> None:
    """Run cases and print what was wrong, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["command", "reader"], default="command")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--folder", type=Path, help="Keeps the models for the next time.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        replies = []
        wanted = range(arguments.first, arguments.first + arguments.count)
        requests = ((arguments.kind, seed) for seed in wanted)
        for reply in run_cases(requests, folder, arguments.seconds):
            replies.append(reply)
            if reply["faults"]:
                print(json.dumps(reply), flush=True)
    print(json.dumps(summary(replies)))


if __name__ == "__main__":
    main()
