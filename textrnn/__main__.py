"""``python -m textrnn`` and the command ``textrnn``."""

from __future__ import annotations

import sys
from typing import NoReturn

# First of all, since time budgets count from the command's start.
from textrnn.cli import clock as clock

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line on the process's arguments and end the process with its exit code."""
    from textrnn.cli.entry import leave, run

    leave(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
