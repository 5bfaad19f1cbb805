"""The runs below a folder: what became of each, its figures, and the settings in which they differ.

A run is a model directory. Only its ``config.json`` and the end of its log are read; of the weights it is
seen whether they are there, so that a thousand runs are a matter of a second or two.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textrnn import bundle, records
from textrnn.errors import ModelError
from textrnn.experiments.journal import last_stop

__all__ = [
    "BEST",
    "METRICS",
    "SORTS",
    "STATES",
    "Run",
    "best_metric",
    "differing",
    "find_models",
    "is_running",
    "read_run",
    "sorted_runs",
]

STATES = ("running", "finished", "stopped", "diverged")
"""What may have become of a run; one that was killed counts as stopped."""

METRICS = {
    "valid_loss": False,
    "bits_per_char": False,
    "valid_accuracy": True,
    "valid_macro_f1": True,
    "valid_bleu": True,
}
"""Figures that runs are compared by, and whether more of them is better."""

BEST = {
    "language-model": ("bits_per_char", "valid_loss"),
    "classifier": ("valid_accuracy", "valid_loss"),
    "translator": ("valid_bleu", "valid_loss"),
}
"""The figures that say most about a job's models, the first one that is there."""

_ENDED = ("finished", "deadline", "patience")

_MAIN = (
    *("init_from", "tokenizer", "vocab_size", "rnn_type", "hidden_size", "num_layers"),
    *("encoder_layers", "embedding_dim", "bidirectional", "attention", "pooling", "ngram_order"),
    *("bag_order", "dropout", "token_dropout", "weight_drop", "optimizer", "learning_rate"),
    *("schedule", "weight_decay", "batch_size", "batch_tokens", "seq_len", "label_smoothing"),
    *("minutes", "epochs", "max_steps", "seed"),
)
"""The settings that are named first where runs differ in them; others follow in their own order."""

_MACHINE = ("device", "precision", "threads", "eval_every", "save_every")
"""Those that are named last."""


@dataclass(frozen=True)
class Run:
    """What is known of a run.

    Attributes:
        path: Its model directory, as it was found.
        job: ``language-model`` and so on.
        state: One of :data:`STATES`.
        reason: Why it ended: ``finished``, ``deadline``, ``patience``, ``interrupted``, ``diverged``; None
            while it runs, and where it was killed.
        step: Updates done.
        best_step: Those after which the best weights were reached.
        elapsed_s: Seconds of all its sessions.
        tokens: Tokens read.
        parameters: Weights of the model; None where the record does not say.
        metrics: The best weights' figures, as far as they are finite.
        settings: Every setting, and ``init_from`` where it began from another model.
        data: Names of what it was trained on.
        data_key: Equal for runs that were trained and validated on the same.
        modified_s: When it was last saved, in seconds since 1970.
        trials: How many trials it stands for, as the best of its study; None where it is listed as itself.
    """

    path: Path
    job: str
    state: str
    reason: str | None
    step: int
    best_step: int
    elapsed_s: float
    tokens: int
    parameters: int | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    data_key: str = ""
    modified_s: float = 0.0
    trials: int | None = None

    def words(self, names: Iterable[str]) -> list[str]:
        """Return the settings among those named, ``hidden_size=64``."""
        return [f"{name}={_shown(self.settings[name])}" for name in names if name in self.settings]


def find_models(folders: Iterable[Path], report: Callable[[str], None]) -> Iterator[Path]:
    """Yield the model directories among folders and below them, each once, those of a folder by name.

    What is inside a model directory, or begins with a dot, is not looked at.

    Args:
        folders: Where to look; a model directory itself will do.
        report: Is told of folders that cannot be read.

    Raises:
        ModelError: a folder is not there, or is no folder.
    """
    seen: set[Path] = set()

    def unreadable(error: OSError) -> None:
        report(f"{error.filename}: cannot be read: {error.strerror}")

    for folder in folders:
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "no such folder"
            raise ModelError(f"{folder}: {what}; name a model directory, or a folder with some")
        for place, inner, files in os.walk(folder, onerror=unreadable):
            if bundle.CONFIG in files:
                inner.clear()
                path = Path(place)
                if (real := path.resolve()) not in seen:
                    seen.add(real)
                    yield path
            inner[:] = sorted(name for name in inner if not name.startswith("."))


def read_run(path: Path) -> Run:
    """Return what is known of a model directory.

    Raises:
        ModelError: no model, or damaged; what is inside the weights is not looked at.
    """
    config = bundle.peek_bundle(path).config
    training = config.get("training", {})
    counts = {name: training.get(name, 0) for name in ("step", "best_step", "elapsed_s", "tokens")}
    metrics = training.get("metrics", {})
    whole = all(_is_number(count) for count in counts.values()) and isinstance(metrics, dict)
    if not whole:
        raise ModelError(f"{path / bundle.CONFIG}: 'training' is malformed; the model is damaged")
    parameters = _mapping(config.get("facts")).get("parameters")
    reason = _reason(path)
    if is_running(path):
        state, reason = "running", None
    elif reason in _ENDED:
        state = "finished"
    else:
        state = "diverged" if reason == "diverged" else "stopped"
    data, data_key = _data(_mapping(config.get("data")), config["settings"])
    return Run(
        path=path,
        job=config["job"],
        state=state,
        reason=reason,
        step=int(counts["step"]),
        best_step=int(counts["best_step"]),
        elapsed_s=float(counts["elapsed_s"]),
        tokens=int(counts["tokens"]),
        parameters=parameters if isinstance(parameters, int) else None,
        metrics={name: float(value) for name, value in metrics.items() if _is_number(value)},
        settings=_settings(config),
        data=data,
        data_key=data_key,
        modified_s=(path / bundle.CONFIG).stat().st_mtime,
    )


