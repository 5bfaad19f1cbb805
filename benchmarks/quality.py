"""What a budget buys: the validation loss of ``train lm`` with default settings.

    python -m benchmarks.quality FILE [--minutes 3] [--seeds 0 1 2] [-- any option of train lm]

Runs the real command once per seed, prints each run's figures and the median, and the raw events' last
lines as JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import machine


def train(file: str, minutes: float, seed: int, options: list[str]) -> dict[str, object]:
    """Run one training and return its ``done`` event with the seconds from start to exit."""
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "model")
        command = [sys.executable, "-m", "textrnn", "train", "lm", file, "--json", "--quiet"]
        command += ["--minutes", str(minutes), "--seed", str(seed), "--output", output, *options]
        begun = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.monotonic() - begun
    last = json.loads(done.stdout.splitlines()[-1])
    return {**last, "seed": seed, "wall_s": round(seconds, 2), "model": None}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given, options = parser.parse_known_args()
    options = [option for option in options if option != "--"]
    runs = []
    for seed in given.seeds:
        run = train(given.file, given.minutes, seed, options)
        runs.append(run)
        print(
            f"seed {seed}: valid_loss {run['valid_loss']:.4f} after {run['steps']} steps, "
            f"{run['tokens_per_s']:,.0f} tokens/s, {run['wall_s']} s",
            flush=True,
        )
    median = statistics.median(float(run["valid_loss"]) for run in runs)  # type: ignore[arg-type]
    print(f"median of {len(runs)}: {median:.4f}")
    print(
        json.dumps(
            {"minutes": given.minutes, "options": options, "runs": runs, "machine": machine()}
        )
    )


if __name__ == "__main__":
    main()
