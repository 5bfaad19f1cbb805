"""What a training run tells, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn.cli.console import byte_size, duration
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
)

__all__ = [
    "evaluation_line",
    "figures",
    "how_to_go_on",
    "plan_lines",
    "progress_line",
    "replanned_line",
    "resumed_line",
    "summary_lines",
    "warning_of",
]

CELLS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "tanh RNN", "rnn_relu": "ReLU RNN"}


def plan_lines(event: Planned) -> list[tuple[str, str]]:
    """Return the plan as labelled lines."""
    facts, settings = event.facts, event.settings
    lines = [
        ("text", _text(facts, settings)),
        ("model", _model(facts, settings)),
        ("plan", _steps(facts, settings, event.plan)),
        ("machine", f"{facts['device']}, {_threads(facts)}{facts['precision']}"),
    ]
    labels = ["why"] + [""] * len(event.reasons)
    return lines + list(zip(labels, event.reasons, strict=False))


def progress_line(event: Progressed, *, with_bits: bool = True) -> str:
    """Return a line on how far training has come; arguments as for :func:`figures`."""
    done = f"step {event.step:,}/{event.max_steps:,}"
    return "  ".join(
        [done, *figures(event, with_bits=with_bits), f"{duration(event.remaining_s)} left"]
    )


def figures(event: Progressed, *, with_bits: bool = True) -> list[str]:
    """Return the figures of a stretch of training.

    Args:
        event: The stretch.
        with_bits: Whether bits per character mean anything: not where tokens are unknown.
    """
    bits = event.metrics.get("train_bits_per_char") if with_bits else None
    return [
        f"epoch {event.epoch:.2f}",
        f"loss {event.loss:.4f}",
        *([] if bits is None else [f"bits/char {bits:.3f}"]),
        f"{event.tokens_per_s:,.0f} tokens/s",
        f"lr {event.learning_rate:.3g}",
    ]


def evaluation_line(event: Evaluated) -> str:
    """Return a line on an evaluation."""
    is_measured = event.metrics.get("valid_loss") is not None
    best = ", the best so far" if event.is_best and is_measured else ""
    return f"step {event.step:,}: {_figures_of(event.metrics)}{best}"


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
    return None


def replanned_line(event: Replanned) -> str:
    """Return a line on a new end of the plan."""
    return (
        f"step {event.step:,}: the plan now ends at step {event.max_steps:,} instead of "
        f"{event.previous_max_steps:,} ({event.reason})"
    )


def summary_lines(event: Done, model: Path) -> list[str]:
    """Return what there is to know at the end of a run: figures, place, what can be done next."""
    reasons = {
        "patience": "stopped early, since nothing improved any more",
        "deadline": "stopped at the end of its time",
    }
    end = reasons.get(event.reason, "done")
    measured = _figures_of(event.metrics)
    is_measured = event.metrics.get("valid_loss") is not None
    best = f"best {measured}, at" if is_measured else f"{measured}; the weights are those of"
    return [
        f"{end}: {event.steps:,} steps in {duration(event.elapsed_s)}, {event.tokens_per_s:,.0f} tokens/s",
        f"{best} step {event.best_step:,}",
        f"the model is in {shown(model)}",
        f"  write text  textrnn generate {shown(model)}",
        f"  train more  {how_to_go_on(model, minutes=10)}",
    ]


def how_to_go_on(model: Path, minutes: int | None = None) -> str:
    """Return the command that goes on with a run."""
    more = f" --minutes {minutes}" if minutes else ""
    return f"textrnn train lm --resume {shown(model)}{more}"


def _figures_of(metrics: Mapping[str, float | None]) -> str:
    bits, loss = metrics.get("bits_per_char"), metrics.get("valid_loss")
    if loss is None:
        return "no validation"
    words = f"validation loss {loss:.4f}" if math.isfinite(loss) else "validation loss not finite"
    return words if bits is None else f"{words} ({bits:.3f} bits per character)"


def _text(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    parts = [
        f"{facts['characters']:,} characters",
        f"{facts['train_tokens']:,} tokens to train on",
        f"{facts['valid_tokens']:,} to validate",
        f"vocabulary {facts['vocab_size']:,} ({settings['tokenizer']})",
    ]
    if settings.get("lines"):
        parts.insert(1, f"{facts['documents']:,} lines to train on")
    if facts.get("unknown"):
        parts.append(f"{facts['unknown']:,} tokens unknown")
    return ", ".join(parts)


def _model(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    cell = CELLS.get(settings["rnn_type"], settings["rnn_type"])
    layers = settings["num_layers"]
    order = settings.get("ngram_order") or 1
    ngrams = f" and of n-grams up to {order}" if order > 1 else ""
    return (
        f"{cell}, {layers} {'layer' if layers == 1 else 'layers'} of {settings['hidden_size']}, embeddings "
        f"of {settings['embedding_dim']}{ngrams}; {facts['parameters']:,} parameters, about "
        f"{byte_size(facts['training_memory_bytes'])} in training"
    )


def _steps(facts: Mapping[str, Any], settings: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    begins, ends = plan["begins_at"], plan["max_steps"]
    batch, window = settings["batch_size"], settings["seq_len"]
    steps = f"{ends - begins:,} steps" + (f" more, to step {ends:,}," if begins else "")
    epochs = ""
    if not settings.get("lines"):
        passes = (ends - begins) * batch * window / max(1, facts["train_tokens"])
        epochs = f" ({passes:.3g} epochs)"
    budget = plan.get("budget_s")
    parts = [
        f"{steps} of {batch} x {window} tokens{epochs}",
        f"evaluated every {plan['eval_every']:,}",
        f"{settings['optimizer']} at {settings['learning_rate']:.3g}, {settings['schedule']}",
    ]
    return ", ".join(parts if budget is None else [*parts, f"{duration(budget)} in all"])


def _threads(facts: Mapping[str, Any]) -> str:
    count = facts["threads"]
    return "" if facts["device_type"] != "cpu" else f"{count} thread{'s'[: count != 1]}, "
