"""``textrnn runs``: the list of runs, and advice where people meet it."""

import contextlib
import fcntl
import json
import shutil
from pathlib import Path

import pytest
from run_logs import course, planned, stopped, write_run

from textrnn import bundle
from textrnn.cli import runs as runs_module
from textrnn.cli.runs import COLUMNS
from textrnn.cli.runs_table import write_table
from textrnn.experiments.run_studies import folded
from textrnn.experiments.runs import differing, find_models, read_run
from textrnn.experiments.study import Study

RISING = ([3.0, 2.0, 2.4, 2.6, 2.8], [3.0, 2.0, 1.5, 1.2, 1.0])


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with runs of two jobs, a damaged one and a foreign directory."""
    over = [planned(max_steps=500), *course(*RISING), stopped(500, "finished")]
    figures = {"valid_loss": 2.0, "bits_per_char": 2.9}
    write_run(tmp_path / "shelf" / "over", over, metrics=figures, hidden_size=32)
    half = [planned(), *course([3.0, 2.5], [3.0, 2.5]), stopped(200, "interrupted")]
    figures = {"valid_loss": 1.9, "bits_per_char": 2.7}
    write_run(tmp_path / "shelf" / "half", half, metrics=figures, step=200)
    (tmp_path / "shelf" / "half" / bundle.RESUME).mkdir()
    (tmp_path / "shelf" / "half" / bundle.RESUME / bundle.STATE).write_text("{}")
    clf = {"valid_loss": 0.5, "valid_accuracy": 0.875}
    write_run(tmp_path / "shelf" / "clf", job="classifier", metrics=clf, source="a\tb.csv")
    damaged = write_run(tmp_path / "shelf" / "damaged")
    (damaged / bundle.CONFIG).write_text("{")
    (tmp_path / "shelf" / "foreign").mkdir()
    (tmp_path / "shelf" / "foreign" / bundle.CONFIG).write_text('{"model_type": "x"}')
    return tmp_path / "shelf"


def table(result) -> list[dict[str, str]]:
    head, *rows = (line.split("\t") for line in result.out.splitlines())
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_a_pipe_gets_a_line_of_tsv_for_each_run_and_stderr_what_was_left_out(command, shelf: Path):
    result = command("runs", "shelf")
    assert result.code == 0
    assert result.out.splitlines()[0].split("\t") == list(COLUMNS)
    rows = table(result)
    assert [row["run"] for row in rows] == ["shelf/half", "shelf/over", "shelf/clf"]
    assert [row["state"] for row in rows] == ["stopped", "finished", "stopped"]
    assert rows[0]["valid_loss"] == "1.9"
    assert rows[0]["valid_accuracy"] == ""
    assert rows[1]["settings"] == "hidden_size=32"
    assert rows[2]["data"] == r"a\tb.csv"
    assert len(result.err.splitlines()) == 2
    assert "left out: shelf/damaged/config.json: not valid JSON" in result.err
    assert "left out: shelf/foreign/config.json: no model of textrnn" in result.err


def test_order_job_and_quiet(command, shelf: Path):
    rows = table(command("runs", "shelf", "--sort", "name", "--reverse", "--job", "lm", "-q"))
    assert [row["run"] for row in rows] == ["shelf/over", "shelf/half"]
    assert command("runs", "shelf", "-q").err == ""


def test_json(command, shelf: Path):
    objects = {Path(each["run"]).name: each for each in command("runs", "shelf", "--json").objects}
    over = objects["over"]
    assert (over["state"], over["reason"], over["step"]) == ("finished", "finished", 1000)
    assert over["metrics"] == {"valid_loss": 2.0, "bits_per_char": 2.9}
    assert over["differs"] == {"hidden_size": 32}
    assert over["settings"]["batch_size"] == 8
    assert over["modified"].endswith("+00:00")
    assert "advice" not in over


def test_advice_as_text_and_as_json(command, shelf: Path):
    result = command("runs", "shelf/over", "shelf/half", "shelf/clf", "--sort", "name", "--advice")
    clf, half, over = result.out.split("\n\n")
    assert clf == "shelf/clf\n  Its log tells too little."
    assert "go on" not in over
    assert "  Go on to the end of the plan: textrnn train lm --resume shelf/half" in half
    # Where its state is gone, as that of a trial that has lost, a run cannot be gone on with.
    (shelf / "half" / bundle.RESUME / bundle.STATE).unlink()
    (told,) = command("runs", "shelf/half", "--advice", "--json").objects
    assert (told["advice"][2]["finding"], told["advice"][2]["commands"]) == ("begin-anew", [])
    assert over.splitlines()[0] == "shelf/over"
    assert over.splitlines()[1].startswith("  Overfitting: from step 200 to step 500")
    (told,) = command("runs", "shelf/over", "--advice", "--json").objects
    assert [each["about"] for each in told["advice"]] == ["fit", "end", "next"]
    assert told["advice"][2]["commands"] == ["--dropout 0.2", "--hidden-size 32"]


def test_a_folder_without_runs_is_no_failure_and_a_missing_one_is(command, tmp_path: Path):
    result = command("runs")
    assert result.code == 0
    assert result.err == "no runs in the working directory\n"
    result = command("runs", "none")
    assert result.code == 1
    assert "none: no such folder" in result.err
    assert command("runs", "--sort", "colour").code == 2


@pytest.mark.parametrize(
    ("width", "head"),
    [
        # Where not even the figures fit side by side, each says what it is.
        (42, "half"),
        (58, "state steps time size loss bits/char"),
        (80, "run state steps time size loss bits/char"),
        (180, "run state steps time size loss bits/char what differs"),
    ],
)
def test_a_table_on_a_terminal_shows_all_that_differs(
    width, head, shelf: Path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(shelf)
    many = {"hidden_size": 32, "learning_rate": 0.0012345, "dropout": 0.125, "batch_size": 16}
    write_run(Path("fourth"), metrics={"valid_loss": 2.5}, **many, schedule="linear")
    listed = [read_run(Path(name)) for name in ("half", "over", "fourth", "clf")]
    write_table(listed, differing(listed))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0] == "lm"
    assert lines[1].split() == head.split()
    assert any("stopped at 200" in line for line in lines)
    # Nothing of what differs is cut or broken, however narrow the terminal is.
    for name in ("hidden_size=32", "learning_rate=0.001234", "batch_size=16", "schedule=linear"):
        assert any(name in line.split() for line in lines)
    assert any("87.50%" in line for line in lines)


def test_where_not_even_the_figures_fit_a_run_has_a_line_of_its_own(
    shelf: Path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "60")
    name = shelf / "over"
    write_table([read_run(name)], [])
    head, path, figures = capsys.readouterr().out.splitlines()
    assert (path, head.split()[0], figures.split()[0]) == (str(name), "state", "finished")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of three trials beside a run of its own."""
    folder = tmp_path / "runs" / "s"
    for number, loss in enumerate((2.0, 1.5, 1.8), 1):
        figures = {"valid_loss": loss}
        write_run(folder / "trials" / f"000{number}", metrics=figures, hidden_size=number)
    (folder / "study.db").touch()
    write_run(tmp_path / "runs" / "own", metrics={"valid_loss": 1.9})
    return folder


