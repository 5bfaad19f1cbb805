"""Whether the planner chooses well: its choice against fixed sizes, on several texts, at equal budgets.

    python -m benchmarks.planning DATA [--minutes 1 3] [--texts names words …] [--at-once 1]
        [-- options of train lm]

DATA holds ``tinyshakespeare/input.txt``, ``wikitext-2/wiki.train.tokens.xz``,
``wikitext-2/wiki.valid.tokens`` and ``names/names.txt``. Each text and budget is trained on with defaults
and with three fixed sizes, everything else chosen by the planner; printed are losses in nats per token and
how far the choice is from the best of the four. The losses are of WikiText-2's validation file, the last
tenth of Tiny Shakespeare and the names that runs keep for validation: the same for all sizes.
With ``--at-once 2 -- --threads 1`` two runs share the machine's processors, a thread each.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.commands import textrnn
from benchmarks.machine import machine

TEXTS = {
    "shakespeare": ("tinyshakespeare/input.txt",),
    "characters": ("wikitext-2/wiki.train.tokens.xz", "--tokenizer", "char"),
    "words": ("wikitext-2/wiki.train.tokens.xz", "--tokenizer", "word"),
    "names": ("names/names.txt", "--lines"),
}
"""A file below DATA and what is said of it."""
WIKITEXT_VALID = "wikitext-2/wiki.valid.tokens"
SIZES = {
    "chosen": (),
    "1x128": ("--num-layers", "1", "--hidden-size", "128"),
    "1x256": ("--num-layers", "1", "--hidden-size", "256"),
    "1x512": ("--num-layers", "1", "--hidden-size", "512"),
}


def trained(data: str, text: str, size: str, minutes: float, options: list[str]) -> dict[str, Any]:
    """Train once; return what the last event says."""
    file, *said = TEXTS[text]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        last = textrnn(
            *("train", "lm", str(Path(data) / file), *said, *SIZES[size]),
            *("--minutes", str(minutes), "--output", str(model), *options),
        )
        settings = json.loads((model / "config.json").read_text(encoding="utf-8"))["settings"]
        loss = last["valid_loss"]
        if (held_out := _held_out(Path(data), file, Path(folder))) is not None:
            loss = textrnn("evaluate", str(model), str(held_out))["loss"]
    return {**last, "settings": settings, "held_out_loss": loss}


def _held_out(data: Path, file: str, folder: Path) -> Path | None:
    """Return the one file that all sizes are held against; None where runs evaluate all that they keep.

    Of a longer text they evaluate a part, a larger one the more they have seen.
    """
    if file.startswith("wikitext-2/"):
        return data / WIKITEXT_VALID
    if not file.startswith("tinyshakespeare/"):
        return None
    text = (data / file).read_text(encoding="utf-8")
    held_out = folder / "end.txt"
    held_out.write_text(text[round(0.9 * len(text)) :], encoding="utf-8")
    return held_out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 3.0])
    parser.add_argument("--texts", nargs="+", choices=TEXTS, default=list(TEXTS))
    parser.add_argument("--at-once", type=int, default=1)
    given, options = parser.parse_known_args()
    options = [option for option in options if option != "--"]
    found: dict[str, Any] = {}
    print(f"{'':20} " + " ".join(f"{size:>8}" for size in SIZES) + "  chosen over best, its size")
    with ThreadPoolExecutor(given.at_once) as pool:
        rows = {
            (text, minutes): [
                pool.submit(trained, given.data, text, size, minutes, options) for size in SIZES
            ]
            for minutes in given.minutes
            for text in given.texts
        }
        for (text, minutes), runs in rows.items():
            done = [run.result() for run in runs]
            losses = [float(last["held_out_loss"]) for last in done]
            name = f"{text}, {minutes:g} min"
            found[name] = dict(zip(SIZES, done, strict=True))
            shown = " ".join(f"{loss:8.4f}" for loss in losses)
            chosen = "{num_layers}x{hidden_size}".format(**done[0]["settings"])
            over = losses[0] / min(losses) - 1
            print(f"{name:20} {shown}  {over:+16.1%}, {chosen}", flush=True)
    print(json.dumps({"options": options, "runs": found, "machine": machine()}))


if __name__ == "__main__":
    main()
