import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from textrnn.cli.check import _entry

TABLE = "text,label\n" + "".join(f"words {i} of many,{'ab'[i % 2]}\n" for i in range(30))


def test_plain_text(command: Callable, book: Path) -> None:
    done = command("check", "book.txt")
    assert done.code == 0
    assert done.out.startswith("job        language model (plain text)\nfiles      1, ")
    assert done.out.endswith("verdict    textrnn train lm would begin\n")
    assert "\x1b" not in done.out
    (record,) = command("check", "book.txt", "--json").objects
    assert record["job"] == "lm"
    assert record["trainable"] is True
    assert record["characters"] == len(book.read_text())
    piped = command("check", "-", "--json", stdin=book.read_bytes()).objects[0]
    assert piped["line_lengths"] == record["line_lengths"]


def test_what_training_refuses_ends_with_one(command: Callable, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(TABLE + "one,two,three\n")
    done = command("check", "r.csv")
    assert done.code == 1
    assert "REFUSED    1 row is broken; training stops at the first\n" in done.out
    assert "           r.csv:32: 3 fields where the header names 2" in done.out
    assert done.out.endswith("verdict    textrnn train classifier would refuse\n")
    quiet = command("check", "r.csv", "-q")
    assert quiet.code == 1
    assert quiet.out.startswith("REFUSED")
    assert "verdict" not in quiet.out
    assert quiet.err == ""
    record = command("check", "r.csv", "--json").objects[0]
    assert record["trainable"] is False
    assert record["remarks"][0]["code"] == "broken-rows"


def test_the_job_can_be_said(command: Callable, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(TABLE)
    assert command("check", "r.csv", "--json").objects[0]["job"] == "classifier"
    as_text = command("check", "r.csv", "--job", "lm", "--json").objects[0]
    assert (as_text["job"], as_text["lines"]) == ("lm", 31)
    column = command("check", "r.csv", "--job", "lm", "--text-column", "text", "--json").objects[0]
    assert column["lines"] == 30
    wrong = command("check", "r.csv", "--job", "lm", "--test", "r.csv")
    assert wrong.code == 2
    assert "--test is for classifiers alone" in wrong.err
    missing = command("check", "no.txt")
    assert missing.code == 1
    assert "no such file" in missing.err


def test_json_is_one_object_whatever_is_wrong(command: Callable, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.de").write_text("eins\n")
    for arguments, code, what in (
        (["no.txt"], 1, "no such file or folder"),
        (["empty"], 1, "no files in this folder"),
        (["--src", "a.de"], 2, "--tgt"),
    ):
        done = command("check", "--json", *arguments)
        (record,) = done.objects
        assert (done.code, record["trainable"], record["verdict"]) == (code, False, "refuse")
        assert what in record["remarks"][0]["what"]
        assert what in done.err
    (tmp_path / "r.csv").write_text(TABLE)
    (record,) = command("check", "--json", "r.csv").objects
    assert (record["trainable"], record["verdict"]) == (True, "begin")


def test_a_test_for_a_language_model_is_told_where_it_belongs(
    command: Callable, tmp_path: Path
) -> None:
    lines = (f"it was dark, and the rain fell {number} times on it.\n" for number in range(300))
    (tmp_path / "book.txt").write_text("".join(lines))
    result = command("check", "book.txt", "--test", "book.txt")
    assert result.code == 2
    assert "looks like plain text, for a language model (else give --job)" in result.err
    assert "measured on a test by textrnn evaluate" in result.err
    # A file that stands on both sides is trained on, and validated on.
    same = command("check", "book.txt", "--valid", "book.txt")
    assert same.code == 0
    assert "book.txt: trained on as well, so that validation cannot show over-fitting" in same.out
    assert "300 lines of validation stand in training too" in same.out
    (tmp_path / "r.csv").write_text(TABLE)
    told = command("check", "r.csv", "--test", "r.csv", "--json").objects[0]
    assert (told["job"], told["why"]) == ("classifier", "as --test says")


def test_help_of_shared_options_speaks_of_all_jobs(command: Callable) -> None:
    told = " ".join(command("check", "--help").out.split())
    share = told.partition("--valid-fraction NUMBER")[2].partition("[default")[0]
    leaks = told.partition("--drop-leaks / --no-drop-leaks")[2].partition("[default")[0]
    assert "of a text its end" in share
    assert "labelled texts" in share
    assert "pairs" in share
    assert "labelled texts" in leaks


def test_pairs(command: Callable, tmp_path: Path) -> None:
    (tmp_path / "a.de").write_text("".join(f"das ist {i}\n" for i in range(60)))
    (tmp_path / "a.en").write_text("".join(f"this is {i}\n" for i in range(60)))
    done = command("check", "--src", "a.de", "--tgt", "a.en")
    assert done.code == 0
    assert "job        translator (as --src says)\n" in done.out
    assert "parts      57 to train on, 3 to validate\n" in done.out
    assert command("check", "--src", "a.de").code == 2


def test_a_command_can_be_copied_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("textrnn.cli.check.is_terminal", lambda _: True)
    command = "iconv -c -f utf-8 -t utf-8 FILE > MENDED"
    told = _entry("", "", f"-> the file is damaged; drop them with: {command}")
    lines = ["".join(text for text, _ in line) for line in told]
    assert lines == [f"{'':11}-> the file is damaged; drop them with:", f"{'':11}{command}"]


def test_a_reader_that_goes_away_ends_it_quietly(
    process: Callable[..., subprocess.Popen], book: Path
) -> None:
    with process("check", "book.txt") as run:
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 0
