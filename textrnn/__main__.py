"""``python -m textrnn`` and the command ``textrnn``."""

from __future__ import annotations

import sys

# First of all, since time budgets count from the command's start.
from textrnn.cli import clock as clock

__all__ = ["main"]


def main() -> int:
    """Run the command line on the process's arguments and return the exit code."""
    from textrnn.cli.entry import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
