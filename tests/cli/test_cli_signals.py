"""Interrupts, terminations and closed pipes: what they leave behind, and how commands end."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from textrnn.cli.signals import StopSignals, Terminated

LONG = ("--hidden-size", "16", "--max-steps", "100000", "--batch-size", "4", "--seq-len", "16",
        "--eval-every", "100", "--threads", "1")  # fmt: skip


def wait_for_progress(child: subprocess.Popen[bytes]) -> list[dict]:
    """Read events until training is under way."""
    events = []
    for line in child.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "progress":
            return events
    raise AssertionError(child.stderr.read().decode())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(number, code, process, command, book):
    child = process("train", "lm", "book.txt", *LONG, "--json")
    wait_for_progress(child)
    child.send_signal(number)
    # Ctrl-C reaches a process twice where a wrapper passes it on.
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == code
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["reason"]) == ("stopped", "interrupted")
    message = err.decode().splitlines()[-1]
    assert message == (
        f"Stopped at step {last['step']:,} and saved; go on with: textrnn train lm --resume book-lm"
    )
    resumed = command("train", "lm", "--resume", "book-lm", "--max-steps", "3", "--json", "-q")
    assert resumed.code == 0
    assert resumed.objects[1]["step"] == last["step"]
    assert resumed.objects[-1]["steps"] == last["step"] + 3


def test_nohup_is_honoured(process, book):
    ignoring = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    child = process("train", "lm", "book.txt", *LONG, "--json", preexec_fn=ignoring)
    wait_for_progress(child)
    child.send_signal(signal.SIGHUP)
    child.stdout.readline()
    assert json.loads(child.stdout.readline())["event"] != "stopped"
    child.terminate()
    child.communicate(timeout=60)
    assert child.returncode == 143


def test_before_training_a_signal_ends_the_command_at_once(process, tmp_path):
    os.mkfifo(tmp_path / "slow")
    child = process("train", "lm", "slow", *LONG)
    # Opening waits for the reader: from here on the command is reading.
    with (tmp_path / "slow").open("wb"):
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err.decode().splitlines()[-1] == "Interrupted."
    assert not (tmp_path / "slow-lm").exists()


def test_a_second_signal_leaves_at_once():
    with StopSignals() as signals:
        signals.arm()
        assert signals.pending() is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.pending() == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.35)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Terminated):
            os.kill(os.getpid(), signal.SIGTERM)
        assert signals.pending() == signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_hang_up_saves_too():
    with StopSignals() as signals:
        signals.arm()
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.pending() == signal.SIGHUP


def test_before_it_is_armed_a_signal_is_raised():
    with StopSignals(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    with StopSignals(), pytest.raises(Terminated) as raised:
        os.kill(os.getpid(), signal.SIGTERM)
    assert raised.value.exit_code == 143


def piped(line: str, environment: dict[str, str], folder: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "-c", f'{line}; echo "${{PIPESTATUS[0]}}" >&2'],
        env={**environment, "T": f"{sys.executable} -W error -m textrnn"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


@pytest.mark.parametrize(
    "command_line",
    ["generate book-lm -n -1", "tokenize book-lm book.txt", "info book-lm", "--help"],
)
def test_a_closed_pipe_ends_a_command_quietly(command_line, environment, trained):
    done = piped(f"$T {command_line} | head -n 1", environment, trained)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == "0\n"


def test_a_closed_pipe_ends_training_quietly_and_saved(environment, book, command):
    line = f"$T train lm book.txt {' '.join(LONG)} --json -q | head -n 4"
    done = piped(line, environment, book.parent)
    said, code = done.stderr.splitlines()
    assert code == "0"
    assert said.startswith("stdout was closed. Stopped at step ")
    assert said.endswith(" and saved; go on with: textrnn train lm --resume book-lm")
    assert len(done.stdout.splitlines()) == 4
    resumed = command("train", "lm", "--resume", "book-lm", "--max-steps", "3", "--json", "-q")
    assert resumed.code == 0
    assert resumed.objects[-1]["steps"] > 3


def test_a_full_disk_under_stdout_ends_training_saved(process, book, command):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        child = process("train", "lm", "book.txt", *LONG, "--json", "-q", stdout=full)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert err.decode() == (
        "Error: stdout: No space left on device. Stopped at step 0 and saved; go on with: "
        "textrnn train lm --resume book-lm\n"
    )
    assert command("train", "lm", "--resume", "book-lm", "--max-steps", "3", "-q").code == 0


def test_a_signal_after_the_outcome_changes_nothing(environment, book):
    code = (
        "import os, signal, sys; from textrnn.cli import entry; say = entry._say\n"
        "def late(*words):\n"
        "    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): os.kill(os.getpid(), n)\n"
        "    say(*words)\n"
        "entry._say = late; sys.argv = ['textrnn', 'train', 'lm', 'none.txt']\n"
        "from textrnn.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=book.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: none.txt")


def test_settled_signals_are_ignored():
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    kept[signal.SIGHUP] = signal.getsignal(signal.SIGHUP)
    try:
        with StopSignals() as signals:
            signals.arm()
            signals.settle()
        for number in kept:
            os.kill(os.getpid(), number)
        assert signals.pending() is None
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def test_lines_on_a_closed_stderr_end_training_quietly(environment, book):
    line = f"$T train lm book.txt {' '.join(LONG)} 2>&1 | head -n 2"
    done = piped(line, environment, book.parent)
    assert done.stderr == "0\n"
    assert len(done.stdout.splitlines()) == 2
    assert (book.parent / "book-lm" / "config.json").exists()


def test_an_endless_text_is_ended_by_an_interrupt(process, model):
    child = process("generate", model, "-n", "-1", "--seed", "1")
    first = child.stdout.read(100)
    child.send_signal(signal.SIGINT)
    rest, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert err == b"Interrupted.\n"
    (first + rest).decode()
