"""Predictions on a terminal: coloured labels, bars of probability, the words that moved a decision."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from textrnn.classifier.explanation import Explanation
from textrnn.classifier.predictor import UNSURE
from textrnn.cli.console import may_colour, printable
from textrnn.cli.labels_display import Answer, Form, strongest

__all__ = ["LabelsTable"]

_PALETTE = ("cyan", "magenta", "yellow", "green", "blue", "red")
_BAR = 10
_WITH_BARS = 60
"""Columns from which on there is room for bars."""
_LONGEST_LABEL = 24
_CLEAR, _STRONG = 0.15, 0.5
"""Shares of the greatest effect from which on a word is marked, and marked boldly."""
_GAP = 40
"""Characters between two words from which on something was left out, rather than a space or a tag."""


class LabelsTable:
    """Prints answers as rows, in the width that the terminal has.

    Args:
        form: What is shown. Each label of the model gets a colour; those that are shown besides the answer
            get rows below the text's.
    """

    def __init__(self, form: Form) -> None:
        self._console = Console(
            file=sys.stdout,
            markup=False,
            highlight=False,
            emoji=False,
            no_color=not may_colour(sys.stdout),
        )
        self._form = form
        self._colours = {label: _PALETTE[i % len(_PALETTE)] for i, label in enumerate(form.labels)}
        longest = max(map(len, (*map(self._shown, form.labels), UNSURE)))
        self._label_width = min(longest, _LONGEST_LABEL, max(4, self._console.width // 3))

    def print(self, answers: Sequence[Answer]) -> None:
        """Print answers, each on one row and, where asked for, more below it."""
        for answer in answers:
            for line in self._lines(answer):
                self._console.print(line, no_wrap=True, overflow="ellipsis", crop=True)

    def _lines(self, answer: Answer) -> Iterator[Text]:
        prediction, name, explanation, kept = answer
        label = prediction.label
        text = prediction.text if name is None else name
        # No more than can stand in the row is looked at: a text may be huge.
        head = " ".join(text[: 4 * self._console.width].split())
        row = self._row(label, prediction.probability)
        row.append("  ")
        for value in kept:
            row.append(self._shown(" ".join((value or "-")[: self._console.width].split())), "dim")
            row.append("  ")
        yield row.append(self._shown(head))
        for other, probability in self._form.ranked(prediction):
            yield Text("  ") + self._row(other, probability)
        if explanation is not None:
            yield from self._explained(explanation)

    def _row(self, label: str | None, probability: float | None) -> Text:
        """Return label, bar and probability."""
        name = Text(self._shown(label) if label is not None else "-")
        name.stylize(f"bold {self._colours[label]}" if label in self._colours else "dim")
        name.truncate(self._label_width, overflow="ellipsis", pad=True)
        row = Text.assemble(name, "  ")
        share = probability or 0.0
        if self._console.width >= _WITH_BARS:
            filled = round(share * _BAR)
            row.append(
                self._shown("━" * filled, "#" * filled), self._colours.get(label or "", "dim")
            )
            row.append(" " * (_BAR - filled) + "  ")
        return row.append(f"{share:6.1%}" if probability is not None else " " * 6)

    def _explained(self, explanation: Explanation) -> Iterator[Text]:
        """Return the text with its words marked, then the strongest ones with their figures."""
        greatest = max((abs(word.effect) for word in explanation.words), default=0.0)
        marked = Text()
        end = 0
        for word in explanation.words:
            if marked or word.start >= _GAP:
                marked.append(" " if word.start - end < _GAP else self._shown(" … ", " ... "))
            style = _style(word.effect, greatest)
            marked.append(self._shown(" ".join(word.word.split())), style)
            end = word.end
        for line in marked.wrap(self._console, max(10, self._console.width - 4)):
            line.rstrip()
            yield Text("    ") + line
        found = [
            f"{word.effect:+.3f} {' '.join(word.word.split())}" for word in strongest(explanation)
        ]
        if found:
            yield Text("    " + self._shown("; ".join(found)), style="dim")

    def _shown(self, text: str, instead: str | None = None) -> str:
        """Return a text as the terminal can show it: no control characters, ``?`` for what it lacks."""
        encoding = self._console.encoding or "utf-8"
        plain = printable(text, keep="")
        try:
            if instead is not None:
                plain.encode(encoding)
            return plain.encode(encoding, "replace").decode(encoding)
        except (LookupError, UnicodeEncodeError):
            return plain if instead is None else instead


def _style(effect: float, greatest: float) -> str:
    """Return how a word is marked: green and bold speaks for the label, red and underlined against it."""
    share = abs(effect) / greatest if greatest > 0 else 0.0
    if share < _CLEAR:
        return ""
    if effect < 0:
        return "bold underline red" if share >= _STRONG else "underline red"
    return "bold green" if share >= _STRONG else "green"
