"""``textrnn evaluate`` for classifiers, and how it tells jobs apart."""

import csv
import io
import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from textrnn import bundle, records
from textrnn.classifier.batches import padded
from textrnn.classifier.evaluation import evaluate_examples
from textrnn.classifier.model import TextClassifier
from textrnn.classifier.predictor import Classifier
from textrnn.classifier.settings import ClassifierSettings
from textrnn.cli import classifier_report as rendering
from textrnn.cli.evaluate import evaluate
from textrnn.cli.jobs import JOBS
from textrnn.config import as_dict, make
from textrnn.data.labelled import Example
from textrnn.errors import DataError
from textrnn.tokenizers import BOS_ID, EOS_ID, WordTokenizer

TELLING = {"neg": "bad", "neutral": "plain", "pos": "good"}
LABELS = tuple(TELLING)
FILLERS = ("a", "film", "with", "songs", "and", "rain")


def sentences(rows: int, seed: int) -> list[tuple[str, str]]:
    """Texts with their labels; one word in each tells the label."""
    rng = random.Random(seed)
    found = []
    for _ in range(rows):
        label = rng.choice(LABELS)
        words = [TELLING[label], *rng.choices(FILLERS, k=rng.randint(1, 5))]
        rng.shuffle(words)
        found.append((" ".join(words), label))
    return found


