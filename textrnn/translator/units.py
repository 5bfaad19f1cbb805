"""Words of a text and the tokens that they are made of, so that people see words, never pieces."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from textrnn.tokenizers import Tokenizer, cut_words
from textrnn.tokenizers.base import UNK_ID
from textrnn.tokenizers.word import WordTokenizer

__all__ = ["Units", "copied", "source_units", "token_texts", "units_of"]

_UNKNOWN = "\ufffd"


class Units(NamedTuple):
    """A text's words.

    Attributes:
        words: Words and marks in order, without spaces.
        owners: The word to which each token belongs, (tokens,), int64, never falling.
    """

    words: list[str]
    owners: npt.NDArray[np.int64]


def source_units(tokenizer: Tokenizer, text: str, ids: npt.NDArray[np.integer]) -> Units:
    """Return the words of a text to translate.

    Args:
        tokenizer: The source's.
        text: What was encoded.
        ids: What the model reads of it, without ``<eos>``: all ids, or the first of them.
    """
    if isinstance(tokenizer, WordTokenizer):
        # Its unknown words stand in the text alone.
        pieces = [piece for piece in cut_words(text) if piece.strip()]
        counts = [len(tokenizer.encode(piece)) for piece in pieces]
        owners = np.repeat(np.arange(len(pieces)), counts)
        if len(owners) >= len(ids):
            return Units([piece.strip() for piece in pieces], owners[: len(ids)])
    return units_of(token_texts(tokenizer, ids))


def copied(
    texts: Sequence[str], ids: npt.NDArray[np.integer], substitutes: Sequence[str]
) -> list[str]:
    """Return what each token adds to a text, words from elsewhere in the place of unknown ones.

    Args:
        texts: As :func:`token_texts` returns them.
        ids: The tokens.
        substitutes: What to say at each ``<unk>``, as many as there are.
    """
    texts = list(texts)
    waiting = iter(substitutes)
    for place, token in enumerate(ids.tolist()):
        if token != UNK_ID:
            continue
        word = next(waiting)
        before = texts[place - 1] if place else ""
        # Such a token has lost the space before it; between two words there was one.
        parted = before[-1:].isspace() or texts[place][:1].isspace() or not place
        is_word = word[:1].isalnum()
        texts[place] = texts[place].replace(_UNKNOWN, word if parted or not is_word else f" {word}")
    return texts


def token_texts(tokenizer: Tokenizer, ids: npt.NDArray[np.integer]) -> list[str]:
    """Return what each token adds to the text; a character belongs to the token that completes it."""
    decoder = tokenizer.stream_decoder()
    texts = [decoder.feed(token) for token in ids.tolist()]
    if texts:
        texts[-1] += decoder.flush()
    return texts


def units_of(texts: Sequence[str]) -> Units:
    """Return the words of the text that tokens make up.

    Args:
        texts: What each token adds to it.
    """
    pieces = cut_words("".join(texts))
    ends: list[int] = []
    words: list[str] = []
    place = 0
    for piece in pieces:
        place += len(piece)
        if piece.strip():
            words.append(piece.strip())
            ends.append(place)
        elif ends:
            ends[-1] = place
    owners = np.zeros(len(texts), np.int64)
    place = 0
    for number, text in enumerate(texts):
        # A token's own spaces before its first letter may still be those of the word before.
        begin = place + len(text) - len(text.lstrip())
        owners[number] = min(bisect.bisect_right(ends, begin), max(0, len(words) - 1))
        place += len(text)
    return Units(words, owners)
