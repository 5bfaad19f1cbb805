"""``textrnn tune lm|classifier|translator``: a search over any settings of a job."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from textrnn.cli.console import duration, warn, write, write_json
from textrnn.cli.data_options import (
    Data,
    classifier_data,
    language_model_data,
    translator_data,
)
from textrnn.cli.environment import misspelt_variables
from textrnn.cli.jobs import JOBS, Job
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.cli.output import shown
from textrnn.cli.tune_defaults import selections
from textrnn.cli.tune_plan import plan_lines, searched_of
from textrnn.cli.tune_session import run_study
from textrnn.cli.tune_setup import Request, is_study, new_record, open_or_create, study_folder
from textrnn.config import specs
from textrnn.errors import UsageError
from textrnn.experiments.strategies import STRATEGIES

__all__ = ["tune_classifier", "tune_lm", "tune_translator"]

Command = Callable[..., Any]

EPILOG = """Values to search: NAME=A,B,C one of these; NAME=LOW..HIGH any number between (whole where the
setting is); NAME=LOW..HIGH:STEP in steps; NAME=log:LOW..HIGH every ratio as likely as another. All other
settings are options, as of textrnn train, and the same for every trial."""

_POSITIVE = click.FloatRange(min=0, min_open=True)
_PATH = click.Path(path_type=Path)

_TRIALS: tuple[Callable[[Command], Command], ...] = (
    click.option(
        "--search",
        multiple=True,
        metavar="NAME=VALUES",
        help="A setting and its values; may be given several times.  [default: a few that matter]",
    ),
    click.option(
        "--strategy",
        type=click.Choice(STRATEGIES),
        help="tpe follows what did well so far (it needs Optuna), random draws, grid tries every "
        "combination.  [default: tpe where Optuna is installed, else random]",
    ),
    click.option(
        "--trials",
        type=click.IntRange(1),
        metavar="INTEGER",
        help="Trials in all.  [default: 20, or what --minutes holds]",
    ),
    click.option(
        "--minutes",
        type=_POSITIVE,
        metavar="NUMBER",
        help="Time of the whole search.  [default: none]",
    ),
    click.option(
        "--trial-minutes",
        type=_POSITIVE,
        metavar="NUMBER",
        help="Time of each trial.  [default: --minutes shared out; --epochs and --max-steps are others]",
    ),
    click.option(
        "--final-minutes",
        type=_POSITIVE,
        metavar="NUMBER",
        help="Train a new model with the best settings for so long, after the search.  [default: keep "
        "the best trial's]",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 256),
        metavar="INTEGER",
        help="Trials at a time; they share the threads.  [default: 1]",
    ),
    click.option(
        "--prune/--no-prune",
        default=None,
        help="Stop trials that are worse than the median of the others at the same point, from 30% "
        "of their steps on.  [default: yes, for a grid no]",
    ),
)
"""Options that say what is tried, how often and for how long."""

_STUDY: tuple[Callable[[Command], Command], ...] = (
    click.option(
        "--baseline/--no-baseline",
        default=None,
        help="Let the first trial take the defaults.  [default: yes]",
    ),
    click.option(
        "--keep-states",
        is_flag=True,
        help="Keep what train --resume needs of every trial: most of the room that it takes.  "
        "[default: of the best alone]",
    ),
    click.option(
        "-o",
        "--output",
        type=_PATH,
        metavar="DIR",
        help="Where the study goes.  [default: named after the first input, here]",
    ),
    click.option("--config", type=_PATH, metavar="FILE", help="Fixed settings in TOML."),
    click.option("--dry-run", is_flag=True, help="Print what would be done and stop."),
    click.option("--force", is_flag=True, help="Replace a study that is already there."),
    click.option("--json", is_flag=True, help="Print every event to stdout as a line of JSON."),
    click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only."),
)
"""Options that say what it begins with, what is kept of it and where."""


def study_options(job: Job) -> Callable[[Command], Command]:
    """Return a decorator that adds what every command that tunes has, and the job's settings."""
    names = set(specs(job.settings())) - {"minutes"}
    select = click.option(
        "--select",
        type=click.Choice(selections(job.name)),
        help="What trials are compared by.  [default: loss; bits_per_char where tokens are searched]",
    )
    options = (
        *_TRIALS,
        *(() if "select" in names else (select,)),
        *_STUDY,
        setting_options(job.settings(), only=names),
        debug_option,
    )

    def decorate(function: Command) -> Command:
        # Decorators apply from the bottom up.
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def tune_job(job: Job, data: Data, values: Mapping[str, Any]) -> None:
    """Make a study, or go on with it, and work through it."""
    fields = {field.name for field in dataclasses.fields(Request)}
    settings = {name: value for name, value in values.items() if name != "minutes"}
    changes = given(job.settings(), settings)
    request = Request(**{name: value for name, value in values.items() if name in fields})
    for message in misspelt_variables(os.environ):
        warn(message)
    folder = study_folder(job, request, data)
    record = new_record(job, request, data, changes)
    if request.dry_run:
        _show_plan(record, folder, request)
        return
    study, is_new = open_or_create(folder, record, data, force=request.force)
    run_study(study, json=request.json, quiet=request.quiet, is_new=is_new)


