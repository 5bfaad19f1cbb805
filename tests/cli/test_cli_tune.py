"""Studies on the command line: made, killed, gone on with, shown."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from textrnn.config_sources import from_toml
from textrnn.experiments.study import Study
from textrnn.language_model.planner import HIDDEN_SIZES
from textrnn.language_model.settings import LanguageModelSettings

TINY = ("--batch-size", "4", "--seq-len", "16", "--strategy", "random")
SEARCH = ("--search", "hidden_size=8,12,16", "--search", "dropout=0..0.4")


@pytest.fixture(scope="module")
def studied(tmp_path_factory, environment, text) -> tuple[Path, str, str]:
    """A folder with a text and a study of it, and what the command wrote."""
    folder = tmp_path_factory.mktemp("studied")
    (folder / "book.txt").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "textrnn", "tune", "lm", "book.txt", *TINY, *SEARCH,
         "--max-steps", "20", "--eval-every", "10", "--trials", "2", "--workers", "2"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    return folder, done.stdout, done.stderr


@pytest.fixture
def study(studied, tmp_path) -> Path:
    """A copy of that study, beside the text, that a test may change."""
    shutil.copytree(studied[0], tmp_path, dirs_exist_ok=True)
    return tmp_path / "book-lm-study"


def rows(table: str) -> list[dict[str, str]]:
    heads, *lines = [line.split("\t") for line in table.splitlines()]
    return [dict(zip(heads, line, strict=True)) for line in lines]


def test_a_study_leaves_a_table_settings_and_a_model(studied, command):
    folder, out, err = studied
    table = rows(out)
    assert sorted(row["trial"] for row in table) == ["1", "2"]
    assert all(row["state"] == "done" and row["steps"] == "20" for row in table)
    losses = [float(row["valid_loss"]) for row in table]
    assert losses == sorted(losses)
    best, made = table[0], folder / "book-lm-study"
    settings = from_toml(LanguageModelSettings, made / "best.toml")
    assert settings["hidden_size"] == int(best["hidden_size"])
    assert settings["dropout"] == float(best["dropout"])
    assert settings["batch_size"] == 4
    assert "max_steps" not in settings
    # The best trial's model, whole; every trial is a run of its own.
    info = command("info", made / "best", "--json").objects[0]
    assert info["settings"]["hidden_size"] == int(best["hidden_size"])
    assert (made / "trials" / "0002" / "log.jsonl").is_file()
    assert not list((made / "trials").glob("*.log"))
    # What it takes to train one further takes most of the room: only the best keeps it, in both places.
    states = sorted(str(path.relative_to(made)) for path in made.rglob("state.json"))
    assert states == ["best/resume/state.json", f"trials/000{best['trial']}/resume/state.json"]
    lost = command("info", made / "trials" / f"000{table[1]['trial']}", "--json").objects[0]
    assert (lost["can_resume"], lost["training"]["step"]) == (False, 20)
    assert "the trials take " in err
    assert "trial 1 of 2: the defaults" in err
    assert f"best: trial {best['trial']}, validation loss {losses[0]:.4f}" in err
    assert "what mattered: not to be said from 2 finished trials (it takes 8)" in err
    assert err.splitlines()[-1].startswith("the model was chosen by these validation data")


def test_show_tells_the_same_again(studied, command):
    folder, out, _ = studied
    shown = command("tune", "show", folder / "book-lm-study")
    assert (shown.code, shown.out) == (0, out)
    found = command("tune", "show", folder / "book-lm-study", "--json").objects[0]
    assert found["best"]["value"] == float(rows(out)[0]["valid_loss"])
    assert [trial["number"] for trial in found["trials"]] == [1, 2]
    assert found["trials"][0]["is_default"]


def test_the_same_command_has_nothing_left_to_do(study, studied, command):
    options = (*TINY, *SEARCH, "--eval-every", "10", "--trials", "2", "--workers", "2")
    # The text lies elsewhere, which makes it another study.
    elsewhere = command("tune", "lm", "book.txt", *options, "--max-steps", "20")
    assert elsewhere.code == 2
    assert "book-lm-study holds a study that differs in the data" in elsewhere.err
    resumed = command("tune", "--resume", study, "--json")
    assert resumed.code == 0
    assert [event["event"] for event in resumed.objects] == [
        "study_planned",
        "study_stopped",
        "study_done",
    ]
    assert resumed.objects[-1]["reason"] == "trials"
    assert resumed.objects[0]["keep_states"] is False
    for option, kept in (("--keep-states", True), ("-q", True), ("--no-keep-states", False)):
        again = command("tune", "--resume", study, "--json", option)
        assert again.objects[0]["keep_states"] is kept


def test_a_study_goes_on_without_the_directories_of_its_trials(study, command):
    shutil.rmtree(study / "trials")
    assert "the trials take" not in command("tune", "--resume", study).err
    resumed = command("tune", "--resume", study, "--trials", "1")
    assert resumed.code == 0, resumed.err
    assert sorted(row["trial"] for row in rows(resumed.out)) == ["1", "2", "3"]
    assert command("info", study / "best").code == 0


def test_another_study_is_not_mixed_in(studied, command, monkeypatch):
    monkeypatch.chdir(studied[0])
    changed = command("tune", "lm", "book.txt", *TINY, *SEARCH, "--max-steps", "30",
                      "--eval-every", "10", "--trials", "2")  # fmt: skip
    assert changed.code == 2
    assert "differs in the settings" in changed.err
    assert "(max_steps)" in changed.err
    assert "textrnn tune --resume book-lm-study, replace it with --force" in changed.err


def test_a_killed_study_goes_on_where_it_was(process, book, command):
    # So many steps that none of the processes is done before it has heard of what happens to it.
    options = (*TINY, "--search", "hidden_size=8,16", "--max-steps", "1600", "--eval-every", "200",
               "--trials", "1", "--no-baseline")  # fmt: skip

    def until(child: subprocess.Popen[bytes], name: str) -> dict:
        for line in child.stdout:
            event = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(child.stderr.read().decode())

    child = process("tune", "lm", "book.txt", *options, "--json")
    measured = until(child, "trial_measured")
    child.kill()
    child.communicate(timeout=60)
    # What it was running hears of it with its next event, and saves.
    study = Study.open(book.parent / "book-lm-study")
    with contextlib.closing(study):
        while study.has_strangers():
            time.sleep(0.1)
        assert study.trial(1).state == "running"
    child = process("tune", "lm", "book.txt", *options, "--json")
    began = until(child, "trial_began")
    assert (began["trial"], began["resumed"]) == (1, True)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err.decode()
    assert err.decode().splitlines()[-1] == (
        "Stopped, all trials saved; go on with: textrnn tune --resume book-lm-study"
    )
    assert json.loads(out.splitlines()[-1])["trials"][0]["state"] == "waiting"
    ended = command("tune", "--resume", "book-lm-study", "--json", "-q")
    assert ended.code == 0, ended.err
    (trial,) = [event for event in ended.objects if event["event"] == "trial_ended"]
    assert (trial["state"], trial["steps"], trial["is_best"]) == ("done", 1600, True)
    # Nothing was done twice: the log of the run tells of each evaluation once.
    log = (book.parent / "book-lm-study" / "best" / "log.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in log if '"evaluated"' in line]
    assert sorted(set(steps)) == list(range(200, 1601, 200))
    assert measured["step"] in steps


def test_what_is_wrong_with_the_data_ends_a_study_at_once(command, tmp_path):
    found = command("tune", "lm", "none.txt", *TINY, *SEARCH, "--max-steps", "5")
    assert found.code == 1
    assert found.err.splitlines()[-1].startswith("Error: none.txt: no such file or folder")
    assert not (tmp_path / "none-lm-study").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--search", "hiden_size=1,2"], "did you mean hidden_size?"),
        (["--search", "dropout=0..0.5", "--dropout", "0.1"], "dropout is 0.1 and searched as well"),
        (["--search", "dropout=0..0.5", "--strategy", "grid"], "a grid tries every value"),
        (["--minutes", "1", "--trial-minutes", "2"], "is more than --minutes 1 of the whole"),
        (["--search", "vocab_size=300,500", "--select", "loss"], "use --select bits_per_char"),
        (["--minutes", "0"], "0.0 is not in the range x>0"),
    ],
)
def test_contradictions_are_told_before_anything_is_made(arguments, message, command, book):
    found = command("tune", "lm", "book.txt", *arguments)
    assert found.code == 2
    assert message in " ".join(found.err.split())
    assert not (book.parent / "book-lm-study").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Usage: textrnn tune"),
        (["--trials", "3"], "name a job (lm, classifier or translator), or give --resume"),
        (["--resume", "nothing"], "nothing holds no study"),
        (["--resume", "x", "lm", "book.txt"], "--resume stands before lm"),
        (["--no-keep-states", "lm", "book.txt"], "--keep-states stands before lm"),
        (["lmm"], "did you mean lm?"),
    ],
)
def test_wrong_usage_of_the_group(arguments, message, command):
    found = command("tune", *arguments)
    assert found.code in (1, 2)
    assert message in found.err


def test_a_plan_without_a_study(command, book):
    planned = command("tune", "lm", "book.txt", "--dry-run", "--minutes", "20", "--workers", "2")
    assert planned.code == 0
    # 20 trials, two at a time, in 95% of 20 minutes.
    assert "each of 1.9 minutes, 2 at a time, 20:00 in all" in planned.out
    grid = command("tune", "lm", "book.txt", "--dry-run", "--strategy", "grid", "--epochs", "1",
                   "--search", "num_layers=1..3", "--search", "rnn_type=lstm,gru")  # fmt: skip
    assert "7 trials of 6 combinations by grid, each of 1 epochs" in grid.out
    assert not (book.parent / "book-lm-study").exists()


def test_sizes_that_the_planner_takes_for_small_texts_are_searched(command, book):
    planned = command("tune", "lm", "book.txt", "--dry-run", "--json").objects[0]
    (sizes,) = (text for text in planned["search"] if text.startswith("hidden_size="))
    searched = [int(size) for size in sizes.partition("=")[2].split(",")]
    assert min(HIDDEN_SIZES) in searched
    assert {*searched} <= {*HIDDEN_SIZES}


@pytest.mark.parametrize("strategy", [("grid",), ("random", "--trials", "3")])
def test_where_all_has_been_tried_no_more_trials_are_suggested(strategy, command, book):
    done = command("tune", "lm", "book.txt", *TINY[:4], "--max-steps", "2", "--no-baseline",
                   "--search", "hidden_size=8,12", "--strategy", *strategy)  # fmt: skip
    assert done.code == 0, done.err
    assert "the model is in book-lm-study/best" in done.err
    assert "--trials" not in done.err


def test_every_job_can_be_tuned(command, tmp_path):
    (tmp_path / "t.csv").write_text("text,label\na,b\n")
    for job in ("classifier", "translator"):
        planned = command("tune", job, "t.csv", "--dry-run", "--json")
        assert planned.code == 0, planned.err
        assert planned.objects[0]["search"][0].startswith("learning_rate=log:")
        assert planned.objects[0]["fixed"]["select"] == "loss"
    tokens = command("tune", "translator", "t.csv", "--dry-run", "--json",
                     "--search", "vocab_size=500,1000")  # fmt: skip
    assert tokens.objects[0]["objective"]["name"] == "bleu"
    assert tokens.objects[0]["fixed"]["select"] == "bleu"
