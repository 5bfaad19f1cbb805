"""The search for the most probable ends of a word: continuations of a prompt, the likeliest looked at first.

Every continuation of a prompt ends in exactly one completion: the text up to the end of so many words, or to
the end of the line where that comes first. Its probability is the sum, over all rows of tokens that spell it
and then end it, of the product of their probabilities. The search follows beginnings in the order of theirs
(best first: what continues a beginning is never more probable than it), a few at a time in one call of the
model, and adds up what it finds. What it leaves out it counts: so much, and no more, may be missing from the
completions that it names, or belong to others.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from textrnn.decoding.protocol import Ids64, Logits, StepModel
from textrnn.language_model.word_ends import Mode, Vocabulary, finish, walk

__all__ = ["Found", "Start", "search"]

StateT = TypeVar("StateT")
Masses = npt.NDArray[np.float64]

_ROWS = 24
"""Beginnings that go through the model at a time."""
_MOST_CHILDREN = 256
"""Tokens that one beginning is followed by, at most; of a constrained one, those looked at singly."""
_MOST_AGREEING = 1024
_LONGEST = 200
"""Characters of a completion."""
_TYPED_URGENCY = 1000.0
_APOSTROPHE_URGENCY = 100.0
"""What is still being typed again decides the share of everything else, and what an apostrophe ends belongs
to a completion already found: both are looked at before more probable things."""


class Start(NamedTuple):
    """Where a search begins.

    Attributes:
        token: The last id that is read before anything is asked.
        rest: UTF-8 that is typed already and that the first tokens must spell.
        mode: Where the typed text's end stands.
    """

    token: int
    rest: bytes
    mode: Mode


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        completions: The most probable completions, the best first, each with its probability, of which not
            more than ``unsearched`` is missing.
        unsearched: The probability of all that was not followed to its end.
    """

    completions: list[tuple[str, float]]
    unsearched: float


class _Node(NamedTuple):
    """A beginning, its last token not yet read.

    Attributes:
        mass: Its probability.
        source: The batch that its state before the last token is a row of.
        row: Which row.
        token: The last token.
        text: What it adds to the prompt, in whole characters.
        mode: Where the text's end stands.
        left: How many words are still to end.
        rest: What is typed already and not yet spelt.
        partial: The first bytes of a character.
    """

    mass: float
    source: Any
    row: int
    token: int
    text: str
    mode: Mode
    left: int
    rest: bytes
    partial: bytes


def search(
    model: StepModel[StateT],
    state: StateT,
    start: Start,
    vocabulary: Vocabulary,
    *,
    n: int,
    words: int,
    most_steps: int,
) -> Found:
    """Look for the most probable completions.

    It ends when no beginning that is left is as probable as the n-th best completion, or ``most_steps``
    beginnings have been followed.

    Args:
        model: What says which tokens may follow.
        state: Its state before ``start.token``, one row.
        start: Where to begin.
        vocabulary: The tokens.
        n: How many completions.
        words: How many words each is to end, the one begun counted.
        most_steps: Most beginnings to follow.
    """
    running = _Search(model, vocabulary, n)
    running.push(_Node(1.0, state, 0, start.token, "", start.mode, words, start.rest, b""))
    running.run(most_steps)
    return running.result(is_typed=bool(start.rest))


