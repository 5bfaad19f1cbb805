"""What a study found, in words and as a table."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textrnn.cli.columns import Row, table_lines, width_of
from textrnn.cli.console import duration, is_terminal, write
from textrnn.cli.describe import FIGURES
from textrnn.cli.styled import one_line, write_lines
from textrnn.cli.wrapping import columns_of, wrapped
from textrnn.experiments.importance import LEAST_TRIALS, Importance, edges, importance_of
from textrnn.experiments.outcomes import Objective, best_trial
from textrnn.experiments.space import Space
from textrnn.experiments.trial import Trial

__all__ = ["Findings", "figure", "findings_of", "setting_words", "table", "write_table"]

_MOST_ROWS = 40
_WIDEST = 18
_STYLES = {"done": "", "pruned": "dim", "failed": "red", "running": "cyan", "waiting": "yellow"}
_SHARE_WORTH_SAYING = 0.05


@dataclass(frozen=True)
class Findings:
    """What a study knows at some point.

    Attributes:
        trials: All of them.
        best: The best that came to its end; None without any.
        baseline: The trial that took the defaults, where it came to its end.
        importance: What the settings explain; None where too little is known.
        edges: Settings of the best trial at an end of their range, with that end.
    """

    trials: tuple[Trial, ...]
    best: Trial | None
    baseline: Trial | None
    importance: Importance | None
    edges: tuple[tuple[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for JSON."""
        best = None if self.best is None else _record(self.best)
        return {
            "best": best,
            "baseline": None if self.baseline is None else _record(self.baseline),
            "importance": None if self.importance is None else self.importance.as_json(),
            "edges": [{"setting": name, "end": end} for name, end in self.edges],
            "trials": [_record(trial) for trial in self.trials],
        }


def findings_of(trials: Sequence[Trial], space: Space, objective: Objective) -> Findings:
    """Return what the trials so far say."""
    best = best_trial(trials, objective)
    baseline = next((t for t in trials if not t.settings and t.state == "done"), None)
    importance = importance_of(space, trials)
    found = [] if best is None else edges(space, best.values)
    return Findings(tuple(trials), best, baseline, importance, tuple(found))


def figure(metric: str, value: float | None, *, name: bool = False) -> str:
    """Return a figure as people read it.

    Args:
        metric: Its key.
        value: None where there is none.
        name: Whether to say what it is.
    """
    phrase, form = FIGURES.get(metric, ("{}", "{:.4g}"))
    if value is None:
        return "-"
    text = form.format(value) if math.isfinite(value) else "not finite"
    return phrase.format(text) if name else text


def setting_words(values: Mapping[str, Any]) -> str:
    """Return settings on one line, ``hidden_size 256, dropout 0.1``."""
    if not values:
        return "the defaults"
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items())


def importance_lines(findings: Findings) -> list[str]:
    """Return what mattered most, and how sure that is."""
    found = findings.importance
    done = sum(trial.state == "done" for trial in findings.trials)
    if found is None:
        if done >= LEAST_TRIALS:
            return []
        return [
            f"what mattered: not to be said from {done} finished trial{'s'[: done != 1]} (it takes "
            f"{LEAST_TRIALS})"
        ]
    if not found.is_trustworthy:
        return [
            f"what mattered: not to be told from chance: no setting predicts the order of the "
            f"{found.trials} finished trials"
        ]
    told = [s for s in found.shares if s.share >= _SHARE_WORTH_SAYING]
    shares = ", ".join(f"{s.name} {s.share:.0%} ({s.low:.0%} to {s.high:.0%})" for s in told)
    return [
        f"what mattered: {shares} of the differences in rank, each by itself; found from {found.trials} "
        f"finished trials, of whose order the settings predict {found.predicted:.0%}"
    ]


def best_lines(findings: Findings, space: Space, objective: Objective) -> list[str]:
    """Return what is best, how it compares with the defaults, and where better may lie."""
    best, baseline = findings.best, findings.baseline
    if best is None:
        return ["no trial has come to its end"]
    told = figure(objective.metric, best.value, name=True)
    lines = [f"best: trial {best.number}, {told}: {setting_words(best.values)}"]
    if baseline is not None and baseline.value is not None:
        default = figure(objective.metric, baseline.value)
        same = baseline.number == best.number
        lines.append(
            "the defaults are the best so far: nothing that was tried beat them"
            if same
            else f"the defaults gave {default} (trial {baseline.number})"
        )
    ends = {d.name: d.text.partition("=")[2] for d in space.dimensions}
    for name, end in findings.edges:
        lines.append(
            f"{name} {_value(best.values[name])} is at the {end} end of what was searched ({ends[name]}): "
            f"better values may lie beyond it"
        )
    return lines


