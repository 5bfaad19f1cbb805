"""A classifier held against labelled texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from textrnn.classifier.report import Report, ReportBuilder
from textrnn.config import nearest
from textrnn.data.cleaning import clean
from textrnn.errors import DataError

if TYPE_CHECKING:
    from textrnn.classifier.predictor import Classifier
    from textrnn.data.labelled import Example

__all__ = ["evaluate_examples"]

_ROWS_AT_ONCE = 4096
_CHARACTERS_AT_ONCE = 1 << 24
_MOST_SHOWN = 20
_LONGEST_SHOWN = 80


def evaluate_examples(
    classifier: Classifier,
    examples: Iterable[Example],
    *,
    worst: int = 0,
) -> Report:
    """Answer every text and compare with its label.

    A blank text gets no answer from a classifier, so that there is none to judge: such rows are counted
    and left out of all figures.

    Args:
        classifier: The model.
        examples: Labelled texts, of which only a few thousand are held at a time.
        worst: How many of the most certain wrong answers to keep.

    Raises:
        DataError: a label that the model does not know, or no text that is not blank.
    """
    builder = ReportBuilder(classifier.labels, worst)
    numbers = {label: number for number, label in enumerate(classifier.labels)}
    blank = 0
    for chunk in _chunks(examples):
        for example in chunk:
            if example.label not in numbers:
                raise DataError(_unknown_label(example, classifier.labels))
        kept = [example for example in chunk if clean(example.text).strip()]
        if kept:
            texts = [example.text for example in kept]
            true = np.fromiter((numbers[example.label] for example in kept), np.int64, len(kept))
            places = [example.where for example in kept]
            builder.add(classifier.probabilities(texts), true, texts, places)
        blank += len(chunk) - len(kept)
    return builder.report(blank=blank)


def _chunks(examples: Iterable[Example]) -> Iterator[list[Example]]:
    """Yield as many examples at a time as are worth a batch, fewer where they are long."""
    chunk: list[Example] = []
    characters = 0
    for example in examples:
        chunk.append(example)
        characters += len(example.text)
        if len(chunk) >= _ROWS_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _unknown_label(example: Example, labels: tuple[str, ...]) -> str:
    # What is longer than a label ever is may be the text: it is not worth comparing as a whole.
    label = example.label[:_LONGEST_SHOWN]
    alike = next((known for known in labels if _is_alike(known, example.label)), None)
    hint = nearest(label, labels) if alike is None else f"; write it as {alike!r}"
    shown = ", ".join(map(repr, labels[:_MOST_SHOWN]))
    more = f" and {len(labels) - _MOST_SHOWN:,} more" if len(labels) > _MOST_SHOWN else ""
    dots = "..." if len(example.label) > len(label) else ""
    return (
        f"{example.where}: the model does not know the label {label!r}{dots}{hint} (its labels: "
        f"{shown}{more}; --label-column takes them from another column)"
    )


def _is_alike(known: str, label: str) -> bool:
    """Return whether labels differ only by case, surrounding blanks or the way of writing a number."""
    one, other = known.strip().casefold(), label.strip().casefold()
    if one == other:
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False