def test_a_study_is_one_line_its_best(command, study: Path):
    rows = table(command("runs", "runs"))
    # Until the study has kept a model, the best trial stands for it.
    assert [row["run"] for row in rows] == ["runs/s/trials/0002", "runs/own"]
    assert [(row["study"], row["trials"]) for row in rows] == [("runs/s", "3"), ("", "")]
    write_run(study / "best", metrics={"valid_loss": 1.5})
    kept, own = command("runs", "runs", "--json").objects
    assert (kept["run"], kept["study"], kept["trials"]) == ("runs/s/best", "runs/s", 3)
    assert (own["study"], own["trials"]) == (None, None)


def test_the_trials_of_a_study_are_listed_where_they_are_asked_for(command, study: Path):
    trials = [f"runs/s/trials/000{number}" for number in (2, 3, 1)]
    assert [row["run"] for row in table(command("runs", "runs/s"))] == trials
    every = [row["run"] for row in table(command("runs", "runs", "--trials"))]
    assert every == [*trials[:2], "runs/own", trials[2]]


def test_a_study_with_a_trial_that_runs_is_running(command, study: Path):
    lock = study / "trials" / "0003" / "resume" / ".lock"
    lock.parent.mkdir()
    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [row["state"] for row in table(command("runs", "runs"))] == ["running", "stopped"]


