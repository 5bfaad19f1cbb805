"""Makers of cases for commands that train."""

import random

from faults.fuzz_bytes import content, lines, mutated, odd_text
from faults.fuzz_case import Case
from faults.fuzz_making import case_of, odd_folder, some, sound_table
from faults.fuzz_values import environment, settings_file

from textrnn.classifier.settings import ClassifierSettings
from textrnn.data.settings import ExampleSettings
from textrnn.decoding.sampling import SamplingSettings
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.translator.search import SearchSettings
from textrnn.translator.settings import TranslatorSettings

__all__ = ["SETTINGS", "TRAINING", "train", "train_config"]

TRAINING = {
    "lm": LanguageModelSettings,
    "classifier": ClassifierSettings,
    "translator": TranslatorSettings,
}
SETTINGS = (*TRAINING.values(), SamplingSettings, SearchSettings, ExampleSettings)
TINY = (
    *("--hidden-size", "8", "--num-layers", "1", "--embedding-dim", "4", "--threads", "1"),
    *("--device", "cpu", "--precision", "float32"),
)


def train(rng: random.Random) -> Case:
    """Data to train on; mostly the plan alone is made, sometimes a step is done."""
    job = rng.choice(list(TRAINING))
    case = case_of(["train", job, *TINY, "-o", "model", "-q"])
    case.argv += ["--max-steps", "1", "--batch-size", "2"] if rng.random() < 0.15 else ["--dry-run"]
    kind = rng.random()
    if kind < 0.12:
        case.argv += [odd_folder(rng, case)]
    elif kind < 0.5 and job != "lm":
        suffix, data = sound_table(rng, job)
        case.argv += [f"in{suffix}"]
        case.files[f"in{suffix}"] = data if rng.random() < 0.5 else mutated(rng, data)
    elif kind < 0.6 and job == "translator":
        case.files = {
            "a": odd_text(rng).encode("utf-8", "replace"),
            "b": odd_text(rng).encode("utf-8", "replace"),
        }
        case.argv += ["--src", "a", "--tgt", "b"]
    elif kind < 0.7:
        suffix, data = content(rng)
        case.argv += ["-"]
        case.stdin, case.by_pipe = data, rng.random() < 0.5
    else:
        suffix, data = content(rng)
        case.files[f"in{suffix}"] = data
        case.argv += [f"in{suffix}"]
    odd = [["--lines"]] if job == "lm" else []
    fractions = ["0", "0.5", "0.001", "1", "nan", "-0"]
    tokenizers = ["char", "byte", "word", "bpe", "unigram"]
    odd += [
        ["--valid-fraction", rng.choice(fractions)],
        ["--tokenizer", rng.choice(tokenizers)],
        ["--vocab-size", rng.choice(["3", "30", "0"])],
    ]
    odd += [["--encoding", rng.choice(["latin-1", "utf-16", "cp1252", "utf-7", "x"])], ["--json"]]
    case.argv += some(rng, odd, 0.12)
    return case


def train_config(rng: random.Random) -> Case:
    """Settings files with faults, and variables."""
    job = rng.choice(list(TRAINING))
    case = case_of(
        ["train", job, "--config", "run.toml", "in.txt", "-o", "model", "-q", "--threads", "1"]
    )
    case.files = {
        "run.toml": settings_file(rng, TRAINING[job]),
        "in.txt": "\n".join(lines(rng)).encode(),
    }
    case.argv += [rng.choice(["--dry-run", "--print-config", "--print-config"])]
    case.env = environment(rng, SETTINGS) if rng.random() < 0.3 else {}
    return case
