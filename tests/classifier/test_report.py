"""Figures of a classifier's answers, held against scikit-learn and against counts by hand."""

import json

import numpy as np
import pytest
from sklearn import metrics

from textrnn.classifier.report import Report, ReportBuilder, bootstrap_intervals
from textrnn.errors import DataError

LABELS = ("neg", "neutral", "pos")


def answers(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and labels that most of them get right."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(len(LABELS), 0.5), rows).astype(np.float32)
    guesses = rng.integers(0, len(LABELS), rows)
    return probabilities, np.where(rng.random(rows) < 0.7, probabilities.argmax(axis=1), guesses)


def report_on(
    probabilities: np.ndarray, true: np.ndarray, *, batch: int = 1000, worst: int = 0
) -> Report:
    builder = ReportBuilder(LABELS, worst)
    for low in range(0, len(true), batch):
        rows = range(low, min(low + batch, len(true)))
        texts, places = [f"text {i}" for i in rows], [f"a.csv:{i + 1}" for i in rows]
        builder.add(probabilities[low : low + batch], true[low : low + batch], texts, places)
    return builder.report()


def test_figures_are_those_of_scikit_learn():
    probabilities, true = answers(500)
    predicted = probabilities.argmax(axis=1)
    report = report_on(probabilities, true)
    assert report.accuracy == pytest.approx(metrics.accuracy_score(true, predicted))
    for name in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")
        macro = score(true, predicted, average="macro")
        assert getattr(report, f"macro_{name}") == pytest.approx(macro)
        each = score(true, predicted, average=None)
        found = [getattr(figures, name) for figures in report.per_class.values()]
        assert found == pytest.approx(each.tolist())
    expected = metrics.confusion_matrix(true, predicted)
    np.testing.assert_array_equal(report.confusion, expected)
    assert [each.support for each in report.per_class.values()] == expected.sum(axis=1).tolist()
    assert report.nll == pytest.approx(metrics.log_loss(true, probabilities), rel=1e-5)


def test_a_small_report_by_hand():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.1, 0.3, 0.6]], np.float32)
    report = report_on(probabilities, np.array([0, 1, 1]), worst=5)
    assert report.confusion.tolist() == [[1, 0, 0], [1, 0, 1], [0, 0, 0]]
    assert report.accuracy == pytest.approx(1 / 3)
    assert (report.majority_label, report.majority_accuracy) == ("neutral", pytest.approx(2 / 3))
    assert report.per_class["neg"] == (0.5, 1.0, pytest.approx(2 / 3), 1)
    assert report.macro_f1 == pytest.approx(2 / 9)
    assert report.nll == pytest.approx(-np.log([0.7, 0.4, 0.3]).mean())
    assert report.ece == pytest.approx((abs(1 - 0.7) + 0.5 + 0.6) / 3)
    assert [(each.rows, each.confidence, each.accuracy) for each in report.calibration] == [
        (1, pytest.approx(0.5), 0.0),
        (1, pytest.approx(0.6), 0.0),
        (1, pytest.approx(0.7), 1.0),
    ]
    assert (report.calibration[2].low, report.calibration[2].high) == (10 / 15, 11 / 15)
    assert [(each.text, each.true, each.predicted, each.where) for each in report.worst] == [
        ("text 2", "neutral", "pos", "a.csv:3"),
        ("text 1", "neutral", "neg", "a.csv:2"),
    ]
    assert report.worst[0].probability == pytest.approx(0.6)


def test_batches_change_nothing():
    probabilities, true = answers(300)
    whole, parts = (
        report_on(probabilities, true, batch=batch, worst=7).as_dict() for batch in (300, 7)
    )
    assert parts.pop("nll") == pytest.approx(whole.pop("nll"))
    assert parts.pop("ece") == pytest.approx(whole.pop("ece"))
    for one, other in zip(parts.pop("calibration"), whole.pop("calibration"), strict=True):
        assert one == pytest.approx(other)
    assert parts == whole


