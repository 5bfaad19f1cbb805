"""Puts the sentence pairs of `phrases.tsv` together."""

from __future__ import annotations

from skerrow.dice import Dice

from . import aims, known, meantime, reasons, reported, simple, telling
from .build import Builder

__all__ = ["write_phrases"]

_SHORTEST, _LONGEST = 3, 20
_TRIES = 40

# How many sentences of each kind are wanted.
_KINDS = (
    (simple.plain, 720),
    (simple.denied, 210),
    (simple.modal, 290),
    (simple.yes_or_no, 190),
    (simple.question, 210),
    (simple.command, 105),
    (telling.quality, 90),
    (telling.compared, 65),
    (telling.trade, 65),
    (telling.there_is, 80),
    (telling.counted, 130),
    (telling.moved, 125),
    (reasons.because_of_weather, 190),
    (reasons.because, 130),
    (reasons.but, 60),
    (reported.that, 140),
    (reported.whether, 110),
    (meantime.before, 115),
    (meantime.when_it_was, 90),
    (meantime.while_others, 65),
    (known.who_does, 105),
    (known.what_was_done, 100),
    (known.where_they_live, 50),
    (aims.in_order_to, 85),
    (aims.to_do, 90),
    (aims.passive, 100),
)


def _finished(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _fits(pair: tuple[str, str]) -> bool:
    return all(_SHORTEST <= len(side.split()) <= _LONGEST for side in pair)


def write_phrases(seed: int) -> str:
    """Returns German and English sentences, `de<TAB>en`, in no order and each German one once."""
    dice = Dice(seed)
    build = Builder(dice)
    pairs: dict[str, str] = {}
    for write, wanted in _KINDS:
        for _ in range(wanted):
            for _ in range(_TRIES):
                build.start()
                german, english = (_finished(side) for side in write(build))
                if german not in pairs and _fits((german, english)):
                    pairs[german] = english
                    break
    rows = [f"{german}\t{english}" for german, english in pairs.items()]
    return "\n".join(["de\ten", *dice.shuffled(rows)]) + "\n"
