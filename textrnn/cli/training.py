"""What all commands that train have in common: options, new runs, runs that go on."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from textrnn import bundle
from textrnn.cli.aside import open_model, recover
from textrnn.cli.clock import seconds_since_start
from textrnn.cli.console import duration, is_terminal, warn, write, write_json
from textrnn.cli.data_options import Data
from textrnn.cli.describe import plan_lines
from textrnn.cli.environment import changes_on_resume, misspelt_variables
from textrnn.cli.inputs import require_stdin, without_cache_news
from textrnn.cli.jobs import Job
from textrnn.cli.options import debug_option, given, setting_options
from textrnn.cli.output import Output, default_output, shown
from textrnn.cli.ranks import ranks_of_command
from textrnn.cli.session import Session
from textrnn.cli.tensorboard import require_tensorboard
from textrnn.config import make
from textrnn.config_sources import gathered, resolve, to_toml
from textrnn.errors import UsageError
from textrnn.experiments.journal import read_journal
from textrnn.training.settings import TrainingSettings

if TYPE_CHECKING:
    from textrnn.training.run import PreparedRun

__all__ = ["EPILOG", "train", "training_options"]

Function = TypeVar("Function", bound=Callable[..., Any])

EPILOG = """Every setting can also stand in a TOML file (--config; --print-config writes one) or in an
environment variable, TEXTRNN_HIDDEN_SIZE for --hidden-size. The command line comes before the
environment, and that before the file. With --resume only those variables count whose settings may
change then: budget, machine and accumulation."""


@dataclasses.dataclass(frozen=True)
class _Request:
    """What the command line asks for, besides settings and data."""

    output: Path | None
    resume: Path | None
    config: Path | None
    print_config: bool
    dry_run: bool
    force: bool
    json: bool
    quiet: bool
    tensorboard: bool


def training_options(settings: type) -> Callable[[Function], Function]:
    """Return a decorator that adds what every command that trains has, and the job's settings."""
    path = click.Path(path_type=Path)
    options = [
        click.option(
            "-o",
            "--output",
            type=path,
            metavar="DIR",
            help="Where the model goes.  [default: named after the first input, here]",
        ),
        click.option(
            "--resume",
            type=path,
            metavar="MODEL",
            help="Go on with a run: to the end of its plan, or for a budget more.",
        ),
        click.option("--config", type=path, metavar="FILE", help="Settings in TOML."),
        click.option("--print-config", is_flag=True, help="Print the settings as TOML and stop."),
        click.option("--dry-run", is_flag=True, help="Print the plan and stop."),
        click.option("--force", is_flag=True, help="Replace a model that is already there."),
        click.option("--json", is_flag=True, help="Print every event to stdout as a line of JSON."),
        click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only."),
        click.option(
            "--tensorboard", is_flag=True, help="Write TensorBoard files into the model directory."
        ),
        setting_options(settings),
        debug_option,
    ]

    def decorate(function: Function) -> Function:
        # Decorators apply from the bottom up.
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def train(job: Job, data: Data, values: Mapping[str, Any]) -> None:
    """Do what a command that trains was asked for.

    Args:
        job: What is to be trained.
        data: What on.
        values: The command's parameters, those of :func:`training_options` among them.
    """
    changes = given(job.settings(), values)
    request = _Request(**{f.name: values[f.name] for f in dataclasses.fields(_Request)})
    _refuse_contradictions(request, data)
    for message in misspelt_variables(os.environ):
        warn(message)
    if request.resume is not None:
        changes = {**changes_on_resume(job.settings(), os.environ), **changes}
        recover(request.resume)
        open_model(request.resume, job.name)
    if request.print_config:
        write(to_toml(_settings(job, request, changes)))
        return
    if request.tensorboard:
        require_tensorboard()
    session = Session(
        show_json=request.json,
        # On one terminal, the lines of JSON and a display would run into each other.
        quiet=request.quiet or (request.json and is_terminal(sys.stdout)),
        tensorboard=request.tensorboard,
        earlier=_earlier_losses(request.resume),
        ranks=ranks_of_command(),
    )
    with session:
        if request.resume is None:
            _begin(job, request, data, changes, session)
        else:
            _resume(job, request.resume, request, changes, session)