def _show_plan(record: Mapping[str, Any], folder: Path, request: Request) -> None:
    if is_study(folder) and not request.force:
        raise UsageError(
            f"{folder} holds a study already; see it with textrnn tune show {shown(folder)}"
        )
    if request.json:
        write_json({"event": "study_planned", "study": str(folder), **record})
        return
    for label, text in plan_lines(searched_of(record), folder):
        write(f"{label:<9}{text}\n")
    trials, each = record["trials"], record["fixed"].get("minutes")
    if trials is not None and each is not None:
        rounds = -(-trials // record["workers"])
        write(f"{'time':<9}at most {duration(60 * each * rounds)} of trials\n")


@click.command("lm", cls=SectionedCommand, epilog=EPILOG)
@language_model_data
@study_options(JOBS["language-model"])
def tune_lm(data: Data, **values: Any) -> None:
    r"""Search for settings of a language model.

    INPUT is what textrnn train lm takes. Every trial is a run of its own, in STUDY/trials; best.toml in the
    study's directory gets the best settings, best the model. Trials keep their models and figures,
    but only the best what it takes to train it further, which takes most of the room (--keep-states keeps
    all).

    \b
      textrnn tune lm book.txt --minutes 30
      textrnn tune lm book.txt --trials 12 --max-steps 500 --search hidden_size=128,256,512
      textrnn tune lm book.txt --strategy grid --epochs 2 --search dropout=0..0.4:0.1
      textrnn tune --resume book-lm-study

    Ctrl-C saves and ends; the same command, or --resume, goes on.
    """
    tune_job(JOBS["language-model"], data, values)


@click.command("classifier", cls=SectionedCommand, epilog=EPILOG)
@classifier_data
@study_options(JOBS["classifier"])
def tune_classifier(data: Data, **values: Any) -> None:
    r"""Search for settings of a classifier.

    INPUT is what textrnn train classifier takes. Every trial is a run of its own, in STUDY/trials; best.toml
    in the study's directory gets the best settings, best the model. Trials keep their models and figures,
    but only the best what it takes to train it further, which takes most of the room (--keep-states keeps
    all).

    \b
      textrnn tune classifier reviews.csv --minutes 30
      textrnn tune classifier reviews.csv --trials 20 --epochs 2 --select accuracy
      textrnn tune classifier train.tsv --valid dev.tsv --search pooling=max,mean,attention --workers 2
      textrnn tune --resume reviews-clf-study

    Ctrl-C saves and ends; the same command, or --resume, goes on.
    """
    tune_job(JOBS["classifier"], data, values)


@click.command("translator", cls=SectionedCommand, epilog=EPILOG)
@translator_data
@study_options(JOBS["translator"])
def tune_translator(data: Data, **values: Any) -> None:
    r"""Search for settings of a translator.

    INPUT is what textrnn train translator takes. Every trial is a run of its own, in STUDY/trials; best.toml
    in the study's directory gets the best settings, best the model. Trials keep their models and figures,
    but only the best what it takes to train it further, which takes most of the room (--keep-states keeps
    all).

    \b
      textrnn tune translator pairs.tsv --minutes 60
      textrnn tune translator pairs.tsv --trials 10 --epochs 3 --search attention=general,additive
      textrnn tune --resume pairs-mt-study

    Ctrl-C saves and ends; the same command, or --resume, goes on.
    """
    tune_job(JOBS["translator"], data, values)
