"""What guests and islanders say about the place: remarks that are kind, cross, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .dice import Dice
from .grammar import Context, Grammar
from .polish import polish

__all__ = ["write_remarks"]

_LINES = Path(__file__).parent / "remarks"
_WANTED = {"negative": 980, "neutral": 890, "positive": 1050}
_TOPICS = "ferry boats weather town inn food museum music".split()
_SHORTEST, _LONGEST = 3, 30


@dataclass(frozen=True)
class _Topic:
    """What a remark is about; rules are called after its key."""

    key: str


class _Remarks(Grammar):
    """Lines that may come again: a book avoids it, but here every one must serve many remarks."""

    def draw(self, rule: str, context: Context) -> str:
        """Returns one alternative of `rule`, whether or not it was heard before."""
        self._seen.clear()
        return super().draw(rule, context)


def _remark(grammar: Grammar, label: str, topic: str) -> str:
    return polish(grammar.draw(label, {"T": _Topic(topic)}))


def write_remarks(seed: int) -> str:
    """Returns a table `label<TAB>text` of remarks, each text once and in no order."""
    dice = Dice(seed)
    grammar = _Remarks(_LINES, dice)
    labels: dict[str, str] = {}
    for label, wanted in _WANTED.items():
        topics: list[str] = []
        aim = len(labels) + wanted
        while len(labels) < aim:
            topics = topics or dice.shuffled(_TOPICS)
            text = _remark(grammar, label, topics.pop())
            if _SHORTEST <= len(text.split()) <= _LONGEST:
                labels.setdefault(text, label)
    rows = [f"{label}\t{text}" for text, label in labels.items()]
    return "\n".join(["label\ttext", *dice.shuffled(rows)]) + "\n"
