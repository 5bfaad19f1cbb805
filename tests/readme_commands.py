"""Commands of the documentation, cut so that a test can run them."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CUT = {"TEXTRNN_THREADS": "1"}
SMALL = {
    "lm": " --max-steps 4 --batch-size 4 --seq-len 16",
    "classifier": " --max-steps 4",
    "translator": " --max-steps 4 --vocab-size 300 --threads 1",
}
SHAPE = " --hidden-size 16"


def commands_of(blocks: Sequence[str]) -> list[str]:
    """Return the commands of blocks of shell, one a line, without what is said about them."""
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def shortened(command: str) -> str:
    """Cut what a command spends: steps instead of minutes, a small network."""
    if re.search(r"\btextrnn tune (lm|classifier|translator)", command):
        return re.sub(r" --(trial-)?minutes \S+", " --max-steps 4", command)
    found = re.search(r"train (lm|classifier|translator)", command)
    if not found or "--help" in command:
        return command.replace(" | head -n 3", " | head -n 1")
    command = re.sub(r" --(minutes|epochs) \S+", "", command)
    command = re.sub(r" --(hidden-size|num-layers) \S+", "", command)
    before, redirect, after = command.partition(" > ")
    if "--resume" in command:
        before += " --max-steps 2"
    elif "--init-from" in command:
        before += SMALL[found[1]]
    elif "--print-config" not in command:
        before += SMALL[found[1]] + SHAPE
    return before + redirect + after


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
    cache = str(folder / "cache")
    environment = {**os.environ, **CUT, "PATH": path, "TEXTRNN_CACHE": cache}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def default_name(command: str) -> str | None:
    """Return what a command calls its model where it says nothing."""
    found = re.search(r"train (lm|classifier|translator) (?!-)([\w.]+)", command)
    suffixes = {"lm": "-lm", "classifier": "-clf", "translator": "-mt"}
    return found and found[2].split(".")[0] + suffixes[found[1]]
