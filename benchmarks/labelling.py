"""How fast and in how much memory ``textrnn classify`` labels texts.

    python -m benchmarks.labelling MODEL [--table FILE] [--lines 1000000]

Starts the real command: the seconds from start to the first label of a line on stdin; texts a second on a
table, start-up included; and ``--lines`` lines through a pipe, whose order and count are checked, with the
process's peak anonymous memory (RssAnon, Linux only) over the run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from benchmarks.machine import machine

TEXTRNN = [sys.executable, "-m", "textrnn"]
SENTENCES = [
    "The crossing was rough, but the soup was hot.",
    "Nobody answered.",
    "I would go again tomorrow, and so would the children.",
    "",
    "The ferry leaves at nine from the eastern mole.",
]


def first_label(model: str) -> float:
    """Return the seconds from the command's start to its first byte of output."""
    begun = time.monotonic()
    with subprocess.Popen(
        [*TEXTRNN, "classify", model],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"A fine day.\n")
        process.stdout.read(1)
        seconds = time.monotonic() - begun
        process.stdin.close()
    return seconds


def table(model: str, file: str) -> dict[str, Any]:
    """Label a table; return texts, seconds and texts a second."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "labels.tsv"
        begun = time.monotonic()
        subprocess.run(
            [*TEXTRNN, "classify", model, file, "--quiet", "-o", str(output)], check=True
        )
        seconds = time.monotonic() - begun
        with output.open("rb") as lines:
            count = sum(1 for _ in lines)
    return {"texts": count, "seconds": seconds, "texts_per_s": count / seconds}


def piped(model: str, count: int) -> dict[str, Any]:
    """Send lines through a pipe; return seconds, peak memory, and whether all came back in order."""
    with subprocess.Popen(
        [*TEXTRNN, "classify", model, "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        begun = time.monotonic()
        writer = threading.Thread(target=_write, args=(process.stdin, count))
        writer.start()
        right, peaks = 0, []
        for number, line in enumerate(process.stdout):
            right += line.rstrip(b"\n").split(b"\t")[-1].decode() == _line(number)
            if number % 20_000 == 0:
                peaks.append(_anonymous_mib(process.pid))
        writer.join()
        seconds = time.monotonic() - begun
    return {
        "lines": count,
        "in_order": right,
        "seconds": seconds,
        "lines_per_s": count / seconds,
        "RssAnon_MiB": peaks,
    }


def _line(number: int) -> str:
    sentence = SENTENCES[number % len(SENTENCES)]
    return f"{number} {sentence}" if sentence else ""


def _write(pipe: IO[bytes], count: int) -> None:
    with pipe:
        for low in range(0, count, 1000):
            lines = (_line(number) + "\n" for number in range(low, min(count, low + 1000)))
            pipe.write("".join(lines).encode())


def _anonymous_mib(process: int) -> float:
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return 0.0
    for line in status.read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--table")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    starts = [first_label(given.model) for _ in range(given.runs)]
    print(f"first label {statistics.median(starts):.2f} s (at most {max(starts):.2f} s)")
    found: dict[str, Any] = {"first_label_s": starts}
    if given.table:
        found["table"] = table(given.model, given.table)
        print(f"table: {found['table']['texts_per_s']:,.0f} texts a second", flush=True)
    if given.lines:
        found["piped"] = run = piped(given.model, given.lines)
        print(
            f"pipe: {run['lines_per_s']:,.0f} lines a second, {run['in_order']:,} of {run['lines']:,} in "
            f"order, RssAnon from {run['RssAnon_MiB'][0]:.0f} to {max(run['RssAnon_MiB']):.0f} MiB"
        )
    print(json.dumps({**found, "machine": machine()}))


if __name__ == "__main__":
    main()
