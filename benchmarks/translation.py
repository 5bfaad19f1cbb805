"""How well a translator translates after a budget of training.

    python -m benchmarks.translation [FOLDER] [--src de] [--tgt en] [--test test_2016_flickr]
        [--beam-sizes 1 5] [--seeds 0] [-- --minutes 10 and other options of train]

FOLDER, or the environment's TEXTRNN_DATA, holds the files of a corpus such as Multi30k: ``train``, ``val``
and the test's name, each with the suffix of either language. Runs the real commands: trains with default
settings on ``train``, ``val`` for validation, then scores translations of the test sources by sacreBLEU
on raw text. Prints BLEU and chrF with the seconds of training, and raw numbers as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.commands import textrnn
from benchmarks.machine import machine

FIGURES = ("bleu", "chrf", "loss", "length_ratio", "bleu_signature", "chrf_signature")


def run(given: argparse.Namespace, options: list[str], seed: int) -> dict[str, Any]:
    """Train with a seed and translate the test sources, once for each size of beam."""

    def side(name: str, suffix: str) -> str:
        return str(Path(given.folder) / f"{name}.{suffix}")

    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "model")
        trained = textrnn(
            *("train", "translator", "--seed", str(seed), "--output", model),
            *("--src", side("train", given.src), "--tgt", side("train", given.tgt)),
            *("--valid-src", side("val", given.src), "--valid-tgt", side("val", given.tgt)),
            *options,
        )
        tests: dict[str, Any] = {}
        for beam_size in given.beam_sizes:
            found = textrnn(
                *("evaluate", model, "--beam-size", str(beam_size)),
                *("--src", side(given.test, given.src), "--tgt", side(given.test, given.tgt)),
            )
            tests[str(beam_size)] = {name: found[name] for name in FIGURES}
    return {
        "seed": seed,
        "valid_loss": trained["valid_loss"],
        "valid_bleu": trained["valid_bleu"],
        "steps": trained["steps"],
        "tokens_per_s": round(trained["tokens_per_s"]),
        "training_s": trained["wall_s"],
        "tests": tests,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("TEXTRNN_DATA"))
    parser.add_argument("--src", default="de")
    parser.add_argument("--tgt", default="en")
    parser.add_argument("--test", default="test_2016_flickr")
    parser.add_argument("--beam-sizes", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    given, options = parser.parse_known_args()
    if given.folder is None:
        parser.error("give the folder of the corpus, or set TEXTRNN_DATA")
    options = [option for option in options if option != "--"]
    runs = []
    for seed in given.seeds:
        found = run(given, options, seed)
        runs.append(found)
        scores = ", ".join(
            f"beam {size}: BLEU {test['bleu']:.2f}, chrF {test['chrf']:.2f}"
            for size, test in found["tests"].items()
        )
        print(
            f"seed {seed}: {scores}; {found['steps']} steps in {found['training_s']} s, "
            f"{found['tokens_per_s']:,} target tokens/s",
            flush=True,
        )
    for size in map(str, given.beam_sizes):
        median = statistics.median(found["tests"][size]["bleu"] for found in runs)
        print(f"beam {size}, median of {len(runs)}: BLEU {median:.2f}")
    print(json.dumps({"options": options, "runs": runs, "machine": machine()}))


if __name__ == "__main__":
    main()
