"""Which words moved a decision: each is left out in turn, and the label's probability read again.

The method is occlusion (Zeiler and Fergus 2014, section 4.3, on parts of images; Li et al. 2016,
"Understanding Neural Networks through Representation Erasure", on words). It asks nothing of a network
but its answers, so that it shows what the model does, not what it might have meant; words that say the
same thing twice hide each other.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textrnn.classifier.predictor import Classifier

__all__ = ["METHOD", "MOST_SPANS", "Explanation", "WordEffect", "explain"]

METHOD = "occlusion"

MOST_SPANS = 128
"""Parts of a text that are left out in turn; in a text of more words they are runs of neighbours."""

_VARIANTS_AT_ONCE = 2048
_WORD = re.compile(r"\S+")
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)

Span = tuple[int, int]


@dataclass(frozen=True)
class WordEffect:
    """What a word, or a run of words, did to the decision.

    Attributes:
        word: The run of non-space, or the stretch of text where several are taken together.
        start: Where it begins in the text, in characters from 0.
        end: Where it ends, exclusive.
        effect: By how much the label's probability falls where it is left out, from -1 to 1; above 0 it
            speaks for the label, below 0 against it.
    """

    word: str
    start: int
    end: int
    effect: float


@dataclass(frozen=True)
class Explanation:
    """What the words of a text did to its label.

    Attributes:
        label: The most probable label, whose probability the effects are about.
        words: The words that the model read, in the order of the text. Of a text that is longer than the
            model reads, those that were cut off are not among them.
        method: ``occlusion``.
    """

    label: str
    words: tuple[WordEffect, ...]
    method: str = METHOD


def explain(classifier: Classifier, texts: Sequence[str]) -> list[Explanation | None]:
    """Explain the label of each text; a text takes as long as up to 129 texts do to classify.

    Args:
        classifier: The model.
        texts: The texts.

    Returns:
        An explanation for each text, None for one without words.
    """
    explanations: list[Explanation | None] = []
    held: list[tuple[str, list[Span]]] = []
    count = 0
    for text in texts:
        spans = _spans(classifier, text)
        held.append((text, spans))
        count += len(spans) + 1
        if count >= _VARIANTS_AT_ONCE:
            explanations += _explained(classifier, held)
            held, count = [], 0
    return explanations + _explained(classifier, held)


def _explained(
    classifier: Classifier, texts: Sequence[tuple[str, list[Span]]]
) -> list[Explanation | None]:
    variants = [
        variant for text, spans in texts if spans for variant in _variants(classifier, text, spans)
    ]
    rows = classifier.probabilities(variants)
    at = 0
    explanations: list[Explanation | None] = []
    for text, spans in texts:
        if not spans:
            explanations.append(None)
            continue
        own = rows[at : at + 1 + len(spans)]
        at += len(own)
        best = int(own[0].argmax())
        effects = (own[0, best] - own[1:, best]).tolist()
        words = (
            WordEffect(text[low:high], low, high, effect)
            for (low, high), effect in zip(spans, effects, strict=True)
        )
        explanations.append(Explanation(classifier.labels[best], tuple(words)))
    return explanations


def _variants(classifier: Classifier, text: str, spans: Sequence[Span]) -> Iterator[str]:
    """Yield the text, then what is read of it without each span."""
    yield text
    ranges = classifier.read_ranges(len(text))
    for start, end in spans:
        # Two words never grow together, nor do two spaces stay where a word was.
        is_free = start == 0 or text[start - 1].isspace()
        after = end + 1 if is_free and text[end : end + 1] == " " else end
        yield "\n".join(
            text[low:start] + text[after:high] if low <= start < high else text[low:high]
            for low, high in ranges
        )


def _spans(classifier: Classifier, text: str) -> list[Span]:
    """Return the parts of a text to leave out in turn."""
    parts = _read_words(classifier, text)
    total = sum(map(len, parts))
    if total <= MOST_SPANS:
        return [word for words in parts for word in words]
    counts = [max(1, MOST_SPANS * len(words) // total) for words in parts]
    return [
        span for words, count in zip(parts, counts, strict=True) for span in _merged(words, count)
    ]


def _merged(words: Sequence[Span], count: int) -> Iterator[Span]:
    """Yield ``count`` runs of neighbouring words, as even as can be."""
    bounds = [len(words) * number // count for number in range(count + 1)]
    for first, after in itertools.pairwise(bounds):
        yield words[first][0], words[after - 1][1]


def _read_words(classifier: Classifier, text: str) -> list[list[Span]]:
    """Return the words that the model reads: all in one list, or those of the head and of the tail."""
    parts = []
    for low, high in classifier.read_ranges(len(text)):
        plain = _LINE_BREAK_TAG.sub(lambda tag: " " * len(tag[0]), text[low:high])
        parts.append([(low + word.start(), low + word.end()) for word in _WORD.finditer(plain)])
    words = [span for part in parts for span in part]
    counts = [classifier.tokens(" " + text[low:high]) for low, high in words]
    head, tail = classifier.read_tokens
    if sum(counts) <= head + tail:
        return [part for part in parts if part]
    first, last = _fitting(counts, head), _fitting(counts[::-1], tail)
    if first + last >= len(words):
        return [words]
    return [part for part in (words[:first], words[len(words) - last :]) if part]


def _fitting(counts: Sequence[int], room: int) -> int:
    """Return how many words are read, at least in part, where there is room for ``room`` tokens."""
    sums = itertools.accumulate(counts, initial=0)
    return sum(1 for before in itertools.islice(sums, len(counts)) if before < room)
