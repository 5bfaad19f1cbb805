"""How long a user waits: ``--help``, ``--version``, the first character, label or translation.

    python -m benchmarks.startup MODEL [--classifier MODEL] [--translator MODEL] [--runs 9]

MODEL is the directory of a language model, such as ``make demo`` leaves in ``demo/lm``; a classifier and a
translator answer a line on stdin. Each figure is the median of whole processes, started one after another;
beside them stands how long Python takes to import torch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

from benchmarks.machine import machine


def until_exit(arguments: list[str]) -> float:
    """Return the seconds that a command takes."""
    begun = time.monotonic()
    subprocess.run([*TEXTRNN, *arguments], capture_output=True, check=True)
    return time.monotonic() - begun


def until_first_character(arguments: list[str]) -> float:
    """Return the seconds to the first byte on stdout."""
    begun = time.monotonic()
    with subprocess.Popen(
        [*TEXTRNN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    ) as process:
        process.stdout.read(1)
        seconds = time.monotonic() - begun
        process.terminate()
    return seconds


TEXTRNN = [sys.executable, "-m", "textrnn"]


def until_first_answer(arguments: list[str]) -> float:
    """Return the seconds to the first byte on stdout that answers a line on stdin."""
    begun = time.monotonic()
    with subprocess.Popen(
        [*TEXTRNN, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    ) as process:
        process.stdin.write(b"The ferry leaves at nine.\n")
        process.stdout.read(1)
        seconds = time.monotonic() - begun
        process.stdin.close()
    return seconds


def until_torch() -> float:
    """Return the seconds that a process takes which does nothing but import torch."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch"], capture_output=True, check=True)
    return time.monotonic() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--classifier")
    parser.add_argument("--translator")
    parser.add_argument("--runs", type=int, default=9)
    given = parser.parse_args()
    generate = ["generate", given.model, "--max-new-tokens", "-1", "--no-echo"]
    measures = {
        "--help": lambda: until_exit(["--help"]),
        "--version": lambda: until_exit(["--version"]),
        "generate, first character": lambda: until_first_character(generate),
        "import torch": until_torch,
    }
    if given.classifier:
        classify = ["classify", given.classifier]
        measures["classify, first label"] = lambda: until_first_answer(classify)
    if given.translator:
        translate = ["translate", given.translator]
        measures["translate, first line"] = lambda: until_first_answer(translate)
    found = {name: [measure() for _ in range(given.runs)] for name, measure in measures.items()}
    for name, seconds in found.items():
        print(f"{name:28} {statistics.median(seconds):.3f} s (at most {max(seconds):.3f} s)")
    print(json.dumps({"seconds": found, "machine": machine()}))


if __name__ == "__main__":
    main()
