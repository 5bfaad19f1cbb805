"""Training throughput: the whole loop against the bare recurrence.

    python -m benchmarks.training [--hidden-size 512] [--num-layers 2] [--batch-size 64] [--seq-len 128]
        [--device cpu|cuda] [--steps 6]

Measures, in turn and several times over in one process, the time of a step of

- ``nn.LSTM`` alone, forward and backward, in bf16 and in float32: what the kernels allow;
- textrnn's loop as ``train lm`` runs it: data, embeddings, recurrence, dropout, output layer, loss,
  gradient clipping, updates by Muon and AdamW, or by AdamW alone, in both precisions;
- one large matrix product in either precision: what the device allows.

Prints medians with ratios, the share of the products' rate that the arithmetic of a step reaches (that of
LSTM and output layer, forward and backward), and the raw numbers as JSON. On a GPU, where steps run on their
own, seconds are those of all steps but the first two and the last, waited for: give it 40 steps or more.
"""

from __future__ import annotations

import argparse
import contextlib
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
from textrnn.training.device import autocast, finish, pick_device
from textrnn.training.loop import Loop
from textrnn.training.plan import Plan
from textrnn.training.state import RunState

VOCAB = 69
WARM_UP = 2
PRODUCT_SIZE = {"cpu": 2048, "cuda": 8192}


class Steps:
    """When steps of training began.

    Args:
        device: Where they run.
        steps: How many there will be.
    """

    def __init__(self, device: torch.device, steps: int) -> None:
        self._device = device
        self._last = steps - 1
        self._begun: list[float] = []

    def begin(self) -> None:
        """Begin a step."""
        if len(self._begun) in (WARM_UP, self._last):
            finish(self._device)
        self._begun.append(time.perf_counter())

    def seconds(self) -> float:
        """Return the seconds of a step: on a CPU the median, else the mean, the first ones left out."""
        begun = self._begun[WARM_UP:]
        if self._device.type == "cuda":
            return (begun[-1] - begun[0]) / (len(begun) - 1)
        return statistics.median(np.diff(begun).tolist())


def product(device: torch.device, precision: str, rounds: int = 5) -> float:
    """Return the operations a second of a large matrix product, the fastest of some.

    Of float32 on a GPU in TF32, as cuDNN's layers take their products.
    """
    size = PRODUCT_SIZE[device.type]
    a, b = (torch.randn(size, size, device=device) for _ in range(2))
    if precision == "bf16":
        a, b = a.bfloat16(), b.bfloat16()
    times = []
    # The loop's own products stay as they are.
    torch.backends.cuda.matmul.allow_tf32 = True
    for _ in range(rounds):
        finish(device)
        begun = time.perf_counter()
        torch.mm(a, b)
        finish(device)
        times.append(time.perf_counter() - begun)
    torch.backends.cuda.matmul.allow_tf32 = False
    return 2 * size**3 / min(times)


def operations(settings: LanguageModelSettings) -> float:
    """Return the arithmetic operations of a step's products, forward and backward."""
    hidden, layers = settings.hidden_size or 0, settings.num_layers or 0
    weights = layers * 4 * hidden * 2 * hidden + hidden * VOCAB
    return 3 * 2 * weights * (settings.batch_size or 0) * (settings.seq_len or 0)


def bare(
    settings: LanguageModelSettings, device: torch.device, precision: str, steps: int
) -> float:
    """Return the seconds that a step of the recurrence alone takes."""
    s = settings
    lstm = torch.nn.LSTM(s.hidden_size, s.hidden_size, s.num_layers, device=device)
    x = torch.randn(s.seq_len, s.batch_size, s.hidden_size, device=device, requires_grad=True)
    inputs, context = x, autocast(device, precision)
    if device.type == "cuda" and precision == "bf16":
        # There autocast computes recurrent layers in float16.
        lstm, inputs = lstm.bfloat16(), x.bfloat16()
        context = contextlib.nullcontext()
    timed = Steps(device, steps)
    for _ in range(steps):
        timed.begin()
        with context:
            y, _ = lstm(inputs)
        y.backward(torch.ones_like(y), retain_graph=inputs is not x)
    return timed.seconds()


def loop(
    settings: LanguageModelSettings, device: torch.device, precision: str, steps: int
) -> float:
    """Return the seconds that a step of the whole loop takes."""
    rng = np.random.default_rng(0)
    ids = rng.integers(4, VOCAB, 1 << 21).astype(np.uint8)
    store = TokenStore(ids, np.zeros(1, np.int64), len(ids), 0)
    valid = TokenStore(ids[:100], np.zeros(1, np.int64), 99, 0)
    settings = dataclasses.replace(settings, precision=precision)
    model = RecurrentLanguageModel(settings, VOCAB)
    model.reset_parameters(torch.Generator().manual_seed(0))
    model.to(device)
    plan = Plan(steps, 1, 10**9, 10**9, valid_targets=99)
    timed = Steps(device, steps)

    class Timed(LanguageModelTask):
        def step(self, batch, state, masks):
            timed.begin()
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
            device=device,
            precision=precision,
            clock=time.monotonic,
        )
        for _ in running.run():
            pass
        directory.close()
    return timed.seconds()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden-size", type=int, default=512)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seq-len", type=int, default=128)
    parser.add_argument("--ngram-order", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--device", default="cpu", choices=PRODUCT_SIZE)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6)
    given = parser.parse_args()
    if given.steps < WARM_UP + 2:
        parser.error(f"--steps must be at least {WARM_UP + 2}")
    device = pick_device(given.device)
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
    rates: dict[str, list[float]] = {}
    for _ in range(given.rounds):
        for precision in ("bf16", "float32"):
            rates.setdefault(precision, []).append(product(device, precision))
            seconds = bare(settings, device, precision, given.steps)
            found.setdefault(f"bare {precision}", []).append(seconds)
            for optimizer in ("muon", "adamw"):
                chosen = dataclasses.replace(settings, optimizer=optimizer)
                seconds = loop(chosen, device, precision, given.steps)
                found.setdefault(f"{optimizer} {precision}", []).append(seconds)
    tokens = given.batch_size * given.seq_len
    medians = {name: statistics.median(times) for name, times in found.items()}
    for name, seconds in medians.items():
        rate = statistics.median(rates[name.split()[-1]])
        share = operations(settings) / seconds / rate
        print(
            f"{name:14} {seconds * 1e3:8.1f} ms a step {tokens / seconds:10,.0f} tokens/s, "
            f"{share:.0%} of the {rate / 1e9:,.0f} GFLOP/s of a matrix product"
        )

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
    print(
        json.dumps(
            {
                "settings": vars(given),
                "seconds": found,
                "operations_per_s": rates,
                "machine": machine(),
            }
        )
    )


if __name__ == "__main__":
    main()