@dataclass
class _Search(Generic[StateT]):
    """A search under way.

    Attributes:
        found: Probability by completion, as far as it was found.
        typed: The probability of all that spells what is typed.
        untyped: The probability of the beginnings that agree with it and do not yet spell all of it.
    """

    model: StepModel[StateT]
    vocabulary: Vocabulary
    n: int
    found: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    typed: float = 0.0
    untyped: float = 0.0
    bar: float = 0.0
    heap: list[tuple[float, int, _Node]] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def push(self, node: _Node) -> None:
        """Put a beginning on the heap."""
        urgency = 1.0
        if node.rest:
            urgency = _TYPED_URGENCY
            self.untyped += node.mass
        elif node.mode is Mode.APOSTROPHE:
            urgency = _APOSTROPHE_URGENCY
        heapq.heappush(self.heap, (-node.mass * urgency, next(self.numbers), node))

    def run(self, most_steps: int) -> None:
        """Follow beginnings until no more of them matter."""
        steps = 0
        while self.heap and -self.heap[0][0] > self.bar and steps < most_steps:
            nodes: list[_Node] = []
            room = min(_ROWS, most_steps - steps)
            while self.heap and len(nodes) < room and -self.heap[0][0] > self.bar:
                nodes.append(heapq.heappop(self.heap)[2])
            steps += len(nodes)
            self._follow(nodes)
            if len(self.found) >= self.n:
                self.bar = heapq.nlargest(self.n, self.found.values())[-1]

    def result(self, *, is_typed: bool) -> Found:
        """Return what was found, as shares of what spells the typed text."""
        # With what might yet spell it in the denominator no share is too large.
        whole = self.typed + self.untyped if is_typed else 1.0
        if whole <= 0.0:
            return Found([], 1.0)
        best = heapq.nsmallest(self.n, self.found.items(), key=lambda item: (-item[1], item[0]))
        told = sum(self.found.values()) / whole
        return Found([(text, mass / whole) for text, mass in best], max(0.0, 1.0 - told))

    def _follow(self, nodes: list[_Node]) -> None:
        """Read the last token of some beginnings and put what may follow them on the heap."""
        nodes.sort(key=lambda node: id(node.source))
        state: Any = None
        for _, group in itertools.groupby(nodes, key=lambda node: id(node.source)):
            same = list(group)
            rows = np.array([node.row for node in same], np.int64)
            part = self.model.reorder(same[0].source, rows)
            state = part if state is None else self.model.join(state, part)
        tokens = np.array([node.token for node in nodes], np.int64)
        logits, after = self.model.step(tokens, state)
        for row, (node, masses) in enumerate(zip(nodes, _probabilities(logits), strict=True)):
            masses *= node.mass
            if node.rest:
                self.untyped -= node.mass
                self._spell(node, masses, after, row)
            elif node.partial:
                for token in np.flatnonzero(masses > self.bar).tolist():
                    self._add_bytes(node, token, masses[token], b"", after, row)
            else:
                self._extend(node, masses, after, row)

    def _extend(self, node: _Node, masses: Masses, after: StateT, row: int) -> None:
        """Add everything that may follow a beginning."""
        effects = self.vocabulary.effects(node.mode, node.left)
        ending = effects.group >= 0
        by_cut = np.bincount(effects.group[ending], masses[ending], len(effects.cuts))
        for place in np.flatnonzero(by_cut > self.bar / 1000):
            cut, added = effects.cuts[place]
            self.found[node.text[: len(node.text) - cut] + added] += float(by_cut[place])
        if len(node.text) >= _LONGEST:
            return
        going = masses[effects.going]
        bars = np.where(effects.modes == Mode.APOSTROPHE, self.bar / _APOSTROPHE_URGENCY, self.bar)
        kept = _largest(going, bars, _MOST_CHILDREN)
        for place in kept.tolist():
            token = int(effects.going[place])
            text, partial = self.vocabulary.texts[token], b""
            if not text:
                partial = self.vocabulary.contents[token]
            mode, left = Mode(effects.modes[place]), int(effects.left[place])
            words = node.text + text
            self.push(
                _Node(float(going[place]), after, row, token, words, mode, left, b"", partial)
            )

    def _spell(self, node: _Node, masses: Masses, after: StateT, row: int) -> None:
        """Add what may follow a beginning and agrees with what is typed."""
        short, whole = self.vocabulary.agreeing(node.rest)
        for token in short.tolist():
            rest = node.rest[len(self.vocabulary.contents[token]) :]
            child = node._replace(
                mass=float(masses[token]), source=after, row=row, token=token, rest=rest
            )
            if child.mass > 0.0:
                self.push(child)
        self.typed += float(masses[whole].sum())
        for place in _largest(masses[whole], 0.0, _MOST_AGREEING).tolist():
            token = int(whole[place])
            self._add_bytes(node, token, masses[token], node.rest, after, row)

    def _add_bytes(
        self, node: _Node, token: int, mass: float, typed: bytes, after: StateT, row: int
    ) -> None:
        """Add one token, of whose bytes the first are typed already."""
        content = node.partial + self.vocabulary.contents[token][len(typed) :]
        text, partial = _whole_characters(content)
        if partial is None or (node.partial and not content[len(node.partial) :]):
            return
        done = walk(text, node.mode)
        cut = finish(text, done, node.left)
        if cut is not None:
            self.found[node.text[: len(node.text) - cut.cut] + cut.added] += float(mass)
            return
        words, left = node.text + text, node.left - len(done.ends)
        self.push(_Node(float(mass), after, row, token, words, done.mode, left, b"", partial))


def _largest(masses: Masses, above: float | Masses, most: int) -> Ids64:
    """Return the places of the largest masses, at most so many, all of them above their bounds."""
    places: Ids64 = np.flatnonzero(masses > above)
    if len(places) > most:
        places = places[np.argpartition(-masses[places], most)[:most]]
    return places


def _probabilities(logits: Logits) -> Masses:
    """Return the probabilities of logits, (rows, vocab_size)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    each = np.exp(shifted, dtype=np.float32).astype(np.float64)
    probabilities: Masses = each / each.sum(axis=1, keepdims=True)
    return probabilities


def _whole_characters(content: bytes) -> tuple[str, bytes | None]:
    """Return the characters of bytes and the first bytes of one more; None for what is no UTF-8."""
    try:
        return content.decode(), b""
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return "", None
        return content[: error.start].decode(), content[error.start :]
