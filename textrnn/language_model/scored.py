"""What each part of a text cost a language model: tokens, and the characters, words and lines they make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from textrnn.decoding.protocol import Ids64
from textrnn.language_model.word_ends import stands_alone
from textrnn.tokenizers.base import EOS_ID, NUM_SPECIAL, UNK_ID, Tokenizer

__all__ = ["Part", "Span", "TokenSurprise", "characters", "lines", "pieces", "tokens", "words"]

_LONGEST_WORD = 1000
"""Characters after which a word is cut, so that memory stays bounded."""


@dataclass(frozen=True)
class Part:
    """A stretch of a text, token by token.

    Attributes:
        ids: (tokens,), int64.
        texts: What each stands for, as it stands in the text; empty for the first bytes of a character and
            for ``<bos>``, which a model that reads from the end predicts last.
        nats: What each cost, (tokens,), float32; NaN where nothing was predicted: the last token of a text
            that is read from its end.
        ranks: How many tokens were as probable or more so, (tokens,), int64, from 1; None where nobody
            asked.
        entropies: The expected cost before each, in nats, (tokens,), float32; None likewise.
        top_ids: The likeliest tokens there, the likeliest first, (tokens, top), int64.
        top_probs: Their probabilities, likewise, float32.
    """

    ids: Ids64
    texts: list[str]
    nats: npt.NDArray[np.float32]
    ranks: Ids64 | None
    entropies: npt.NDArray[np.float32] | None
    top_ids: Ids64
    top_probs: npt.NDArray[np.float32]


class TokenSurprise(NamedTuple):
    """What a token cost.

    Attributes:
        text: What it stands for in the text; empty where it is only a part of a character.
        piece: The token as a person may read it, escaped where it would not show.
        nats: Its surprise, -ln of its probability; None where nothing was predicted.
        probability: Its probability; None likewise.
        rank: How many tokens were as probable or more so, from 1; None likewise.
        entropy: The expected surprise before it was read, in nats; None likewise.
        is_known: Whether the model knows the token.
        start: Where its text begins: characters before it.
        line: Its line, from 1.
        column: Its place in the line, characters, from 1.
        alternatives: The likeliest tokens there, each with its probability.
    """

    text: str
    piece: str
    nats: float | None
    probability: float | None
    rank: int | None
    entropy: float | None
    is_known: bool
    start: int
    line: int
    column: int
    alternatives: tuple[tuple[str, float], ...]


class Span(NamedTuple):
    """What a character, a word or a line cost.

    Attributes:
        text: The text.
        nats: The sum of its characters' surprises; None where nothing of it was predicted.
        is_known: Whether the model knows all of its tokens.
        line: The line in which it begins, from 1.
        column: Its place in the line, characters, from 1.
    """

    text: str
    nats: float | None
    is_known: bool
    line: int
    column: int


Piece = tuple[str, float, bool]
"""A token's text, its surprise (NaN where nothing was predicted), and whether it is known."""


class _Place:
    """Counts lines and columns."""

    def __init__(self) -> None:
        self.start, self.line, self.column = 0, 1, 1

    def move(self, text: str) -> None:
        self.start += len(text)
        ends = text.count("\n")
        self.line += ends
        self.column = len(text) - text.rfind("\n") if ends else self.column + len(text)


def tokens(parts: Iterable[Part], tokenizer: Tokenizer) -> Iterator[TokenSurprise]:
    """Yield every token with its place."""
    place = _Place()
    shown = _Shown(tokenizer)
    for part in parts:
        nats = part.nats.tolist()
        ranks = [None] * len(nats) if part.ranks is None else part.ranks.tolist()
        entropies = [None] * len(nats) if part.entropies is None else part.entropies.tolist()
        top_ids, top_probs = part.top_ids.tolist(), part.top_probs.tolist()
        for row, (token, text, cost) in enumerate(
            zip(part.ids.tolist(), part.texts, nats, strict=True)
        ):
            is_predicted = not math.isnan(cost)
            yield TokenSurprise(
                text,
                shown.piece(token),
                cost if is_predicted else None,
                math.exp(-cost) if is_predicted else None,
                ranks[row] if is_predicted else None,
                entropies[row] if is_predicted else None,
                token != UNK_ID,
                *(place.start, place.line, place.column),
                tuple(zip(map(shown.text, top_ids[row]), top_probs[row], strict=True))
                if is_predicted
                else (),
            )
            place.move(text)


