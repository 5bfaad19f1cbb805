"""What a language model would write next: the most probable ends of the word that is being typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, overload

import numpy as np

from textrnn.decoding.protocol import StepModel
from textrnn.errors import UsageError
from textrnn.language_model.completion_search import Start, search
from textrnn.language_model.prompts import OnUnknown, UnknownText, start_ids, warn_of_unknown
from textrnn.language_model.word_ends import Vocabulary, typed_word
from textrnn.tokenizers import cut_words, substitute
from textrnn.tokenizers.base import Tokenizer
from textrnn.tokenizers.byte import ByteTokenizer
from textrnn.tokenizers.char import CharTokenizer

__all__ = ["MOST_STEPS", "MOST_SUGGESTIONS", "MOST_WORDS", "Completer", "Suggestion", "Suggestions"]

StateT = TypeVar("StateT")

MOST_SUGGESTIONS = 1000
MOST_WORDS = 8

MOST_STEPS = 2000
"""Beginnings that a search follows where nothing else is asked for."""

_KEPT = 1024
"""Positions of the last prompt whose states are kept."""

_UNIT = re.compile(r" ?[^ \n\r\t]*\Z")
"""The end of a text that tokens may spell otherwise once more is typed."""


class Suggestion(NamedTuple):
    """One way to go on.

    Attributes:
        text: What is added to the prompt.
        word: What stands there then: the word begun in the prompt, if any, and ``text``, without spaces
            around them.
        probability: That of this going on, and the word ending there, given the prompt.
    """

    text: str
    word: str
    probability: float


@dataclass(frozen=True)
class Suggestions(Sequence[Suggestion]):
    """The most probable ways to go on, the best first.

    Attributes:
        prompt: The prompt as it was given.
        best: The suggestions.
        unsearched: The probability of what the search did not follow to its end. No suggestion's
            probability is too large, and none lacks more than this.
    """

    prompt: str
    best: tuple[Suggestion, ...]
    unsearched: float

    def __len__(self) -> int:
        return len(self.best)

    @overload
    def __getitem__(self, index: int) -> Suggestion: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Suggestion]: ...
    def __getitem__(self, index: int | slice) -> Suggestion | Sequence[Suggestion]:
        return self.best[index]

    def __iter__(self) -> Iterator[Suggestion]:
        return iter(self.best)


class Completer(Generic[StateT]):
    """Completes prompts; what a prompt has in common with the one before it is read only once.

    Args:
        model: The language model in one-step form.
        tokenizer: Its tokenizer.
        is_lines: Whether every line is a text of its own.
    """

    def __init__(self, model: StepModel[StateT], tokenizer: Tokenizer, *, is_lines: bool) -> None:
        self._tokenizer = tokenizer
        self._model = model
        self._start = start_ids(tokenizer, is_lines=is_lines).tolist()
        self._vocabulary = Vocabulary(tokenizer, is_lines)
        self._reader = _Reader(model)

    def complete(
        self,
        prompt: str,
        n: int = 5,
        *,
        words: int = 1,
        most_steps: int = MOST_STEPS,
        on_unknown: OnUnknown = warn_of_unknown,
    ) -> Suggestions:
        """Return the most probable ways to go on to the end of a word.

        The word that the prompt ends in counts as the first one, also where it may be whole already. A way
        that ends its line before it has all words ends in a line end. With words and subwords the first
        tokens are those that spell the typed part of the word, however they are cut, and probabilities are
        shares among them.

        Args:
            prompt: The text so far; an empty one is the beginning of a line.
            n: How many ways, 1 to 1000; there may be fewer.
            words: How many words each ends, 1 to 8.
            most_steps: Most beginnings that the search follows: bounds its time.
            on_unknown: Is told what the model has never seen in the prompt; a warning by default.

        Raises:
            UsageError: a number is out of range.
        """
        _require("n", n, MOST_SUGGESTIONS)
        _require("words", words, MOST_WORDS)
        _require("most_steps", most_steps)
        head, rest = self._divide(prompt)
        used, unknown = substitute(self._tokenizer, head)
        if unknown:
            on_unknown(UnknownText(head, unknown, used))
        ids = [*self._start, *self._tokenizer.encode(used).tolist()]
        typed, mode = typed_word(prompt)
        found = search(
            self._model,
            self._reader.before_last(ids),
            Start(ids[-1], rest.encode("utf-8", "replace"), mode),
            self._vocabulary,
            n=n,
            words=words,
            most_steps=most_steps,
        )
        best = (
            Suggestion(text, (typed + text).strip(" "), mass) for text, mass in found.completions
        )
        return Suggestions(prompt, tuple(best), found.unsearched)

    def _divide(self, prompt: str) -> tuple[str, str]:
        """Divide a prompt into what is cut into tokens as it is, and what the next ones must spell."""
        if isinstance(self._tokenizer, (ByteTokenizer, CharTokenizer)):
            return prompt, ""
        text = self._tokenizer.normalized(prompt)
        if self._vocabulary.has_gaps:
            *before, last = cut_words(text) or [""]
            is_begun = bool(last.strip())
            return "".join(before), f" {last.strip()}" if is_begun else " "
        found = _UNIT.search(text)
        place = len(text) if found is None else found.start()
        return text[:place], text[place:]


def _require(name: str, value: int, most: int | None = None) -> None:
    """Refuse a number out of range."""
    if value < 1 or (most is not None and value > most):
        allowed = "at least 1" if most is None else f"1 to {most}"
        raise UsageError(f"{name} is {value}; it must be {allowed}")


class _Reader(Generic[StateT]):
    """Reads prompts, and remembers the states on the way through the last one.

    Args:
        model: What reads.
    """

    def __init__(self, model: StepModel[StateT]) -> None:
        self._model = model
        self._ids: list[int] = []
        self._states: dict[int, Any] = {}

    def before_last(self, ids: list[int]) -> StateT:
        """Return the state before the last of some ids, at least one."""
        common = 0
        for mine, theirs in zip(self._ids, ids, strict=False):
            if mine != theirs:
                break
            common += 1
        # A state before an id depends on the ids before that one alone.
        last = len(ids) - 1
        kept = {place: state for place, state in self._states.items() if place <= min(common, last)}
        place = max(kept, default=0)
        state: StateT = kept[place] if kept else self._model.start(1)
        kept[place] = state
        for token in ids[place:last]:
            state = self._model.advance(np.array([token], np.int64), state)
            place += 1
            kept[place] = state
            kept.pop(place - _KEPT, None)
        self._ids, self._states = list(ids), kept
        return state