def _begin(
    job: Job, request: _Request, data: Data, changes: Mapping[str, Any], session: Session
) -> None:
    """Train a new model."""
    values = gathered(job.settings(), changes, os.environ, request.config)
    settings: TrainingSettings = make(job.settings(), values)
    inputs = data.inputs or (() if data.instead else ("-",))
    if not data.inputs and not data.instead and is_terminal(sys.stdin):
        raise UsageError(
            "nothing to train on: give files or folders, - for stdin, or --resume with a model"
        )
    require_stdin([*inputs, *data.names])
    path = request.output or default_output((*inputs, *data.instead)[0], job.suffix)
    for parent in filter(None, data.parents.values()):
        if parent.resolve() == path.resolve():
            raise UsageError(
                f"{path}: a model cannot start from the one that it replaces; choose another directory "
                f"with --output, or train the same model further with --resume {shown(path)}"
            )
        open_model(parent)
    output = None if request.dry_run else Output(path, force=request.force)
    # torch comes in here: what was wrong with the command line has been told by now.
    run = job.prepare()(
        inputs,
        path,
        settings,
        **data.arguments,
        given=frozenset(values),
        clock=seconds_since_start,
        report=_report(request, session),
    )
    if output is None:
        _show_plan(run, request)
        return
    with output.replaced():
        session.follow(run, output)


def _resume(
    job: Job, model: Path, request: _Request, changes: Mapping[str, Any], session: Session
) -> None:
    """Go on with a run, or say that there is nothing left to do."""
    report = _report(request, session)
    run = job.resume()(model, changes, clock=seconds_since_start, report=report)
    with contextlib.closing(run):
        if request.dry_run:
            _show_plan(run, request)
        elif run.is_finished:
            session.tell_finished(model)
        else:
            session.follow(run)


def _report(request: _Request, session: Session) -> Callable[[str], None]:
    return without_cache_news(session.note) if request.json else session.note


def _show_plan(run: PreparedRun, request: _Request) -> None:
    budget_s = run.planned.plan["budget_s"]
    estimated_s = run.estimated_s() if budget_s is None else budget_s
    if request.json:
        write_json({**run.planned.as_json(), "estimated_s": round(estimated_s, 1)})
        return
    for label, text in plan_lines(run.planned):
        write(f"{label:<9}{text}\n")
    if budget_s is None:
        write(f"{'time':<9}about {duration(estimated_s)} of steps, by a measurement of one\n")


def _refuse_contradictions(request: _Request, data: Data) -> None:
    """Refuse what makes no sense beside ``--resume``."""
    if request.resume is None:
        return
    begun = "a resumed run goes on with the data that it was begun with"
    reasons = {
        "--output": (request.output, "a resumed run goes on in its own directory"),
        **{option: (names, begun) for option, names in data.options.items()},
        **{
            option: (path, "a resumed run has its own weights")
            for option, path in data.parents.items()
        },
        "--force": (request.force, "a resumed run replaces nothing"),
        "--config": (
            request.config,
            "a resumed run follows its recorded settings; give what may change as options",
        ),
    }
    for option, (value, reason) in reasons.items():
        if value:
            raise UsageError(f"{option} with --resume: {reason}; leave one of them out")
    if data.inputs:
        raise UsageError(
            f"{data.inputs[0]} with --resume: a resumed run reads the data that it was begun with; to "
            f"train on others, start from the model with --init-from {shown(request.resume)}"
        )


def _settings(job: Job, request: _Request, changes: Mapping[str, Any]) -> TrainingSettings:
    """Return the settings of a new run, or those of the run to resume with what was given now."""
    found: TrainingSettings
    if request.resume is None:
        found = resolve(job.settings(), changes, os.environ, request.config)
        return found
    recorded = bundle.open_bundle(request.resume).settings
    recorded.update(changes)
    found = make(job.settings(), recorded, str(request.resume))
    return found


def _earlier_losses(model: Path | None) -> list[float]:
    """Return the validation losses that a resumed run has reached so far."""
    if model is None:
        return []
    found = (event.get("metrics") for event in read_journal(model / bundle.LOG, "evaluated"))
    losses = (metrics.get("valid_loss") for metrics in found if isinstance(metrics, dict))
    return [loss for loss in losses if isinstance(loss, float)]
