"""What a clause means, before either language says it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .phrases import Phrase
from .verbs import Verb

__all__ = ["Clause", "Part", "adverb", "obj", "predicate", "prep"]

_CONTRACTED = {
    "in dem": "im",
    "in das": "ins",
    "an dem": "am",
    "an das": "ans",
    "zu dem": "zum",
    "zu der": "zur",
    "von dem": "vom",
    "bei dem": "beim",
}


@dataclass(frozen=True)
class Part:
    """One thing said beside subject and verb.

    Attributes:
        role: What it is to the verb; each language has its own place for each role.
        de: The German words.
        en: The English words, possibly none.
        kein: Whether the German words negate the clause themselves.
    """

    role: str
    de: str
    en: str
    kein: bool = False


@dataclass
class Clause:
    """One clause.

    Attributes:
        subject: Who or what.
        verb: What they do.
        parts: Everything else, in any order.
        tense: The German tense: `present`, `perfect` or `preterite`.
        aspect: What English makes of it: `simple`, `progressive`, `since` (has been doing),
            `perfect` (has done) or `will`.
        modal: The infinitive of a German modal verb, or nothing.
        negative: Whether it is denied.
        passive: Whether it is done to the subject.
        gladly: Whether the German says `gern`, which is a verb in English.
    """

    subject: Phrase
    verb: Verb
    parts: list[Part] = field(default_factory=list)
    tense: str = "present"
    aspect: str = "simple"
    modal: str = ""
    negative: bool = False
    passive: bool = False
    gladly: bool = False


def adverb(role: str, pair: str) -> Part:
    """Returns an adverb of a role from `German/English`."""
    german, _, english = pair.partition("/")
    return Part(role, german, english)


def obj(case: str, phrase: Phrase) -> Part:
    """Returns an object without a preposition."""
    where = "definite" if phrase.sort == "definite" else phrase.sort
    role = f"{case}_{where}" if case == "acc" or where == "pronoun" else case
    return Part(role, phrase.case(case), phrase.en[1], phrase.kein)


def prep(role: str, words: str, phrase: Phrase) -> Part:
    """Returns a phrase with a preposition: `words` is `German:case/English`."""
    german, _, english = words.partition("/")
    german, _, case = german.partition(":")
    said = f"{german} {phrase.case(case)}"
    for long, short in _CONTRACTED.items():
        if said.startswith(long + " "):
            said = short + said[len(long) :]
    return Part(role, said, f"{english} {phrase.en[1]}".strip(), phrase.kein)


def predicate(pair: str) -> Part:
    """Returns what somebody or something is, from `German/English`."""
    return adverb("predicate", pair)
