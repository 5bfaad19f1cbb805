"""From the tokens that a network said to the texts that people read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from textrnn.data.pair_rows import one_line
from textrnn.decoding.beam import Hypothesis
from textrnn.decoding.candidates import NEVER
from textrnn.tokenizers import Tokenizer, WordTokenizer
from textrnn.tokenizers.base import UNK_ID
from textrnn.translator.alignment import aligned, said
from textrnn.translator.protocol import Engine, Source
from textrnn.translator.translations import ScoredText, Translation

__all__ = ["Wording", "never_said"]


def never_said(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Return the ids that no translation holds, of the target's tokenizer.

    What is unknown can be copied where it is a word; no other token stands for one.
    """
    return NEVER if isinstance(tokenizer, WordTokenizer) else (*NEVER, UNK_ID)


class Wording:
    """Puts what was found into words; unknown ones are copied from where the network looked.

    Args:
        tokenizers: The source's and the target's.
        engine: What found it.
    """

    def __init__(self, tokenizers: tuple[Tokenizer, Tokenizer], engine: Engine) -> None:
        self._tokenizers = tokenizers
        self._engine = engine

    def told(
        self,
        sources: Sequence[Source],
        found: Sequence[Sequence[Hypothesis]],
        *,
        is_aligned: bool,
    ) -> list[Translation]:
        """Return what was found in words, and what was looked at where that is wanted.

        Args:
            sources: They.
            found: The hypotheses of each, the best first, at least one.
            is_aligned: Whether to tell which words the best one looked at.
        """
        looked = self._looked(sources, found, is_aligned=is_aligned)
        told = []
        for number, (source, hypotheses) in enumerate(zip(sources, found, strict=True)):
            weights = [looked.get((number, rank)) for rank in range(len(hypotheses))]
            words = [
                said(self._tokenizers, source.text, source.ids, each.ids, seen)
                for each, seen in zip(hypotheses, weights, strict=True)
            ]
            scored = tuple(
                ScoredText(one_line("".join(texts)), each.score, each.log_prob)
                for texts, each in zip(words, hypotheses, strict=True)
            )
            alignment = None
            if is_aligned and weights[0] is not None:
                src = self._tokenizers[0]
                alignment = aligned(src, source.text, source.ids, words[0], weights[0])
            best = scored[0]
            told.append(Translation(source.text, best.text, best.score, scored, alignment))
        return told

    def _looked(
        self,
        sources: Sequence[Source],
        found: Sequence[Sequence[Hypothesis]],
        *,
        is_aligned: bool,
    ) -> dict[tuple[int, int], npt.NDArray[np.float32]]:
        """Return the attention of hypotheses by their source's number and their own, where it is needed."""
        needed = [
            (number, rank)
            for number, hypotheses in enumerate(found)
            for rank, each in enumerate(hypotheses)
            if (is_aligned and not rank) or UNK_ID in each.ids
        ]
        pairs = [(sources[number].ids, found[number][rank].ids) for number, rank in needed]
        read = self._engine.forced(pairs, attention=True)
        return {
            place: each.weights
            for place, each in zip(needed, read, strict=True)
            if each.weights is not None
        }
