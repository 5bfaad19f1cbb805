"""All that is measured, by one command.

    python -m benchmarks [DATA] [--only NAME ...] [--output FILE.json]

DATA, or the environment's TEXTRNN_DATA, is a folder with ``tinyshakespeare/input.txt``, ``names/names.txt``,
``wikitext-2/wiki.train.tokens.xz`` and ``wiki.valid.tokens``, ``sst2/train.tsv``, ``dev.tsv`` and
``test.tsv``, and ``multi30k/train.de`` and so on; the benchmarks of quality need it, the others make what
they need themselves. Each benchmark is a module that can be run by itself too, with more options. Prints
what each prints, its ratios taken within its own run; ``--output`` gets the raw numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.commands import textrnn
from benchmarks.machine import machine

CORPORA = Path(__file__).resolve().parent.parent / "corpora"


@dataclass(frozen=True)
class Benchmark:
    """A module and its arguments.

    Attributes:
        name: Of the module.
        measures: What it measures, in words.
        arguments: What it is called with; ``{lm}``, ``{clf}`` and ``{mt}`` stand for small models that are
            trained first, ``{texts}`` for a folder with sentences to translate, ``{data}`` for DATA.
    """

    name: str
    measures: str
    arguments: tuple[str, ...] = ()

    def needs(self, what: str) -> bool:
        """Return whether an argument names something."""
        return any(f"{{{what}}}" in argument for argument in self.arguments)


BENCHMARKS = (
    Benchmark(
        "startup",
        "start-up and first answers",
        ("{lm}", "--classifier", "{clf}", "--translator", "{mt}"),
    ),
    Benchmark("tokenizers", "encoding and decoding on one core"),
    Benchmark("reading", "preparing a corpus"),
    Benchmark("training", "training steps against the bare nn.LSTM"),
    Benchmark(
        "vocabulary",
        "the whole softmax and samples of it",
        (
            "{data}/wikitext-2/wiki.train.tokens.xz",
            "--valid",
            "{data}/wikitext-2/wiki.valid.tokens",
        ),
    ),
    Benchmark("generation", "generation against stepping nn.LSTM"),
    Benchmark("labelling", "labels a second", ("{clf}", "--lines", "100000")),
    Benchmark("translating", "sentences a second", ("{mt}", "{texts}/phrases.de")),
    Benchmark("memory", "memory of long work", ("--share", "0.05")),
    Benchmark("quality", "what three minutes buy", ("{data}/tinyshakespeare/input.txt",)),
    Benchmark("planning", "the planner's choice against fixed sizes", ("{data}",)),
    Benchmark(
        "classification",
        "a classifier beside fastText and logistic regression",
        ("{data}/sst2/train.tsv", "{data}/sst2/test.tsv", "--valid", "{data}/sst2/dev.tsv"),
    ),
    Benchmark(
        "transfer",
        "what language models gain a classifier",
        ("{data}/sst2/train.tsv", "{data}/sst2/test.tsv", "--valid", "{data}/sst2/dev.tsv"),
    ),
    Benchmark("translation", "BLEU after ten minutes", ("{data}/multi30k", "--minutes", "10")),
)

MODELS = {
    "lm": ("lm", "harbour.txt", ("--hidden-size", "256")),
    "clf": ("classifier", "remarks.tsv", ()),
    "mt": ("translator", "phrases.tsv", ("--hidden-size", "256")),
}
STEPS = 60
"""Of training the small models: what is measured with them does not depend on their weights."""


def run(benchmark: Benchmark, places: dict[str, str]) -> dict[str, Any]:
    """Run a benchmark, show what it prints, return that and its raw numbers."""
    arguments = [argument.format(**places) for argument in benchmark.arguments]
    command = ["-m", f"benchmarks.{benchmark.name}", *arguments]
    print(f"\n## {benchmark.measures}: {benchmark.name}", flush=True)
    begun = time.monotonic()
    lines = []
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if not line.startswith("{"):
                print(line, end="", flush=True)
    raw = json.loads(lines.pop()) if lines and lines[-1].startswith("{") else None
    return {
        "arguments": benchmark.arguments,
        "seconds": round(time.monotonic() - begun, 1),
        "exit_code": process.returncode,
        "printed": lines,
        "raw": raw,
    }


def train_models(wanted: list[Benchmark], folder: Path) -> dict[str, str]:
    """Train the small models that are needed; return their places."""
    places = {}
    for name, (command, corpus, options) in MODELS.items():
        if any(benchmark.needs(name) for benchmark in wanted):
            places[name] = str(folder / name)
            textrnn(
                *("train", command, str(CORPORA / corpus), "--output", places[name]),
                *("--max-steps", str(STEPS), *options),
            )
    return places


def main() -> int:
    """Run what was asked for; return 1 where a benchmark failed."""
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default=os.environ.get("TEXTRNN_DATA"))
    parser.add_argument("--only", nargs="+", choices=names)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    wanted = [each for each in BENCHMARKS if given.only is None or each.name in given.only]
    left_out = [each.name for each in wanted if each.needs("data") and given.data is None]
    if left_out:
        print(f"left out, since they need DATA: {', '.join(left_out)}")
        wanted = [each for each in wanted if each.name not in left_out]
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = (CORPORA / "phrases.tsv").read_text(encoding="utf-8").splitlines()[1:]
        sources = "".join(pair.split("\t")[0] + "\n" for pair in pairs)
        (folder / "phrases.de").write_text(sources, encoding="utf-8")
        places = {"texts": name, "data": given.data or "", **train_models(wanted, folder)}
        for benchmark in wanted:
            results[benchmark.name] = run(benchmark, places)
    if given.output is not None:
        record = {"machine": machine(), "results": results}
        given.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    failed = [name for name, result in results.items() if result["exit_code"]]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
