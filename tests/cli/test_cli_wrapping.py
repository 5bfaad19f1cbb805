"""Lines on a terminal end between words, and a command can be copied from one."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.cli.console import note
from textrnn.cli.wrapping import wrapped


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        # A word that would cross the margin goes on the next line, indented as its own.
        ("  the loss fell from step 30 on", ["  the loss fell from", "  step 30 on"]),
        # A command is never broken, even where it is longer than a line.
        (
            "More time: textrnn train lm --resume models/book-lm, or stop",
            ["More time:", "textrnn train lm --resume models/book-lm,", "or stop"],
        ),
        ("see textrnn runs or wait a while", ["see textrnn runs or", "wait a while"]),
        # A mark inside quotes does not end it, and a word that only begins as one is none.
        (
            "undo: python -c 'import a, b' FILE, or go",
            ["undo:", "python -c 'import a, b' FILE,", "or go"],
        ),
        ("textrnn's own words are broken", ["textrnn's own words", "are broken"]),
        ("averyveryverylongwordwithoutend and", ["averyveryverylongwordwithoutend", "and"]),
        ("日本語日本語 日本語日本語", ["日本語日本語", "日本語日本語"]),
        # What a label says stays beside it.
        ("  use it    textrnn generate book-lm", ["  use it    textrnn generate book-lm"]),
        ("label  one two three four", ["label  one two three", "       four"]),
        ("one\n  two", ["one", "  two"]),
    ],
)
def test_lines_end_between_words_and_around_commands(text, lines):
    assert wrapped(text, 22).split("\n") == lines


def test_a_label_takes_its_room():
    assert wrapped("seven words", 20, used=9) == "seven words"
    assert wrapped("seven words", 20, used=10) == "seven\nwords"


@given(st.text(alphabet="ab, textrn\n"), st.integers(20, 60))
def test_nothing_is_lost_and_what_fits_stays_as_it_is(text, width):
    broken = wrapped(text, width)
    assert broken.split() == text.split()
    if all(len(line) <= width for line in text.split("\n")):
        assert broken == text


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_broken_lines_and_a_file_the_line_as_it_is(monkeypatch):
    message = "the second half of the run brought no gain"
    for stream, lines in ((_Terminal(), 3), (io.StringIO(), 1)):
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", "20")
            patch.setattr("sys.stderr", stream)
            note(message)
        assert stream.getvalue().count("\n") == lines
        assert " ".join(stream.getvalue().split()) == message
