"""Sentences of one clause: told, denied, asked, ordered."""

from __future__ import annotations

from . import english, german
from .build import MODES, Builder
from .clauses import Clause, Part, adverb, obj
from .frames import Frame
from .phrases import Phrase, pronoun

__all__ = ["command", "denied", "modal", "plain", "question", "yes_or_no"]

Pair = tuple[str, str]

_AT_ONCE = (
    "morgen/tomorrow|heute Abend/this evening|jetzt/now|sofort/at once|morgen früh/tomorrow morning"
)
_AT_ONCE = _AT_ONCE.split("|")
_IMPERATIVE = (
    "zumachen aufmachen kaufen holen bringen geben zeigen schicken helfen warten besuchen einladen "
    "abholen anrufen lesen schreiben suchen reparieren tragen essen trinken kommen gehen aufstehen "
    "bleiben aufräumen anziehen mitnehmen bezahlen vergessen füttern putzen waschen packen"
)


def _mode(build: Builder, frame: Frame, modes: list[str]) -> str:
    fitting = [mode for mode in modes if build.fits(frame, mode)]
    return build.dice.pick(fitting)


def plain(build: Builder) -> Pair:
    """Somebody does something."""
    frame = build.frame()
    clause = build.clause(frame, _mode(build, frame, MODES[:-2]))
    if build.dice.chance(7):
        clause.parts.append(build.perhaps())
    return german.main(clause, build.front(clause)) + ".", english.statement(clause) + "."


def denied(build: Builder) -> Pair:
    """Somebody does not do something."""
    frame = build.frame(without="einschlafen hören finden zurückkommen")
    mode = _mode(build, frame, "past past plain future now mid mid".split())
    clause = build.clause(frame, mode, negative=True, extras=False)
    return german.main(clause, build.front(clause)) + ".", english.statement(clause) + "."


def modal(build: Builder) -> Pair:
    """Somebody can, must, may, wants to do something."""
    modes = ["modal", "modal", "modal_past"]
    frame = build.frame(marks="")
    while not build.fits(frame, "modal"):
        frame = build.frame(marks="")
    negative = build.dice.chance(25)
    clause = build.clause(frame, _mode(build, frame, modes), negative=negative, extras=not negative)
    return german.main(clause, build.front(clause)) + ".", english.statement(clause) + "."


def _asked(build: Builder) -> Phrase | None:
    key = build.dice.pick(("du", "du", "Sie", "ihr", "wir", "", "", "sie", "er"))
    return pronoun(key) if key else None


def yes_or_no(build: Builder) -> Pair:
    """A question for yes or no."""
    frame = build.frame()
    mode = _mode(build, frame, "past past plain future future habit now modal modal".split())
    subject = _asked(build) if frame.subjects[0] == "person" else None
    clause = build.clause(frame, mode, subject=subject, negative=build.dice.chance(8))
    clause.modal = clause.modal.replace("sollen", "können")
    if clause.subject.en[0] == "you":
        clause.modal = clause.modal.replace("dürfen", "können")
    return german.question(clause) + "?", english.question(clause) + "?"


def _without(clause: Clause, *roles: str) -> bool:
    kept = [part for part in clause.parts if part.role not in roles]
    found = len(kept) < len(clause.parts)
    clause.parts = kept
    return found


_ASKED_FOR = {
    "wann": ("when", ("time",)),
    "wo": ("where", ("place",)),
    "wohin": ("where", ("goal",)),
    "was": ("what", ("acc_definite", "acc_indefinite")),
    "wem": ("whom", ("dat", "dat_pronoun")),
    "warum": ("why", ()),
    "mit wem": ("with whom", ("companion",)),
}


def question(build: Builder) -> Pair:
    """A question with a question word."""
    word = build.deal("question", [*"wann wo wohin was was wem warum wer wer".split(), "mit wem"])
    if word == "wer":
        return _who(build)
    said, roles = _ASKED_FOR[word]
    while True:
        frame = build.frame()
        modes = "past past future modal plain" + " now habit" * (word != "wann")
        mode = _mode(build, frame, modes.split())
        subject = _asked(build) if frame.subjects[0] == "person" else None
        clause = build.clause(frame, mode, subject=subject)
        aimed = word != "wohin" or frame.complements == ("goal",)
        fits = word != "was" or frame.complements[-1:] != ("a:person",)
        if aimed and fits and (not roles or _without(clause, *roles)):
            break
    if word == "wann":
        clause.gladly = False
    if word == "wem" and len(frame.complements) > 1:
        said = "to whom"
    clause.modal = clause.modal.replace("dürfen", "können")
    return german.question(clause, word) + "?", english.question(clause, said) + "?"


def _who(build: Builder) -> Pair:
    frame = build.frame()
    while frame.subjects[0] != "person":
        frame = build.frame()
    mode = _mode(build, frame, "past past future now habit modal plain".split())
    who = Phrase(("wer", "", "", "sich"), ("who", ""), 2, "definite", "m")
    clause = build.clause(frame, mode, subject=who)
    return german.main(clause) + "?", english.statement(clause) + "?"


def _command(clause: Clause, how: str) -> str:
    verb = clause.verb
    stem = verb.base[:-2] if verb.base.endswith("en") else verb.base[:-1]
    e_to_i = verb.changed and not set("äö") & set(verb.changed)
    if how == "Sie":
        finite = f"{verb.base} Sie"
    elif how == "ihr":
        finite = stem + ("et" if stem.endswith(("t", "d")) else "t")
    elif e_to_i:
        finite = verb.changed
    else:
        finite = stem + ("e" if stem.endswith(("t", "d", "er")) else "")
    please = Part("sentence", "bitte", "")
    clause.parts.append(please)
    middle = german.infinitive(clause).rsplit(" ", 1 if verb.prefix else 2)[0]
    return " ".join(part for part in (finite, middle, verb.prefix) if part) + "!"


def command(build: Builder) -> Pair:
    """Somebody is asked to do something."""
    frame = build.frame(verbs=_IMPERATIVE)
    how = build.deal("command", ("du", "du", "Sie", "ihr"))
    while True:
        clause = build.clause(frame, "bare", subject=pronoun(how), extras=build.dice.chance(40))
        if not any(part.en in ("you", "with you", "for you") for part in clause.parts):
            break
    clause.negative = build.dice.chance(20) and not any(
        part.role == "acc_indefinite" for part in clause.parts
    )
    if frame.verb.infinitive == "vergessen":
        clause.negative = True
        clause.parts = [obj("acc", build.phrase(build.noun("small", "ticket"), "the"))]
    if build.dice.chance(30):
        clause.parts.append(adverb("time", build.deal("at once", _AT_ONCE)))
    said = english.infinitive(clause).removeprefix("not ").removeprefix("to ")
    return _command(clause, how), f"please {'do not ' * clause.negative}{said}!"