def pieces(parts: Iterable[Part]) -> Iterator[Piece]:
    """Yield every token's text and surprise."""
    for part in parts:
        known = (part.ids != UNK_ID).tolist()
        yield from zip(part.texts, part.nats.tolist(), known, strict=True)


def characters(found: Iterable[Piece]) -> Iterator[Span]:
    """Yield every character: a token's surprise is spread evenly over its characters.

    What a token without a text of its own cost (the first bytes of a character) counts for the next
    character.
    """
    line = column = 1
    held, held_known = 0.0, True
    for text, nats, is_known in found:
        if not text:
            held += 0.0 if math.isnan(nats) else nats
            held_known = held_known and is_known
            continue
        each: float | None = None if math.isnan(nats) else nats / len(text)
        for character in text:
            own = each if not held else held + (each or 0.0)
            yield Span(character, own, is_known and held_known, line, column)
            held, held_known = 0.0, True
            line, column = (line + 1, 1) if character == "\n" else (line, column + 1)


def words(found: Iterable[Piece]) -> Iterator[Span]:
    """Yield every word, with the white space before it; a line end is a word of its own.

    Words are parted by white space, as every tokenizer parts them, so that their sums are exact; an
    ideograph or a kana is one by itself.
    """
    begun: list[Span] = []
    is_blank = True
    for span in characters(found):
        is_space = span.text.isspace()
        is_alone = not is_space and stands_alone(span.text)
        if begun and not is_blank and (is_space or is_alone or len(begun) == _LONGEST_WORD):
            yield _joined(begun)
            begun, is_blank = [], True
        begun.append(span)
        is_blank = is_blank and is_space
        if span.text == "\n" or is_alone:
            yield _joined(begun)
            begun, is_blank = [], True
    if begun:
        yield _joined(begun)


def lines(found: Iterable[Piece]) -> Iterator[Span]:
    """Yield every line with its end, which the last one may lack.

    What a token without a text at the very end cost counts for the last line.
    """
    number = 1
    begun: list[str] = []
    spent, predicted, known = 0.0, False, True
    for text, nats, is_known in found:
        # In every tokenizer the end of a line is a token of its own, or the end of one.
        if not math.isnan(nats):
            spent, predicted = spent + nats, True
        known = known and is_known
        begun.append(text)
        if text.endswith("\n"):
            yield Span("".join(begun), spent if predicted else None, known, number, 1)
            number += 1
            begun, spent, predicted, known = [], 0.0, False, True
    if "".join(begun):
        yield Span("".join(begun), spent if predicted else None, known, number, 1)


def _joined(spans: list[Span]) -> Span:
    costs = [span.nats for span in spans if span.nats is not None]
    first = spans[0]
    return Span(
        "".join(span.text for span in spans),
        math.fsum(costs) if costs else None,
        all(span.is_known for span in spans),
        *(first.line, first.column),
    )


class _Shown:
    """The texts of ids as they are shown, each made once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._pieces: dict[int, str] = {}
        self._texts: dict[int, str] = {EOS_ID: "\n"}

    def piece(self, token: int) -> str:
        """Return a token as a person may read it."""
        if token not in self._pieces:
            self._pieces[token] = self._tokenizer.piece(token)
        return self._pieces[token]

    def text(self, token: int) -> str:
        """Return what a token stands for; its piece where that is no text."""
        if token not in self._texts:
            text = self._tokenizer.decode([token]) if token >= NUM_SPECIAL else ""
            self._texts[token] = self.piece(token) if not text or "\ufffd" in text else text
        return self._texts[token]
