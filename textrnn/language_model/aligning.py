"""Tokens beside the text that they were cut from, both as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textrnn.decoding.protocol import Ids64
from textrnn.tokenizers import cut_words
from textrnn.tokenizers.base import UNK_ID, Tokenizer
from textrnn.tokenizers.char import CharTokenizer
from textrnn.tokenizers.word import WordTokenizer

__all__ = ["Aligner"]

_MOST_EACH = 2048
"""Characters of a word, at most, and what must follow to tell where it ends."""


class Aligner:
    """Tells what text each token stands for.

    Where the tokenizer loses nothing that is the text itself, also where the model does not know it. Else
    it is what the tokens are decoded to.

    Args:
        tokenizer: What cuts the text.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._decoder = tokenizer.stream_decoder()
        self._is_char = isinstance(tokenizer, CharTokenizer)
        self._keeps = self._is_char or (
            isinstance(tokenizer, WordTokenizer) and tokenizer.is_lossless
        )
        self._text = ""
        self._place = 0

    def watched(self, chunks: Iterable[str]) -> Iterator[str]:
        """Pass on a text on its way to the tokenizer, and remember what is not accounted for."""
        for chunk in chunks:
            if self._keeps:
                done = min(self._place, len(self._text))
                self._text = self._text[done:] + chunk
                self._place -= done
            yield chunk

    def texts(self, ids: Ids64, waiting: Iterator[str] | None = None) -> list[str]:
        """Return the texts of the next tokens; empty for what is only a part of a character.

        Args:
            ids: The tokens, (tokens,).
            waiting: The watched text where it is not on its way to the tokenizer: drawn from as needed.
        """
        if not self._keeps:
            return [self._decoder.feed(token) for token in ids.tolist()]
        if self._is_char:
            self._draw(waiting, len(ids))
            begin, self._place = self._place, self._place + len(ids)
            return list(self._text[begin : self._place])
        texts = []
        for token in ids.tolist():
            text = self._unknown(waiting) if token == UNK_ID else self._decoder.feed(token)
            self._place += len(text)
            texts.append(text)
        return texts

    def _unknown(self, waiting: Iterator[str] | None) -> str:
        """Return the unknown word, which is a piece of its own, at the present place."""
        self._draw(waiting, _MOST_EACH)
        return cut_words(self._text[self._place : self._place + _MOST_EACH])[0]

    def _draw(self, waiting: Iterator[str] | None, most: int) -> None:
        """Read on until so many characters are at hand, or all there are."""
        while waiting is not None and len(self._text) - self._place < most:
            if next(waiting, None) is None:
                return
