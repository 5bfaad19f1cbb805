"""Runs a case as a process of its own, as a shell would, and measures how much memory it took."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from faults.fuzz_case import Case, lay_out
from faults.fuzz_run import Outcome, contents, left_behind, named_pipes

__all__ = ["run_process"]

_MOST_MEMORY = 12 << 30


def run_process(case: Case, box: Path, pool: Path, patience_s: float = 110.0) -> Outcome:
    """Run a case; ``growth_mb`` is the most anonymous memory that the process had, as sampled.

    Args:
        case: What to run; it knows no terminal.
        box: An empty folder.
        pool: Where the models are.
        patience_s: After so long it is killed, and its exit code is None.
    """
    shutil.rmtree(box, ignore_errors=True)
    folder, temporary = box / "outer" / "case", box / "tmp"
    folder.mkdir(parents=True)
    temporary.mkdir()
    lay_out(case, folder, pool)
    before = contents(folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEXTRNN_")}
    env = {**kept, **case.env, "TEXTRNN_CACHE": str(box / "cache"), "OMP_NUM_THREADS": "1"}
    env |= {"TMPDIR": str(temporary), "HF_HUB_OFFLINE": "1", "TEXTRNN_THREADS": "1"}
    out, err = box / "out", box / "err"
    with contextlib.ExitStack() as stack:
        stack.callback(os.chdir, Path.cwd())
        os.chdir(folder)
        stack.enter_context(named_pipes(case.pipes))
        errors = stack.enter_context(err.open("wb"))
        closes = case.closes_after is not None
        answers = subprocess.PIPE if closes else stack.enter_context(out.open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", "textrnn", *case.arguments(pool)],
            stdin=subprocess.PIPE if case.stdin is not None else subprocess.DEVNULL,
            stdout=answers,
            stderr=errors,
            env=env,
            preexec_fn=_bounded,
        )
        threads = [threading.Thread(target=_feed, args=(process, case.stdin or b""), daemon=True)]
        if closes:
            threads.append(
                threading.Thread(target=_take, args=(process, case.closes_after), daemon=True)
            )
        for thread in threads:
            thread.start()
        code, usage = _waited(process, patience_s)
        for thread in threads:
            thread.join(5)
    out_bytes = b"" if closes else out.read_bytes()
    left = [] if "*" in case.outputs else left_behind(case, folder, before)
    left += [f"temporary {p.name}" for p in temporary.iterdir() if "torch" not in p.name]
    raised = "" if code is not None else f"it did not end within {patience_s:.0f} s"
    return Outcome(code, out_bytes, err.read_bytes(), raised, left, usage / 1024)


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.write(data)
        with contextlib.suppress(OSError):
            process.stdin.close()


def _take(process: subprocess.Popen[bytes], count: int) -> None:
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        while count > 0 and (data := process.stdout.read(min(count, 1024))):
            count -= len(data)
        process.stdout.close()


def _waited(process: subprocess.Popen[bytes], patience_s: float) -> tuple[int | None, float]:
    """Return the exit code as shells have it, None after too long, and the most anonymous memory in KiB."""
    until = time.monotonic() + patience_s
    largest = 0.0
    while True:
        # Not what wait4 tells: that counts pages of files, and those of the parent from before the program.
        largest = max(largest, _anonymous(process.pid))
        pid, status = os.waitpid(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > until:
            process.kill()
            os.waitpid(process.pid, 0)
            process.returncode = -9
            return None, largest
        time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    code = process.returncode
    return (128 - code if code < 0 else code), largest


def _anonymous(process: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return float(line.split()[1])
    return 0.0
