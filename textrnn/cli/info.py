"""``textrnn info``: what a model is, or what this machine offers."""

from __future__ import annotations

import math
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from textrnn import bundle, records
from textrnn._version import __version__
from textrnn.cli.advice import advice_on
from textrnn.cli.aside import open_model
from textrnn.cli.console import (
    byte_size,
    duration,
    fitted,
    is_terminal,
    printable,
    write,
    write_json,
)
from textrnn.cli.describe import evaluation_figures
from textrnn.cli.options import debug_option
from textrnn.cli.sparkline import sparkline
from textrnn.errors import ModelError
from textrnn.experiments.journal import read_journal
from textrnn.experiments.runs import is_running

__all__ = ["info"]

_MOST_POINTS = 12
_TOKENIZERS = {
    "tokenizer": "tokenizer",
    "src_tokenizer": "source",
    "tgt_tokenizer": "target",
}
"""A model's tokenizers, and what they are called to a person."""
_PACKAGES = ("torch", "numpy", "sentencepiece", "safetensors", "click", "rich")


@click.command()
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one object of JSON.")
@debug_option
def info(model: Path | None, as_json: bool) -> None:
    """Describe a MODEL: settings, sizes, data, training; without one, what this machine offers."""
    record = _machine() if model is None else _model(model)
    if as_json:
        write_json(record)
    elif model is None:
        write("".join(_rows(record)))
    else:
        write(fitted("".join(_model_lines(record)), sys.stdout))