def trained_weights(settings: ClassifierSettings, tokenizer: WordTokenizer) -> TextClassifier:
    """A network that tells the labels apart after some dozens of steps."""
    model = TextClassifier(settings, tokenizer, len(LABELS))
    model.reset_parameters(torch.Generator().manual_seed(1))
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    rows = sentences(64, seed=1)
    ids, lengths = padded([np.array([BOS_ID, *tokenizer.encode(t), EOS_ID]) for t, _ in rows])
    labels = torch.tensor([LABELS.index(label) for _, label in rows])
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(model.logits(ids, lengths), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    return model


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained classifier's directory; tests do not change it."""
    path = tmp_path_factory.mktemp("models") / "reviews-classifier"
    path.mkdir()
    sizes = {"hidden_size": 8, "embedding_dim": 8, "num_layers": 1, "ngram_order": 1}
    values = {**sizes, "pooling": "max", "max_length": 32, "dropout": 0.0}
    settings = make(ClassifierSettings, values)
    tokenizer = WordTokenizer([*TELLING.values(), *FILLERS], spaces=False)
    tensors = trained_weights(settings, tokenizer).tensors()
    weights = "weights-00000040.safetensors"
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    own = {name: records.write_file(path / name, c) for name, c in tokenizer.to_files().items()}
    record = {
        "job": "classifier",
        "labels": list(LABELS),
        "settings": as_dict(settings),
        "versions": {},
        "tokenizer": {"kind": "word", "files": sorted(own), "vocab_size": tokenizer.vocab_size},
        "training": {"metrics": {"temperature": 1.25}},
        "weights": weights,
        "files": {**own, weights: records.write_tensors(path / weights, arrays)},
    }
    records.write_record(path, bundle.CONFIG, record)
    return path


def table(rows: Iterable[tuple[str, str]], head: tuple[str, str] = ("text", "label")) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([head, *rows])
    return stream.getvalue()


@pytest.fixture
def held_out(tmp_path: Path) -> list[tuple[str, str]]:
    """Rows in ``test.csv``, of which the third and the fourth are labelled wrongly."""
    rows = sentences(60, seed=2)
    for i in (2, 3):
        rows[i] = (rows[i][0], LABELS[(LABELS.index(rows[i][1]) + 1) % 3])
    (tmp_path / "test.csv").write_text(table(rows), encoding="utf-8")
    return rows


def test_the_figures_are_those_of_the_probabilities(command, classifier, held_out):
    done = command("evaluate", classifier, "test.csv", "--json")
    (result,) = done.objects
    found = Classifier(bundle.open_bundle(classifier)).probabilities([text for text, _ in held_out])
    true = np.array([LABELS.index(label) for _, label in held_out])
    assert result["accuracy"] == pytest.approx((found.argmax(axis=1) == true).mean())
    assert result["accuracy"] == pytest.approx(58 / 60)
    assert result["rows"] == 60
    assert result["nll"] == pytest.approx(-np.log(found[np.arange(60), true]).mean(), rel=1e-4)
    assert sum(map(sum, result["confusion"]["matrix"])) == 60
    matrix = np.zeros((3, 3), int)
    np.add.at(matrix, (true, found.argmax(axis=1)), 1)
    assert result["confusion"] == {"labels": list(LABELS), "matrix": matrix.tolist()}
    assert {each["where"] for each in result["worst"]} == {"test.csv:4", "test.csv:5"}
    assert {each["text"] for each in result["worst"]} == {text for text, _ in held_out[2:4]}
    for name in ("macro_precision", "macro_recall", "macro_f1", "ece", "per_class"):
        assert name in result


def test_the_table_shows_what_the_json_holds(command, classifier, held_out):
    (result,) = command("evaluate", classifier, "test.csv", "--json").objects
    done = command("evaluate", classifier, "test.csv", "-q")
    assert done.err == ""
    lines = done.out.splitlines()
    low, high = result["accuracy_interval"]
    accuracy = f"{result['accuracy']:.2%}, 95% interval {low:.2%} to {high:.2%}"
    assert f"{'accuracy':<20}{accuracy}" in lines
    baseline = result["majority_baseline"]
    assert any(
        line.startswith("majority label")
        and f"{baseline['accuracy']:.2%}" in line
        and baseline["label"] in line
        for line in lines
    )
    start = lines.index("confusion: a line for each true label, a column for each answer")
    assert lines[start + 1].split() == list(LABELS)
    for label, shown, counts in zip(
        LABELS, lines[start + 2 :], result["confusion"]["matrix"], strict=False
    ):
        assert shown.split() == [label, *map(str, counts)]
    for mistake in result["worst"]:
        line = next(line for line in lines if mistake["where"] + ":" in line)
        assert f"{mistake['predicted']} at " in line
        assert f"true is {mistake['true']}" in line
        assert f"    {mistake['text']}" in lines
    figures = result["per_class"]["pos"]
    expected = [f"{figures[name]:.4f}" for name in ("precision", "recall", "f1")]
    assert ["pos", *expected, str(figures["support"])] in [line.split() for line in lines]
    assert "\x1b" not in done.out


def test_worst_chooses_how_many_mistakes_are_shown(command, classifier, held_out):
    (none,) = command("evaluate", classifier, "test.csv", "--json", "--worst", "0").objects
    assert none["worst"] == []
    assert "surest" not in command("evaluate", classifier, "test.csv", "--worst", "0").out
    assert command("evaluate", classifier, "test.csv", "--worst", "1").out.count("true is") == 1


def test_stdin_and_columns(command, classifier):
    rows = sentences(30, seed=3)
    (usual,) = command("evaluate", classifier, "-", "--json", stdin=table(rows)).objects
    other = table([(label, text) for text, label in rows], ("mood", "words_of_it"))
    columns = ("--text-column", "words_of_it", "--label-column", "mood")
    (named,) = command("evaluate", classifier, *columns, "--json", stdin=other).objects
    assert named == usual
    assert usual["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("label", "part"),
    [
        ("awful", "its labels: 'neg', 'neutral', 'pos'"),
        ("Pos", "write it as 'pos'"),
        ("poss", "did you mean pos?"),
    ],
)
def test_a_label_that_the_model_does_not_know_is_told(label, part, command, classifier, tmp_path):
    rows = [*sentences(5, seed=4), ("a good film", label)]
    (tmp_path / "odd.csv").write_text(table(rows), encoding="utf-8")
    done = command("evaluate", classifier, "odd.csv", "--label-column", "label")
    assert done.code == 1
    assert done.out == ""
    assert f"odd.csv:7: the model does not know the label {label!r}" in done.err
    assert part in done.err


def test_blank_texts_are_counted_and_left_out(command, classifier, tmp_path):
    rows = sentences(20, seed=5)
    (tmp_path / "some.csv").write_text(table([*rows, (" ", "neg"), ("<br />", "pos")]))
    (result,) = command("evaluate", classifier, "some.csv", "--json").objects
    assert (result["rows"], result["blank"], result["accuracy"]) == (20, 2, 1.0)
    shown = command("evaluate", classifier, "some.csv").out
    assert "20; 2 more are blank and left out" in shown
    (tmp_path / "blank.csv").write_text(table([(" ", "neg"), ("", "pos")]))
    done = command("evaluate", classifier, "blank.csv")
    assert done.code == 1
    assert "blank" in done.err


@pytest.mark.parametrize("rows", [1, 12])
def test_one_row_and_one_label_do_no_harm(rows, command, classifier, tmp_path):
    (tmp_path / "few.csv").write_text(table([("a good film", "pos")] * rows))
    columns = ("--text-column", "text", "--label-column", "label")
    (result,) = command("evaluate", classifier, "few.csv", *columns, "--json").objects
    assert (result["accuracy"], result["macro_f1"], result["rows"]) == (1.0, 1.0, rows)
    shown = command("evaluate", classifier, "few.csv", *columns)
    assert shown.code == 0
    assert "Warning" not in shown.err
    # No row and no answer: nothing to divide by.
    assert ["neg", "-", "-", "-", "0"] in [line.split() for line in shown.out.splitlines()]


def as_job(model: Path, path: Path, job: str) -> Path:
    """A copy of a model that says that it does another job."""
    path.mkdir()
    record = json.loads((model / bundle.CONFIG).read_text())
    for name in record["files"]:
        (path / name).write_bytes((model / name).read_bytes())
    records.write_record(path, bundle.CONFIG, {**record, "job": job})
    return path


def test_options_of_another_job_are_refused(command, classifier, held_out, tmp_path):
    for options in (["--per-line"], ["--newlines", "keep"]):
        done = command("evaluate", classifier, "test.csv", *options)
        assert done.code == 2
        assert f"{options[0]} is for language models" in done.err
        assert "--worst" in done.err
    done = command("evaluate", classifier, "test.csv", "--precision", "int8")
    assert done.code == 2
    assert "--precision int8 is for language models" in done.err
    model = as_job(classifier, tmp_path / "lm", "language-model")
    for options in (["--worst", "0"], ["--label-column", "2"]):
        done = command("evaluate", model, "test.csv", *options)
        assert done.code == 2
        assert f"{options[0]} is for classifiers" in done.err
        assert "--per-line" in done.err


def test_every_option_of_a_job_exists_and_help_says_whose_it_is(command):
    names = {parameter.name for parameter in evaluate.params}
    helped = " ".join(command("evaluate", "--help").out.split())
    for job in JOBS.values():
        assert set(job.evaluate_options) <= names
        assert f"for {job.models}" in helped


def test_a_model_of_a_job_to_come_is_told(command, classifier, tmp_path):
    path = as_job(classifier, tmp_path / "later", "soothsayer")
    done = command("evaluate", path, "x.csv")
    assert done.code == 1
    assert "soothsayer" in done.err
    assert "evaluates language models, classifiers and translators" in done.err


class Terminal(io.TextIOWrapper):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


def test_colours_come_on_terminals_alone(classifier, monkeypatch):
    examples = [Example("good \x1b[31m film", "neg", "a.csv:1"), Example("bad", "neg", "a.csv:2")]
    report = evaluate_examples(Classifier(bundle.open_bundle(classifier)), examples, worst=1)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = {}
    for colour in ("", "1"):
        stream = Terminal(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setenv("NO_COLOR", colour)
        rendering.write_report(report)
        stream.flush()
        shown[colour] = stream.buffer.getvalue().decode()
    assert "\x1b[1maccuracy" in shown[""]
    assert "\x1b[31m film" not in shown[""]
    assert "\x1b" not in shown["1"]
    assert r"good \x1b[31m film" in shown["1"]


def test_many_labels_are_told_by_pairs(classifier):
    found = confused(labels=[f"label number {i}" for i in range(12)])
    lines = ["".join(text for text, _ in line) for line in rendering.report_lines(found)]
    assert "most frequent confusions (10 of 12 pairs; --json has all)" in lines
    assert "      12  label number 11 answered as label number 0" in lines
    assert not any("a column for each answer" in line for line in lines)


def confused(labels: list[str]) -> rendering.Report:
    """A report in which label k is answered as label k + 1, k + 1 times."""
    from textrnn.classifier.report import ReportBuilder

    builder = ReportBuilder(labels)
    true = np.repeat(np.arange(len(labels)), np.arange(len(labels)) + 1)
    answered = np.eye(len(labels), dtype=np.float32)[(true + 1) % len(labels)]
    builder.add(answered, true)
    return builder.report()


def test_examples_are_taken_some_at_a_time(classifier, monkeypatch):
    monkeypatch.setattr("textrnn.classifier.evaluation._ROWS_AT_ONCE", 7)
    model = Classifier(bundle.open_bundle(classifier))
    examples = [
        Example(text, label, f"a:{i}") for i, (text, label) in enumerate(sentences(20, seed=6))
    ]
    sizes: list[int] = []
    answer = model.probabilities
    monkeypatch.setattr(
        model, "probabilities", lambda texts: (sizes.append(len(texts)), answer(texts))[1]
    )
    report = evaluate_examples(model, iter(examples))
    assert sizes == [7, 7, 6]
    assert (report.rows, report.accuracy) == (20, 1.0)
    with pytest.raises(DataError, match="no labelled texts"):
        evaluate_examples(model, [])
