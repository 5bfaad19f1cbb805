"""A list of runs on a terminal: a table in its width, with the figures that the runs have."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from textrnn.cli.columns import Row, table_lines
from textrnn.cli.console import duration, printable
from textrnn.cli.jobs import JOBS
from textrnn.cli.output import shown
from textrnn.cli.styled import Line, write_lines
from textrnn.cli.wrapping import columns_of
from textrnn.experiments.run_studies import study_of
from textrnn.experiments.runs import METRICS, Run, best_metric, differing

__all__ = ["write_table"]

_FIGURES = {
    "valid_loss": ("loss", "{:.4f}"),
    "bits_per_char": ("bits/char", "{:.3f}"),
    "valid_accuracy": ("accuracy", "{:.2%}"),
    "valid_macro_f1": ("macro F1", "{:.2%}"),
    "valid_bleu": ("BLEU", "{:.2f}"),
}
"""Heads and forms of the figures."""

_STYLES = {"running": "cyan", "finished": "", "stopped": "yellow", "diverged": "red"}
_WORDS = {"patience": "finished early", "deadline": "time up"}


def write_table(runs: Sequence[Run], names: Sequence[str]) -> None:
    """Print runs, those of a job together, and how they differ.

    Args:
        runs: The runs in their order; a job's table comes where its first run does.
        names: The settings in which they differ.
    """
    lines: list[Line] = []
    jobs = list(dict.fromkeys(run.job for run in runs))
    for job in jobs:
        own = [run for run in runs if run.job == job]
        varying = set(differing(own))
        lines += [[]] if lines else []
        if len(jobs) > 1:
            title = JOBS[job].command if job in JOBS else printable(job)
            lines.append([(title, "bold")])
        lines += _table(own, [name for name in names if name in varying])
    write_lines(lines)


def _table(runs: Sequence[Run], names: Sequence[str]) -> Iterator[Line]:
    """Return the lines of the table of a job's runs."""
    figures = [name for name in METRICS if any(name in run.metrics for run in runs)]
    data = [_data(run) for run in runs]
    shows_data = len(set(data)) > 1
    heads = ["run", "state", "steps", "time", "size", *(_FIGURES[name][0] for name in figures)]
    leading = _leading(runs)
    rows = [
        Row(
            [
                printable(str(run.path)),
                _state(run),
                f"{run.step:,}",
                duration(run.elapsed_s),
                "" if run.parameters is None else _count(run.parameters),
                *(_figure(run, name) for name in figures),
            ],
            ([f"on {source}"] if shows_data else []) + [*map(printable, run.words(names))],
            "" if run.trials is None else _trials(run),
            style="bold green" if run is leading else "",
            styles=((1, _STYLES[run.state]),),
        )
        for run, source in zip(runs, data, strict=True)
    ]
    return table_lines(heads, rows, columns_of(sys.stdout), last="what differs", left=2)


def _trials(run: Run) -> str:
    study = study_of(run.path) or run.path
    trials = f"{run.trials} trial{'s'[: run.trials != 1]}"
    return printable(f"the best of {trials}; all of them: textrnn tune show {shown(study)}")


def _leading(runs: Sequence[Run]) -> Run | None:
    """Return the best of runs on the same data; none where there is nothing to compare."""
    if len({run.data_key for run in runs}) > 1 or len(runs) < 2:
        return None
    rated = [(best_metric(run), run) for run in runs]
    known = [(best, run) for best, run in rated if best is not None]
    if len({name for (name, _), _ in known}) != 1:
        return None
    name = known[0][0][0]
    sign = -1 if METRICS[name] else 1
    return min(known, key=lambda pair: sign * pair[0][1])[1]


def _state(run: Run) -> str:
    words = {"stopped": f"stopped at {run.step:,}"}.get(run.state, run.state)
    return _WORDS.get(run.reason or "", words)


def _figure(run: Run, name: str) -> str:
    value = run.metrics.get(name)
    return "-" if value is None else _FIGURES[name][1].format(value)


def _data(run: Run) -> str:
    names = [Path(name).name or name for name in run.data]
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    return printable(names[0]) + more if names else "-"


def _count(number: int) -> str:
    """Return a number of parameters in a few characters: ``950``, ``4.5M``."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)
