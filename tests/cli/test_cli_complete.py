"""``textrnn complete``."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

import pytest
from language_models import write_language_model

import textrnn
from textrnn.cli.line_editor import Action, LineEditor
from textrnn.cli.raw_terminal import keys_of
from textrnn.language_model.completion import Suggestion
from textrnn.tokenizers import CharTokenizer, WordTokenizer

LETTERS = CharTokenizer("abc '.\n\t\\")


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    """A language model of random weights; tests do not change it."""
    return write_language_model(tmp_path_factory.mktemp("lm") / "tiny-lm", LETTERS)


@pytest.fixture(scope="module")
def lm(model_path):
    return textrnn.load(model_path)


def rows(result):
    assert (result.code, result.err) == (0, "")
    return [line.split("\t") for line in result.out.split("\n")[:-1]]


def test_a_prompt_gets_a_row_for_each_suggestion(command, model_path, lm):
    found = rows(command("complete", model_path, "a b", "-n", "3"))
    expected = lm.complete("a b", 3)
    assert [row[1] for row in found] == [each.word for each in expected]
    assert [row[2] for row in found] == [each.text for each in expected]
    for (probability, _, _), each in zip(found, expected, strict=True):
        assert float(probability) == pytest.approx(each.probability, rel=1e-4)


def test_json_holds_all(command, model_path, lm):
    (record,) = command("complete", model_path, "ab", "--json", "--words", "2").objects
    expected = lm.complete("ab", words=2)
    assert record["prompt"] == "ab"
    assert [each["text"] for each in record["suggestions"]] == [each.text for each in expected]
    assert [each["word"] for each in record["suggestions"]] == [each.word for each in expected]
    assert record["unsearched"] == pytest.approx(expected.unsearched, abs=1e-5)


def test_every_line_of_stdin_gets_a_row(command, model_path, lm):
    prompts = ["a b", "", "ab ", "a b"]
    data = "\n".join(prompts)
    found = rows(command("complete", model_path, "-n", "2", stdin=data))
    assert found == rows(command("complete", model_path, "-", "-n", "2", stdin=data))
    assert found[0] == found[3]
    for row, prompt in zip(found, prompts, strict=True):
        words = [each.word.replace("\n", "\\n") for each in lm.complete(prompt, 2)]
        assert row[::2] == words
    objects = command("complete", model_path, "--json", stdin=data).objects
    assert [record["prompt"] for record in objects] == prompts


def test_answers_come_while_prompts_do(process, model_path):
    with process("complete", model_path, "-", stdin=subprocess.PIPE) as running:
        for prompt in (b"a b\n", b"c\n"):
            running.stdin.write(prompt)
            running.stdin.flush()
            assert running.stdout.readline().count(b"\t") == 9
        running.stdin.close()
        assert running.wait(60) == 0
        assert running.stderr.read() == b""


def test_what_the_model_has_never_seen_is_told(command, model_path, tmp_path):
    done = command("complete", model_path, "é a")
    assert "never saw 'é'" in done.err
    assert command("complete", model_path, "é a", "-q").err == ""
    path = write_language_model(tmp_path / "w", WordTokenizer([" ", "\n", "the", " cat"]))
    done = command("complete", path, "the q")
    assert (done.code, done.out) == (0, "")
    assert "knows no token that agrees" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("a", "-n", "0"), 2, "--num"),
        (("a", "--words", "9"), 2, "--words"),
        (("a", "--interactive"), 2, "at once"),
        (("--json", "--interactive"), 2, "at once"),
        (("--interactive",), 2, "needs a terminal"),
        (("-", "--encoding", "utf-9"), 2, "utf-9"),
    ],
)
def test_what_cannot_be_completed_is_told(arguments, code, part, command, model_path):
    done = command("complete", model_path, *arguments)
    assert (done.code, done.out) == (code, "")
    assert part in done.err


def test_a_reversed_model_is_refused(command, tmp_path):
    path = write_language_model(tmp_path / "back", LETTERS, reverse=True)
    done = command("complete", path, "a")
    assert done.code == 1
    assert "from their end" in done.err


# The editor, key by key.


def editor(*suggestions: str) -> LineEditor:
    made = LineEditor()
    made.offer([Suggestion(text, text, 0.1) for text in suggestions])
    return made


def typed(subject: LineEditor, *keys: str) -> str:
    for key in keys:
        subject.press(key)
    return f"{subject.before}|{subject.text[subject.cursor :]}"


def test_keys_move_and_change_the_line():
    subject = editor()
    assert typed(subject, *"the cat") == "the cat|"
    assert typed(subject, "left", "left", "x") == "the cx|at"
    assert typed(subject, "backspace", "delete") == "the c|t"
    assert typed(subject, "home", "left", "é", "end", "right", "!") == "éthe ct!|"
    assert typed(subject, "delete-word") == "éthe |"
    assert typed(subject, "delete-word") == "|"
    assert subject.press("backspace") is Action.NOTHING
    assert typed(subject, *"ab", "delete-line", "unknown") == "|"
    assert subject.press("enter") is Action.ACCEPT
    assert subject.press("end-of-file") is Action.LEAVE


def test_tab_takes_the_chosen_suggestion():
    subject = editor("est", "etter", ".\n", "\n")
    typed(subject, "b")
    assert subject.press("down") is Action.REDRAW
    assert subject.chosen == 1
    assert subject.press("tab") is Action.CHANGED
    assert typed(subject) == "better |"
    # A mark takes the place of the space that came with the word, another character does not.
    assert typed(subject, ",") == "better,|"
    assert typed(subject, "tab", "x") == "better,etter x|"
    subject.offer([Suggestion(".\n", ".\n", 0.5), Suggestion("\n", "\n", 0.5)])
    assert typed(subject, "tab") == "better,etter x.|"
    subject.press("up")
    assert subject.press("tab") is Action.ACCEPT
    assert editor().press("tab") is Action.NOTHING
    assert editor().press("down") is Action.NOTHING


def test_what_a_terminal_sends_becomes_keys():
    sent = "aé\t\r\x7f\x04\x1b[A\x1bOB\x1b[3~\x1b[1;5C\x1b\x1bxz"
    names = ["tab", "enter", "backspace", "end-of-file", "up", "down", "delete"]
    assert keys_of(sent) == ["a", "é", *names, "unknown", "unknown", "unknown", "z"]


# A terminal of its own.


class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, arguments, environment, folder, stdout) -> None:
        import pty
        import termios

        self._termios = termios
        self.main, self.side = pty.openpty()
        self.before = termios.tcgetattr(self.side)
        self.shown = ""
        self.running = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "textrnn", *map(str, arguments)],
            **{"stdin": self.side, "stderr": self.side, "stdout": stdout},
            **{"cwd": folder, "env": {**environment, "TERM": "xterm"}},
            # A group of its own in our session: one that nobody could let go on ignores being stopped.
            preexec_fn=os.setpgrp,
        )

    def until(self, part: str) -> None:
        """Read what is shown until a part of it comes."""
        end = time.monotonic() + 60
        while part not in self.shown:
            assert time.monotonic() < end, self.shown
            if select.select([self.main], [], [], 0.1)[0]:
                self.shown += os.read(self.main, 65536).decode("utf-8", "replace")

    def press(self, keys: str) -> None:
        self.shown = ""
        os.write(self.main, keys.encode())

    @property
    def mode(self):
        return self._termios.tcgetattr(self.side)

    def close(self) -> None:
        self.running.kill()
        self.running.wait()
        for file in (self.main, self.side):
            with contextlib.suppress(OSError):
                os.close(file)


@pytest.fixture
def terminal(environment, tmp_path, model_path):
    opened = []

    def start(*options):
        output = (tmp_path / "lines.txt").open("wb")
        arguments = ["complete", model_path, "--interactive", *options]
        made = Terminal(arguments, environment, tmp_path, output)
        opened.append((made, output))
        return made

    yield start
    for made, output in opened:
        made.close()
        output.close()


def test_typing_with_suggestions(terminal, lm, tmp_path):
    there = terminal("-n", "3")
    there.until("%")
    assert there.mode != there.before
    there.press("a b")
    first, second, _ = lm.complete("a b", 3)
    there.until(f"{first.probability:6.1%}".strip())
    there.until(f"{second.probability:6.1%}".strip())
    there.press("\x1b[B\t")
    there.until(f"> a b{second.text} ".removesuffix("\n "))
    there.press("\x15ab cab\r")
    there.until("> \r")
    assert (tmp_path / "lines.txt").read_text().startswith("ab cab\n")
    there.press("\x04")
    assert there.running.wait(60) == 0
    assert there.mode == there.before


def test_a_suggestion_taken_at_once_is_one_for_what_was_typed(terminal, lm):
    (former, *_), (first, *_) = lm.complete("", 3), lm.complete("a b", 3)
    assert former.text != first.text
    there = terminal("-n", "3")
    there.until("%")
    # All of it at once, before there are suggestions for it.
    there.press("a b\t")
    there.until(f"> a b{first.text} ".removesuffix("\n "))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_terminal_is_put_back_whatever_ends_it(number, code, terminal):
    there = terminal()
    there.until("%")
    assert there.mode != there.before
    there.running.send_signal(number)
    assert there.running.wait(60) == code
    assert there.mode == there.before


def test_the_terminal_is_as_it_was_while_the_program_is_stopped(terminal):
    there = terminal()
    there.until("%")
    raw = there.mode
    there.running.send_signal(signal.SIGTSTP)
    pid, status = os.waitpid(there.running.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert there.mode == there.before
    there.shown = ""
    os.kill(pid, signal.SIGCONT)
    there.until("%")
    assert there.mode == raw
    there.press("\x04")
    assert there.running.wait(60) == 0
