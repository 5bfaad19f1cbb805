"""``textrnn train classifier`` and what comes after it, as a user types it."""

import json
import random
import signal
import time
from pathlib import Path

import pytest

import textrnn

SMALL = ("--hidden-size", "8", "--max-steps", "20", "--eval-every", "10", "--batch-size", "16")
WORDS = {"good": ["lovely", "splendid"], "bad": ["dreadful", "nasty"]}


def rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    found = []
    for number in range(count):
        label = ("good", "bad")[number % 2]
        found.append((label, f"the {rng.choice(WORDS[label])} boat, seen at {number} o'clock"))
    return found


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A table with columns in a usual order, sorted by label as many are."""
    path = tmp_path / "reviews.csv"
    lines = [f'{number},"{text}",{label}' for number, (label, text) in enumerate(sorted(rows(200)))]
    path.write_text("\n".join(["id,review,sentiment", *lines]) + "\n", encoding="utf-8")
    return path


def test_one_line_trains_and_the_model_answers(command, reviews):
    done = command("train", "classifier", reviews, *SMALL, "--learning-rate", "0.03")
    assert done.code == 0
    assert done.out == ""
    for part in (
        "text in 'review', label in 'sentiment'",
        "180 to train on, 20 to validate",
        "bad 50%, good 50%",
        "accuracy",
        "textrnn classify reviews-clf",
        "textrnn train classifier --resume reviews-clf",
    ):
        assert part in done.err, part
    answered = command("classify", "reviews-clf", stdin="a lovely boat\n\na nasty boat\n")
    assert [line.split("\t")[0] for line in answered.out.split("\n")] == ["good", "", "bad", ""]
    measured = command("evaluate", "reviews-clf", reviews, "--json")
    (report,) = measured.objects
    assert report["accuracy"] > 0.9
    told = command("info", "reviews-clf")
    assert "classifier" in told.out


def test_every_event_is_a_line_of_json_with_the_figures_that_people_look_for(command, reviews):
    done = command("train", "classifier", reviews, *SMALL, "--json", "--test-fraction", "0.1", "-q")
    events = done.objects
    assert [event["event"] for event in events[:2]] == ["planned", "saved"]
    assert events[0]["job"] == "classifier"
    assert events[0]["facts"]["labels"] == ["bad", "good"]
    last = events[-1]
    assert last["event"] == "done"
    for name in ("valid_loss", "valid_accuracy", "valid_macro_f1", "temperature", "valid_ece"):
        assert isinstance(last[name], float), name
    assert 0 <= last["test_accuracy"] <= 1
    assert last["tokens_per_s"] > 0
    progress = [event for event in events if event["event"] == "progress"]
    assert all("train_accuracy" in event["metrics"] for event in progress)


def test_a_plan_can_be_looked_at_and_settings_written_down(command, reviews, tmp_path):
    plan = command("train", "classifier", reviews, "--dry-run", "--json", "--max-steps", "3")
    (planned,) = plan.objects
    assert planned["settings"]["bidirectional"] is True
    assert not (tmp_path / "reviews-clf").exists()
    settings = command("train", "classifier", reviews, "--print-config", "--pooling", "max").out
    (tmp_path / "run.toml").write_text(settings)
    again = command("train", "classifier", reviews, "--config", "run.toml", "--print-config")
    assert again.out == settings
    assert 'pooling = "max"' in settings


def test_an_interrupted_run_is_saved_and_goes_on(command, process, reviews, tmp_path):
    arguments = ("train", "classifier", "reviews.csv", "--hidden-size", "8")
    running = process(*arguments, "--max-steps", "100000", "--eval-every", "20", "--json")
    for line in running.stdout:
        if b'"evaluated"' in line:
            break
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"textrnn train classifier --resume reviews-clf" in err
    record = json.loads((tmp_path / "reviews-clf" / "config.json").read_text())
    step = record["training"]["step"]
    begun = time.monotonic()
    done = command("train", "classifier", "--resume", "reviews-clf", "--max-steps", "5", "--json")
    assert done.objects[-1]["steps"] == step + 5
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reviews.csv", "--init-from-reverse", "x"], "no such model directory"),
        (["none.csv"], "no such file"),
        (["reviews.csv", "--pooling", "median"], "one of last, max, mean, attention, concat"),
        (["reviews.csv", "--seq-len", "4"], "No such option"),
        (["reviews.csv", "--label-column", "mood"], "mood"),
        (["reviews.csv", "--resume", "x"], "--resume"),
        (["--resume", "x", "--test", "y.csv"], "--test with --resume"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(command, reviews, arguments, said):
    done = command("train", "classifier", *arguments)
    assert done.code in (1, 2)
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_model_of_another_job_is_not_resumed(command, model, reviews):
    wrong = command("train", "classifier", "--resume", model)
    assert wrong.code == 1
    assert "holds a language model" in wrong.err


def test_python_trains_and_loads_too(reviews, tmp_path, monkeypatch, environment):
    monkeypatch.setenv("TEXTRNN_CACHE", environment["TEXTRNN_CACHE"])
    events = []
    made = textrnn.train_classifier(
        reviews,
        tmp_path / "clf",
        hidden_size=8,
        max_steps=20,
        batch_size=16,
        threads=1,
        learning_rate=0.03,
        on_event=events.append,
    )
    assert events
    again = textrnn.load(tmp_path / "clf")
    texts = ["a lovely boat", "a nasty boat"]
    assert made.classify(texts) == again.classify(texts)
    assert [answer.label for answer in again.classify(texts)] == ["good", "bad"]
    with pytest.raises(textrnn.TextrnnError, match="exists already"):
        textrnn.train_classifier(reviews, tmp_path / "clf")
