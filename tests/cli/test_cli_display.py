"""What a person sees of a run, on a terminal and off it."""

import fcntl
import io
import itertools
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from textrnn.cli import display as display_module
from textrnn.cli.console import byte_size, duration, printable
from textrnn.cli.describe import plan_lines, warning_of
from textrnn.cli.display import PlainDisplay, QuietDisplay
from textrnn.cli.journal import Journal
from textrnn.cli.live import _View
from textrnn.cli.sparkline import ASCII_BLOCKS, sparkline
from textrnn.experiments.journal import read_journal
from textrnn.training.events import (
    BatchReduced,
    Evaluated,
    Progressed,
    Replanned,
    RolledBack,
    Sampled,
)

HOSTILE = (
    "[bold]no markup[/bold] :smile: \x1b[31mred\x1b[2J \x07 \r\n\ttab \u202egnp.exe \ud800 日本語 "
    "👩\u200d👩\u200d👧"
)


def progress(step: int = 7, elapsed_s: float = 3.0) -> Progressed:
    return Progressed(
        step=step,
        max_steps=1000,
        epoch=0.5,
        loss=1.5,
        metrics={"train_bits_per_char": 2.16},
        grad_norm=0.3,
        learning_rate=0.00213,
        tokens_per_s=12345.6,
        elapsed_s=elapsed_s,
        remaining_s=83.0,
    )


def evaluated(step: int, loss: float | None, *, is_best: bool = True) -> Evaluated:
    bits = None if loss is None else loss / 0.693
    metrics = {"valid_loss": loss, "bits_per_char": bits}
    return Evaluated(step, 0.5, metrics, 1.4, is_best, True, 4.0)


