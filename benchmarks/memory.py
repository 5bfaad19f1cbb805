"""How much memory long work takes: anonymous resident memory, sampled while the real command runs.

    python -m benchmarks.memory [--only train ...] [--share 1.0] [-o memory.json] [--plot memory.png]

Four pieces of work, each with a bound: a language model trained for a few steps on a text of 1 GB, a million
characters generated, a million lines classified and 100,000 lines translated through pipes. ``--share 0.01``
does a hundredth of each. The models are small and trained for a few steps on the texts in ``corpora/``: what
a model says is no matter here.

RssAnon is what a process has in memory that no file holds (Linux only: it is read from /proc/PID/status ten
times a second); pages of memory-mapped files come on top, which the system takes back where others need the
room. The samples are written as JSON and, with matplotlib, drawn. Ends with 1 where a bound does not hold or
lines are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from benchmarks.machine import machine

CORPORA = Path(__file__).resolve().parents[1] / "corpora"
TEXTRNN = [sys.executable, "-m", "textrnn"]
SMALL = ["--hidden-size", "64", "--num-layers", "1", "--embedding-dim", "32", "--quiet"]
INTERVAL_S = 0.1
QUICK = ["--hidden-size", "16", "--spelling-rows", "0", "--bag-order", "0", "--ngram-order", "1"]
"""What makes a classifier quick enough for a million lines to take a minute or so."""

BOUNDS_MIB = {"train": 500, "generate": 100, "classify": 400, "translate": 300}
"""What must suffice, whatever the length of the work."""

GROWTH_MIB = 64
"""By how much the peak of a stream's last third may be above that of the second: torch is loaded in the
first, once that pays. A training run does other things in its last third."""


class Watch:
    """Runs a command and samples its memory.

    Attributes:
        samples: Seconds since the start, and MiB.
    """

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.samples: list[tuple[float, float]] = []
        environment = {**os.environ, "TEXTRNN_CACHE": str(folder / "cache")}
        self.process = subprocess.Popen(
            [*TEXTRNN, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def count(self, piece: bytes | None, lines: Iterable[str] = ()) -> int:
        """Send lines, await the end, and return how often a piece stands in the answer, or its bytes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        done = threading.Event()
        helpers = [
            threading.Thread(target=_write, args=(self.process.stdin, lines)),
            threading.Thread(target=self._sample, args=(done,)),
        ]
        for helper in helpers:
            helper.start()
        found = 0
        while data := self.process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            found += len(data) if piece is None else data.count(piece)
        done.set()
        for helper in helpers:
            helper.join()
        if self.process.wait() != 0:
            raise SystemExit(
                f"{' '.join(self.process.args[1:4])} ended with {self.process.returncode}"
            )  # type: ignore[index, arg-type]
        return found

    def _sample(self, done: threading.Event) -> None:
        begun = time.monotonic()
        while not done.wait(INTERVAL_S):
            self.samples.append(
                (round(time.monotonic() - begun, 2), _anonymous_mib(self.process.pid))
            )


def train(folder: Path, share: float) -> tuple[Watch, int, int]:
    """Train on a long text; 12 steps, validated once."""
    text = folder / "long.txt"
    size = int(1e9 * share)
    with text.open("wb") as file:
        for block in varied_text():
            file.write(block[: size - file.tell()])
            if file.tell() >= size:
                break
    options = ["--max-steps", "12", "--eval-every", "12", "--json"]
    watch = Watch(["train", "lm", text.name, "-o", "long-lm", *SMALL, *options], folder)
    found = watch.count(b'"event": "done"')
    text.unlink()
    return watch, found, 1


def generate(folder: Path, share: float) -> tuple[Watch, int, int]:
    """Write many characters; all of them ASCII, as the training text is."""
    _trained(folder, "lm", "harbour.txt", "lm")
    number = int(1e6 * share)
    watch = Watch(["generate", "lm", "-n", str(number), "--seed", "1"], folder)
    return watch, int(watch.count(None) >= number), 1


def classify(folder: Path, share: float) -> tuple[Watch, int, int]:
    """Label many lines that come through a pipe."""
    _trained(folder, "classifier", "remarks.tsv", "clf", *QUICK)
    number = int(1e6 * share)
    watch = Watch(["classify", "clf", "-", "--quiet"], folder)
    return watch, watch.count(b"\n", _lines("remarks.tsv", 1, number)), number


