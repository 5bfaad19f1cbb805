"""Real processes meet what is huge, endless, cut off or closed early; the memory they take is bounded."""

import gzip
import os
import pty
import random
import select
import subprocess
import sys
import time

import pytest
import zstandard
from faults.fuzz_bytes import ESCAPES
from faults.fuzz_case import Case
from faults.fuzz_commands import make_case
from faults.fuzz_making import case_of
from faults.fuzz_pool import make_pool
from faults.fuzz_process import run_process
from faults.fuzz_run import faults_of

pytestmark = pytest.mark.faults

SEEDS = 200
BATCH = 50
MB = 1_000_000
MOST_MIB = 800
"""Anonymous memory that must suffice for anything."""


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The folder of the models."""
    return make_pool(tmp_path_factory.mktemp("fuzz"))


def packed(*parts: tuple[bytes, int]) -> bytes:
    """Parts that stand one after the other, each so many times, compressed without holding them."""
    packer = zstandard.ZstdCompressor().compressobj()
    found = []
    for part, times in parts:
        block = part * max(1, min(times, MB // len(part)))
        found += [packer.compress(block) for _ in range(times * len(part) // len(block))]
    return b"".join([*found, packer.flush()])


def tells(case: Case, outcome) -> list[str]:
    """What was wrong; the memory of a whole process has a bound of its own."""
    size, outcome.growth_mb = outcome.growth_mb, 0.0
    found = faults_of(case, outcome)
    return found + ([f"took {size:.0f} MiB"] if size > MOST_MIB else [])


HUGE = {
    # name: arguments, contents of "in", its suffix, lines, exit code
    "classify a line of 100 MB": (
        ["classify", "{clf}"],
        lambda: b"ab " * (100 * MB // 3),
        "",
        1,
        0,
    ),
    "translate a line of 100 MB": (
        ["translate", "{mt}", "--max-length", "4"],
        lambda: b"ab " * (100 * MB // 3),
        "",
        1,
        0,
    ),
    "tokenize a line of 100 MB": (
        ["tokenize", "--ids", "{lm}"],
        lambda: b"ab " * (100 * MB // 3),
        "",
        1,
        0,
    ),
    "measure a line of 10 MB": (
        ["evaluate", "{lm}", "--per-line"],
        lambda: b"ab " * (10 * MB // 3),
        "",
        1,
        0,
    ),
    "prompt of 1 MB": (
        ["generate", "{lm}", "-n", "3", "--prompt-file"],
        lambda: b"ab " * (MB // 3),
        "",
        None,
        0,
    ),
    "classify a million letters": (["classify", "{clf}"], lambda: b"a\n" * MB, "", MB, 0),
    "translate letters": (
        ["translate", "{mt}", "--max-length", "2", "--beam-size", "1"],
        lambda: b"a\n" * 100_000,
        "",
        100_000,
        0,
    ),
    "tokenize a million letters": (["tokenize", "{lm}"], lambda: b"a\n" * MB, "", MB, 0),
    "classify 10,000 columns": (
        ["classify", "{clf}", "--text-column", "c77"],
        lambda: wide(10_000),
        ".csv",
        200,
        0,
    ),
    "train on 10,000 columns": (
        ["train", "classifier", "--dry-run", "--text-column", "c77", "--label-column", "c78"],
        lambda: wide(10_000),
        ".csv",
        None,
        0,
    ),
    "a bomb of one line": (["classify", "{clf}"], lambda: packed((b"a", 2000 * MB)), ".zst", 0, 1),
    "a bomb in a table": (
        ["classify", "{clf}"],
        lambda: packed((b"text,label\n", 1), (b"a", 2000 * MB)),
        ".csv.zst",
        0,
        1,
    ),
    "a bomb of one text": (
        ["classify", "{clf}", "--whole-file"],
        lambda: packed((b"ab\n", 700 * MB)),
        ".zst",
        0,
        1,
    ),
    "a bomb of a prompt": (
        ["generate", "{lm}", "--prompts"],
        lambda: packed((b"a", 2000 * MB)),
        ".zst",
        0,
        1,
    ),
    "a bomb of zeros": (
        ["translate", "{mt}"],
        lambda: gzip.compress(bytes(200 * MB), 1),
        ".gz",
        0,
        1,
    ),
    "pairs in a bomb": (
        ["train", "translator", "--dry-run"],
        lambda: packed((b"{", 1000 * MB)),
        ".jsonl.zst",
        None,
        1,
    ),
    "lines without end": (
        ["train", "lm", "--lines", "--dry-run"],
        lambda: packed((b"a", 1000 * MB)),
        ".zst",
        None,
        1,
    ),
    "text of 200 MB from 20 kB": (
        ["train", "lm", "--dry-run", "--tokenizer", "char"],
        lambda: packed((b"ab cd\n", 34 * MB)),
        ".zst",
        None,
        0,
    ),
}


def wide(columns: int) -> bytes:
    header = ",".join(f"c{i}" for i in range(columns))
    rows = [
        ",".join(["x"] * 77 + [f"text {i}", "ab"[i % 2]] + ["y"] * (columns - 79))
        for i in range(200)
    ]
    return "\n".join([header, *rows]).encode()


@pytest.mark.parametrize("name", HUGE)
def test_what_is_huge_takes_bounded_memory(name, models, tmp_path, keep_figures):
    argv, make, suffix, lines, code = HUGE[name]
    case = case_of(
        [*argv, f"in{suffix}"], files={f"in{suffix}": make()}, lines=lines, codes=(code,)
    )
    begun = time.monotonic()
    outcome = run_process(case, tmp_path / "box", models)
    size = outcome.growth_mb
    keep_figures(f"huge, {name}", {"mib": round(size), "s": round(time.monotonic() - begun, 1)})
    assert tells(case, outcome) == []


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_many_real_processes(first, models, tmp_path, keep_figures):
    wrong = []
    largest = 0.0
    for seed in range(200_000 + first, 200_000 + first + BATCH):
        case = make_case(seed)
        case.terminal, case.lines = False, None if case.terminal else case.lines
        if case.stdin is None:
            case.stdin = b""
        outcome = run_process(case, tmp_path / "box", models)
        largest = max(largest, outcome.growth_mb)
        wrong += [f"{seed} {case.suite} {case.argv}: {f}" for f in tells(case, outcome)]
    keep_figures(f"real processes {first + 1} to {first + BATCH}", {"most_mib": round(largest)})
    assert not wrong, "\n".join(wrong)


def drawn(argv: list[str], folder, environment) -> str:
    """What a command shows on a real terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "textrnn", *argv],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env=environment,
    )
    os.close(slave)
    shown = b""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not select.select([master], [], [], 1.0)[0]:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    process.wait(10)
    os.close(master)
    return shown.decode("utf-8", "replace")


@pytest.mark.parametrize("seed", range(6))
def test_a_terminal_gets_no_sequences_out_of_data(seed, models, tmp_path, variables):
    rng = random.Random(seed)
    texts = [f"{rng.choice(ESCAPES)} word {rng.choice(ESCAPES)} fine" for _ in range(20)]
    name = "in\x1b]0;owned\x07.txt"
    (tmp_path / name).write_text("\n".join(texts), encoding="utf-8")
    commands = [
        ["classify", str(models / "clf"), name, "--proba"],
        ["classify", str(models / "clf"), name, "--explain"],
        ["translate", str(models / "mt"), name, "--attention", "-", "--max-length", "3"],
        ["generate", str(models / "lm"), "-n", "3", "--prompt-file", name],
        ["evaluate", str(models / "lm"), name, "--per-line"],
        ["train", "lm", name, "--dry-run", "-o", "m"],
    ]
    shown = drawn(commands[seed], tmp_path, variables)
    assert "word" in shown or seed in (2, 5)
    assert [mark for mark in ESCAPES if mark in shown] == []