def drawn(view: _View, width: int, height: int, encoding: str = "utf-8") -> list[str]:
    """Draw a view as on a terminal of a size, and return its lines without colours."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    console = Console(file=stream, width=width, height=height, color_system=None, markup=False)
    console.print(view)
    stream.seek(0)
    return stream.read().splitlines()


def full_view(sample: str) -> _View:
    view = _View([3.0, 2.5])
    for event in (
        progress(),
        evaluated(100, 2.0),
        evaluated(200, 2.1, is_best=False),
        Sampled(200, sample),
    ):
        assert view.take(event)
    return view


def test_the_picture_holds_all_that_matters():
    lines = drawn(full_view("Once upon a time"), 80, 30)
    whole = "\n".join(lines)
    for part in (
        "step 7/1,000",
        "1:23 left",
        "epoch 0.50",
        "loss 1.5000",
        "bits/char 2.160",
        "12,346 tokens/s",
        "lr 0.00213",
        "validation loss 2.1000",
        "best at step 100",
        "█▅▁▂",
        "sample at step 200",
        "Once upon a time",
    ):
        assert part in whole


@given(
    sample=st.one_of(st.text(max_size=400), st.just(HOSTILE)),
    width=st.integers(1, 120),
    height=st.integers(1, 50),
    encoding=st.sampled_from(["utf-8", "ascii", "latin-1", "cp1252"]),
)
@settings(max_examples=150, deadline=None)
def test_the_picture_fits_every_terminal_whatever_the_sample_holds(sample, width, height, encoding):
    lines = drawn(full_view(sample), width, height, encoding)
    for line in lines:
        assert cell_len(line) <= width
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", line)
    if width >= 40 and height >= 16:
        assert len(lines) < height
        assert any("validation loss 2.1000" in line for line in lines)


def test_markup_in_a_sample_is_text():
    whole = "\n".join(drawn(full_view(HOSTILE), 100, 30))
    assert "[bold]no markup[/bold] :smile:" in whole
    assert "\\x1b[31mred" in whole


@given(st.lists(st.floats(-1e6, 1e6), max_size=200), st.integers(0, 80))
def test_a_curve_is_as_wide_as_there_is_room_and_ends_with_the_last(values, width):
    curve = sparkline(values, width)
    assert len(curve) == min(len(values), width)
    if curve:
        shown = [values[(i + 1) * len(values) // len(curve) - 1] for i in range(len(curve))]
        assert shown[-1] == values[-1]
        assert curve[shown.index(min(shown))] == "▁"
    assert set(sparkline(values, width, ascii_only=True)) <= set(ASCII_BLOCKS)


def test_a_curve_by_hand():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 2) == "▁█"
    assert sparkline([3, 3], 9) == "▁▁"


@given(st.text())
def test_printable_text_moves_no_cursor_and_keeps_what_is_asked_for(text):
    shown = printable(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", shown)
    shown.encode()
    if re.fullmatch(r"[\w .,;!?\n\t-]*", text) and text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (90000, "1 d 01:00:00")],
)  # fmt: skip
def test_durations_read_like_a_clock(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1115394, "1.12 MB"),
        (999_700_000, "1 GB"),
        (2e15, "2e+03 TB"),
    ],
)
def test_sizes(number, words):
    assert byte_size(number) == words


def test_plain_lines_tell_progress_now_and_then_and_everything_else_at_once(capsys, monkeypatch):
    now = 100.0
    monkeypatch.setattr(display_module.time, "monotonic", lambda: now)
    plain = PlainDisplay()
    for second in range(25):
        now = 100.0 + second
        plain.show(progress(second))
    plain.show(evaluated(30, 1.25))
    plain.show(Sampled(30, "one\ntwo\x1b"))
    plain.show(Replanned(31, 1010, 1000, "time budget"))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("/")[0] for line in lines[:3]] == ["step 0", "step 10", "step 20"]
    assert lines[3] == "step 30: validation loss 1.2500 (1.804 bits per character), the best so far"
    assert lines[4:7] == ["sample at step 30:", "  | one", "  | two\\x1b"]


def test_a_new_end_is_told_where_it_is_far_from_the_last_told(capsys):
    plain = PlainDisplay()
    plain._told_end = 1000
    for end in (1020, 1049, 1060, 1100, 900):
        plain.show(Replanned(5, end, end - 1, "time budget"))
    assert [line.split()[8] for line in capsys.readouterr().err.splitlines()] == ["1,060", "900"]


def test_what_goes_wrong_is_told_even_when_quiet(capsys):
    quiet = QuietDisplay()
    quiet.show(progress())
    quiet.show(BatchReduced(5, 4))
    quiet.show(RolledBack(9, 5, 0.3, "the loss exploded"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "4 parts" in lines[0]
    assert "the loss exploded; back to step 5 with the learning rate times 0.3" in lines[1]
    assert warning_of(progress()) is None


def test_a_week_long_log_stays_small_and_whole(tmp_path):
    path = tmp_path / "log.jsonl"
    week = 7 * 86400
    with Journal(path, pytest.fail) as journal:
        for step in range(0, 2 * week, 4):
            journal.record(progress(step, elapsed_s=step / 2))
        journal.record(evaluated(week, 1.0))
    lines = path.read_bytes().splitlines()
    assert 1000 < len(lines) < 10_000
    assert path.stat().st_size < 3e6
    steps = [json.loads(line)["step"] for line in lines[:20]]
    assert all(b - a >= 2 for a, b in itertools.pairwise(steps))
    assert [event["step"] for event in read_journal(path, "evaluated")] == [week]


def test_a_log_waits_for_its_folder_and_goes_on_after_a_line_that_a_kill_cut(tmp_path):
    path = tmp_path / "lm" / "log.jsonl"
    with Journal(path, pytest.fail) as journal:
        journal.record(evaluated(1, 2.0))
        path.parent.mkdir()
        journal.record(evaluated(2, float("nan")))
    with path.open("ab") as file:
        file.write(b'{"event": "evaluated", "st')
    with Journal(path, pytest.fail) as journal:
        journal.record(evaluated(3, 1.0))
    found = list(read_journal(path, "evaluated"))
    assert [event["step"] for event in found] == [1, 2, 3]
    assert found[1]["metrics"]["valid_loss"] is None
    assert list(read_journal(tmp_path / "none", "evaluated")) == []


def test_a_log_that_cannot_be_written_is_given_up_with_a_warning(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    told = []
    with Journal(tmp_path / "log.jsonl", told.append) as journal:
        journal.record(evaluated(1, 2.0))
        journal.record(evaluated(2, 2.0))
    assert len(told) == 1
    assert "log.jsonl" in told[0]


def test_a_plan_of_lines_and_unknown_tokens_says_so():
    facts = {
        "characters": 1000, "train_tokens": 900, "valid_tokens": 100, "vocab_size": 30, "documents": 50,
        "unknown": 3, "parameters": 12345, "training_memory_bytes": 2e6, "device": "a GPU",
        "device_type": "cuda", "threads": 4, "precision": "bf16",
    }  # fmt: skip
    chosen = {
        "tokenizer": "word", "lines": True, "rnn_type": "gru", "num_layers": 2, "hidden_size": 64,
        "embedding_dim": 32, "ngram_order": 1, "batch_size": 8, "seq_len": 16, "optimizer": "adam",
        "learning_rate": 0.004, "schedule": "linear",
    }  # fmt: skip
    plan = {"max_steps": 50, "begins_at": 0, "eval_every": 10, "budget_s": 180.0}
    event = display_module.Planned("language-model", chosen, plan, facts, ("because", "and so"))
    assert plan_lines(event) == [
        ("text", "1,000 characters, 50 lines to train on, 900 tokens to train on, 100 to validate, "
                 "vocabulary 30 (word), 3 tokens unknown"),
        ("model", "GRU, 2 layers of 64, embeddings of 32; 12,345 parameters, about 2 MB of tensors in "
                  "training"),
        ("plan", "50 steps of 8 x 16 tokens, evaluated every 10, adam at 0.004, linear, 3:00 in all"),
        ("machine", "a GPU, bf16"),
        ("why", "because"),
        ("", "and so"),
    ]  # fmt: skip


def on_a_terminal(arguments: list[str], folder: object, columns: int, **variables: str) -> str:
    """Run a command on a terminal of its own and return what it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "textrnn", *arguments],
        cwd=folder,
        env={**variables, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                written += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
        elif child.poll() is not None:
            break
    os.close(ours)
    out, _ = child.communicate(timeout=10)
    assert child.returncode == 0, written
    assert out == b""
    return written.decode("utf-8")


@pytest.mark.parametrize(
    ("columns", "variables"),
    [
        (80, {"LC_ALL": "C.UTF-8"}),
        (40, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "NO_COLOR": "1"}),
    ],
    ids=["80 columns", "40 columns, ASCII, no colour"],
)
def test_on_a_terminal_there_is_a_picture(columns, variables, environment, book, tiny):
    # Without inputs on a terminal nothing is read from it.
    written = on_a_terminal(
        ["train", "lm", "book.txt", *tiny], book.parent, columns, **{**environment, **variables}
    )
    assert "Traceback" not in written
    assert "\x1b[?25l" in written  # the cursor goes
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")  # and comes back
    assert "100%  step 20/20" in written
    assert "sample at step 20" in written
    assert "train more  textrnn train lm --resume book-lm --minutes 10" in written
    if "NO_COLOR" in variables:
        assert written.isascii()
        assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-9]|4[0-9]|9[0-7])[;m]", written)
