"""Predictions in their three forms: rows of TSV, objects of JSON, a table for a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from textrnn.cli.console import tsv_field

if TYPE_CHECKING:
    from textrnn.classifier.explanation import Explanation, WordEffect
    from textrnn.classifier.predictor import Prediction

__all__ = ["Answer", "json_lines", "strongest", "tsv_header", "tsv_lines"]

MOST_WORDS = 5
"""Words that TSV and the table name, of those that an explanation holds."""

LEAST_EFFECT = 0.0005
"""What rounds to less is not worth naming."""


class Answer(NamedTuple):
    """What is said of one text.

    Attributes:
        prediction: The label.
        name: The file that is the text; None where the text is a line or a row.
        explanation: The words that moved the decision; None where nobody asked or there are none.
    """

    prediction: Prediction
    name: str | None = None
    explanation: Explanation | None = None


def tsv_header(labels: Sequence[str], *, proba: bool, explain: bool, whole: bool) -> str:
    """Return the line that names the columns of :func:`tsv_lines`.

    Args:
        labels: The model's labels.
        proba: Whether there is a column for each of them.
        explain: Whether there is one for the words that moved the decision.
        whole: Whether texts are files.
    """
    names = ["label", "probability", "file" if whole else "text"]
    names += [f"p_{label}" for label in labels] if proba else []
    names += ["words"] if explain else []
    return _row(names)


def tsv_lines(
    answers: Sequence[Answer], labels: Sequence[str], *, proba: bool, explain: bool
) -> str:
    """Return a row for each answer: label, probability, text, and the further columns asked for.

    A blank text has empty fields for what is not known of it.
    """
    rows = []
    for prediction, name, explanation in answers:
        fields = [
            prediction.label or "",
            _number(prediction.probability),
            prediction.text if name is None else name,
        ]
        if proba:
            fields += [_number(prediction.probabilities.get(label)) for label in labels]
        if explain:
            words = strongest(explanation) if explanation is not None else []
            fields.append("; ".join(f"{word.effect:+.3f} {word.word}" for word in words))
        rows.append(_row(fields))
    return "".join(rows)


def json_lines(answers: Sequence[Answer], *, explain: bool) -> str:
    """Return an object of JSON for each answer, on a line of its own."""
    lines = []
    for prediction, name, explanation in answers:
        is_blank = prediction.label is None
        probabilities = {label: round(p, 7) for label, p in prediction.probabilities.items()}
        record: dict[str, Any] = {
            "label": prediction.label,
            "probability": None if is_blank else round(prediction.probability or 0.0, 7),
            "probabilities": None if is_blank else probabilities,
        }
        record |= {"text": prediction.text} if name is None else {"file": name}
        if explain:
            record["explanation"] = None if explanation is None else _explained(explanation)
        lines.append(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
    return "".join(lines)


def strongest(explanation: Explanation) -> list[WordEffect]:
    """Return the few words with the greatest effects, the greatest first."""
    ranked = sorted(explanation.words, key=lambda word: -abs(word.effect))
    return [word for word in ranked[:MOST_WORDS] if abs(word.effect) >= LEAST_EFFECT]


def _explained(explanation: Explanation) -> dict[str, Any]:
    words = [
        {"word": w.word, "start": w.start, "end": w.end, "effect": round(w.effect, 7)}
        for w in explanation.words
    ]
    return {"method": explanation.method, "label": explanation.label, "words": words}


def _row(fields: Sequence[str]) -> str:
    return "\t".join(map(tsv_field, fields)) + "\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
