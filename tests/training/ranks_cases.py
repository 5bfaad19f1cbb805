"""Tiny runs of all three jobs, for one process and for several.

As a program it is one of the several: ``torchrun ranks_cases.py FOLDER`` trains every case together with the
others and leaves the events of each in a file.
"""

import json
import os
import sys
from pathlib import Path

from textrnn.classifier import training as classifier
from textrnn.classifier.settings import ClassifierSettings
from textrnn.errors import TrainingError
from textrnn.jobs import job_named
from textrnn.language_model import training as language_model
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.training.following import follow_orders
from textrnn.training.place import Place
from textrnn.training.ranks import ALONE, Ranks
from textrnn.translator import training as translator
from textrnn.translator.settings import TranslatorSettings

SHARED = {
    "hidden_size": 8,
    "embedding_dim": 6,
    "num_layers": 1,
    "dropout": 0.0,
    "learning_rate": 0.02,
    "grad_clip": 0.2,
    "max_steps": 12,
    "eval_every": 6,
    "save_every": 4,
    "precision": "float32",
    "device": "cpu",
    "threads": 1,
    "valid_fraction": 0.2,
}
TEXT = {"ngram_order": 1, "tokenizer": "char", "batch_size": 3, "seq_len": 7}
CASES = {
    "stream": (language_model, LanguageModelSettings, "book.txt", TEXT),
    # Of seven lines, three at a time, the last stands alone; a line has several windows.
    "lines": (language_model, LanguageModelSettings, "lines.txt", {**TEXT, "lines": True}),
    "parts": (
        language_model,
        LanguageModelSettings,
        "book.txt",
        {**TEXT, "batch_size": 5, "accumulation": 2, "ema_decay": 0.9, "rnn_type": "gru"},
    ),
    "diverging": (
        language_model,
        LanguageModelSettings,
        "book.txt",
        {**TEXT, "optimizer": "sgd", "learning_rate": 1e3, "grad_clip": 0.0},
    ),
    "noisy": (
        language_model,
        LanguageModelSettings,
        "book.txt",
        {**TEXT, "dropout": 0.4, "weight_drop": 0.2},
    ),
    "classifier": (
        classifier,
        ClassifierSettings,
        "table.tsv",
        {"tokenizer": "word", "batch_size": 4, "token_dropout": 0.0, "input_dropout": 0.0},
    ),
    "translator": (
        translator,
        TranslatorSettings,
        "pairs.tsv",
        {"tokenizer": "char", "batch_tokens": 40, "token_dropout": 0.0},
    ),
}


def write_data(folder: Path) -> None:
    """Write the texts, tables and pairs that the cases train on."""
    words = ["the", "wind", "turned", "and", "a", "bell", "rang", "over", "grey", "water"]
    book = " ".join(words[(3 * i + i // 7) % len(words)] for i in range(90))
    (folder / "book.txt").write_text(book + "\n")
    lines = (" ".join(words[i : i + 2 + i % 4]) for i in range(9))
    (folder / "lines.txt").write_text("\n".join(lines) + "\n")
    rows = (f"{'good' if i % 2 else 'bad'}\t{words[i % 5]} {words[2 * i % 9]}" for i in range(16))
    (folder / "table.tsv").write_text("label\ttext\n" + "\n".join(rows) + "\n")
    pairs = (f"{words[i % 9]} {words[i % 4]}\t{words[i % 4]} {words[i % 9]}" for i in range(12))
    (folder / "pairs.tsv").write_text("\n".join(pairs) + "\n")


def train(name: str, folder: Path, output: Path, ranks: Ranks = ALONE, stop: int = 0) -> list[dict]:
    """Train a case and return its events, as in JSON; with ``stop``, a signal comes after that many steps."""
    job, settings, data, changes = CASES[name]
    made = settings(**{**SHARED, **changes})
    run = job.prepare_run([str(folder / data)], output, made)
    return _events(run, ranks, stop)


def resume(name: str, output: Path, ranks: Ranks = ALONE) -> list[dict]:
    """Go on with a case and return its events."""
    job = {language_model: "language-model", classifier: "classifier"}.get(
        CASES[name][0], "translator"
    )
    return _events(job_named(job).resume()(output, {}), ranks, 0)


def _events(run, ranks: Ranks, stop: int) -> list[dict]:
    steps = [0]

    def signal() -> int | None:
        # Asked once before every step.
        steps[0] += 1
        return 15 if stop and steps[0] > stop else None

    told = []
    try:
        for event in run.events(signal, ranks):
            told.append(event.as_json())  # noqa: PERF401  (what was told before a failure counts)
    except TrainingError as error:
        told.append({"event": "failed", "reason": str(error).split(";")[0]})
    return told


RUNS = [*((name, name, 0) for name in CASES), ("noisy", "noisy again", 0), ("stream", "stopped", 6)]


def main(folder: Path) -> None:
    """Train every case with the other processes."""
    place = Place.of(os.environ)
    ranks = Ranks.connect(place, patience_s=30)
    for name, output, stop in RUNS:
        if place.rank:
            follow_orders(ranks, lambda job: job_named(job).resume(), lambda: None, lambda: None)
            continue
        told = train(name, folder, folder / "two" / output, ranks, stop)
        ranks.dismiss()
        (folder / "two" / f"{output}.json").write_text(json.dumps(told))
    if place.rank:
        follow_orders(ranks, lambda job: job_named(job).resume(), lambda: None, lambda: None)
    else:
        told = resume("stream", folder / "one" / "stopped", ranks)
        ranks.dismiss()
        (folder / "two" / "resumed.json").write_text(json.dumps(told))
    ranks.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
