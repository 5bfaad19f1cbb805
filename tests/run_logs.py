"""Runs written by hand: a log of events and a ``config.json``, no weights."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from textrnn import bundle, records

SETTINGS = {
    "learning_rate": 0.01,
    "schedule": "cosine",
    "grad_clip": 1.0,
    "hidden_size": 64,
    "dropout": 0.0,
    "batch_size": 8,
    "valid_fraction": 0.1,
    "device": "auto",
}
FACTS = {"parameters": 1000, "valid_tokens": 100_000, "train_tokens": 900_000}


def planned(job: str = "language-model", **changes: Any) -> dict[str, Any]:
    plan = {"max_steps": changes.pop("max_steps", 1000), "budget_s": changes.pop("budget_s", None)}
    facts = {**FACTS, **changes.pop("facts", {})}
    return {
        "event": "planned",
        "job": job,
        "settings": {**SETTINGS, **changes},
        "plan": plan,
        "facts": facts,
        "reasons": [],
    }


def progress(step: int, loss: float | None, **changes: Any) -> dict[str, Any]:
    return {
        "event": "progress",
        "step": step,
        "max_steps": 1000,
        "epoch": step / 100,
        "loss": loss,
        "metrics": {},
        "grad_norm": 1.0,
        "learning_rate": 0.01 * (1 - step / 1000),
        "tokens_per_s": 500.0,
        "elapsed_s": step / 10,
        "remaining_s": 1.0,
        **changes,
    }


def evaluated(step: int, loss: float | None, **changes: Any) -> dict[str, Any]:
    metrics = {"valid_loss": loss, "bits_per_char": loss, **changes.pop("metrics", {})}
    return {
        "event": "evaluated",
        "step": step,
        "epoch": step / 100,
        "metrics": metrics,
        "train_loss": None,
        "is_best": False,
        "is_whole": True,
        "elapsed_s": step / 10,
        **changes,
    }


def stopped(step: int, reason: str) -> dict[str, Any]:
    return {"event": "stopped", "step": step, "reason": reason}


def resumed(step: int) -> dict[str, Any]:
    return {
        "event": "resumed",
        "step": step,
        "max_steps": 1000,
        "epoch": step / 100,
        "elapsed_s": step / 10,
    }


def rolled_back(step: int, to_step: int, rate_scale: float) -> dict[str, Any]:
    return {
        "event": "rolled_back",
        "step": step,
        "to_step": to_step,
        "rate_scale": rate_scale,
        "reason": "the loss exploded",
    }


def course(
    valid: Sequence[float | None], train: Sequence[float] = (), every: int = 100, **metrics: Any
) -> list[dict[str, Any]]:
    """Return the events of evaluations at even steps, each after a stretch of training.

    Args:
        valid: Validation losses.
        train: Training losses; nothing is told of them by default.
        every: Steps between two.
        **metrics: Further figures, a value for each evaluation.
    """
    events = []
    known = [loss for loss in valid if loss is not None]
    for number, loss in enumerate(valid):
        step = every * (number + 1)
        own = {name: values[number] for name, values in metrics.items()}
        training = {name: own.pop(name) for name in list(own) if name.startswith("train_")}
        if train:
            events.append(progress(step, train[number], metrics=training))
        best = loss is not None and loss == min(known)
        events.append(evaluated(step, loss, metrics=own, is_best=best))
    return events


def write_log(folder: Path, events: Iterable[dict[str, Any]]) -> Path:
    """Write the log of a run and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / bundle.LOG
    log.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return log


def write_run(
    folder: Path,
    events: Iterable[dict[str, Any]] = (),
    *,
    job: str = "language-model",
    step: int = 1000,
    metrics: dict[str, float | None] | None = None,
    source: str = "book.txt",
    **settings: Any,
) -> Path:
    """Write a model directory that holds its ``config.json`` and its log; the other files are a byte each."""
    if log := list(events):
        write_log(folder, log)
    folder.mkdir(parents=True, exist_ok=True)
    entry = {"bytes": 1, "sha256": "0"}
    record = {
        "job": job,
        "settings": {**SETTINGS, **settings},
        "data": {"sources": [{"name": source, "sha256": source}], "valid_sources": []},
        "tokenizer": {"kind": "char", "files": ["tokenizer.json"], "vocab_size": 5},
        "facts": {"parameters": 1000},
        "training": {
            "step": step,
            "best_step": step,
            "metrics": metrics or {},
            "elapsed_s": step / 10,
            "targets": 0,
            "tokens": 50 * step,
        },
        "weights": "weights-00000001.safetensors",
        "files": {"tokenizer.json": entry, "weights-00000001.safetensors": entry},
    }
    for name in record["files"]:
        (folder / name).write_bytes(b"x")
    records.write_record(folder, bundle.CONFIG, record)
    return folder
