"""What a translator gives back."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.translator.alignment import Alignment

__all__ = ["CutText", "PairScore", "ScoredText", "Translation"]


@dataclass(frozen=True)
class ScoredText:
    """One translation of a text.

    Attributes:
        text: It.
        score: Its log-probability over ((5 + tokens) / 6) ** length_penalty, ``<eos>`` counted.
        log_prob: The log-probability of its tokens and of its end, in nats.
    """

    text: str
    score: float
    log_prob: float


@dataclass(frozen=True)
class Translation:
    """What a translator makes of a text.

    Attributes:
        source: The text as it was given.
        translation: The best translation; empty for a blank text.
        score: The best one's score; None for a blank text.
        hypotheses: The ``n_best`` translations, the best first, no two alike; there may be fewer. Where they
            were drawn at random, so are those of so many draws.
        alignment: Which words of the source the best one looked at; None where nobody asked, and for a
            blank text.
        is_ended: Whether the best one was ended at the greatest length, and may be incomplete.
    """

    source: str
    translation: str
    score: float | None
    hypotheses: tuple[ScoredText, ...]
    alignment: Alignment | None = None
    is_ended: bool = False


@dataclass(frozen=True)
class PairScore:
    """How probable a given translation is.

    Attributes:
        score: As that of :class:`ScoredText`.
        log_prob: The log-probability of its tokens and of its end, in nats.
        tokens: How many tokens that are, the end included.
    """

    score: float
    log_prob: float
    tokens: int


@dataclass(frozen=True)
class CutText:
    """A text that is longer than what the model reads.

    Attributes:
        number: Its place among the texts, from 0.
        tokens: Its tokens.
        read: How many of them, from the first, are read.
    """

    number: int
    tokens: int
    read: int

    def told(self, before: int = 0) -> str:
        """Return what to tell a person.

        Args:
            before: How many texts came before these.
        """
        return (
            f"text {before + self.number + 1:,} has {self.tokens:,} tokens; the model reads the first "
            f"{self.read:,}, the most of a side in training"
        )
