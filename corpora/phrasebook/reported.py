"""What people say, hope and wonder."""

from __future__ import annotations

from . import english, german
from .build import Builder
from .clauses import Clause
from .people import Pair
from .verbs import VERBS, german_forms
from .weather import BAD, GOOD, OTHER

__all__ = ["that", "whether"]

_FACTS = (
    ("es ist schade", "it is a pity"),
    ("es ist schön", "it is nice"),
    ("es stimmt", "it is true"),
    ("ich bin froh", "I am glad"),
    ("wir haben gehört", "we have heard"),
    ("es tut mir leid", "I am sorry"),
)


def _any_clause(build: Builder, modes: str) -> Clause:
    fitting: list[str] = []
    while not fitting:
        frame = build.frame(without="einschlafen folgen")
        fitting = [mode for mode in modes.split() if build.fits(frame, mode)]
    negative = build.dice.chance(12)
    return build.clause(
        frame, build.dice.pick(fitting), negative=negative, extras=build.dice.chance(35)
    )


def that(build: Builder) -> Pair:
    """Somebody says, thinks, hopes that something is so."""
    sort = build.deal("that", "glauben sagen wissen hoffen fact fact".split())
    modes = "future future" if sort == "hoffen" else "past plain future now modal mid"
    if sort == "fact":
        opening, said = build.deal("facts", _FACTS)
    else:
        who = build.who(pronouns=60)
        verb = VERBS[sort]
        opening = f"{who.de[0]} {german_forms(verb, 'present', who.person)}"
        base = "think" if sort == "glauben" else verb.en
        said = f"{who.en[0]} {base + 's' if who.en_person == 2 else base}"
    if build.dice.chance(25) and sort != "hoffen":
        written = build.deal("written", (*BAD, *GOOD, *OTHER))
        return f"{opening}, dass {written.subordinate()}.", f"{said} that {written.english()}."
    clause = _any_clause(build, modes)
    return f"{opening}, dass {german.subordinate(clause)}.", (
        f"{said} that {english.statement(clause)}."
    )


_WONDER = (
    ("weißt du", "do you know", "?"),
    ("wissen Sie", "do you know", "?"),
    ("ich weiß nicht", "I do not know", "."),
    ("niemand weiß", "nobody knows", "."),
    ("können Sie mir sagen", "can you tell me", "?"),
    ("meine Schwester fragt", "my sister asks", "."),
    ("kannst du mir sagen", "can you tell me", "?"),
)
_WONDERED = {
    "ob": ("whether", ()),
    "wann": ("when", ("time",)),
    "wo": ("where", ("place",)),
    "wohin": ("where", ("goal",)),
    "was": ("what", ("acc_definite", "acc_indefinite")),
    "warum": ("why", ()),
}


def whether(build: Builder) -> Pair:
    """Somebody asks something indirectly."""
    opening, said, mark = build.deal("wonder", _WONDER)
    word = build.deal("wondered", "ob ob ob wann wo wohin was warum".split())
    english_word, roles = _WONDERED[word]
    if word == "ob" and build.dice.chance(30):
        written = build.deal("written", (*BAD, *GOOD, *OTHER))
        return f"{opening}, ob {written.subordinate()}{mark}", (
            f"{said} whether {written.english()}{mark}"
        )
    while True:
        clause = _any_clause(build, "past plain future modal" + " now" * (word != "wann"))
        kept = [part for part in clause.parts if part.role not in roles]
        person = word == "was" and clause.verb.infinitive in (
            "besuchen einladen abholen anrufen treffen sehen".split()
        )
        movement = word != "wohin" or clause.verb.infinitive not in ("kommen", "zurückkommen")
        if not person and movement and (not roles or len(kept) < len(clause.parts)):
            break
    clause.parts = kept
    if roles:
        clause.negative = False
    return f"{opening}, {word} {german.subordinate(clause)}{mark}", (
        f"{said} {english_word} {english.statement(clause)}{mark}"
    )