def table(
    trials: Sequence[Trial], names: Sequence[str], objective: Objective
) -> tuple[list[str], list[list[str]]]:
    """Return the heads and rows of a table of trials, the best first.

    Args:
        trials: All of them.
        names: The searched settings.
        objective: What trials are compared by.
    """
    others = _other_metrics(trials, objective)
    heads = ["trial", "state", objective.name, *(m.removeprefix("valid_") for m in others)]
    heads += [*names, "time"]
    rows = []
    for trial in _ranked(trials, objective):
        figures = [figure(objective.metric, trial.value)]
        figures += [figure(metric, trial.metrics.get(metric)) for metric in others]
        values = [_value(trial.values.get(name)) for name in names]
        state = trial.state if trial.settings or trial.state != "done" else "defaults"
        rows.append([str(trial.number), state, *figures, *values, duration(trial.elapsed_s)])
    return heads, rows


def write_table(findings: Findings, names: Sequence[str], objective: Objective) -> None:
    """Write all trials to stdout: a table on a terminal, else tab-separated with whole figures."""
    if not is_terminal(sys.stdout):
        write(_tsv(findings.trials, names, objective))
        return
    heads, rows = table(findings.trials, names, objective)
    ranked = _ranked(findings.trials, objective)
    shown = [
        Row([one_line(cell, _WIDEST) for cell in cells], style=_style(trial, findings.best))
        for cells, trial in zip(rows[:_MOST_ROWS], ranked, strict=False)
    ]
    width = columns_of(sys.stdout)
    if width_of(heads, shown) > width:
        # The settings go below their trials.
        first = len(heads) - 1 - len(names)
        heads = [*heads[:first], heads[-1]]
        shown = [
            Row(
                [*row.cells[:first], row.cells[-1]],
                [f"{name}={row.cells[first + i]}" for i, name in enumerate(names)],
                style=row.style,
            )
            for row in shown
        ]
    lines = list(table_lines(heads, shown, width, left=len(heads)))
    if len(rows) > _MOST_ROWS:
        lines.append([(f"and {len(rows) - _MOST_ROWS} more", "dim")])
    failed = [trial for trial in findings.trials if trial.state == "failed"]
    for trial in failed:
        told = f"trial {trial.number} failed: {one_line(trial.message, 200)}"
        lines += [[(line, "red")] for line in wrapped(told, width).split("\n")]
    write_lines(lines)


def _style(trial: Trial, best: Trial | None) -> str:
    is_best = best is not None and trial.number == best.number
    return "green" if is_best else _STYLES.get(trial.state, "")


def _tsv(trials: Sequence[Trial], names: Sequence[str], objective: Objective) -> str:
    others = _other_metrics(trials, objective)
    heads = ["trial", "state", objective.metric, *others, *names, "steps", "elapsed_s", "message"]
    lines = ["\t".join(heads)]
    for trial in _ranked(trials, objective):
        cells = [trial.number, trial.state, trial.value]
        cells += [trial.metrics.get(metric) for metric in others]
        cells += [trial.values.get(name) for name in names]
        cells += [trial.steps, round(trial.elapsed_s, 2), " ".join(trial.message.split())]
        lines.append("\t".join(_cell(cell) for cell in cells))
    return "\n".join(lines) + "\n"


def _ranked(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    """Return trials by state, then from the best to the worst."""
    order = {state: rank for rank, state in enumerate(_STYLES)}
    sign = -1.0 if objective.maximize else 1.0

    def key(trial: Trial) -> tuple[int, float, int]:
        value = math.inf if trial.value is None else sign * trial.value
        return order.get(trial.state, len(order)), value, trial.number

    return sorted(trials, key=key)


def _other_metrics(trials: Sequence[Trial], objective: Objective) -> list[str]:
    """Return further figures worth a column, those of FIGURES that any trial has."""
    wanted = ("bits_per_char", "valid_accuracy", "valid_macro_f1", "valid_bleu", "valid_loss")
    return [
        metric
        for metric in wanted
        if metric != objective.metric and any(t.metrics.get(metric) is not None for t in trials)
    ]


def _record(trial: Trial) -> dict[str, Any]:
    record = dataclasses.asdict(trial)
    del record["curve"], record["attempts"], record["resolved"]
    return {**record, "settings": trial.values, "is_default": not trial.settings}


def _value(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
