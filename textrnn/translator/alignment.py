"""Which words of the source a translation looked at, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from textrnn.tokenizers import Tokenizer
from textrnn.tokenizers.base import UNK_ID
from textrnn.translator.units import copied, source_units, token_texts, units_of

__all__ = ["Alignment", "aligned", "said"]

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.integer]


class Alignment(NamedTuple):
    """A translation and its source, word by word.

    Attributes:
        source: The source's words and marks.
        target: The translation's.
        weights: How much of the attention each word of the translation paid to each word of the source,
            (target words, source words), from 0 to 1; a row sums to 1 less what went to the source's end.
    """

    source: list[str]
    target: list[str]
    weights: Floats

    @property
    def links(self) -> list[int | None]:
        """For each word of the translation the source word that it looked at most, by its number."""
        if not self.source:
            return [None] * len(self.target)
        best: list[int | None] = self.weights.argmax(axis=1).tolist()
        return best


def said(
    tokenizers: tuple[Tokenizer, Tokenizer], text: str, src: Ids, tgt: Ids, weights: Floats | None
) -> list[str]:
    """Return what each token of a translation adds to it.

    Each unknown word is replaced by the source word it looked at most. Luong et al. (2015, "Addressing the
    rare word problem", section 3) copy so what no vocabulary holds, names above all.

    Args:
        tokenizers: The source's and the target's.
        text: The source.
        src: Its tokens as the model read them, ``<eos>`` last.
        tgt: The translation's tokens, without ``<eos>``.
        weights: The tokens' attention, (at least target tokens, at least source tokens); None leaves unknown
            words as they are.
    """
    texts = token_texts(tokenizers[1], tgt)
    unknown = np.flatnonzero(tgt == UNK_ID).tolist()
    if weights is None or not unknown:
        return texts
    source = source_units(tokenizers[0], text, src[:-1])
    words = []
    for place in unknown:
        looked = weights[place, : len(src) - 1]
        known = len(looked) and len(source.words)
        words.append(source.words[source.owners[int(looked.argmax())]] if known else "")
    return copied(texts, tgt, words)


def aligned(
    tokenizer: Tokenizer, text: str, src: Ids, texts: Sequence[str], weights: Floats
) -> Alignment:
    """Sum up the attention of tokens to that of words.

    A word's attention is the mean of its tokens'; what its tokens are paid is summed up.

    Args:
        tokenizer: The source's.
        text: The source.
        src: Its tokens as the model read them, ``<eos>`` last.
        texts: As :func:`said` returns them.
        weights: The tokens' attention, (at least target tokens, at least source tokens).
    """
    source, target = source_units(tokenizer, text, src[:-1]), units_of(texts)
    shares = np.zeros((len(target.words), len(source.words)), np.float32)
    if shares.size:
        by_word = np.zeros((len(source.words), len(texts)), np.float32)
        np.add.at(by_word, source.owners, weights[: len(texts), : len(src) - 1].T)
        np.add.at(shares, target.owners, by_word.T)
        shares /= np.bincount(target.owners, minlength=len(target.words)).clip(1)[:, None]
    return Alignment(source.words, target.words, shares)
