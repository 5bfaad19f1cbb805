"""Runs a command and turns whatever ends it into an exit code and at most one message."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from textrnn.cli.app import app
from textrnn.cli.console import fitted, may_colour, printable, shortened
from textrnn.cli.options import is_debugging
from textrnn.cli.ranks import run_in_ranks
from textrnn.cli.signals import Terminated, ignore_signals, raise_on_termination
from textrnn.errors import TextrnnError, TrainingInterrupted

if TYPE_CHECKING:
    from textrnn.training.ranks import Ranks

__all__ = ["leave", "run"]

INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: What follows the program's name.
    """
    if not sys.warnoptions:
        # Warnings of libraries mean nothing to whoever runs a command; python -W shows them.
        warnings.simplefilter("ignore")
    # Threads that wait for each other soon sleep instead of spinning on. On an idle machine that costs
    # nothing (some 65 ms a step either way); beside another busy program a step took 130 to 560 ms, and
    # so takes 130 to 150. It must be set before torch loads GNU's OpenMP runtime; others do not read it.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # Plans of oneDNN's kernels, one for each shape of a batch: more shapes come again and again than its
    # default of 1,024 holds. Translators train a fifth faster so, in 0.1 GB more.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "4096")
    # Modules make objects by the hundred thousand that stay; looking through them for cycles again and again
    # took a fifth of the processor time to a new process's first label. Nothing here keeps a tensor in a
    # cycle: with no collections at all, training and labelling take no more memory.
    gc.set_threshold(50_000, 10, 10)
    raise_on_termination()
    try:
        try:
            code = run_in_ranks(list(arguments), _invoke)
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        finally:
            # How the command ends is decided: a signal that comes now changes nothing.
            ignore_signals()
    except BrokenPipeError:
        _leave_pipes()
        return 0
    except KeyboardInterrupt:
        _say("Interrupted.", "")
        return INTERRUPTED
    except Terminated as error:
        _say("Terminated.", "")
        return error.exit_code
    except click.ClickException as error:
        return _explain_usage(error)
    except Exception as error:
        return _explain(error)
    return code


def leave(code: int) -> NoReturn:
    """End the process at once; torch would take most of a second to take itself apart."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


def _invoke(arguments: list[str], ranks: Ranks | None) -> int:
    if "_TEXTRNN_COMPLETE" in os.environ:
        app.main(arguments, prog_name="textrnn")
    try:
        # Not app.main, which has its own way with closed pipes and interrupts.
        with app.make_context("textrnn", arguments, obj=ranks) as context:
            app.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return 0


def _explain_usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    if isinstance(error, click.UsageError) and context is not None:
        click.echo(context.get_usage(), err=True)
        click.echo(f"Try '{context.command_path} --help' for help.\n", err=True)
    _say("Error:", error.format_message())
    return error.exit_code


def _explain(error: Exception) -> int:
    """Print what went wrong; an error that nobody foresaw is told apart from a user's."""
    if is_debugging():
        traceback.print_exception(error)
        return error.exit_code if isinstance(error, TextrnnError) else 1
    if isinstance(error, TrainingInterrupted):
        _say("", str(error))
        return error.exit_code
    if isinstance(error, TextrnnError):
        _say("Error:", str(error))
        return error.exit_code
    if isinstance(error, MemoryError):
        _say(
            "Error:", "out of memory; a smaller --batch-size, --seq-len or --hidden-size needs less"
        )
        return 1
    if isinstance(error, OSError):
        name = "" if error.filename is None else f"{error.filename}: "
        _say("Error:", f"{name}{error.strerror or error}")
        return 1
    last = traceback.extract_tb(error.__traceback__)[-1]
    _say(
        "Error:",
        f"{type(error).__name__}: {error} ({last.filename}:{last.lineno}); this is a fault of textrnn, not "
        f"yours: run the command again with --debug and report what it shows",
    )
    return 1


def _say(label: str, message: str) -> None:
    if sys.stderr is None:
        return
    try:
        used = len(label) + 1 if label else 0
        text = fitted(shortened(printable(message)), sys.stderr, used)
        if label and may_colour(sys.stderr):
            label = f"\x1b[1;31m{label}\x1b[0m"
        print(f"{label} {text}".strip(), file=sys.stderr, flush=True)
    except OSError:
        _leave_pipes()


def _leave_pipes() -> None:
    """Point streams whose reader is gone elsewhere, so that the interpreter's last flush is quiet."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not _flushes(stream):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _flushes(stream: TextIO) -> bool:
    try:
        stream.flush()
    except (OSError, ValueError):
        return False
    return True
