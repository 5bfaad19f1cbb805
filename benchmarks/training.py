"""Training throughput: the whole loop against the bare recurrence.

    python -m benchmarks.training [--hidden-size 512] [--num-layers 2] [--batch-size 64] [--seq-len 128]

Measures, in turn and several times over in one process, the time of a step of

- ``nn.LSTM`` alone, forward and backward, under bf16 autocast and in float32: what the kernels allow;
- textrnn's loop as ``train lm`` runs it: data, embeddings, recurrence, dropout, output layer, loss,
  gradient clipping, updates by Muon and AdamW, or by AdamW alone, in both precisions.

Prints medians with ratios, and the raw numbers as JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import machine
from textrnn.bundle import tokenizer_part
from textrnn.config import as_dict
from textrnn.data.store import TokenStore
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.task import LanguageModelTask
from textrnn.tokenizers import ByteTokenizer
from textrnn.training.checkpoint import RunDirectory
from textrnn.training.device import autocast
from textrnn.training.loop import Loop
from textrnn.training.plan import Plan
from textrnn.training.state import RunState

VOCAB = 69


def bare(settings: LanguageModelSettings, precision: str, steps: int) -> float:
    """Return the seconds that a step of the recurrence alone takes."""
    s = settings
    lstm = torch.nn.LSTM(s.hidden_size, s.hidden_size, s.num_layers)
    x = torch.randn(s.seq_len, s.batch_size, s.hidden_size, requires_grad=True)
    times = []
    for _ in range(steps):
        begun = time.perf_counter()
        with autocast(torch.device("cpu"), precision):
            y, _ = lstm(x)
        y.backward(torch.ones_like(y))
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def loop(settings: LanguageModelSettings, precision: str, steps: int) -> float:
    """Return the seconds that a step of the whole loop takes."""
    rng = np.random.default_rng(0)
    ids = rng.integers(4, VOCAB, 1 << 21).astype(np.uint8)
    store = TokenStore(ids, np.zeros(1, np.int64), len(ids), 0)
    valid = TokenStore(ids[:100], np.zeros(1, np.int64), 99, 0)
    settings = dataclasses.replace(settings, precision=precision)
    model = RecurrentLanguageModel(settings, VOCAB)
    model.reset_parameters(torch.Generator().manual_seed(0))
    plan = Plan(steps, 1, 10**9, 10**9, valid_targets=99)
    begun: list[float] = []

    class Timed(LanguageModelTask):
        def step(self, batch, state, masks):
            begun.append(time.perf_counter())
            return super().step(batch, state, masks)

    with tempfile.TemporaryDirectory() as folder:
        record, files = tokenizer_part(ByteTokenizer())
        head = {"job": "language-model", "settings": as_dict(settings), "tokenizer": record}
        directory = RunDirectory.create(Path(folder) / "m", head, files)
        running = Loop(
            Timed(model, settings, store, valid),
            settings,
            RunState(plan),
            directory,
            device=torch.device("cpu"),
            precision=precision,
            clock=time.monotonic,
        )
        for _ in running.run():
            pass
        directory.close()
    return statistics.median(np.diff(begun)[1:].tolist())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden-size", type=int, default=512)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seq-len", type=int, default=128)
    parser.add_argument("--ngram-order", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6)
    given = parser.parse_args()
    settings = LanguageModelSettings(
        hidden_size=given.hidden_size,
        num_layers=given.num_layers,
        embedding_dim=given.hidden_size,
        ngram_order=given.ngram_order,
        dropout=given.dropout,
        batch_size=given.batch_size,
        seq_len=given.seq_len,
        learning_rate=1e-3,
        weight_decay=0.1,
    )
    found: dict[str, list[float]] = {}
    for _ in range(given.rounds):
        for precision in ("bf16", "float32"):
            seconds = bare(settings, precision, given.steps)
            found.setdefault(f"bare {precision}", []).append(seconds)
            for optimizer in ("muon", "adamw"):
                chosen = dataclasses.replace(settings, optimizer=optimizer)
                seconds = loop(chosen, precision, given.steps)
                found.setdefault(f"{optimizer} {precision}", []).append(seconds)
    tokens = given.batch_size * given.seq_len
    medians = {name: statistics.median(times) for name, times in found.items()}
    for name, seconds in medians.items():
        print(f"{name:14} {seconds * 1e3:8.1f} ms a step {tokens / seconds:10,.0f} tokens/s")

    def ratio(a: str, b: str) -> float:
        pairs = zip(found[a], found[b], strict=True)
        return statistics.median(y / x for x, y in pairs)

    for optimizer in ("muon", "adamw"):
        share = ratio(f"{optimizer} bf16", "bare bf16")
        faster = ratio(f"{optimizer} bf16", f"{optimizer} float32")
        print(
            f"the loop with {optimizer} reaches {share:.1%} of the bare recurrence under bf16, where it is"
        )
        print(f"  {faster:.2f} times as fast as in float32")
    print(json.dumps({"settings": vars(given), "seconds": found, "machine": machine()}))


if __name__ == "__main__":
    main()
