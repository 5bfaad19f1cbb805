"""A process that runs cases: a line of JSON in, a line of JSON out, until its input ends."""

import contextlib
import faulthandler
import json
import os
import resource
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any

MOST_FILE = 1 << 29
"""Bytes of the largest file that may be written."""

MOST_MEMORY = 6 << 30
"""Bytes of address space beyond what the process has when it begins."""


def main() -> None:
    """Serve; arguments: the models' folder, a folder of its own, seconds until a stack is dumped."""
    pool, own, patience_s = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    requests = os.fdopen(os.dup(0), "r")
    nowhere = os.open(os.devnull, os.O_RDWR)
    log = os.open(own / "native", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(nowhere, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ |= {
        "TEXTRNN_CACHE": str(own / "cache"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
    }
    for name in [
        name for name in os.environ if name.startswith("TEXTRNN_") and name != "TEXTRNN_CACHE"
    ]:
        del os.environ[name]

    import datasets  # noqa: F401  (before memory is bounded)
    import torch
    from faults.fuzz_values import all_commands

    assert list(all_commands())  # all modules are there before the first case
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_FILE, MOST_FILE))
    status = Path("/proc/self/status")
    if status.exists():
        size = next(
            int(line.split()[1])
            for line in status.read_text().splitlines()
            if line.startswith("VmSize")
        )
        resource.setrlimit(resource.RLIMIT_AS, (size * 1024 + MOST_MEMORY,) * 2)
    with (own / "stack").open("w") as stack:
        for request in requests:
            stack.seek(0)
            stack.truncate()
            faulthandler.dump_traceback_later(patience_s, file=stack)
            reply = served(json.loads(request), own, pool)
            faulthandler.cancel_dump_traceback_later()
            replies.write(json.dumps(reply) + "\n")


def served(request: dict[str, Any], own: Path, pool: Path) -> dict[str, Any]:
    """Run one case, and say how it went."""
    from faults.fuzz_commands import make_case
    from faults.fuzz_mended import mended_case
    from faults.fuzz_models import make_models
    from faults.fuzz_readers import READERS, read_case
    from faults.fuzz_run import faults_of, run_case

    kind, seed = request["kind"], request["seed"]
    begun = time.process_time()
    reply: dict[str, Any] = {"kind": kind, "seed": seed, "code": None, "growth_mb": 0.0}
    if kind == "models":
        make_models(pool)
        reply["faults"] = []
    elif kind == "reader":
        box = own / "box"
        shutil.rmtree(box, ignore_errors=True)
        box.mkdir()
        reply["suite"] = list(READERS)[seed % len(READERS)]
        try:
            reply["faults"] = read_case(seed, box, own / "cache")
        except BaseException:
            reply["faults"] = [f"raised: {traceback.format_exc()[-1500:]}"]
    else:
        case = mended_case(seed) if kind == "mended" else make_case(seed)
        outcome = run_case(case, own / "box", pool)
        reply |= {"suite": case.suite, "code": outcome.code, "growth_mb": outcome.growth_mb}
        reply["argv"] = [argument[:80] for argument in case.argv]
        reply["faults"] = faults_of(case, outcome)
    reply["cpu_s"] = time.process_time() - begun
    if seed % 50 == 0:
        with contextlib.suppress(OSError):
            shutil.rmtree(own / "cache")
    return reply


if __name__ == "__main__":
    main()
