"""``textrnn runs``: what was trained, how it went, and what to try next."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textrnn.cli.advice import advice_on
from textrnn.cli.console import fitted, is_terminal, note, printable, tsv_field, write, write_json
from textrnn.cli.jobs import JOBS
from textrnn.cli.options import SectionedCommand, debug_option
from textrnn.errors import ModelError
from textrnn.experiments.run_studies import folded, study_of
from textrnn.experiments.runs import (
    METRICS,
    SORTS,
    Run,
    differing,
    find_models,
    read_run,
    sorted_runs,
)

if TYPE_CHECKING:
    from textrnn.experiments.advice import Advice

__all__ = ["runs"]

COLUMNS = (
    *("run", "job", "state", "reason", "step", "best_step", "elapsed_s", "parameters"),
    *METRICS,
    *("modified", "data", "settings", "study", "trials"),
)
"""The columns of the TSV."""

_COMMANDS = {job.command: job.name for job in JOBS.values()}


@click.command(cls=SectionedCommand)
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR...]")
@click.option(
    "--sort",
    "by",
    type=click.Choice(list(SORTS)),
    default="best",
    show_default=True,
    help="What the list is sorted by: figures with the best first, dates with the latest, parameters with "
    "the fewest.",
)
@click.option("-r", "--reverse", is_flag=True, help="The other way round.")
@click.option("--job", type=click.Choice(list(_COMMANDS)), help="Only runs of this job.")
@click.option(
    "--trials", is_flag=True, help="List every trial of a study, not only its best model."
)
@click.option("--advice", is_flag=True, help="Say of each run what its curves show.")
@click.option("--json", "as_json", is_flag=True, help="Print an object of JSON for each run.")
@click.option("-q", "--quiet", is_flag=True, help="Show errors only.")
@debug_option
def runs(folders: tuple[Path, ...], by: str, **values: Any) -> None:
    r"""List training runs with their figures and the settings in which they differ.

    A run is a model directory. Each DIR is one, or is searched for them with all that lies below; without
    one, the working directory is. A directory that is damaged, or no model, is named on stderr and left out.

    A run is running, finished, stopped (at a step; --resume goes on) or diverged. Its figures are those of
    its best weights on the validation data. Losses compare only between runs on the same data and tokens;
    bits per character whatever the tokens are.

    Of a study (textrnn tune) one line stands for all trials: that of its best model, with their number.
    --trials lists each as a run, and so does naming the study itself as DIR.

    A terminal shows a table. Elsewhere there is a line of tab-separated values for each run, after one that
    names the columns; what is not known is empty. In a field a tab stands as \t, line ends as \n and \r, a
    backslash as \\.

    --advice says in three sentences whether a run over- or underfitted, whether it was cut short, and what
    to try next. The figures that this follows from can be seen with: textrnn plot RUN

    \b
      textrnn runs
      textrnn runs models/ --job classifier --sort accuracy
      textrnn runs --json | jq -r 'select(.state == "stopped") | .run'
      textrnn runs book-lm --advice
    """
    report = (lambda message: None) if values["quiet"] else note
    paths = find_models(folders or (Path(),), report)
    found = [run for path in paths if (run := _read(path, report)) is not None]
    found = found if values["trials"] else folded(found, folders or (Path(),))
    wanted = _COMMANDS[values["job"]] if values["job"] else None
    listed = [run for run in found if wanted in (None, run.job)]
    listed = sorted_runs(listed, by, reverse=values["reverse"])
    if not listed and not values["quiet"]:
        where = ", ".join(map(str, folders)) or "the working directory"
        note(f"no runs{' of that job' if found else ''} in {where}")
    _show(listed, advice=values["advice"], as_json=values["as_json"])


def _read(path: Path, report: Callable[[str], None]) -> Run | None:
    """Return a run; None, and a line on why, where the directory is damaged or no model."""
    try:
        return read_run(path)
    except ModelError as error:
        report(f"left out: {error}")
    except OSError as error:
        report(f"left out: {error.filename}: cannot be read: {error.strerror}")
    return None


def _show(listed: Sequence[Run], *, advice: bool, as_json: bool) -> None:
    """Write runs in the form that was asked for."""
    names = differing(listed)
    if as_json:
        for run in listed:
            write_json(_object(run, names, _advice(run) if advice else None))
    elif advice:
        for number, run in enumerate(listed):
            _write_advice(run, first=number == 0)
    elif is_terminal(sys.stdout):
        if listed:
            from textrnn.cli.runs_table import write_table

            write_table(listed, names)
    else:
        write("\t".join(COLUMNS) + "\n")
        for run in listed:
            write("\t".join(_fields(run, names)) + "\n")


def _object(run: Run, names: Sequence[str], advice: Sequence[Advice] | None) -> dict[str, Any]:
    told = {} if advice is None else {"advice": [each.as_dict() for each in advice]}
    return {
        "run": str(run.path),
        "job": run.job,
        "state": run.state,
        "reason": run.reason,
        "step": run.step,
        "best_step": run.best_step,
        "elapsed_s": run.elapsed_s,
        "tokens": run.tokens,
        "parameters": run.parameters,
        "metrics": dict(run.metrics),
        "modified": _moment(run),
        "data": list(run.data),
        "data_key": run.data_key,
        "differs": {name: run.settings.get(name) for name in names if name in run.settings},
        "settings": dict(run.settings),
        "study": None if (study := study_of(run.path)) is None else str(study),
        "trials": run.trials,
        **told,
    }


def _fields(run: Run, names: Sequence[str]) -> Iterator[str]:
    """Yield the fields of a line of TSV, in the order of :data:`COLUMNS`."""
    known: dict[str, Any] = {
        "run": run.path,
        "job": run.job,
        "state": run.state,
        "reason": run.reason,
        "step": run.step,
        "best_step": run.best_step,
        "elapsed_s": run.elapsed_s,
        "parameters": run.parameters,
        **{name: run.metrics.get(name) for name in METRICS},
        "modified": _moment(run),
        "data": " ".join(run.data),
        "settings": " ".join(run.words(names)),
        "study": study_of(run.path),
        "trials": run.trials,
    }
    for name in COLUMNS:
        yield tsv_field(known[name])


def _advice(run: Run) -> Sequence[Advice]:
    if run.state == "running":
        return ()
    return advice_on(run.job, run.path)


def _write_advice(run: Run, *, first: bool) -> None:
    """Write a run's name and what its curves show."""
    none = "It is still running." if run.state == "running" else "Its log tells too little."
    told = [advice.text for advice in _advice(run)] or [none]
    lines = [fitted(f"  {printable(each)}", sys.stdout) for each in told]
    write(("" if first else "\n") + f"{run.path}\n" + "".join(f"{line}\n" for line in lines))


def _moment(run: Run) -> str:
    """Return when a run was last saved, as ISO 8601 in UTC."""
    moment = datetime.datetime.fromtimestamp(run.modified_s, datetime.timezone.utc)
    return moment.isoformat(timespec="seconds")