def translate(folder: Path, share: float) -> tuple[Watch, int, int]:
    """Translate many lines that come through a pipe, greedily."""
    _trained(folder, "translator", "phrases.tsv", "mt")
    number = int(1e5 * share)
    watch = Watch(
        ["translate", "mt", "-", "--quiet", "--beam-size", "1", "--max-length", "20"], folder
    )
    return watch, watch.count(b"\n", _lines("phrases.tsv", 0, number)), number


WORK: dict[str, Callable[[Path, float], tuple[Watch, int, int]]] = {
    "train": train,
    "generate": generate,
    "classify": classify,
    "translate": translate,
}


def varied_text() -> Iterator[bytes]:
    """Yield a text without end: the lines of ``harbour.txt`` in ever another order, some numbered."""
    rng = random.Random(1)
    lines = (CORPORA / "harbour.txt").read_text(encoding="utf-8").splitlines()
    while True:
        rng.shuffle(lines)
        lines[0] = f"{rng.randrange(10**6)} {lines[0][-60:]}"
        yield "\n".join([*lines, ""]).encode()


def _trained(folder: Path, job: str, corpus: str, name: str, *more: str) -> None:
    arguments = [
        "train",
        job,
        str(CORPORA / corpus),
        "-o",
        name,
        *SMALL,
        "--max-steps",
        "20",
        *more,
    ]
    environment = {**os.environ, "TEXTRNN_CACHE": str(folder / "cache")}
    subprocess.run([*TEXTRNN, *arguments], cwd=folder, env=environment, check=True)


def _lines(corpus: str, column: int, number: int) -> Iterator[str]:
    rows = (CORPORA / corpus).read_text(encoding="utf-8").splitlines()[1:]
    texts = [row.split("\t")[column] for row in rows]
    return (f"{i} {texts[i % len(texts)]}\n" for i in range(number))


def _write(pipe: IO[bytes], lines: Iterable[str]) -> None:
    with pipe:
        for line in lines:
            pipe.write(line.encode())


def _anonymous_mib(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:")), 0.0)


def measure(name: str, share: float) -> dict[str, Any]:
    """Do one piece of work; return its figures and samples."""
    with tempfile.TemporaryDirectory() as folder:
        watch, found, wanted = WORK[name](Path(folder), share)
    sizes = [size for _, size in watch.samples]
    third = len(sizes) // 3
    peak = max(sizes)
    growth = max(sizes[2 * third :]) - max(sizes[third : 2 * third] or [0.0])
    is_flat = name == "train" or growth <= GROWTH_MIB
    return {
        "peak_mib": round(peak),
        "growth_mib": round(growth),
        "bound_mib": BOUNDS_MIB[name],
        "seconds": watch.samples[-1][0],
        "found": found,
        "wanted": wanted,
        "holds": peak <= BOUNDS_MIB[name] and found == wanted and is_flat,
        "samples": watch.samples,
    }


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw the samples, where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: matplotlib is not installed", file=sys.stderr)
        return
    figure = Figure(figsize=(7, 4), layout="tight")
    axes = figure.add_subplot(xlabel="share of the run", ylabel="RssAnon (MiB)", ylim=(0, None))
    for name, result in results.items():
        seconds = [second / result["seconds"] for second, _ in result["samples"]]
        axes.plot(seconds, [size for _, size in result["samples"]], label=name)
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> int:
    """Measure, print, write; return 1 where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(WORK), default=list(WORK))
    parser.add_argument("--share", type=float, default=1.0, help="Of the work; 1 by default.")
    parser.add_argument("-o", "--output", type=Path, help="Where the samples go, as JSON.")
    parser.add_argument("--plot", type=Path, help="Where they are drawn.")
    arguments = parser.parse_args()
    if not Path("/proc/self/status").exists():
        parser.error("there is no /proc/PID/status on this system to read RssAnon from")
    results = {}
    for name in arguments.only:
        results[name] = measure(name, arguments.share)
        print(
            name, json.dumps({k: v for k, v in results[name].items() if k != "samples"}), flush=True
        )
    if arguments.output:
        record = {"machine": machine(), "share": arguments.share, "work": results}
        arguments.output.write_text(json.dumps(record) + "\n", encoding="utf-8")
    if arguments.plot:
        draw(results, arguments.plot)
    return 0 if all(result["holds"] for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
