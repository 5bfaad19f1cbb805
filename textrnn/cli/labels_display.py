"""Predictions in their three forms: rows of TSV, objects of JSON, a table for a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from textrnn.cli.console import tsv_field

if TYPE_CHECKING:
    from textrnn.classifier.explanation import Explanation, WordEffect
    from textrnn.classifier.predictor import Prediction

__all__ = ["Answer", "Form", "json_lines", "strongest", "tsv_header", "tsv_lines"]

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
        kept: What stood beside the text in the columns that are to be kept.
    """

    prediction: Prediction
    name: str | None = None
    explanation: Explanation | None = None
    kept: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Form:
    """What is shown of answers.

    Attributes:
        labels: The model's labels.
        proba: Whether all of them are shown with their probabilities.
        top: How many of the most probable are; 0 for none but the answer.
        explain: Whether the words that moved the decision are.
        kept: The names of the columns that are kept.
    """

    labels: Sequence[str]
    proba: bool = False
    top: int = 0
    explain: bool = False
    kept: Sequence[str] = ()

    def ranked(self, prediction: Prediction) -> list[tuple[str, float]]:
        """Return the labels to be shown below the answer with their probabilities, the highest first."""
        most = len(self.labels) if self.proba else self.top
        found = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
        return found[:most]


def tsv_header(form: Form, *, whole: bool) -> str:
    """Return the line that names the columns of :func:`tsv_lines`.

    A kept column that is called as another one is ``input_…``.

    Args:
        form: What is shown.
        whole: Whether texts are files.
    """
    names = ["label", "probability", "file" if whole else "text"]
    names += [f"input_{name}" if name in names else name for name in form.kept]
    names += [f"p_{label}" for label in form.labels] if form.proba else []
    for rank in range(1, min(form.top, len(form.labels)) + 1):
        names += [f"label_{rank}", f"probability_{rank}"]
    names += ["words"] if form.explain else []
    return _row(names)


def tsv_lines(answers: Sequence[Answer], form: Form) -> str:
    """Return a row for each answer: label, probability, text, and the further columns asked for.

    A blank text has empty fields for what is not known of it.
    """
    rows = []
    for prediction, name, explanation, kept in answers:
        fields = [
            prediction.label or "",
            _number(prediction.probability),
            prediction.text if name is None else name,
            *(value or "" for value in kept),
        ]
        if form.proba:
            fields += [_number(prediction.probabilities.get(label)) for label in form.labels]
        if form.top:
            ranked = [
                field for label, p in form.ranked(prediction) for field in (label, _number(p))
            ]
            fields += ranked or [""] * 2 * min(form.top, len(form.labels))
        if form.explain:
            words = strongest(explanation) if explanation is not None else []
            fields.append("; ".join(f"{word.effect:+.3f} {word.word}" for word in words))
        rows.append(_row(fields))
    return "".join(rows)


def json_lines(answers: Sequence[Answer], form: Form) -> str:
    """Return an object of JSON for each answer, on a line of its own."""
    lines = []
    for prediction, name, explanation, kept in answers:
        is_blank = prediction.label is None
        probabilities = {label: round(p, 7) for label, p in prediction.probabilities.items()}
        record: dict[str, Any] = {
            "label": prediction.label,
            "probability": None if is_blank else round(prediction.probability or 0.0, 7),
            "probabilities": None if is_blank else probabilities,
        }
        if form.top:
            del record["probabilities"]
            top = [
                {"label": label, "probability": round(p, 7)} for label, p in form.ranked(prediction)
            ]
            record["top"] = None if is_blank else top
        record |= {"text": prediction.text} if name is None else {"file": name}
        if form.kept:
            record["columns"] = dict(zip(form.kept, kept, strict=True))
        if form.explain:
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
