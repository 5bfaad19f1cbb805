"""What is done before, when and while something else is done."""

from __future__ import annotations

from . import english, german
from .build import Builder
from .people import DOING, Pair, again, joined, person
from .phrases import pronoun
from .weather import BAD, GOOD, OTHER

__all__ = ["before", "when_it_was", "while_others"]

_LEAVING, _COMING = "gehen fahren einkaufen zurückkommen", "ankommen zurückkommen aufwachen"


def before(build: Builder) -> Pair:
    """One thing is done before, when or as soon as another."""
    word, said = build.deal(
        "before", (("bevor", "before"), ("wenn", "when"), ("sobald", "as soon as"))
    )
    subject = person(build)
    named_first = build.dice.chance(50)
    verbs = _LEAVING if word == "bevor" else _COMING
    one = build.clause(
        build.frame(verbs=verbs), "bare", subject=again(subject), extras=build.dice.chance(30)
    )
    if one.verb.infinitive == "aufwachen":
        one.parts = []
    two = build.clause(build.frame(verbs=DOING), "bare", subject=subject, extras=False)
    two.aspect = "will"
    if named_first:
        one.subject, two.subject = subject, again(subject)
        turned = german.main(two, "@").removeprefix("@ ")
        return f"{word} {german.subordinate(one)}, {turned}.", (
            f"{said} {english.statement(one)}, {english.statement(two)}."
        )
    return joined(german.main(two), word, german.subordinate(one)), (
        f"{english.statement(two)} {said} {english.statement(one)}."
    )


def when_it_was(build: Builder) -> Pair:
    """Something was going on when something else happened."""
    one = build.clause(
        build.frame(verbs="ankommen zurückkommen kommen aufwachen einsteigen aussteigen"),
        "bare",
        extras=build.dice.chance(30),
    )
    one.tense = "preterite"
    if one.verb.infinitive == "aufwachen":
        one.parts = []
    if build.dice.chance(35):
        written = build.deal("then", (*BAD, *GOOD, *OTHER[2:3], *OTHER[5:10]))
        told, said = written.main(past=True, turned=True), written.english(past=True)
    else:
        two = build.clause(build.frame(marks="n"), "bare", extras=build.dice.chance(40))
        two.tense, two.aspect = "preterite", "progressive"
        told, said = german.main(two, "@").removeprefix("@ "), english.statement(two)
    return f"als {german.subordinate(one)}, {told}.", f"when {english.statement(one)}, {said}."


def while_others(build: Builder) -> Pair:
    """Two do two things at one time."""
    past = build.dice.chance(40)
    clauses = []
    for _ in range(2):
        clause = build.clause(build.frame(marks="n"), "bare", extras=build.dice.chance(40))
        clause.tense, clause.aspect = ("preterite" if past else "present"), "progressive"
        clauses.append(clause)
    one, two = clauses
    if one.subject.de == two.subject.de:
        two.subject = pronoun("ich" if one.subject.person else "wir")
    if build.dice.chance(50):
        turned = german.main(two, "@").removeprefix("@ ")
        return f"während {german.subordinate(one)}, {turned}.", (
            f"while {english.statement(one)}, {english.statement(two)}."
        )
    return joined(german.main(two), "während", german.subordinate(one)), (
        f"{english.statement(two)} while {english.statement(one)}."
    )
