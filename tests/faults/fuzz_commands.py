"""All makers of cases: each takes random numbers and returns a command that meets something odd."""

import random
from collections.abc import Callable

from faults import fuzz_answering, fuzz_options, fuzz_parts, fuzz_training, fuzz_writing
from faults.fuzz_case import Case

from textrnn.cli.app import COMMANDS

__all__ = ["MAKERS", "make_case"]

_NEEDS = {"score": "score", "complete": "complete", "looking": "runs"}
"""Makers whose command another version may lack."""

MAKERS: dict[str, Callable[[random.Random], Case]] = {
    name: getattr(module, name)
    for module in (fuzz_answering, fuzz_writing, fuzz_training, fuzz_parts, fuzz_options)
    for name in module.__all__
    if name.islower() and _NEEDS.get(name, "info") in COMMANDS
}


def make_case(seed: int) -> Case:
    """The case of a seed; its maker comes by turns."""
    names = list(MAKERS)
    name = names[seed % len(names)]
    case = MAKERS[name](random.Random(f"{name}:{seed}"))
    case.suite, case.seed = name, seed
    return case
