"""A list of runs on a terminal: a table in its width, with the figures that the runs have."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from textrnn.cli.console import duration, may_colour, printable
from textrnn.cli.jobs import JOBS
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
_LEAST_SETTINGS = 16


def write_table(runs: Sequence[Run], names: Sequence[str]) -> None:
    """Print runs, those of a job together, and how they differ.

    Args:
        runs: The runs in their order; a job's table comes where its first run does.
        names: The settings in which they differ.
    """
    console = Console(
        file=sys.stdout,
        markup=False,
        highlight=False,
        emoji=False,
        no_color=not may_colour(sys.stdout),
    )
    jobs = list(dict.fromkeys(run.job for run in runs))
    for number, job in enumerate(jobs):
        own = [run for run in runs if run.job == job]
        varying = set(differing(own))
        if len(jobs) > 1:
            title = JOBS[job].command if job in JOBS else printable(job)
            console.print(Text(("\n" if number else "") + title, style="bold"))
        console.print(_table(own, [name for name in names if name in varying], console))


def _table(runs: Sequence[Run], names: Sequence[str], console: Console) -> Table:
    """Return the table of a job's runs."""
    figures = [name for name in METRICS if any(name in run.metrics for run in runs)]
    data = [_data(run) for run in runs]
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("run", overflow="fold", ratio=None)
    table.add_column("state", no_wrap=True)
    for head in ("steps", "time", "size", *(_FIGURES[name][0] for name in figures)):
        table.add_column(head, justify="right", no_wrap=True)
    shows_data = len(set(data)) > 1
    if shows_data:
        table.add_column("data", overflow="ellipsis", no_wrap=True, max_width=24)
    if names:
        table.add_column("what differs", overflow="fold", min_width=_LEAST_SETTINGS)
    leading = _leading(runs)
    for run, source in zip(runs, data, strict=True):
        style = "bold green" if run is leading else ""
        row = [
            Text(printable(str(run.path)), style=style),
            _state(run),
            Text(f"{run.step:,}"),
            Text(duration(run.elapsed_s)),
            Text("" if run.parameters is None else _count(run.parameters)),
            *(_figure(run, name, style) for name in figures),
        ]
        row += [Text(source)] if shows_data else []
        row += [_settings(run, names, console.width)] if names else []
        table.add_row(*row)
    return table


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


def _state(run: Run) -> Text:
    words = {"stopped": f"stopped at {run.step:,}"}.get(run.state, run.state)
    return Text(_WORDS.get(run.reason or "", words), style=_STYLES[run.state])


def _figure(run: Run, name: str, style: str) -> Text:
    value = run.metrics.get(name)
    return Text("-" if value is None else _FIGURES[name][1].format(value), style=style)


def _settings(run: Run, names: Sequence[str], width: int) -> Text:
    """Return the settings in which a run differs; on a narrow terminal only the first few."""
    words = run.words(names)
    most = max(3, width // 16)
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return Text(printable(" ".join(words[:most])) + more, style="dim")


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
