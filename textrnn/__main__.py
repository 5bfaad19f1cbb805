"""``python -m textrnn`` and the command ``textrnn``."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

_IS_HANDLED = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if _IS_HANDLED:
    # Until there is somebody to take it, Ctrl-C ends the command without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# First of all, since time budgets count from the command's start.
from textrnn.cli import clock as clock  # noqa: E402

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line on the process's arguments and end the process with its exit code."""
    from textrnn.cli.entry import leave, run

    if _IS_HANDLED:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    leave(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
