"""Training with many words: what the whole softmax and samples of it cost, and what they buy.

    python -m benchmarks.vocabulary FILE --valid FILE [--seconds 60] [--hidden-size 256]

For the whole softmax and for two sizes of sample, each in a process of its own on one thread: tokens trained
on per second of processor time, most memory held, and the loss on validation text, scored against
all words, once so many seconds of PROCESSOR time went into steps. Processor time, so that a busy machine does
not decide. Each way is trained at each of the rates given, with a short warm-up and the rate falling to 0
over the seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import machine
from textrnn.data.reading import read_text
from textrnn.data.store import TokenStore
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.task import LanguageModelTask
from textrnn.language_model.windows import stream_windows
from textrnn.tokenizers.base import BOS_ID, EOS_ID, UNK_ID
from textrnn.training.device import pick_precision
from textrnn.training.evaluating import Evaluator
from textrnn.training.memory import keep_freed_memory
from textrnn.training.update import Updater

BATCH, WINDOW = 32, 64
WAYS = (0, 1024, 4096)
FIRST_ID = EOS_ID + 1
VALID_TARGETS = 50_000
WARM_SHARE = 0.05
LINE_END = "<eos>"


def words_of(path: Path) -> list[str]:
    """Return the words of a text, each line's end one of them."""
    return "".join(read_text(path)).replace("\n", f" {LINE_END} ").split()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--valid", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.004])
    parser.add_argument("--ways", type=int, nargs="+", default=WAYS)
    parser.add_argument("--one", type=float, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(given, int(given.one[0]), given.one[1])))
        return
    if len(words_of(given.file)) <= BATCH * WINDOW:
        parser.error(f"{given.file} holds no batch: it needs over {BATCH * WINDOW:,} words")
    found = []
    for way in given.ways:
        for rate in given.rates:
            command = [sys.executable, "-m", "benchmarks.vocabulary", *sys.argv[1:]]
            done = subprocess.run(
                [*command, "--one", str(way), str(rate)], stdout=subprocess.PIPE, check=True
            )
            one = json.loads(done.stdout)
            found.append(one)
            print(
                f"{f'sample of {way}' if way else 'whole softmax':16} rate {rate:<6g} "
                f"{one['tokens_per_cpu_s']:8,.0f} tokens/cpu-s {one['steps']:6,} steps "
                f"{one['memory_mb']:6,} MB   validation {one['valid_loss']:.4f} nats",
                flush=True,
            )
    print(json.dumps({"settings": {**vars(given), "file": None, "valid": None},
                      "found": found, "machine": machine()}))  # fmt: skip


def measured(given: argparse.Namespace, sampled_words: int, peak: float) -> dict[str, object]:
    """Train one model in this process for the seconds given; return its figures."""
    torch.set_num_threads(1)
    keep_freed_memory()
    words = words_of(given.file)
    ids = {word: at + FIRST_ID for at, (word, _) in enumerate(Counter(words).most_common())}

    def store(text: list[str]) -> TokenStore:
        each = np.array([BOS_ID, *(ids.get(word, UNK_ID) for word in text)], np.uint32)
        return TokenStore(each, np.zeros(1, np.int64), len(each), 0)

    size = given.hidden_size
    settings = LanguageModelSettings(
        hidden_size=size, num_layers=1, embedding_dim=min(size, 256), ngram_order=1, dropout=0.1,
        batch_size=BATCH, seq_len=WINDOW, optimizer="adamw", learning_rate=peak, weight_decay=0.05,
        sampled_words=sampled_words,
    )  # fmt: skip
    device = torch.device("cpu")
    precision = pick_precision("auto", device)
    model = RecurrentLanguageModel(settings, len(ids) + FIRST_ID)
    model.reset_parameters(torch.Generator().manual_seed(0))
    train, valid = store(words), store(words_of(given.valid))
    task = LanguageModelTask(model, settings, train, valid)
    updater = Updater(task, settings, device, precision)
    step = tokens = 0
    spent = 0.0
    while spent < given.seconds:
        for batch in stream_windows(train, BATCH, WINDOW, np.random.default_rng(step)):
            done = spent / given.seconds
            if done >= 1:
                break
            begun = time.process_time()
            rate = peak * min(1.0, (step + 1) / 10, (done + 0.01) / WARM_SHARE) * (1 - done)
            updater.update(batch, step, rate, done)
            spent += time.process_time() - begun
            step, tokens = step + 1, tokens + batch.num_targets
    begun = time.process_time()
    updater.show()
    metrics = Evaluator(task, device, precision).metrics(VALID_TARGETS)
    return {
        "sampled_words": sampled_words,
        "rate": peak,
        "words": len(ids),
        "steps": step,
        "tokens_per_cpu_s": tokens / spent,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "valid_loss": metrics["valid_loss"],
        "evaluation_cpu_s": time.process_time() - begun,
    }


if __name__ == "__main__":
    main()
