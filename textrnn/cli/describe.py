"""What a training run tells, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.cli.console import byte_size, duration
from textrnn.cli.jobs import Job, job_named
from textrnn.cli.output import shown
from textrnn.training.events import (
    BatchReduced,
    Done,
    Evaluated,
    Event,
    Planned,
    Progressed,
    Replanned,
    Resumed,
    RolledBack,
    Saved,
    SaveFailed,
)

__all__ = [
    "evaluation_figures",
    "evaluation_line",
    "figures",
    "plan_lines",
    "progress_line",
    "replanned_line",
    "resumed_line",
    "summary_lines",
    "warning_of",
]

CELLS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "tanh RNN", "rnn_relu": "ReLU RNN"}


FIGURES: dict[str, tuple[str, str]] = {
    "valid_loss": ("validation loss {}", "{:.4f}"),
    "valid_perplexity": ("perplexity {}", "{:.2f}"),
    "valid_bleu": ("BLEU {}", "{:.2f}"),
    "bits_per_char": ("{} bits per character", "{:.3f}"),
    "valid_accuracy": ("accuracy {}", "{:.2%}"),
    "valid_macro_f1": ("macro F1 {}", "{:.2%}"),
    "test_accuracy": ("test accuracy {}", "{:.2%}"),
    "test_macro_f1": ("test macro F1 {}", "{:.2%}"),
    "train_bits_per_char": ("bits/char {}", "{:.3f}"),
    "train_accuracy": ("accuracy {}", "{:.1%}"),
}
"""How figures of any job are told; what is not listed stays in the log."""


def plan_lines(event: Planned) -> list[tuple[str, str]]:
    """Return the plan as labelled lines."""
    facts, settings, job = event.facts, event.settings, job_named(event.job)
    lines = [
        *job.data_lines(facts, settings),
        ("model", _model(facts, settings)),
        ("plan", _steps(job.step_words(facts, settings, event.plan), settings, event.plan)),
        ("machine", f"{facts['device']}, {_threads(facts)}{facts['precision']}"),
    ]
    labels = ["why"] + [""] * len(event.reasons)
    return lines + list(zip(labels, event.reasons, strict=False))


def progress_line(event: Progressed) -> str:
    """Return a line on how far training has come."""
    done = f"step {event.step:,}/{event.max_steps:,}"
    return "  ".join([done, *figures(event), f"{duration(event.remaining_s)} left"])


def figures(event: Progressed) -> list[str]:
    """Return the figures of a stretch of training."""
    return [
        f"epoch {event.epoch:.2f}",
        f"loss {event.loss:.4f}",
        *_told(event.metrics),
        f"{event.tokens_per_s:,.0f} tokens/s",
        f"lr {event.learning_rate:.3g}",
    ]


def evaluation_figures(metrics: Mapping[str, Any]) -> list[str]:
    """Return the figures of an evaluation in words, one each; none without validation data."""
    return _told({name: metrics.get(name) for name in FIGURES if not name.startswith("train_")})


def _told(metrics: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in metrics.items():
        if name in FIGURES and isinstance(value, (int, float)):
            phrase, form = FIGURES[name]
            words.append(
                phrase.format(form.format(value) if math.isfinite(value) else "not finite")
            )
    return words


def evaluation_line(event: Evaluated, *, is_last: bool = False) -> str:
    """Return a line on an evaluation.

    Args:
        event: The evaluation.
        is_last: Whether it is the last look at the best weights, on more of the data than those before: its
            figures are not compared with theirs.
    """
    figures = _figures_of(event.metrics)
    if event.metrics.get("valid_loss") is None:
        return f"step {event.step:,}: {figures}"
    part = "a larger part" if is_last else "part"
    of = f" on {part} of the validation data" if not event.is_whole else ""
    if is_last:
        return f"step {event.step:,}, the best: {figures}{of or ' on all of the validation data'}"
    return f"step {event.step:,}: {figures}{of}{', the best so far' if event.is_best else ''}"


def resumed_line(event: Resumed) -> str:
    """Return a line on the state that was taken up."""
    return (
        f"resumed at step {event.step:,} of {event.max_steps:,}, after {event.epoch:.2f} epochs and "
        f"{duration(event.elapsed_s)}"
    )


def warning_of(event: Event) -> str | None:
    """Return what a person should be warned of, if anything."""
    if isinstance(event, RolledBack):
        return (
            f"step {event.step:,}: {event.reason}; back to step {event.to_step:,} with the learning rate "
            f"times {event.rate_scale:.3g}"
        )
    if isinstance(event, BatchReduced):
        return (
            f"step {event.step:,}: out of memory; from here on every batch is worked off in "
            f"{event.accumulation} parts, with the same result"
        )
    if isinstance(event, SaveFailed) and event.tries == 1:
        return (
            f"step {event.step:,}: {event.reason}; what was saved at step {event.saved_step:,} is whole; "
            f"training goes on, and saving is tried again every {event.retry_s:g} s"
        )
    if isinstance(event, Saved) and event.failed_before:
        return f"step {event.step:,}: saved again"
    return None


def replanned_line(event: Replanned) -> str:
    """Return a line on a new end of the plan."""
    return (
        f"step {event.step:,}: the plan now ends at step {event.max_steps:,} instead of "
        f"{event.previous_max_steps:,} ({event.reason})"
    )


def summary_lines(job: Job, event: Done, model: Path) -> list[str]:
    """Return what there is to know at the end of a run: figures, place, what can be done next."""
    reasons = {
        "patience": "stopped early, since nothing improved any more",
        "deadline": "stopped at the end of its time",
    }
    end = reasons.get(event.reason, "done")
    measured = _figures_of(event.metrics)
    is_measured = event.metrics.get("valid_loss") is not None
    best = f"best {measured}, at" if is_measured else f"{measured}; the weights are those of"
    use, command = job.how_to_use(model)
    return [
        f"{end}: {event.steps:,} steps in {duration(event.elapsed_s)}, {event.tokens_per_s:,.0f} tokens/s",
        f"{best} step {event.best_step:,}",
        f"the model is in {shown(model)}",
        f"  {use:<12}{command}",
        f"  {'train more':<12}{job.how_to_go_on(model, minutes=10)}",
    ]


def _figures_of(metrics: Mapping[str, Any]) -> str:
    first, *others = evaluation_figures(metrics) or ["no validation"]
    return f"{first} ({', '.join(others)})" if others else first


def _model(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    extras = []
    if (order := settings.get("ngram_order") or 1) > 1:
        extras.append(f"n-grams up to {order}")
    if settings.get("spelling_rows"):
        extras.append("spellings")
    embeddings = f"embeddings of {settings['embedding_dim']}"
    embeddings += f" and of {' and '.join(extras)}" if extras else ""
    parts = [_shape(settings), embeddings]
    if settings.get("pooling"):
        parts.append(f"pooled by {settings['pooling']}")
    if settings.get("bag_order"):
        parts.append(f"beside a bag of n-grams up to {settings['bag_order']}")
    return (
        f"{', '.join(parts)}; {facts['parameters']:,} parameters, about "
        f"{byte_size(facts['training_memory_bytes'])} of tensors in training"
    )


def _shape(settings: Mapping[str, Any]) -> str:
    """Return the recurrent layers in words."""
    cell = CELLS.get(settings["rnn_type"], settings["rnn_type"])
    ways = "in both directions, " if settings.get("bidirectional") else ""
    layers = _counted(settings["num_layers"])
    if "encoder_layers" not in settings:
        return f"{cell}, {ways}{layers} of {settings['hidden_size']}"
    below = _counted(settings["encoder_layers"])
    feeding = " with input feeding" if settings["input_feeding"] else ""
    return (
        f"{cell} of {settings['hidden_size']}, {ways}{below} to read, {layers} to write{feeding}, "
        f"{settings['attention']} attention"
    )


def _counted(layers: int) -> str:
    return f"{layers} {'layer' if layers == 1 else 'layers'}"


def _steps(words: str, settings: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    begins, ends = plan["begins_at"], plan["max_steps"]
    steps = f"{ends - begins:,} steps" + (f" more, to step {ends:,}," if begins else "")
    budget = plan.get("budget_s")
    parts = [
        f"{steps} of {words}",
        f"evaluated every {plan['eval_every']:,}",
        f"{settings['optimizer']} at {settings['learning_rate']:.3g}, {settings['schedule']}",
    ]
    if budget is not None:
        is_filled = ends != plan.get("most_steps")
        parts.append(f"{duration(budget)} in all" if is_filled else f"at most {duration(budget)}")
    return ", ".join(parts)


def _threads(facts: Mapping[str, Any]) -> str:
    count, processes = facts["threads"], facts.get("processes", 1)
    together = f"{processes} processes, " if processes > 1 else ""
    if facts["device_type"] != "cpu":
        return together
    each = " each" if processes > 1 else ""
    return f"{together}{count} thread{'s'[: count != 1]}{each}, "
