"""A classifier's answers as they are read from the result of an evaluation."""

import json

import pytest

from textrnn.errors import DataError
from textrnn.experiments.answers import parse_answers

BIN = {"low": 0.6, "high": 0.8, "rows": 4, "confidence": 0.7, "accuracy": 0.75}
RESULT = {
    "accuracy": 0.75,
    "ece": 0.05,
    "confusion": {"labels": ["a", "b", "c"], "matrix": [[2, 1, 0], [0, 1, 0], [0, 0, 0]]},
    "calibration": [BIN],
    "more": None,
}


def test_a_result_is_read():
    answers = parse_answers(json.dumps(RESULT), "r.json")
    assert answers.rows == 4
    assert answers.shares() == [[2 / 3, 1 / 3, 0], [0, 1, 0], [0, 0, 0]]
    assert (answers.bins[0].rows, answers.bins[0].accuracy) == (4, 0.75)


@pytest.mark.parametrize(
    "change",
    [
        {"confusion": None},
        {"confusion": {"labels": [], "matrix": []}},
        {"confusion": {"labels": ["a"], "matrix": [[1, 2]]}},
        {"confusion": {"labels": ["a", "b"], "matrix": [[1, 2]]}},
        {"confusion": {"labels": ["a"], "matrix": [[0]]}},
        {"confusion": {"labels": ["a", "b"], "matrix": [[3, -1], [0, 0]]}},
        {"calibration": [{**BIN, "accuracy": 2}]},
        {"calibration": [{**BIN, "low": "x"}]},
        {"calibration": 3},
        {"accuracy": None},
    ],
    ids=str,
)
def test_what_is_no_result_is_refused(change: dict):
    with pytest.raises(DataError, match=r"r\.json: not what textrnn evaluate --json prints"):
        parse_answers(json.dumps({**RESULT, **change}), "r.json")


@pytest.mark.parametrize("text", ["", "[]", "{", "3", "[" * 100_000])
def test_what_is_no_object_is_refused(text: str):
    with pytest.raises(DataError):
        parse_answers(text, "r.json")
