"""Runs the real commands and reads what they say."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

__all__ = ["textrnn"]


def textrnn(*arguments: str) -> dict[str, Any]:
    """Run a command with ``--json`` and return its last object with the seconds it took, ``wall_s``."""
    command = [sys.executable, "-m", "textrnn", *arguments, "--json", "--quiet"]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**last, "wall_s": round(time.monotonic() - begun, 2)}
