"""Every command meets odd input, odd options and odd surroundings, in workers under a watchdog.

The short form runs some cases of every kind; the long form (``pytest -m faults``) twenty thousand and more.
"""

import json

import pytest
from faults.fuzz_case import Case
from faults.fuzz_commands import MAKERS, make_case
from faults.fuzz_mended import MENDED
from faults.fuzz_pool import run_cases, summary
from faults.fuzz_run import Outcome, faults_of

SHORT = 4 * len(MAKERS)
"""Command lines of the short form."""

PIECE = 1_000
PIECES = 6
READINGS = 16_000
"""What the long form runs: so many command lines, piece by piece, and so many readings."""


@pytest.fixture(scope="session")
def pool(tmp_path_factory):
    """A folder that keeps the models from one run to the next."""
    return tmp_path_factory.mktemp("fuzz")


def told(replies):
    return "\n".join(
        f"{r['kind']} {r['seed']} ({r['suite']}) {json.dumps(r.get('argv'))}: {fault}"
        for r in replies
        for fault in r["faults"]
    )


def test_some_command_lines_of_every_kind_and_what_went_wrong_once(pool):
    requests = [("mended", number) for number in range(len(MENDED))]
    requests += [("command", seed) for seed in range(SHORT)]
    replies = list(run_cases(requests, pool))
    assert not told(replies)
    assert len(replies) == len(requests)
    assert {r["suite"] for r in replies} == {"mended", *MAKERS}
    assert {r["code"] for r in replies} == {0, 1, 2}


@pytest.mark.faults
@pytest.mark.parametrize("piece", range(PIECES))
def test_many_command_lines(piece, pool, keep_figures):
    first = 100_000 + piece * PIECE
    replies = list(run_cases((("command", first + i) for i in range(PIECE)), pool))
    keep_figures(f"bad input, command lines {piece + 1}", summary(replies))
    assert not told(replies)


@pytest.mark.faults
def test_many_readings(pool, keep_figures):
    replies = list(run_cases((("reader", 100_000 + i) for i in range(READINGS)), pool))
    keep_figures("bad input, readings", summary(replies))
    assert not told(replies)


def test_a_seed_makes_the_same_case_every_time():
    assert [make_case(seed) for seed in range(60)] == [make_case(seed) for seed in range(60)]


@pytest.mark.parametrize(
    ("case", "outcome", "what"),
    [
        ({}, {"code": 3}, "exit code 3"),
        ({}, {"code": 1, "err": b""}, "without a word"),
        ({}, {"err": b"Traceback (most recent call last)"}, "unforeseen"),
        ({}, {"raised": "KeyError"}, "raised"),
        ({}, {"left": ["x"]}, "left behind: x"),
        ({}, {"growth_mb": 5e3}, "memory rose"),
        ({}, {"code": 1, "err": b"x" * 3000}, "a message of"),
        ({}, {"code": 1, "err": b"a\x1b[2J"}, "control character"),
        ({"terminal": True}, {"out": b"\x1b[1ma\x1b[2J"}, "on a terminal"),
        ({"lines": 2}, {"out": b"a\n"}, "1 lines where 2"),
        ({"lines": 2}, {"code": 1, "err": b"no", "out": b"a\na\na\n"}, "3 lines where 2"),
        ({"must_fail": True}, {}, "cannot be read"),
        ({"json_lines": True}, {"out": b"[]\n"}, "no object of JSON"),
        ({"json_lines": True}, {"out": b"{\n"}, "no JSON"),
    ],
)
def test_the_judge_sees_what_is_wrong(case, outcome, what):
    whole = {"code": 0, "out": b"", "err": b"", "raised": "", "left": [], "growth_mb": 0.0}
    found = faults_of(Case("", 0, [], **case), Outcome(**{**whole, **outcome}))
    assert any(what in fault for fault in found), found


def test_the_judge_lets_pass_what_is_right():
    right = Outcome(0, b"\x1b[1ma\x1b[0m\n", b"\x1b[33mWarning:\x1b[0m x\n", "", [], 1.0)
    assert faults_of(Case("", 0, [], terminal=True, lines=1), right) == []