def _machine() -> dict[str, Any]:
    import torch

    from textrnn.data.cache import default_cache_dir
    from textrnn.training.device import device_facts, pick_device, pick_precision, use_threads

    threads = use_threads(None)
    device = pick_device("auto")
    precision = pick_precision("auto", device)
    facts = device_facts(device, precision, threads)
    devices = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return {
        "device": str(device),
        "device_name": facts.name,
        "memory_bytes": facts.memory_bytes,
        "precision": precision,
        "threads": threads,
        "devices": devices,
        "cache": str(default_cache_dir()),
        "versions": {
            "textrnn": __version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in _PACKAGES},
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _rows(record: dict[str, Any]) -> list[str]:
    versions = ", ".join(
        f"{name} {number}" for name, number in record["versions"].items() if number
    )
    rows = {
        "device": f"{record['device']} ({record['device_name']})",
        "memory": byte_size(record["memory_bytes"]),
        "precision": f"{record['precision']} in training",
        "threads": str(record["threads"]),
        "devices": ", ".join(record["devices"]),
        "cache": record["cache"],
        "versions": versions,
    }
    return [f"{name:<12}{printable(value)}\n" for name, value in rows.items()]


def _model(path: Path) -> dict[str, Any]:
    """Return what is known of a model, its weights read for their sizes."""
    opened = open_model(path)
    config = opened.config
    tensors = opened.tensors()
    advice = () if is_running(path) else advice_on(opened.job, path)
    return {
        "model": str(path),
        "job": opened.job,
        "format": config["format"],
        "parameters": sum(int(array.size) for array in tensors.values()),
        "size_bytes": sum(file["bytes"] for file in config["files"].values()),
        **{part: _tokenizer(opened, part) for part in _TOKENIZERS if part in config},
        "settings": opened.settings,
        "data": config.get("data", {}),
        "training": _training(opened),
        "can_resume": (path / bundle.RESUME / bundle.STATE).is_file(),
        "curve": _curve(path),
        "advice": [each.as_dict() for each in advice],
        "versions": config.get("versions", {}),
    }


def _tokenizer(opened: bundle.Bundle, part: str) -> dict[str, Any]:
    """Return what is told of a tokenizer.

    Raises:
        ModelError: it is not what training writes.
    """
    record = opened.config[part]
    if not isinstance(record.get("vocab_size"), int):
        raise ModelError(
            f"{opened.path / bundle.CONFIG}: {part!r} is malformed; the model is damaged"
        )
    return {name: record[name] for name in ("kind", "vocab_size")}


def _sources(data: dict[str, Any]) -> list[str]:
    """Return the names of what a model was trained on, as far as its record is whole."""
    sources = data.get("sources")
    found = sources if isinstance(sources, list) else []
    return [
        str(source["name"]) for source in found if isinstance(source, dict) and "name" in source
    ]


def _training(opened: bundle.Bundle) -> dict[str, Any]:
    """Return the summary of the training.

    Raises:
        ModelError: it is not there, or not what training writes.
    """
    record: dict[str, Any] = opened.config.get("training", {})
    metrics = record.get("metrics")
    counts = [record.get(name) for name in ("step", "best_step", "tokens", "elapsed_s")]
    if not isinstance(metrics, dict) or not all(
        isinstance(number, (int, float))
        for number in [*counts, *(value for value in metrics.values() if value is not None)]
    ):
        raise ModelError(
            f"{opened.path / bundle.CONFIG}: 'training' is missing or malformed; the model is damaged"
        )
    return record


def _curve(path: Path) -> list[dict[str, Any]]:
    """Return the evaluations in order of steps, from the log or, where it is gone, from the state."""
    events = list(read_journal(path / bundle.LOG, "evaluated"))
    if events:
        # A run that was killed has done some steps twice: the last time counts.
        by_step = {
            event["step"]: {
                "step": event["step"],
                **_numbers(event.get("metrics")),
                "is_whole": event.get("is_whole") is not False,
            }
            for event in events
            if type(event.get("step")) is int
        }
    elif (path / bundle.RESUME / bundle.STATE).is_file():
        run = records.read_record(path / bundle.RESUME, bundle.STATE).get("run")
        history = run.get("history") if isinstance(run, dict) else None
        entries = map(_numbers, history if isinstance(history, list) else [])
        by_step = {entry["step"]: entry for entry in entries if type(entry.get("step")) is int}
    else:
        return []
    return [by_step[step] for step in sorted(by_step)]


def _numbers(record: object) -> dict[str, Any]:
    """Return the figures in a record of unknown origin."""
    found = record if isinstance(record, dict) else {}
    return {
        name: v
        for name, v in found.items()
        if v is None or (type(v) in (int, float) and math.isfinite(v))
    }


def _model_lines(record: dict[str, Any]) -> list[str]:
    training = record["training"]
    best = [f"{name} {v:.4f}" for name, v in training["metrics"].items() if v is not None]
    rows = {
        "model": f"{record['model']} ({record['job']}, format {record['format']})",
        "size": f"{record['parameters']:,} parameters, {byte_size(record['size_bytes'])}",
        **{
            label: f"{record[part]['kind']}, vocabulary {record[part]['vocab_size']:,}"
            for part, label in _TOKENIZERS.items()
            if part in record
        },
        "text": ", ".join(_sources(record["data"])),
        "trained": f"{training['step']:,} steps, {training['tokens']:,} tokens, "
        f"{duration(training['elapsed_s'])}",
        "best": f"{', '.join(best) or 'not evaluated yet'} at step {training['best_step']:,}",
        "resume": "yes" if record["can_resume"] else "no: the state to resume from is gone",
        "made by": ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
    }
    lines = [f"{name:<12}{printable(value)}\n" for name, value in rows.items()]
    lines += ["\nsettings\n"]
    lines += [f"  {name:<20}{_shown(value)}\n" for name, value in record["settings"].items()]
    lines += _curve_lines(record["curve"])
    if record["advice"]:
        lines += ["\nadvice\n", *(f"  {printable(each['text'])}\n" for each in record["advice"])]
    return lines


def _curve_lines(curve: list[dict[str, Any]]) -> list[str]:
    points = [point for point in curve if isinstance(point.get("valid_loss"), float)]
    if not points:
        return []
    is_ascii = is_terminal(sys.stdout) and not sys.stdout.encoding.lower().startswith("utf")
    # The last look, on all of the data, is no point of a curve on a part of them.
    on_part = [point for point in points if point.get("is_whole") is False]
    losses = [point["valid_loss"] for point in on_part or points]
    line = sparkline(losses, 60, ascii_only=is_ascii)
    count = min(len(points), _MOST_POINTS)
    chosen = [points[(i + 1) * len(points) // count - 1] for i in range(count)]
    rows = ["\nvalidation\n", f"  {line}\n"]
    for point in chosen:
        figures = ", ".join(evaluation_figures(point))
        part = "all" if point.get("is_whole") is not False else "part"
        where = f" on {part} of the validation data" if on_part else ""
        rows.append(f"  step {point['step']:>9,}  {figures}{where}\n")
    if count < len(points):
        dots = "..." if is_ascii else "…"
        rows.append(f"  {dots} {count} of {len(points):,} evaluations; --json lists all\n")
    return rows


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else printable(str(value))
