"""Runs a case inside this process and says what was wrong with how it went."""

import contextlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faults.fuzz_bytes import ESCAPES
from faults.fuzz_case import Case, lay_out

from textrnn.cli import entry, options

__all__ = ["Outcome", "contents", "faults_of", "left_behind", "named_pipes", "run_case"]

_LONGEST_MESSAGE = 2_000
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MOST_GROWTH_MB = 400


@dataclass
class Outcome:
    """What a command left behind.

    Attributes:
        code: Its exit code; None where it raised.
        out: What it wrote to stdout.
        err: And to stderr.
        raised: The traceback of what it raised, or of what nobody could catch.
        left: Files that are there and should not be, or that changed.
        growth_mb: How much resident memory rose above what the process had before.
    """

    code: int | None
    out: bytes
    err: bytes
    raised: str
    left: list[str]
    growth_mb: float


class _Stream(io.TextIOWrapper):
    """A stream that may claim to be a terminal."""

    says_terminal = False

    def isatty(self) -> bool:
        return self.says_terminal


def run_case(case: Case, box: Path, pool: Path) -> Outcome:
    """Run a case in a folder of its own.

    Args:
        case: What to run.
        box: A folder that this process alone uses; emptied first.
        pool: Where the models are.
    """
    shutil.rmtree(box, ignore_errors=True)
    folder, temporary = box / "outer" / "case", box / "tmp"
    folder.mkdir(parents=True)
    temporary.mkdir()
    lay_out(case, folder, pool)
    before = contents(folder)
    raised: list[str] = []
    code = None
    memory = _reset_peak()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_environment(case.env, temporary))
        stack.callback(os.chdir, Path.cwd())
        os.chdir(folder)
        stack.enter_context(named_pipes(case.pipes))
        collected = stack.enter_context(_streams(case, box))
        sys.unraisablehook = lambda found: raised.append(f"unraisable: {found.exc_value!r}")
        stack.callback(setattr, sys, "unraisablehook", sys.__unraisablehook__)
        options._is_debugging = False
        sys.warnoptions = ["error"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                code = entry.run(case.arguments(pool))
            except BaseException:
                raised.append(traceback.format_exc())
    growth = (_peak() - memory) / 1024
    out, err = collected()
    left = [] if "*" in case.outputs else left_behind(case, folder, before)
    left += [f"temporary {path.name}" for path in temporary.iterdir() if "torch" not in path.name]
    return Outcome(code, out, err, "\n".join(raised), left, growth)


def faults_of(case: Case, outcome: Outcome) -> list[str]:
    """Return what was wrong, in words; nothing where all was right."""
    found = []
    err = outcome.err.decode("utf-8", "backslashreplace")
    if outcome.raised:
        found.append(f"raised: {outcome.raised[-1500:]}")
    if "Traceback" in err or "fault of textrnn" in err:
        found.append(f"unforeseen: {err[-1500:]}")
    if "File too large" in err:
        found.append("a file without end was written")
    if outcome.code not in case.codes:
        found.append(f"exit code {outcome.code}, not of {case.codes}: {err[-300:]}")
    # What check finds wrong with data is its report, not an error of its own.
    if outcome.code and not err.strip() and b"REFUSED" not in outcome.out:
        found.append(f"exit code {outcome.code} without a word")
    if case.must_fail and outcome.code == 0:
        found.append("succeeded on what cannot be read")
    found += _wrong_messages(case, err) + _wrong_output(case, outcome)
    found += [f"left behind: {name}" for name in outcome.left]
    if outcome.growth_mb > _MOST_GROWTH_MB:
        found.append(f"memory rose by {outcome.growth_mb:.0f} MB")
    return found


def _wrong_messages(case: Case, err: str) -> list[str]:
    found = []
    longest = max(map(len, err.split("\n")))
    if longest > _LONGEST_MESSAGE:
        found.append(f"a message of {longest:,} characters: {err[:200]}")
    shown = _COLOUR.sub("", err) if case.terminal else err
    if not case.terminal and (control := _CONTROL.search(shown)):
        found.append(f"control character {control[0]!r} in a message: {shown[:300]!r}")
    if case.terminal and any(mark in shown for mark in ESCAPES):
        found.append(f"an escape sequence in a message on a terminal: {shown[:300]!r}")
    return found


def _wrong_output(case: Case, outcome: Outcome) -> list[str]:
    found = []
    out = outcome.out
    if case.terminal:
        drawn = _COLOUR.sub("", out.decode("utf-8", "replace"))
        if any(mark in drawn for mark in ESCAPES):
            found.append(f"an escape sequence on a terminal: {drawn[:300]!r}")
    count = out.count(b"\n")
    if case.closes_after is None and case.lines is not None:
        is_right = count == case.lines if outcome.code == 0 else count <= case.lines
        if not is_right or (outcome.code == 0 and out and not out.endswith(b"\n")):
            found.append(f"{count} lines where {case.lines} were due (exit code {outcome.code})")
    if case.json_lines and case.closes_after is None and outcome.code == 0:
        try:
            objects = map(json.loads, out.decode().split("\n")[:-1])
            found += [f"no object of JSON: {o!r}" for o in objects if not isinstance(o, dict)]
        except ValueError as error:
            found.append(f"no JSON: {error}")
    return found


@contextlib.contextmanager
def _environment(variables: dict[str, str], temporary: Path) -> Iterator[None]:
    kept = dict(os.environ)
    os.environ.update(variables)
    previous, tempfile.tempdir = tempfile.tempdir, str(temporary)
    try:
        yield
    finally:
        tempfile.tempdir = previous
        os.environ.clear()
        os.environ.update(kept)


@contextlib.contextmanager
def named_pipes(pipes: dict[str, bytes]) -> Iterator[None]:
    """Named pipes, each with a thread that writes into it; those that nobody reads are let go."""
    threads = []
    for name, data in pipes.items():
        os.mkfifo(name)
        thread = threading.Thread(
            target=_write_all, args=(Path(name).absolute(), data), daemon=True
        )
        thread.start()
        threads.append((Path(name).absolute(), thread))
    try:
        yield
    finally:
        for path, thread in threads:
            while thread.is_alive():
                with contextlib.suppress(OSError):
                    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                thread.join(0.005)


def _opened(target: Path | int) -> io.RawIOBase:
    if isinstance(target, int):
        return os.fdopen(target, "wb", buffering=0)
    return target.open("wb", buffering=0)


def _write_all(target: Path | int, data: bytes) -> None:
    with contextlib.suppress(OSError), _opened(target) as pipe:
        step = max(1, len(data) // 3)
        for low in range(0, len(data), step):
            pipe.write(data[low : low + step])


@contextlib.contextmanager
def _streams(case: Case, box: Path) -> Iterator[object]:
    """The three streams; gives a function that returns what was written."""
    saved = sys.stdin, sys.stdout, sys.stderr
    threads = []
    if case.stdin is None:
        sys.stdin = None  # type: ignore[assignment]
    elif case.by_pipe:
        read, write = os.pipe()
        threads.append(threading.Thread(target=_write_all, args=(write, case.stdin), daemon=True))
        sys.stdin = io.TextIOWrapper(os.fdopen(read, "rb"))
    else:
        sys.stdin = io.TextIOWrapper(io.BytesIO(case.stdin))
    out, err = box / "out", box / "err"
    if case.closes_after is None:
        stdout = _Stream(out.open("wb"), encoding="utf-8")
    else:
        read, write = os.pipe()
        threads.append(
            threading.Thread(target=_read_some, args=(read, case.closes_after), daemon=True)
        )
        stdout = _Stream(os.fdopen(write, "wb"), encoding="utf-8")
    stderr = _Stream(err.open("wb"), encoding="utf-8", errors="backslashreplace")
    stdout.says_terminal = stderr.says_terminal = case.terminal
    sys.stdout, sys.stderr = stdout, stderr
    for thread in threads:
        thread.start()
    try:
        yield lambda: (out.read_bytes() if out.exists() else b"", err.read_bytes())
    finally:
        mine = sys.stdin
        sys.stdin, sys.stdout, sys.stderr = saved
        for stream in (mine, stdout, stderr):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()
        for thread in threads:
            thread.join(5)


def _read_some(read: int, count: int) -> None:
    with os.fdopen(read, "rb", buffering=0) as pipe:
        while count > 0 and (data := pipe.read(count)):
            count -= len(data)


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file():
            found[str(path.relative_to(folder))] = (0, 0)
        else:
            status = path.stat()
            found[str(path.relative_to(folder))] = (status.st_size, status.st_mtime_ns)
    return found


def left_behind(case: Case, folder: Path, before: dict[str, tuple[int, int]]) -> list[str]:
    after = contents(folder)
    own = {*case.outputs, *case.pipes, *(f"{name}.part" for name in case.outputs)}
    changed = [name for name, stamp in before.items() if after.get(name) != stamp]
    new = [name for name in after if name not in before and name not in own]
    return [f"{n} (changed)" for n in changed if n.split("/")[0] not in case.damaged] + [
        name for name in new if name.split("/")[0] not in ("model", *case.damaged)
    ]


def _reset_peak() -> float:
    """Start measuring anew; return the resident size in KiB."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> float:
    return _status("VmHWM")


def _status(name: str) -> float:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0.0
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[1])
