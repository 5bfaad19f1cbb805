"""A process that opens hostile models: a line of JSON in, a line of JSON out, until its input ends.

Its address space is bounded, so that a model that takes memory without bound is seen.
"""

import io
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

__all__ = ["MORE_MEMORY", "main"]

MORE_MEMORY = 1 << 30
"""Bytes of address space beyond what the process takes when it begins."""

_TEXTS = "Wer hat das Mädchen getroffen?\n\nthe dreary market was truly lovely\n"


def main() -> None:
    """Serve the requests of the process that began this one."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    requests = os.fdopen(os.dup(0), "r")
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    # What C++ libraries say goes to stderr as it is.
    os.dup2(2, 1)
    import sentencepiece  # noqa: F401  (before memory is bounded)
    import torch

    import textrnn.classifier.predictor
    import textrnn.classifier.training
    import textrnn.language_model.resuming
    import textrnn.language_model.training
    import textrnn.translator.predictor
    import textrnn.translator.training  # noqa: F401

    torch.set_num_threads(1)
    torch.nn.Linear(8, 8)(torch.ones(1, 8)).sum().backward()  # starts its threads
    status = Path("/proc/self/status")
    if status.exists():
        sizes = (line.split() for line in status.read_text().splitlines())
        size = next(int(words[1]) for words in sizes if words[0] == "VmSize:")
        resource.setrlimit(resource.RLIMIT_AS, (size * 1024 + MORE_MEMORY,) * 2)
    for line in requests:
        replies.write(json.dumps(served(json.loads(line))) + "\n")


def served(request: dict[str, Any]) -> dict[str, Any]:
    """Run the commands of a request, and say how they went."""
    began = time.perf_counter()
    runs = [run(arguments) for arguments in request["commands"]]
    return {"runs": runs, "seconds": time.perf_counter() - began}


def run(arguments: list[str]) -> dict[str, Any]:
    """Run a command inside this process."""
    from textrnn.cli import entry

    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(_TEXTS.encode()))
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    code: int | None = None
    raised = ""
    try:
        code = entry.run(arguments)
    except BaseException:
        raised = traceback.format_exc()
    said = []
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        said.append(stream.buffer.getvalue().decode("utf-8", "replace"))  # type: ignore[attr-defined]
    sys.stdin, sys.stdout, sys.stderr = kept
    return {"code": code, "out": said[0], "err": said[1], "raised": raised}


if __name__ == "__main__":
    main()
