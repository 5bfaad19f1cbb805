"""``textrnn train lm``: what it writes, what it refuses, how it goes on."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from textrnn.cli.output import Output, default_output, shown
from textrnn.errors import UsageError


@pytest.fixture
def own_model(model, tmp_path):
    """A trained model that the test may change."""
    return Path(shutil.copytree(model, tmp_path / "own-lm"))


def events_of(model: Path) -> list[dict]:
    return [json.loads(line) for line in (model / "log.jsonl").read_text().splitlines()]


def names(events: list[dict]) -> list[str]:
    return [event["event"] for event in events]


def test_a_text_becomes_a_model_beside_it(command, book, tiny, tmp_path):
    done = command("train", "lm", "book.txt", *tiny)
    assert done.code == 0
    assert done.out == ""
    model = tmp_path / "book-lm"
    assert (model / "config.json").is_file()
    for label in ("text ", "model ", "plan ", "machine ", "why "):
        assert f"\n{label}" in "\n" + done.err
    assert "step 10: validation loss" in done.err
    assert "sample at step 20:" in done.err
    assert "textrnn generate book-lm" in done.err
    assert "textrnn train lm --resume book-lm --minutes 10" in done.err
    logged = events_of(model)
    assert names(logged)[:2] == ["planned", "saved"]
    assert names(logged)[-1] == "done"
    assert names(logged).count("stopped") == 1
    assert names(logged).count("evaluated") == names(logged).count("sample") == 2


def test_json_shows_the_events_and_nothing_else(command, book, tiny, tmp_path):
    done = command("train", "lm", "book.txt", *tiny, "--json", "--quiet")
    assert done.code == 0
    assert done.err == ""
    last = done.objects[-1]
    assert last["event"] == "done"
    assert last["model"] == "book-lm"
    assert last["steps"] == 20
    for key in ("valid_loss", "bits_per_char", "tokens_per_s", "elapsed_s"):
        assert last[key] > 0
    logged = events_of(tmp_path / "book-lm")
    kept = [e for e in done.objects if e["event"] != "progress"]
    # What the curves show is added for who reads the lines; the log has the events alone.
    assert len(kept[-1].pop("advice")) == 3
    assert kept == [e for e in logged if e["event"] != "progress"]


def test_an_existing_output_is_refused_with_both_ways_on(command, own_model, book, tiny):
    before = (own_model / "config.json").read_bytes()
    done = command("train", "lm", "book.txt", "--output", "own-lm", *tiny)
    assert done.code == 2
    assert "--resume own-lm" in done.err
    assert "--force" in done.err
    assert (own_model / "config.json").read_bytes() == before


def test_force_replaces_a_model_and_an_empty_folder_needs_none(command, own_model, book, tiny):
    before = events_of(own_model)
    done = command("train", "lm", "book.txt", "-o", "own-lm", *tiny, "--force", "--seed", "7")
    assert done.code == 0
    assert events_of(own_model)[0]["settings"]["seed"] == 7
    assert len(events_of(own_model)) <= len(before)
    assert not list(own_model.glob(".replaced-*"))
    (own_model.parent / "empty").mkdir()
    assert command("train", "lm", "book.txt", "-o", "empty", *tiny).code == 0


@pytest.mark.parametrize("name", ["notes.txt", "photos"])
def test_force_never_takes_what_is_no_model(name, command, own_model, book, tiny, tmp_path):
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "thesis.txt").write_text("years of work")
    (own_model / name).mkdir()
    for folder in (stranger, own_model, book):
        done = command("train", "lm", "book.txt", "-o", folder, *tiny, "--force")
        assert done.code == 2
        assert "replaces nothing but models" in done.err
    assert (stranger / "thesis.txt").exists()
    assert (own_model / "config.json").exists()
    assert book.exists()


def test_bad_input_costs_no_model(command, own_model, tmp_path, tiny):
    (tmp_path / "empty.txt").touch()
    before = (own_model / "config.json").read_bytes()
    assert command("train", "lm", "empty.txt", "-o", "own-lm", *tiny, "--force").code == 1
    assert (own_model / "config.json").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("book.txt", "book-lm"),
        ("texts/book.txt.gz", "book-lm"),
        ("a.b.txt", "a.b-lm"),
        ("book", "book-lm"),
        ("-", "stdin-lm"),
        ("folder", "folder-lm"),
        ("folder/", "folder-lm"),
        ("v1.2", "v1.2-lm"),
        ("../folder/../folder", "folder-lm"),
    ],
)
def test_the_model_is_called_after_the_first_input(name, expected, tmp_path, monkeypatch):
    (tmp_path / "here" / "folder").mkdir(parents=True)
    (tmp_path / "here" / "v1.2").mkdir()
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert default_output(name, "-lm") == Path(expected)


def test_a_path_in_a_command_is_safe_in_a_shell():
    assert shown(Path("my book-lm")) == "'my book-lm'"
    assert shown(Path("-x")) == "./-x"


def test_stdin_is_read_where_it_is_named_or_nothing_else_is(command, text, tiny, tmp_path):
    assert command("train", "lm", "-", *tiny, stdin=text).code == 0
    assert (tmp_path / "stdin-lm" / "config.json").exists()
    assert command("train", "lm", "-o", "b-lm", *tiny, stdin=text).code == 0
    one, two = (events_of(tmp_path / name)[-1] for name in ("stdin-lm", "b-lm"))
    assert one["valid_loss"] == two["valid_loss"]
    empty = command("train", "lm", "-o", "c-lm", *tiny)
    assert empty.code == 1
    assert "stdin" in empty.err
    assert not (tmp_path / "c-lm").exists()


def test_a_dry_run_prints_the_plan_and_writes_nothing(command, book, tiny, tmp_path):
    done = command("train", "lm", "book.txt", *tiny, "--dry-run")
    assert done.code == 0
    assert "parameters, about" in done.out
    assert "20 steps of 4 x 16 tokens" in done.out
    (planned,) = command("train", "lm", "book.txt", *tiny, "--dry-run", "--json").objects
    assert planned["event"] == "planned"
    assert planned["plan"]["max_steps"] == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.txt"]


def test_printed_settings_are_read_back_and_the_command_line_comes_first(command, book, tmp_path):
    printed = command("train", "lm", "--print-config", "--dropout", "0.25", "--lines")
    assert printed.code == 0
    assert "dropout = 0.25" in printed.out
    (tmp_path / "run.toml").write_text(printed.out)
    again = command("train", "lm", "--print-config", "--config", "run.toml")
    assert again.out == printed.out
    changed = command(
        *("train", "lm", "--print-config", "--config", "run.toml", "--no-lines"),
        TEXTRNN_DROPOUT="0.5",
        TEXTRNN_LINES="yes",
    )
    assert "\ndropout = 0.5\n" in changed.out
    assert "\nlines = false\n" in changed.out


def test_a_finished_run_says_so_and_a_budget_goes_on(command, own_model, trained, monkeypatch):
    finished = command("train", "lm", "--resume", own_model)
    assert finished.code == 0
    assert "is finished already" in finished.err
    assert "--minutes 10" in finished.err
    (as_json,) = command("train", "lm", "--resume", own_model, "--json", "-q").objects
    assert (as_json["event"], as_json["steps"]) == ("done", 20)
    before = events_of(own_model)
    on = command("train", "lm", "--resume", own_model, "--max-steps", "4", "--json")
    assert on.code == 0
    assert on.objects[-1]["steps"] == 24
    assert "4 steps more, to step 24, of 4 x 16 tokens" in on.err
    assert events_of(own_model)[: len(before)] == before
    assert "resumed" in names(events_of(own_model)[len(before) :])
    printed = command("train", "lm", "--resume", own_model, "--print-config", "--max-steps", "9")
    assert "\nhidden_size = 16\n" in printed.out
    assert "\nmax_steps = 9\n" in printed.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("book.txt",),
        ("--output", "x"),
        ("--valid", "book.txt"),
        ("--init-from", "y"),
        ("--force",),
        ("--config", "z.toml"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_makes_no_sense_for_a_resumed_run_is_refused(arguments, command, model):
    done = command("train", "lm", "--resume", model, *arguments)
    assert done.code == 2
    assert arguments[0] in done.err
    assert "--resume" in done.err


def test_only_given_options_count_as_changes(command, model):
    same = command("train", "lm", "--resume", model, "--hidden-size", "16")
    assert same.code == 0
    other = command("train", "lm", "--resume", model, "--hidden-size", "17")
    assert other.code == 2
    assert "--hidden-size 17" in other.err
    from_outside = command("train", "lm", "--resume", model, TEXTRNN_HIDDEN_SIZE="17")
    assert from_outside.code == 0


def test_a_model_starts_from_another(command, model, book, tiny, tmp_path):
    options = tiny[2:]  # without the hidden size
    done = command("train", "lm", "book.txt", "-o", "n-lm", "--init-from", model, *options)
    assert done.code == 0, done.err
    assert events_of(tmp_path / "n-lm")[0]["settings"]["hidden_size"] == 16
    itself = command("train", "lm", "book.txt", "-o", "n-lm", "--init-from", "n-lm", "--force")
    assert itself.code == 2
    assert "--resume n-lm" in itself.err


@pytest.mark.parametrize(
    ("content", "options", "code", "parts"),
    [
        (None, (), 1, ("bok.txt", "did you mean book.txt")),
        (b"", (), 1, ("bok.txt",)),
        (b"text\0more" * 99, (), 1, ("binary", "offset 4")),
        (b"caf\xe9 " * 99, (), 1, ("offset 3", "--encoding")),
        (b"abc " * 99, ("--device", "quantum"), 2, ("quantum", "cpu")),
        (b"abc " * 99, ("--dropout", "1"), 2, ("--dropout", "below 1")),
        (b"abc " * 99, ("--hidden-size", "big"), 2, ("--hidden-size", "whole number")),
        (b"abc " * 99, ("--rnn-type", "lstn"), 2, ("did you mean lstm",)),
        (b"abc " * 99, ("--encoding", "utf-9"), 2, ("utf-9",)),
        (b"abc " * 99, ("--config", "none.toml"), 2, ("none.toml",)),
        (b"abc " * 99, ("--init-from", "none-lm"), 1, ("none-lm",)),
        (b"abc " * 99, ("--valid", "none.txt"), 1, ("none.txt",)),
    ],
)
def test_bad_input_gets_one_clear_message(
    content, options, code, parts, command, book, tiny, tmp_path
):
    if content is not None:
        (tmp_path / "bok.txt").write_bytes(content)
    done = command("train", "lm", "bok.txt", *tiny, *options)
    assert done.code == code
    message = done.err.splitlines()[-1]
    assert message.startswith("Error: ")
    for part in parts:
        assert part in message
    assert "Traceback" not in done.err
    assert not (tmp_path / "bok-lm").exists()


def test_an_unknown_setting_in_a_file_is_named_with_the_nearest(command, book, tmp_path):
    (tmp_path / "run.toml").write_text("[model]\nhiden_size = 3\n")
    done = command("train", "lm", "book.txt", "--config", "run.toml")
    assert done.code == 2
    assert "hiden_size" in done.err
    assert "did you mean hidden_size" in done.err


def test_tensorboard_files_are_written_where_it_is_installed(command, book, tiny, tmp_path):
    pytest.importorskip("tensorboard")
    done = command("train", "lm", "book.txt", *tiny, "--tensorboard")
    assert done.code == 0, done.err
    (written,) = (tmp_path / "book-lm" / "tensorboard").iterdir()
    content = written.read_bytes()
    for tag in (b"train/loss", b"valid/loss", b"train/learning_rate", b"sample"):
        assert tag in content
    again = command("train", "lm", "book.txt", *tiny, "--tensorboard", "--force")
    assert again.code == 0, again.err


def test_without_tensorboard_the_message_says_what_to_install(environment, book):
    code = (
        "import sys; sys.modules['tensorboard'] = None; from textrnn.cli.entry import run; "
        "sys.exit(run(['train', 'lm', 'book.txt', '--tensorboard']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=book.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'textrnn[tensorboard]'" in done.stderr


def test_an_output_in_a_place_that_cannot_be_is_refused(book):
    with pytest.raises(UsageError, match="exists already"):
        Output(book, force=False)
