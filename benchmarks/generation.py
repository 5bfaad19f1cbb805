"""How fast text is generated, against stepping ``torch.nn.LSTM`` in the same run.

    python -m benchmarks.generation [--hidden-size 512] [--num-layers 2] [--rows 1 64]
        [--precisions float32 bf16 int8] [--loss MODEL TEXT]

The model is a character LSTM with made-up weights: what is measured does not depend on them. Prints, for
each number of texts made at a time, characters per second in all, sampling and text included; the same for
calls of ``nn.LSTM`` step by step, with oneDNN and without, their ratio, and whether both ways gave the same
text for the same seed; the bare matrix products of a step; the same texts in other precisions; the time to
the first character of a new process. With ``--loss``, what each precision costs: the nats per token of a
text to a trained model, step by step. The last line is JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.machine import machine
from textrnn import bundle, records
from textrnn.config import as_dict
from textrnn.decoding.randomness import row_key, uniforms
from textrnn.decoding.sampling import Sampler, SamplingSettings
from textrnn.decoding.text import Decoding, Request
from textrnn.decoding.threads import tune_threads
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.placing import require_precision
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.stepped import SteppedLanguageModel
from textrnn.language_model.stepper import make_stepper, model_settings
from textrnn.tokenizers import CharTokenizer

TOKENIZER = CharTokenizer("\n" + "".join(map(chr, range(32, 96))))
SAMPLING = SamplingSettings(temperature=0.8, seed=1)
ROUNDS = 3
LOSS_ROWS = 16
"""The parts that a text is cut into where its loss is measured, which run side by side."""


def network(settings: LanguageModelSettings) -> RecurrentLanguageModel:
    """Return a network with starting weights, its outputs scaled up so that texts are not all noise."""
    model = RecurrentLanguageModel(settings, TOKENIZER.vocab_size)
    model.reset_parameters(torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.output.weight.mul_(8)
        model.embedding.weight.mul_(8)
    return model


def ours(stepper: Any, rows: int, length: int) -> list[str]:
    """Generate with the one-step form."""
    settings = dataclasses.replace(SAMPLING, max_new_tokens=length)
    requests = [Request(0, row, TOKENIZER.encode("\n"), "") for row in range(rows)]
    texts = [""] * rows
    for piece in Decoding(TOKENIZER, settings, batch_size=rows).pieces(stepper, requests):
        texts[piece.sample] += piece.text
    return texts


class TorchSteps:
    """The same network as layers of ``torch.nn``, called token by token as most projects do."""

    def __init__(self, model: RecurrentLanguageModel) -> None:
        layers = model.recurrent.layers
        self.lstm = nn.LSTM(layers[0].weight_ih.shape[1], layers[0].hidden_size, len(layers))
        weights = {
            f"{name}_l{number}": weight.data
            for number, layer in enumerate(layers)
            for name, weight in layer.named_parameters()
        }
        self.lstm.load_state_dict(weights)
        self.embedding = model.embedding.weight
        self.output = model.output

    @torch.inference_mode()
    def generate(self, rows: int, length: int) -> list[str]:
        """Generate with the same sampler and random numbers as the one-step form."""
        sampler = Sampler(SAMPLING, allow_eos=False)
        keys = np.array([row_key(SAMPLING.seed or 0, "", row) for row in range(rows)], np.uint64)
        ids = np.repeat(TOKENIZER.encode("\n"), rows).astype(np.int64)
        state = None
        made = []
        for numbers in uniforms(keys, 0, length):
            hidden, state = self.lstm(self.embedding[torch.from_numpy(ids)][None], state)
            logits = self.output(hidden[0]).numpy()
            ids = sampler.choose(logits, None, numbers)
            made.append(ids)
        return [TOKENIZER.decode(row) for row in np.stack(made, axis=1)]


def products(tensors: dict[str, np.ndarray], rows: int) -> Callable[[], None]:
    """Return the bare matrix products of a step, the first layer's input product left out."""
    layers = sum(name.endswith("weight_hh") for name in tensors)
    weights = [tensors["recurrent.layers.0.weight_hh"], tensors["output.weight"]]
    for layer in range(1, layers):
        names = [f"recurrent.layers.{layer}.weight_{part}" for part in ("ih", "hh")]
        weights.append(np.concatenate([tensors[name] for name in names], axis=1))
    pairs = [(w, np.zeros((w.shape[1], rows), np.float32)) for w in weights]

    def run() -> None:
        for weight, columns in pairs:
            weight.dot(columns)

    return run