def test_a_study_tells_how_many_trials_it_had_when_their_directories_are_gone(command, study: Path):
    (study / "study.db").unlink()
    with contextlib.closing(Study.create(study, {})) as made:
        for number in range(1, 5):
            made.claim(None, lambda _, number: {"hidden_size": number}).lock.close()
            made.end(number, "done", value=1.5)
    write_run(study / "best", metrics={"valid_loss": 1.5})
    shutil.rmtree(study / "trials")
    assert [row["trials"] for row in table(command("runs", "runs"))] == ["4", ""]


def test_the_table_says_what_stands_for_a_study(study: Path, capsys, monkeypatch):
    monkeypatch.chdir(study.parent)
    listed = folded([read_run(path) for path in find_models([Path()], print)], [Path("..")])
    write_table(listed, differing(listed))
    told = "  the best of 3 trials; all of them: textrnn tune show s"
    assert told in capsys.readouterr().out.splitlines()
    # A command is not broken.
    monkeypatch.setenv("COLUMNS", "50")
    write_table(listed, differing(listed))
    assert "  textrnn tune show s" in capsys.readouterr().out.splitlines()


def test_weights_are_not_read(command, shelf: Path):
    """The runs' weights are a byte, and none that safetensors could read."""
    assert {path.stat().st_size for path in shelf.rglob("*.safetensors")} == {1}
    assert command("runs", "shelf").code == 0


def test_a_run_whose_weights_are_gone_or_cut_is_named_and_left_out(command, tmp_path: Path):
    for name in ("whole", "gone", "cut"):
        write_run(tmp_path / name)
    weights = "weights-00000001.safetensors"
    (tmp_path / "gone" / weights).unlink()
    (tmp_path / "cut" / weights).write_bytes(b"")
    result = command("runs", tmp_path)
    assert [line.split("\t")[0] for line in result.out.splitlines()[1:]] == [
        str(tmp_path / "whole")
    ]
    cut, gone = result.err.splitlines()
    assert gone.startswith(f"left out: {tmp_path / 'gone' / weights}: missing")
    assert f"{tmp_path / 'cut' / weights}: 0 bytes instead of 1" in cut


def test_runs_load_no_torch():
    assert "torch" not in vars(runs_module)


def test_training_ends_with_advice_and_so_does_info(command, book: Path, tiny):
    result = command("train", "lm", book, *tiny)
    advice = result.err.splitlines()[-3:]
    assert advice[0].startswith("The validation data were looked at only 2 times")
    told = command("info", "book-lm", "--json").objects[0]["advice"]
    assert [each["text"] for each in told] == advice
    shown = command("info", "book-lm").out.splitlines()
    assert [line.strip() for line in shown[-3:]] == advice
    assert shown[-4] == "advice"


def test_the_last_line_of_json_carries_the_advice_and_the_log_does_not(command, book: Path, tiny):
    *_, done = command("train", "lm", book, *tiny, "--json").objects
    assert done["event"] == "done"
    assert [each["about"] for each in done["advice"]] == ["fit", "end", "next"]
    *_, logged = Path("book-lm", bundle.LOG).read_text(encoding="utf-8").splitlines()
    assert json.loads(logged)["event"] == "done"
    assert "advice" not in json.loads(logged)
    again = command("train", "lm", "--resume", "book-lm", "--json")
    assert again.objects[-1]["advice"] == done["advice"]
