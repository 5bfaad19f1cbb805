"""Training in several processes: ``torchrun`` starts the same command in each, and the first leads.

Only the first process reads the command line, shows, records and saves. The others take their orders from it
and are silent, but where one of them fails.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from textrnn.cli.signals import StopSignals
from textrnn.errors import TextrnnError, TrainingError, UsageError
from textrnn.training.place import Place

if TYPE_CHECKING:
    from textrnn.training.ranks import Ranks

__all__ = ["ranks_of_command", "run_in_ranks"]


def run_in_ranks(arguments: list[str], invoke: Callable[[list[str], Ranks | None], int]) -> int:
    """Run a command, together with other processes where it trains and they are there.

    Args:
        arguments: What follows the program's name.
        invoke: Runs the command line, given the processes that this one leads; returns the exit code.

    Returns:
        The exit code; 0 for a process that was led to an end, however the run ended: the first one tells.
    """
    place = _place(arguments)
    if place.size == 1:
        return invoke(arguments, None)
    from textrnn.training.ranks import Ranks

    if place.rank:
        _follow(place)
        return 0
    ranks = Ranks.connect(place)
    try:
        return invoke(arguments, ranks)
    finally:
        if ranks.dismiss():
            ranks.close()


def ranks_of_command() -> Ranks | None:
    """Return the processes that the running command leads; None where it is alone."""
    found: Ranks | None = click.get_current_context().obj
    return found


def _place(arguments: Sequence[str]) -> Place:
    """Return where the process stands among those of its command."""
    command = next((word for word in arguments if not word.startswith("-")), "")
    if "_TEXTRNN_COMPLETE" in os.environ or command not in ("train", "tune"):
        return Place()
    place = Place.of(os.environ)
    if command == "tune" and place.size > 1:
        raise UsageError(
            f"tune runs in one process, but WORLD_SIZE is {place.size}: start it without torchrun"
        )
    return place


def _follow(place: Place) -> None:
    """Train along; until training begins, signals end the process at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # What waits for another process inside of torch runs no handler of Python's.
        signal.signal(number, signal.SIG_DFL)
    from textrnn.jobs import job_named
    from textrnn.training.following import follow_orders
    from textrnn.training.ranks import Ranks

    signals = StopSignals()

    def resumption(name: str) -> Any:
        return job_named(name).resume()

    def begun() -> None:
        signals.__enter__()
        signals.arm()

    try:
        ranks = Ranks.connect(place)
        follow_orders(ranks, resumption, begun, signals.pending)
        ranks.close()
    except TextrnnError as error:
        raise TrainingError(f"rank {place.rank}: {error}") from error