def best_s(run: Callable[[], object]) -> float:
    """Return the shortest of a few times, in seconds."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times)


def measure_lower(stepper: Any, precision: str, rows: int, length: int) -> dict[str, Any]:
    """Measure one batch size in a precision below float32."""
    threads = tune_threads(stepper, rows, in_torch=True)
    rate = rows * length / best_s(lambda: ours(stepper, rows, length))
    return {"rows": rows, "precision": precision, "threads": threads, "chars_per_s": round(rate, 1)}


def losses(path: str, text: str, precisions: list[str]) -> dict[str, float]:
    """Return the nats per token that a text costs a trained model in each precision, step by step."""
    opened = bundle.open_bundle(path)
    settings, tokenizer = model_settings(opened.settings, path), opened.tokenizer()
    ids = torch.from_numpy(tokenizer.encode(Path(text).read_text("utf-8")).astype(np.int64))
    columns = ids[: len(ids) // LOSS_ROWS * LOSS_ROWS].view(LOSS_ROWS, -1)
    found = {}
    for precision in precisions:
        model = SteppedLanguageModel(settings, opened.tensors(), precision)
        with torch.no_grad():
            nats, _ = model.nats(columns[:, :-1], columns[:, 1:], model.start(LOSS_ROWS))
        found[precision] = round(float(nats.double().mean()), 6)
    return found


def measure(model: RecurrentLanguageModel, stepper: Any, rows: int, length: int) -> dict[str, Any]:
    """Measure one batch size."""
    tensors = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    threads = tune_threads(stepper, rows)
    bare = products(tensors, rows)
    peer = TorchSteps(model)
    # The peer is slow: a shorter text will do for its rate.
    peer_length = max(10, length // 8)
    rates = {
        "chars_per_s": rows * length / best_s(lambda: ours(stepper, rows, length)),
        "bare_products_per_s": rows * 100 / best_s(lambda: [bare() for _ in range(100)]),
        "nn_lstm_per_s": rows * peer_length / best_s(lambda: peer.generate(rows, peer_length)),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # setting the flag warns of GPUs that are not here
        with torch.backends.mkldnn.flags(enabled=False):
            plain_s = best_s(lambda: peer.generate(rows, peer_length))
    rates["nn_lstm_no_onednn_per_s"] = rows * peer_length / plain_s
    return {
        "rows": rows,
        "precision": "float32",
        "threads": threads,
        **{name: round(rate, 1) for name, rate in rates.items()},
        "ratio": round(rates["chars_per_s"] / rates["nn_lstm_per_s"], 2),
        "ratio_no_onednn": round(rates["chars_per_s"] / rates["nn_lstm_no_onednn_per_s"], 2),
        "same_text": ours(stepper, rows, peer_length) == peer.generate(rows, peer_length),
    }


def first_character_s(model: RecurrentLanguageModel, settings: LanguageModelSettings) -> float:
    """Return the seconds from the start of a process to the first generated character."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        arrays = {name: tensor.numpy() for name, tensor in model.tensors().items()}
        files = {n: records.write_file(path / n, c) for n, c in TOKENIZER.to_files().items()}
        tokenizer = {"kind": TOKENIZER.kind, "files": sorted(files)}
        files["weights"] = records.write_tensors(path / "weights", arrays)
        record = {
            "job": "language-model",
            "settings": as_dict(settings),
            "tokenizer": tokenizer,
            "weights": "weights",
            "files": files,
        }
        records.write_record(path, bundle.CONFIG, record)
        command = [sys.executable, "-m", "textrnn", "generate", folder, "-n", "-1", "--no-echo"]

        def first() -> None:
            with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                text = process.stdout.read(1)
                process.kill()
            assert text, "textrnn generate printed nothing"

        return best_s(first)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden-size", type=int, default=512)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--length", type=int, default=1600, help="characters of a text at batch 1")
    parser.add_argument("--precisions", nargs="+", default=["float32"], help="float32 bf16 int8")
    parser.add_argument("--loss", nargs=2, metavar=("MODEL", "TEXT"), help="what precision costs")
    given = parser.parse_args()
    settings = LanguageModelSettings(
        hidden_size=given.hidden_size,
        embedding_dim=given.hidden_size,
        num_layers=given.num_layers,
        ngram_order=1,
    )
    model = network(settings)
    begun = time.perf_counter()
    stepper = make_stepper(model.tensors(), as_dict(settings))
    packing_s = time.perf_counter() - begun
    results = []
    for rows in given.rows:
        length = max(80, given.length // rows)
        result = measure(model, stepper, rows, length)
        results.append(result)
        print(
            f"{rows} texts at a time: {result['chars_per_s']:,.0f} characters/s on "
            f"{result['threads']} threads; nn.LSTM {result['nn_lstm_per_s']:,.0f} "
            f"({result['ratio']} times), without oneDNN {result['nn_lstm_no_onednn_per_s']:,.0f} "
            f"({result['ratio_no_onednn']} times); bare products "
            f"{result['bare_products_per_s']:,.0f}; same text: {result['same_text']}",
            flush=True,
        )
    for precision in filter("float32".__ne__, given.precisions):
        require_precision(precision, "cpu")
        lower = make_stepper(model.tensors(), as_dict(settings), precision=precision)
        for rows in given.rows:
            result = measure_lower(lower, precision, rows, max(80, given.length // rows))
            results.append(result)
            print(
                f"{rows} texts at a time in {precision}: {result['chars_per_s']:,.0f} characters/s on "
                f"{result['threads']} threads",
                flush=True,
            )
    first_s = first_character_s(model, settings)
    print(
        f"weights packed in {packing_s:.3f} s; first character of a process after {first_s:.2f} s"
    )
    nats = losses(*given.loss, given.precisions) if given.loss else {}
    print("".join(f"nats per token in {name}: {loss:.5f}\n" for name, loss in nats.items()), end="")
    shape = {"hidden_size": given.hidden_size, "num_layers": given.num_layers}
    print(
        json.dumps(
            {
                **shape,
                "results": results,
                "nats_per_token": nats,
                "packing_s": round(packing_s, 4),
                "first_character_s": round(first_s, 3),
                "machine": machine(),
            }
        )
    )


if __name__ == "__main__":
    main()
