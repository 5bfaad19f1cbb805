"""From prompts to requests, and from pieces to whole texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from textrnn.decoding.text import Piece, Request
from textrnn.language_model.prompts import OnUnknown, UnknownText
from textrnn.tokenizers import substitute
from textrnn.tokenizers.base import Ids, Tokenizer

__all__ = ["Completion", "Prompts", "requests"]


class Completion(NamedTuple):
    """A whole text.

    Attributes:
        prompt: The prompt, which the text does not repeat.
        text: What was generated.
        finish: Why it ends: ``stop`` (a stop string), ``end`` (the model ended it) or ``length``.
    """

    prompt: str
    text: str
    finish: str


class Prompts:
    """Prompts on their way to a model, each kept until its last text is whole.

    Args:
        prompts: The prompts.
        num: Texts for each.
    """

    def __init__(self, prompts: Iterable[str], num: int) -> None:
        self._prompts = prompts
        self._num = num
        self._given: dict[int, str] = {}

    def __iter__(self) -> Iterator[str]:
        for number, prompt in enumerate(self._prompts):
            self._given[number] = prompt
            yield prompt

    def completions(self, pieces: Iterable[Piece]) -> Iterator[Completion]:
        """Yield whole texts, in the order of their pieces."""
        parts: list[str] = []
        for piece in pieces:
            parts.append(piece.text)
            if piece.finish:
                is_last = piece.sample + 1 == self._num
                prompt = self._given.pop(piece.prompt) if is_last else self._given[piece.prompt]
                yield Completion(prompt, "".join(parts), piece.finish)
                parts.clear()


def requests(
    tokenizer: Tokenizer, prompts: Iterable[str], num: int, start: Ids, on_unknown: OnUnknown
) -> Iterator[Request]:
    """Yield a request for each text of each prompt.

    Args:
        tokenizer: Turns prompts into ids.
        prompts: The prompts.
        num: Texts for each.
        start: What is read before each.
        on_unknown: Is told what the model has never seen in one.
    """
    for number, prompt in enumerate(prompts):
        text, unknown = substitute(tokenizer, prompt)
        if unknown:
            on_unknown(UnknownText(prompt, unknown, text))
        ids = np.concatenate((start, tokenizer.encode(text)))
        yield from (Request(number, sample, ids, prompt) for sample in range(num))
