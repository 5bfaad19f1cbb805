"""``textrnn tune``: studies made, gone on with and shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from textrnn.cli.app import CONTEXT, LazyGroup
from textrnn.cli.options import debug_option

__all__ = ["show", "tune"]

PLACES: Mapping[str, tuple[str, str]] = {
    "lm": ("textrnn.cli.tune_jobs:tune_lm", "Search for settings of a language model."),
    "classifier": (
        "textrnn.cli.tune_jobs:tune_classifier",
        "Search for settings of a classifier.",
    ),
    "translator": (
        "textrnn.cli.tune_jobs:tune_translator",
        "Search for settings of a translator.",
    ),
    "show": ("textrnn.cli.tune:show", "Show what a study has found so far."),
}

_POSITIVE = click.FloatRange(min=0, min_open=True)


@click.pass_context
def _resume(context: click.Context, /, resume: Path | None, **values: Any) -> None:
    """Go on with a study, where no command is given."""
    if context.invoked_subcommand is not None:
        for name in ("resume", *values):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                option = "--" + name.replace("_", "-")
                context.fail(
                    f"{option} stands before {context.invoked_subcommand}: "
                    + ("it goes with no command" if resume else "it belongs after it")
                )
        return
    if resume is None:
        context.fail("name a job (lm, classifier or translator), or give --resume with a study")
    _go_on(resume, values)


def _go_on(folder: Path, values: Mapping[str, Any]) -> None:
    from textrnn.cli.tune_session import run_study
    from textrnn.experiments.study import Study

    study = Study.open(folder)
    record = study.record
    changes: dict[str, Any] = {}
    if values["trials"] is not None:
        changes["trials"] = len(study.trials()) + values["trials"]
    if values["minutes"] is not None:
        changes["minutes"] = record["spent_s"] / 60 + values["minutes"]
        if values["trials"] is None:
            changes["trials"] = None
    elif values["trials"] is not None:
        changes["minutes"] = None
    for name in ("workers", "final_minutes", "keep_states"):
        if values[name] is not None:
            changes[name] = values[name]
    study.put(**changes)
    run_study(study, json=values["json"], quiet=values["quiet"], is_new=False)


tune = LazyGroup(
    name="tune",
    places=PLACES,
    help="""Search for good settings: many runs, compared on the validation data.

    \b
      textrnn tune lm book.txt --minutes 30
      textrnn tune --resume book-lm-study
      textrnn tune --resume book-lm-study --trials 10
      textrnn tune show book-lm-study
    """,
    context_settings=CONTEXT,
    invoke_without_command=True,
    callback=_resume,
    params=[
        click.Option(
            ["--resume"],
            type=click.Path(path_type=Path),
            metavar="STUDY",
            help="Go on with a study: to its end, or for more.",
        ),
        click.Option(
            ["--trials"],
            type=click.IntRange(1),
            metavar="INTEGER",
            help="With --resume: so many more.",
        ),
        click.Option(
            ["--minutes"], type=_POSITIVE, metavar="NUMBER", help="With --resume: for so long."
        ),
        click.Option(
            ["--workers"],
            type=click.IntRange(1, 256),
            metavar="INTEGER",
            help="With --resume: trials at a time.",
        ),
        click.Option(
            ["--final-minutes"],
            type=_POSITIVE,
            metavar="NUMBER",
            help="With --resume: train a new model with the best settings for so long.",
        ),
        click.Option(
            ["--keep-states/--no-keep-states"],
            default=None,
            help="With --resume: from now on, keep what train --resume needs of every trial, or of the best "
            "alone.",
        ),
        click.Option(["--json"], is_flag=True, help="With --resume: events to stdout as JSON."),
        click.Option(
            ["-q", "--quiet"], is_flag=True, help="With --resume: warnings and errors only."
        ),
    ],
)
debug_option(tune)


@click.command("show")
@click.argument("study", type=click.Path(path_type=Path))
@click.option("--json", is_flag=True, help="One object instead of a table.")
@debug_option
def show(study: Path, json: bool) -> None:
    """Show what a study has found so far: its trials, the best first, and what mattered.

    A table on a terminal; tab-separated, with whole figures, in a file or a pipe.
    """
    from textrnn.cli.console import note, write_json
    from textrnn.cli.tune_plan import searched_of
    from textrnn.cli.tune_report import best_lines, findings_of, importance_lines, write_table
    from textrnn.experiments.study import Study

    opened = Study.open(study)
    searched, trials = searched_of(opened.record), opened.trials()
    opened.close()
    findings = findings_of(trials, searched.space, searched.objective)
    if json:
        record = {"study": str(study), "objective": dataclasses.asdict(searched.objective)}
        write_json({**record, **findings.as_json()})
        return
    write_table(findings, searched.space.names, searched.objective)
    for line in best_lines(findings, searched.space, searched.objective):
        note(line)
    for line in importance_lines(findings):
        note(line)