def test_the_worst_are_the_surest_wrong_ones_the_earlier_first_of_equals():
    probabilities, true = answers(400)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = [i for i in range(400) if predicted[i] != true[i]]
    expected = sorted(wrong, key=lambda i: -confidence[i])[:10]
    found = report_on(probabilities, true, batch=33, worst=10).worst
    assert [mistake.where for mistake in found] == [f"a.csv:{i + 1}" for i in expected]
    same = report_on(
        np.repeat(probabilities[:1], 50, axis=0), np.full(50, -1) + 3, batch=8, worst=3
    )
    if predicted[0] != 2:
        assert [mistake.where for mistake in same.worst] == ["a.csv:1", "a.csv:2", "a.csv:3"]


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("rows", [1, 20])
def test_one_row_and_one_label_do_no_harm(rows, right):
    probabilities = np.tile(np.array([[0.1, 0.1, 0.8]], np.float32), (rows, 1))
    report = report_on(probabilities, np.full(rows, 2 if right else 0), worst=3)
    value = float(right)
    assert report.accuracy == report.macro_f1 == report.macro_precision == value
    low, high = report.accuracy_interval
    assert low <= value <= high < low + 1
    assert report.macro_f1_interval == (low, high)
    assert report.majority_accuracy == 1.0
    assert len(report.worst) == (0 if right else min(3, rows))
    lone = ReportBuilder(["only"])
    lone.add(np.ones((rows, 1), np.float32), np.zeros(rows, np.int64))
    assert (lone.report().accuracy, lone.report().nll, lone.report().ece) == (1.0, 0.0, 0.0)


def test_a_probability_of_zero_costs_much_but_not_infinity():
    report = report_on(np.array([[1, 0, 0]], np.float32), np.array([1]))
    assert 80 < report.nll < 100
    json.dumps(report.as_dict(), allow_nan=False)


def test_without_rows_there_is_no_report():
    builder = ReportBuilder(LABELS)
    builder.add(np.zeros((0, 3), np.float32), np.zeros(0, np.int64))
    with pytest.raises(DataError, match="no labelled texts"):
        builder.report()
    with pytest.raises(DataError, match="all 2 texts are blank"):
        builder.report(blank=2)


def test_intervals_are_those_of_resampled_rows():
    probabilities, true = answers(250)
    predicted = probabilities.argmax(axis=1)
    rng = np.random.default_rng(5)
    accuracies, scores = [], []
    for _ in range(2000):
        rows = rng.integers(0, 250, 250)
        accuracies.append((true[rows] == predicted[rows]).mean())
        each = [
            2 * ((true[rows] == k) & (predicted[rows] == k)).sum()
            / ((true[rows] == k).sum() + (predicted[rows] == k).sum())
            for k in range(3)
        ]  # fmt: skip
        scores.append(np.mean(each))
    report = report_on(probabilities, true)
    slowly = [np.percentile(values, [2.5, 97.5]) for values in (accuracies, scores)]
    assert report.accuracy_interval == pytest.approx(tuple(slowly[0]), abs=0.009)
    assert report.macro_f1_interval == pytest.approx(tuple(slowly[1]), abs=0.009)
    assert report.accuracy_interval[0] < report.accuracy < report.accuracy_interval[1]
    assert report_on(probabilities, true).accuracy_interval == report.accuracy_interval


def test_resamples_count_only_labels_that_occur():
    # A label without rows or answers has no F1; a resample may lack one that has few.
    confusion = np.array([[50, 0, 0], [0, 1, 0], [0, 0, 0]])
    accuracy, macro_f1 = bootstrap_intervals(confusion, np.random.default_rng(0))
    assert accuracy == macro_f1
    assert 0.9 < accuracy[0] < accuracy[1] == 1.0
    # Many cells are worked off in parts.
    many = np.full((600, 600), 1) + 600 * np.eye(600, dtype=int)
    (low, high), _ = bootstrap_intervals(many, np.random.default_rng(0), resamples=12)
    assert low < 601 / 1200 < high


def test_the_record_holds_every_figure():
    probabilities, true = answers(40)
    record = report_on(probabilities, true, worst=2).as_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert set(record) == {
        *("rows", "blank", "accuracy", "accuracy_interval", "majority_baseline"),
        *("macro_precision", "macro_recall", "macro_f1", "macro_f1_interval", "nll", "ece"),
        *("calibration", "per_class", "confusion", "worst"),
    }
    assert record["confusion"]["labels"] == list(LABELS)
    assert set(record["per_class"]["pos"]) == {"precision", "recall", "f1", "support"}
    assert set(record["worst"][0]) == {"text", "true", "predicted", "probability", "where"}


def test_all_answers_right_is_not_certainty():
    confusion = np.diag([20, 19])
    accuracy, f1 = bootstrap_intervals(confusion, np.random.default_rng(0))
    # Wilson's interval of 39 of 39, worked by hand.
    assert accuracy == pytest.approx((0.9103, 1.0), abs=1e-3)
    assert f1 == accuracy
