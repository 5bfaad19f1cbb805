"""How fast a translator trains and translates.

    python -m benchmarks.translating MODEL FILE [--rounds 3] [--sentences 1000]

MODEL is a trained translator; FILE holds texts to translate, a line each. In turn and several times over in
one process:

- translating: sentences a second, greedily and with a beam of 5, one at a time and 64 at a time;
- training: target tokens a second of a step on batches of the model's own shape, forward, backward and
  update, of the default decoder and of the same sizes with input feeding, whose decoder goes step by step;
  both under the machine's precision and in float32.

Prints medians with ratios, and the raw numbers as JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import statistics
import time
from pathlib import Path

import textrnn
from benchmarks.machine import machine
from textrnn.config import make
from textrnn.training.run import Machine
from textrnn.translator.planner import PairFacts
from textrnn.translator.predictor import Translator
from textrnn.translator.run import speedometer
from textrnn.translator.settings import TranslatorSettings

SRC_TOKENS, TGT_TOKENS = 16, 15
"""Tokens of a made-up pair to train on: those of Multi30k, on average."""


def training(settings: TranslatorSettings, vocab_sizes: tuple[int, int]) -> float:
    """Return the target tokens a second of training steps."""
    pairs = 1000
    facts = PairFacts(
        train_pairs=pairs,
        train_src_tokens=pairs * SRC_TOKENS,
        train_targets=pairs * TGT_TOKENS,
        valid_pairs=0,
        valid_targets=0,
        longest=TGT_TOKENS,
        left_out=0,
        src_vocab_size=vocab_sizes[0],
        tgt_vocab_size=vocab_sizes[1],
    )
    seconds = speedometer(Machine.of(settings), facts)(settings)
    return (settings.batch_size or 1) * TGT_TOKENS / seconds


def translating(translator: Translator, texts: list[str], beam_size: int, batch_size: int) -> float:
    """Return sentences a second."""
    begun = time.perf_counter()
    if batch_size == 1:
        for text in texts:
            translator.translate([text], beam_size=beam_size)
    else:
        translator.translate(texts, beam_size=beam_size, batch_size=batch_size)
    return len(texts) / (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sentences", type=int, default=1000)
    given = parser.parse_args()
    lines = Path(given.file).read_text(encoding="utf-8").splitlines()
    texts = list(itertools.islice(itertools.cycle(filter(None, lines)), given.sentences))
    translator = textrnn.load(given.model)
    if not isinstance(translator, Translator):
        raise SystemExit(f"{given.model} is no translator")
    settings = make(TranslatorSettings, translator.settings)
    settings = dataclasses.replace(settings, batch_size=settings.batch_size or 64)
    src, tgt = translator.tokenizers
    sizes = src.vocab_size, tgt.vocab_size
    found: dict[str, list[float]] = {}
    for _ in range(given.rounds):
        for beam_size, batch_size in ((1, 64), (5, 64), (1, 1), (5, 1)):
            some = texts if batch_size > 1 else texts[: max(1, len(texts) // 10)]
            name = f"translating, beam {beam_size}, batch {batch_size}"
            found.setdefault(name, []).append(translating(translator, some, beam_size, batch_size))
        for precision in ("auto", "float32"):
            for feeding in (False, True):
                changed = dataclasses.replace(
                    settings, precision=precision, input_feeding=feeding, accumulation=1
                )
                name = f"training, {'step by step' if feeding else 'default'}, {precision}"
                found.setdefault(name, []).append(training(changed, sizes))
    for name, figures in found.items():
        unit = "sentences/s" if name.startswith("translating") else "target tokens/s"
        print(f"{name:40} {statistics.median(figures):10,.0f} {unit}")
    for precision in ("auto", "float32"):
        fast, slow = (
            found[f"training, {kind}, {precision}"] for kind in ("default", "step by step")
        )
        ratio = statistics.median(a / b for a, b in zip(fast, slow, strict=True))
        print(f"training, {precision}: the default is {ratio:.2f} times as fast as step by step")
    print(json.dumps({"settings": vars(given), "figures": found, "machine": machine()}))


if __name__ == "__main__":
    main()