def is_running(path: Path) -> bool:
    """Return whether a process trains in a model directory at this moment.

    It holds a lock. To see that, the lock is asked for, shared and for microseconds; where locks cannot be
    tested, the answer is no.

    Args:
        path: The model directory.
    """
    try:
        import fcntl
    except ImportError:  # pragma: no cover  (Windows)
        return False
    try:
        with (path / bundle.RESUME / ".lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            fcntl.flock(lock, fcntl.LOCK_UN)
    except OSError:
        return False
    return False


def differing(runs: Sequence[Run]) -> list[str]:
    """Return the settings in which runs of the same job differ, what matters most first."""
    found: dict[str, None] = {}
    for job in dict.fromkeys(run.job for run in runs):
        alike = [run.settings for run in runs if run.job == job]
        for name in dict.fromkeys(name for settings in alike for name in settings):
            if len({_plain(settings.get(name)) for settings in alike}) > 1:
                found[name] = None
    order = {name: place for place, name in enumerate(_MAIN)}
    middle = len(_MAIN)
    return sorted(
        found, key=lambda name: middle + 1 if name in _MACHINE else order.get(name, middle)
    )


def best_metric(run: Run) -> tuple[str, float] | None:
    """Return the figure that says most about a run's model, and its value; None without any."""
    for name in BEST.get(run.job, tuple(METRICS)):
        if name in run.metrics:
            return name, run.metrics[name]
    return None


def sorted_runs(runs: Iterable[Run], by: str, *, reverse: bool = False) -> list[Run]:
    """Return runs in an order of :data:`SORTS`; those without the figure come last.

    Args:
        runs: The runs.
        by: The name of the order.
        reverse: The other way round.
    """
    key = SORTS[by]
    with_key = [(key(run), run) for run in runs]
    known = [(value, run) for value, run in with_key if value is not None]
    unknown = [run for value, run in with_key if value is None]
    known.sort(key=lambda pair: pair[0], reverse=reverse)
    return [run for _, run in known] + unknown


def _by_metric(name: str) -> Callable[[Run], Any]:
    sign = -1 if METRICS[name] else 1

    def key(run: Run) -> Any:
        return sign * run.metrics[name] if name in run.metrics else None

    return key


def _by_best(run: Run) -> tuple[int, int, float]:
    """Return the job's place, then that of the figure, then its value: the best of each job first."""
    job = list(BEST).index(run.job) if run.job in BEST else len(BEST)
    best = best_metric(run)
    if best is None:
        return job, len(METRICS), 0.0
    name, value = best
    place = BEST.get(run.job, tuple(METRICS)).index(name)
    return job, place, -value if METRICS[name] else value


SORTS: dict[str, Callable[[Run], Any]] = {
    "best": _by_best,
    "name": lambda run: str(run.path),
    "date": lambda run: -run.modified_s,
    "state": lambda run: STATES.index(run.state),
    "steps": lambda run: -run.step,
    "time": lambda run: -run.elapsed_s,
    "parameters": lambda run: run.parameters,
    "loss": _by_metric("valid_loss"),
    "bits": _by_metric("bits_per_char"),
    "accuracy": _by_metric("valid_accuracy"),
    "f1": _by_metric("valid_macro_f1"),
    "bleu": _by_metric("valid_bleu"),
}
"""Orders by their names: figures with the best first, dates with the latest, models with the smallest."""


def _reason(path: Path) -> str | None:
    """Return why a run ended, by its log or, where that is gone, by the state it left."""
    log = path / bundle.LOG
    if log.exists():
        return last_stop(log)
    with contextlib.suppress(ModelError, KeyError, TypeError):
        ended = records.peek_record(path / bundle.RESUME, bundle.STATE)["run"]["ended"]
        return ended if isinstance(ended, str) and ended else None
    return None


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(config["settings"])
    if config.get("init_from") is not None:
        origin = json.dumps(config["init_from"], sort_keys=True)
        settings["init_from"] = hashlib.sha256(origin.encode()).hexdigest()[:8]
    return settings


def _data(record: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Return the names of what a model was trained on, and what is the same only for the same data."""
    parts: list[Any] = [settings.get("valid_fraction"), settings.get("test_fraction")]
    names: list[str] = []
    for part in ("sources", "valid_sources"):
        listed = record.get(part)
        for source in listed if isinstance(listed, list) else []:
            if isinstance(source, dict) and isinstance(source.get("name"), str):
                parts.append((part, source.get("sha256") or source["name"]))
                names += [source["name"]] if part == "sources" else []
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    return tuple(names), key


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
