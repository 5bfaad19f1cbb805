"""How well a classifier answers, beside fastText and a logistic regression on the same files.

    python -m benchmarks.classification TRAIN TEST [--valid FILE] [--seeds 0 1 2] [-- options of train]

Runs the real commands once per seed with default settings, then the two baselines on the same rows:
fastText with bigrams (where the package ``fasttext-wheel`` is installed) and TF-IDF of bigrams with
logistic regression, its strength chosen on the validation rows. Prints test accuracies with the seconds of
training, the medians, and raw numbers as JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.commands import textrnn
from benchmarks.machine import machine
from textrnn.data.cache import default_cache_dir
from textrnn.data.examples import ExampleSettings, clean, read_examples

Rows = list[tuple[str, str]]

WORDS = re.compile(r"\w+|[^\w\s]")
EPOCHS, RATE, WIDTH = 5, 0.5, 100
"""Of fastText: its authors' usual settings for sentiment, with bigrams."""


def ours(given: argparse.Namespace, options: list[str], seed: int) -> dict[str, Any]:
    """Train with a seed and evaluate on the test file."""
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "model")
        valid = ["--valid", given.valid] if given.valid else []
        trained = textrnn(
            *("train", "classifier", given.train, *valid, "--seed", str(seed)),
            *("--output", model, *options),
        )
        found = textrnn("evaluate", model, given.test)
    chosen = {name: found[name] for name in ("accuracy", "macro_f1", "ece", "accuracy_interval")}
    return {
        "seed": seed,
        **chosen,
        "valid_accuracy": trained["valid_accuracy"],
        "steps": trained["steps"],
        "tokens_per_s": round(trained["tokens_per_s"]),
        "training_s": trained["wall_s"],
        "evaluation_s": found["wall_s"],
    }


def rows(file: str) -> Rows:
    """Return labels and tokens, lower-cased, punctuation apart, joined by spaces."""
    found = read_examples([file], ExampleSettings(), cache=default_cache_dir())
    return [
        (example.label, " ".join(WORDS.findall(clean(example.text).lower()))) for example in found
    ]


def logistic_regression(train: Rows, valid: Rows, test: Rows) -> dict[str, Any]:
    """TF-IDF of words and bigrams; C from three values by the validation rows."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    begun = time.monotonic()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", min_df=2)
    x = vectorizer.fit_transform([text for _, text in train])
    y = [label for label, _ in train]
    checked = vectorizer.transform([text for _, text in valid])
    best, chosen = -1.0, None
    for strength in (1.0, 3.0, 10.0):
        model = LogisticRegression(C=strength, max_iter=200).fit(x, y)
        score = model.score(checked, [label for label, _ in valid])
        if score > best:
            best, chosen = score, model
    seconds = time.monotonic() - begun
    assert chosen is not None
    found = chosen.score(vectorizer.transform([t for _, t in test]), [label for label, _ in test])
    return {"accuracy": float(found), "training_s": round(seconds, 2), "C": chosen.C}


def fast_text(train: Rows, test: Rows, epochs: int) -> dict[str, Any] | None:
    """FastText's own supervised classifier; None where it is not installed."""
    if importlib.util.find_spec("fasttext") is None:
        return None
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, some in (("train", train), ("test", test)):
            path = Path(folder) / name
            lines = (f"__label__{label} {text}\n" for label, text in some)
            path.write_text("".join(lines), encoding="utf-8")
            paths.append(str(path))
        begun = time.monotonic()
        model = fasttext.train_supervised(
            paths[0], epoch=epochs, lr=RATE, wordNgrams=2, dim=WIDTH, verbose=0
        )
        seconds = time.monotonic() - begun
        _, accuracy, _ = model.test(paths[1])
    return {"accuracy": float(accuracy), "training_s": round(seconds, 2), "epochs": epochs}


def held_back(train: Rows) -> tuple[Rows, Rows]:
    """Divide rows for the baseline: every tenth validates."""
    return [row for i, row in enumerate(train) if i % 10], train[::10]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--valid")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given, options = parser.parse_known_args()
    options = [option for option in options if option != "--"]
    runs = []
    for seed in given.seeds:
        run = ours(given, options, seed)
        runs.append(run)
        print(
            f"seed {seed}: test accuracy {run['accuracy']:.2%}, validation {run['valid_accuracy']:.2%}, "
            f"{run['steps']} steps in {run['training_s']} s, {run['tokens_per_s']:,} tokens/s",
            flush=True,
        )
    median = statistics.median(run["accuracy"] for run in runs)
    print(f"median of {len(runs)}: {median:.2%}", flush=True)
    train, test = rows(given.train), rows(given.test)
    # Files may hold one label after the other, and fastText reads rows as they stand.
    random.Random(0).shuffle(train)
    learnt, valid = (train, rows(given.valid)) if given.valid else held_back(train)
    baselines = {
        "fasttext": fast_text(train, test, EPOCHS),
        "tf-idf bigrams, logistic regression": logistic_regression(learnt, valid, test),
    }
    for name, found in baselines.items():
        if found is None:
            print(f"{name}: not installed")
        else:
            print(f"{name}: {found['accuracy']:.2%} in {found['training_s']} s")
    print(
        json.dumps(
            {
                "files": [Path(given.train).name, Path(given.test).name],
                "options": options,
                "runs": runs,
                "baselines": baselines,
                "machine": machine(),
            }
        )
    )


if __name__ == "__main__":
    main()
