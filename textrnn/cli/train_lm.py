"""``textrnn train lm``: from text to a language model, and on from where a run stopped."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textrnn import bundle
from textrnn.cli.aside import open_model, recover
from textrnn.cli.clock import seconds_since_start
from textrnn.cli.console import duration, is_terminal, warn, write, write_json
from textrnn.cli.describe import plan_lines
from textrnn.cli.environment import changes_on_resume, misspelt_variables
from textrnn.cli.inputs import require_stdin, without_cache_news
from textrnn.cli.journal import read_journal
from textrnn.cli.options import SectionedCommand, debug_option, given, setting_options
from textrnn.cli.output import Output, default_output, shown
from textrnn.cli.session import Session
from textrnn.cli.tensorboard import require_tensorboard
from textrnn.config import make, resolve, to_toml
from textrnn.errors import UsageError
from textrnn.language_model.settings import LanguageModelSettings

if TYPE_CHECKING:
    from textrnn.language_model.run import PreparedRun

__all__ = ["train_lm"]


@dataclasses.dataclass(frozen=True)
class _Request:
    """What the command line asks for, besides settings."""

    inputs: tuple[str, ...]
    output: Path | None
    valid: tuple[str, ...]
    resume: Path | None
    init_from: Path | None
    config: Path | None
    print_config: bool
    dry_run: bool
    force: bool
    json: bool
    quiet: bool
    tensorboard: bool


@click.command(
    "lm",
    cls=SectionedCommand,
    epilog="""Every setting can also stand in a TOML file (--config; --print-config writes one) or in an
    environment variable, TEXTRNN_HIDDEN_SIZE for --hidden-size. The command line comes before the
    environment, and that before the file. With --resume only those variables count whose settings may
    change then: budget, machine and accumulation.""",
)
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the model goes.  [default: the first input's name with -lm, here]",
)
@click.option(
    "--valid",
    multiple=True,
    metavar="FILE",
    help="Validate on this text; may be given several times.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="Go on with a run: to the end of its plan, or for a budget more.",
)
@click.option(
    "--init-from",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="Start from this model's weights and tokenizer.",
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings in TOML.")
@click.option("--print-config", is_flag=True, help="Print the settings as TOML and stop.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--force", is_flag=True, help="Replace a model that is already there.")
@click.option("--json", is_flag=True, help="Print every event to stdout as a line of JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only.")
@click.option(
    "--tensorboard", is_flag=True, help="Write TensorBoard files into the model directory."
)
@setting_options(LanguageModelSettings)
@debug_option
def train_lm(**values: Any) -> None:
    r"""Train a language model on text.

    INPUT is a file, a folder (every text below it) or - for stdin; .gz, .xz, .bz2 and .zst files are read
    as they are. What is not said is chosen for the text, this machine and the time allowed, and printed.

    \b
      textrnn train lm book.txt
      textrnn train lm book.txt --minutes 3
      textrnn train lm --resume book-lm --minutes 10

    Ctrl-C saves and ends; --resume goes on.
    """
    changes = given(LanguageModelSettings, values)
    request = _Request(**{f.name: values[f.name] for f in dataclasses.fields(_Request)})
    _refuse_contradictions(request)
    for message in misspelt_variables(os.environ):
        warn(message)
    if request.resume is not None:
        changes = {**changes_on_resume(os.environ), **changes}
        recover(request.resume)
        open_model(request.resume)
    if request.print_config:
        write(to_toml(_settings(request, changes)))
        return
    if request.tensorboard:
        require_tensorboard()
    session = Session(
        show_json=request.json,
        # On one terminal, the lines of JSON and a display would run into each other.
        quiet=request.quiet or (request.json and is_terminal(sys.stdout)),
        tensorboard=request.tensorboard,
        earlier=_earlier_losses(request.resume),
    )
    with session:
        if request.resume is None:
            _begin(request, _settings(request, changes), session)
        else:
            _resume(request.resume, request, changes, session)


def _begin(request: _Request, settings: LanguageModelSettings, session: Session) -> None:
    """Train a new model."""
    inputs = request.inputs or ("-",)
    if not request.inputs and is_terminal(sys.stdin):
        raise UsageError(
            "no text to train on: give files or folders, - for stdin, or --resume with a model"
        )
    require_stdin([*inputs, *request.valid])
    path = request.output or default_output(inputs[0])
    if request.init_from is not None and request.init_from.resolve() == path.resolve():
        raise UsageError(
            f"{path}: a model cannot start from the one that it replaces; choose another directory "
            f"with --output, or train the same model further with --resume {shown(path)}"
        )
    if request.init_from is not None:
        open_model(request.init_from)
    output = None if request.dry_run else Output(path, force=request.force)
    # torch comes in here: what was wrong with the command line has been told by now.
    from textrnn.language_model.training import prepare_run

    run = prepare_run(
        inputs,
        path,
        settings,
        valid_inputs=request.valid,
        init_from=request.init_from,
        clock=seconds_since_start,
        report=_report(request, session),
    )
    if output is None:
        _show_plan(run, request)
        return
    with output.replaced():
        session.follow(run, output)


def _resume(model: Path, request: _Request, changes: Mapping[str, Any], session: Session) -> None:
    """Go on with a run, or say that there is nothing left to do."""
    from textrnn.language_model.resuming import resume_run

    report = _report(request, session)
    run = resume_run(model, changes, clock=seconds_since_start, report=report)
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


def _refuse_contradictions(request: _Request) -> None:
    """Refuse what makes no sense beside ``--resume``."""
    if request.resume is None:
        return
    reasons = {
        "--output": (request.output, "a resumed run goes on in its own directory"),
        "--valid": (request.valid, "a resumed run validates on the text that it was begun with"),
        "--init-from": (request.init_from, "a resumed run has its own weights"),
        "--force": (request.force, "a resumed run replaces nothing"),
        "--config": (
            request.config,
            "a resumed run follows its recorded settings; give what may change as options",
        ),
    }
    for option, (value, reason) in reasons.items():
        if value:
            raise UsageError(f"{option} with --resume: {reason}; leave one of them out")
    if request.inputs:
        raise UsageError(
            f"{request.inputs[0]} with --resume: a resumed run reads the text that it was begun with; to "
            f"train on another text, start from the model with --init-from {shown(request.resume)}"
        )


def _settings(request: _Request, changes: Mapping[str, Any]) -> LanguageModelSettings:
    """Return the settings of a new run, or those of the run to resume with what was given now."""
    if request.resume is None:
        return resolve(LanguageModelSettings, changes, os.environ, request.config)
    recorded = bundle.open_bundle(request.resume).settings
    recorded.update(changes)
    return make(LanguageModelSettings, recorded, str(request.resume))


def _earlier_losses(model: Path | None) -> list[float]:
    """Return the validation losses that a resumed run has reached so far."""
    if model is None:
        return []
    losses = (
        event.get("metrics", {}).get("valid_loss")
        for event in read_journal(model / bundle.LOG, "evaluated")
    )
    return [loss for loss in losses if isinstance(loss, float)]
