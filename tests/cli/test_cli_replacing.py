"""``train lm --force``: the old model goes only once the new one is worth more, whatever ends the run."""

import fcntl
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from textrnn.cli.aside import put_aside, recover
from textrnn.cli.output import Output
from textrnn.errors import TrainingError

UNEVALUATED = (
    *("--hidden-size", "16", "--max-steps", "100000", "--batch-size", "4", "--seq-len", "16"),
    *("--eval-every", "100000", "--threads", "1"),
)


@pytest.fixture
def own_model(model, tmp_path):
    """A trained model that the test may change."""
    return Path(shutil.copytree(model, tmp_path / "own-lm"))


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, but for the lock that every run leaves."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def begin_replacing(process, *options: str):
    """Start a run that replaces the model and never evaluates; return it after its first steps."""
    child = process(
        "train", "lm", "book.txt", "-o", "own-lm", "--force", "--json", *UNEVALUATED, *options
    )
    for line in child.stdout:
        if json.loads(line)["event"] == "progress":
            return child
    raise AssertionError(child.stderr.read().decode())


def test_what_was_replaced_comes_back_where_nothing_took_its_place(own_model):
    before = sorted(path.name for path in own_model.iterdir())
    output = Output(own_model, force=True)

    def fail() -> None:
        with output.replaced():
            assert [path.name[:10] for path in own_model.iterdir()] == [".replaced-"]
            (own_model / "resume").mkdir()
            (own_model / "weights-00000000.safetensors").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert sorted(path.name for path in own_model.iterdir()) == before
    with output.replaced():
        (own_model / "new").touch()
        assert output.is_pending
        output.commit()
        assert not output.is_pending
    assert [path.name for path in own_model.iterdir()] == ["new"]


def test_a_model_that_a_run_is_writing_is_not_replaced(own_model):
    with (own_model / "resume" / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TrainingError, match="a run is writing"):
            Output(own_model, force=True)
    Output(own_model, force=True)


def test_stopping_before_the_first_evaluation_brings_the_old_model_back(process, own_model, book):
    before = contents(own_model)
    child = begin_replacing(process)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert contents(own_model) == before
    *_, back, stopped = err.decode().splitlines()
    assert back == "own-lm: the model that was here before is back"
    assert "nothing of it is kept" in stopped
    assert "--resume" not in stopped


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("book.txt", "-o", "own-lm"), 2),
        (("none.txt", "-o", "own-lm", "--force"), 1),
        (("--resume", "own-lm"), 0),
    ],
    ids=["without --force", "--force", "--resume"],
)
def test_a_killed_replacement_loses_no_model(arguments, code, process, own_model, book, command):
    before = contents(own_model)
    child = begin_replacing(process)
    child.kill()
    child.communicate(timeout=60)
    assert contents(own_model) != before
    done = command("train", "lm", *arguments)
    assert done.code == code
    assert done.err.count("the model is back") == 1
    assert contents(own_model) == before
    assert command("train", "lm", *arguments).err.count("the model is back") == 0


@pytest.mark.parametrize("moved", [0, 1, 2, 99])
def test_a_kill_while_the_model_is_moved_loses_nothing(moved, own_model, capsys):
    before = contents(own_model)
    aside = put_aside(own_model)
    half = aside.rename(own_model / aside.name.replace("replaced", "replacing"))
    for entry in sorted(half.iterdir(), key=lambda entry: entry.name == "config.json")[:moved]:
        entry.rename(own_model / entry.name)
    recover(own_model)
    assert contents(own_model) == before
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_other_files_survive_a_recovery(own_model):
    put_aside(own_model)
    (own_model / "notes.txt").write_text("mine")
    recover(own_model)
    assert (own_model / "notes.txt").read_text() == "mine"


def test_a_kill_after_the_new_model_was_evaluated_keeps_the_new_one(own_model, model, capsys):
    put_aside(own_model)
    shutil.copytree(model, own_model, dirs_exist_ok=True)
    (own_model / ".discarded-1").mkdir()
    recover(own_model)
    assert contents(own_model) == contents(model)
    assert not list(own_model.glob(".*-*"))
    assert capsys.readouterr().err == ""


def test_a_model_that_is_being_replaced_is_left_alone(own_model):
    aside = put_aside(own_model)
    handle = os.open(aside, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(TrainingError, match="is replacing this model"):
        recover(own_model)
    os.close(handle)
    recover(own_model)
    assert (own_model / "config.json").exists()


@pytest.mark.parametrize(
    "line",
    [
        "generate own-lm",
        "info own-lm",
        "evaluate own-lm book.txt",
        "tokenize own-lm book.txt",
        "train lm book.txt -o other-lm --init-from own-lm",
    ],
)
def test_other_commands_say_where_the_model_is(line, own_model, book, command):
    aside = put_aside(own_model)
    done = command(*line.split())
    assert done.code == 1
    assert f"own-lm/{aside.name}" in done.err
    assert "textrnn train lm --resume own-lm" in done.err


def test_the_new_model_takes_over_with_its_first_evaluation(process, own_model, book):
    child = process(
        *("train", "lm", "book.txt", "-o", "own-lm", "--force", "--json", *UNEVALUATED),
        *("--eval-every", "5", "--seed", "9"),
    )
    names = []
    for line in child.stdout:
        names.append(json.loads(line)["event"])
        if "evaluated" in names and names.count("saved") == 3:
            break
    child.terminate()
    _, err = child.communicate(timeout=60)
    assert child.returncode == 143
    assert "and saved; go on with" in err.decode()
    assert json.loads((own_model / "config.json").read_text())["settings"]["seed"] == 9
    assert not list(own_model.glob(".*-*"))


@pytest.mark.parametrize("is_locked", [True, False])
def test_what_a_run_left_before_its_first_save_is_replaced_with_force(
    is_locked, command, own_model, book, tiny
):
    (own_model / "config.json").unlink()
    if not is_locked:
        # Killed between its first two deeds, or while its leftovers were swept.
        (own_model / "resume" / ".lock").unlink()
    refused = command("train", "lm", "book.txt", "-o", "own-lm", *tiny)
    assert refused.code == 2
    assert "--force" in refused.err
    assert command("train", "lm", "book.txt", "-o", "own-lm", *tiny, "--force").code == 0
    assert (own_model / "config.json").exists()


def test_a_folder_that_only_looks_like_a_model_is_not_replaced(command, book, tiny, tmp_path):
    (tmp_path / "jobs" / "resume").mkdir(parents=True)
    (tmp_path / "jobs" / "resume" / "cv.pdf").touch()
    for force in ([], ["--force"]):
        done = command("train", "lm", "book.txt", "-o", "jobs", *tiny, *force)
        assert done.code == 2
        assert "replace it with --force" not in done.err
    assert (tmp_path / "jobs" / "resume" / "cv.pdf").exists()
