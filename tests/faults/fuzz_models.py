"""Tiny models trained with the command itself on the project's own texts, a few steps each."""

import os
from pathlib import Path

from faults.fuzz_bytes import CORPORA

__all__ = ["make_models"]

_TINY = (
    *(
        "--hidden-size",
        "8",
        "--num-layers",
        "1",
        "--embedding-dim",
        "6",
        "--max-steps",
        "3",
        "--threads",
        "1",
    ),
    *("--ngram-order", "1", "--device", "cpu", "--precision", "float32", "-q"),
)
_COMMANDS = {
    "lm": ["lm", "harbour.txt", *_TINY, "--seq-len", "16", "--batch-size", "4"],
    "lines-lm": ["lm", "names.txt", "--lines", *_TINY, "--batch-size", "4"],
    "clf": ["classifier", "remarks.tsv", *_TINY, "--spelling-rows", "0", "--bag-order", "0"],
    "mt": ["translator", "phrases.tsv", *_TINY, "--encoder-layers", "1", "--tokenizer", "word"],
}


def make_models(folder: Path) -> None:
    """Train, inside this process, those that are not there yet; each has its name in the folder.

    They lie in the cache of no user: what was prepared for them goes into ``folder``, too.
    """
    from textrnn.cli import entry

    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in _COMMANDS if not (folder / name / "config.json").is_file()]
    cache, here = os.environ["TEXTRNN_CACHE"], Path.cwd()
    os.environ["TEXTRNN_CACHE"] = str(folder / "cache")
    os.chdir(CORPORA)
    try:
        for name in missing:
            code = entry.run(["train", *_COMMANDS[name], "-o", str(folder / name)])
            if code:
                raise RuntimeError(f"training {name} ended with {code}")
    finally:
        os.chdir(here)
        os.environ["TEXTRNN_CACHE"] = cache
