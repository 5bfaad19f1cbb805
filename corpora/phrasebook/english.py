"""Says a clause in English: the same order always, and `do` where it is wanted."""

from __future__ import annotations

from .clauses import Clause
from .verbs import MODALS, be, third

__all__ = ["infinitive", "question", "statement"]

_BEFORE_TIME = "prep goal companion manner place".split()


def _agrees(base: str, person: int) -> str:
    return third(base) if person == 2 else base


def _modal(clause: Clause, action: str) -> tuple[str, str, str]:
    modal, person = MODALS[clause.modal], clause.subject.en_person
    past = clause.tense == "preterite"
    said = {
        (False, False): modal.now,
        (False, True): modal.now_not,
        (True, False): modal.then,
        (True, True): modal.then_not,
    }[past, clause.negative]
    first, _, more = said.removesuffix(" not").replace("cannot", "can").partition(" ")
    if first == "be":
        return be(person, past=past), f"{more} {action}", ""
    if first in ("have", "want"):
        finite = {"have": "had", "want": "wanted"}[first] if past else _agrees(first, person)
        return "", f"{finite} {more} {action}", f"{first} {more} {action}"
    more = more.removeprefix("not").strip()
    return first, f"{more} {action}".strip(), ""


def _verb(clause: Clause) -> tuple[str, str, str]:
    """Returns an auxiliary and what follows it; or, without one, the finite verb and its base."""
    verb, person = clause.verb, clause.subject.en_person
    past = clause.tense != "present"
    if clause.modal:
        return _modal(clause, verb.en)
    if clause.passive:
        return be(person, past=past), verb.en_participle, ""
    if clause.aspect == "progressive":
        return be(person, past=past), verb.en_ing, ""
    if clause.aspect == "since":
        return _agrees("have", person), f"been {verb.en_ing}", ""
    if clause.aspect == "perfect":
        return _agrees("have", person), verb.en_participle, ""
    if clause.aspect == "will":
        return "will", verb.en, ""
    if verb.en == "be":
        return be(person, past=past), "", ""
    if clause.gladly:
        return "", f"{_agrees('like', person)} to {verb.en}", f"like to {verb.en}"
    return "", verb.en_past if past else _agrees(verb.en, person), verb.en


def _support(clause: Clause) -> str:
    if clause.tense != "present":
        return "did"
    return _agrees("do", clause.subject.en_person)


def _tail(clause: Clause) -> str:
    """Returns everything after the verb."""
    found = {part.role: part.en for part in clause.parts if part.en}
    direct = [
        found[role] for role in ("acc_pronoun", "acc_definite", "acc_indefinite") if role in found
    ]
    particle = clause.verb.particle
    words = [found[role] for role in ("dat_pronoun", "dat") if role in found]
    split = particle == "along" or (particle in ("up", "on") and "acc_pronoun" in found)
    words += [*direct, particle] if split else [particle, *direct]
    if "predicate" in found:
        words.append(found["predicate"])
    words += [found[role] for role in _BEFORE_TIME if role in found]
    words += [found[role] for role in ("time", "end") if role in found]
    return " ".join(word for word in words if word)


def _adverbs(clause: Clause, role: str) -> str:
    return " ".join(part.en for part in clause.parts if part.role == role)


def _joined(*words: str) -> str:
    return " ".join(word for word in words if word).replace("can not", "cannot")


def statement(clause: Clause) -> str:
    """Returns the clause as English says it, in main and subordinate clauses alike."""
    aux, rest, base = _verb(clause)
    mid = _adverbs(clause, "mid")
    if clause.negative and not aux:
        aux, rest = _support(clause), base
    words = [aux, "not" if clause.negative else "", mid, rest] if aux else [mid, rest]
    opening = _adverbs(clause, "sentence")
    return _joined(opening, clause.subject.en[0], *words, _tail(clause))


def question(clause: Clause, word: str = "") -> str:
    """Returns a question, with the question word `word` or none."""
    aux, rest, base = _verb(clause)
    if not aux:
        aux, rest = _support(clause), base
    subject = clause.subject.en[0]
    denied = "not" if clause.negative else ""
    mid = _adverbs(clause, "mid")
    return _joined(word, aux, subject, denied, mid, rest, _tail(clause))


def infinitive(clause: Clause) -> str:
    """Returns the clause without its subject, as an infinitive with `to`."""
    return _joined("not" if clause.negative else "", "to", clause.verb.en, _tail(clause))
