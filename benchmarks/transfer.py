"""What a language model of raw text gains a classifier, on few labelled rows and on all of them.

    python -m benchmarks.transfer TRAIN TEST [--valid FILE] [--few 500] [--lm-minutes 5] [--seeds 0]
        [--language-models FORWARD BACKWARD] [-- options of train classifier]

Trains a language model on the training rows' own texts, one text a line, and one on the same texts
reversed, unless it is given two; then classifiers with and without them, on ``--few`` rows and on all (0
leaves one out), all by the real commands.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.commands import textrnn
from benchmarks.machine import machine
from textrnn.data.cache import default_cache_dir
from textrnn.data.examples import Example, ExampleSettings, clean, read_examples

LANGUAGE_MODEL = (
    *("--lines", "--tokenizer", "word", "--normalization", "nfkc_cf", "--no-spaces"),
    *("--num-layers", "1", "--ngram-order", "1"),
)

STARTS = ("nothing", "forward", "both")
"""Language models that a classifier starts from."""


def write_texts(examples: list[Example], path: Path) -> None:
    """Write the texts, one a line."""
    lines = (" ".join(clean(example.text).split()) + "\n" for example in examples)
    path.write_text("".join(lines), encoding="utf-8")


def write_rows(examples: list[Example], path: Path) -> None:
    """Write labelled rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "text"])
        writer.writerows((example.label, example.text) for example in examples)


def few(examples: list[Example], count: int, seed: int) -> list[Example]:
    """Draw rows, as many of each label."""
    labels = sorted({example.label for example in examples})
    shuffled = random.Random(seed).sample(examples, len(examples))
    return [
        example
        for label in labels
        for example in [e for e in shuffled if e.label == label][: count // len(labels)]
    ]


def trained_models(
    given: argparse.Namespace, examples: list[Example], folder: Path
) -> dict[str, Any]:
    """Train a language model each way into the folder, and return what is known of them."""
    found = {}
    write_texts(examples, folder / "texts.txt")
    budget = ("--minutes", str(given.lm_minutes))
    if given.lm_epochs is not None:
        budget = ("--epochs", str(given.lm_epochs))
    for way in ("forward", "backward"):
        sizes = ("--hidden-size", given.hidden_size, "--embedding-dim", given.embedding_dim)
        found[way] = textrnn(
            *("train", "lm", str(folder / "texts.txt"), *LANGUAGE_MODEL, *map(str, sizes)),
            *("--vocab-size", str(given.vocab_size), *budget),
            *("--output", str(folder / way), *(["--reverse"] if way == "backward" else [])),
        )
        loss, seconds = found[way]["valid_loss"], found[way]["wall_s"]
        print(f"{way} model: {loss:.4f} nats, {seconds} s", flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--valid")
    parser.add_argument("--few", type=int, default=500)
    parser.add_argument("--all", type=int, default=1, help="0 leaves out the runs on all rows")
    parser.add_argument("--language-models", type=Path, nargs=2, metavar=("FORWARD", "BACKWARD"))
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=STARTS)
    parser.add_argument("--lm-minutes", type=float, default=5.0)
    parser.add_argument("--lm-epochs", type=float, help="a budget in passes instead of minutes")
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--embedding-dim", type=int, default=128)
    parser.add_argument("--vocab-size", type=int, default=20000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    given, options = parser.parse_known_args()
    options = [option for option in options if option != "--"]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        examples = list(read_examples([given.train], ExampleSettings(), cache=default_cache_dir()))
        if given.language_models:
            forward, backward = given.language_models
        else:
            forward, backward = folder / "forward", folder / "backward"
            found |= trained_models(given, examples, folder)
        starts = {
            "nothing": [],
            "forward": ["--init-from", str(forward)],
            "both": ["--init-from", str(forward), "--init-from-reverse", str(backward)],
        }
        sizes = [size for size in (given.few, given.all and len(examples)) if size]
        for size in sizes:
            for start in given.starts:
                accuracies = []
                for seed in given.seeds:
                    chosen = examples if size == len(examples) else few(examples, size, seed)
                    write_rows(chosen, folder / "rows.csv")
                    model = str(folder / "model")
                    valid = ["--valid", given.valid] if given.valid else []
                    trained = textrnn(
                        *("train", "classifier", str(folder / "rows.csv"), *valid, *starts[start]),
                        *("--seed", str(seed), "--output", model, "--force", *options),
                    )
                    tested = textrnn("evaluate", model, given.test)
                    accuracies.append(tested["accuracy"])
                    found[f"{start}, {size} rows, seed {seed}"] = {
                        "accuracy": tested["accuracy"],
                        "training_s": trained["wall_s"],
                    }
                print(
                    f"{size:6} rows, {start:12}: test accuracy {statistics.median(accuracies):.2%}, "
                    f"{trained['wall_s']} s",
                    flush=True,
                )
    raw = {"options": vars(given), "found": found, "machine": machine()}
    print(json.dumps(raw, default=str))


if __name__ == "__main__":
    main()
