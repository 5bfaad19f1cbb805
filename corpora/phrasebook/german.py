"""Says a clause in German: verb second, verb last, and everything else where it belongs."""

from __future__ import annotations

from .clauses import Clause, Part
from .verbs import german_forms

__all__ = ["infinitive", "main", "question", "subordinate"]

# The order between the two halves of the verb. `nicht` stands after what is known and before
# what is new, so definite objects go before it and goals after it.
_ORDER = (
    "reflexive acc_pronoun dat_pronoun sentence time dat acc_definite mid NICHT companion manner "
    "place acc_indefinite prep goal predicate"
).split()
_LIGHT = ("reflexive", "acc_pronoun", "dat_pronoun")
# Where something is denied, the time comes close to the `nicht`.
_DENIED = [role for role in _ORDER if role != "time"]
_DENIED.insert(_DENIED.index("mid"), "time")


def _parts(clause: Clause, without: Part | None = None) -> list[Part]:
    parts = [part for part in clause.parts if part is not without and part.de]
    if clause.verb.reflexive:
        parts.append(Part("reflexive", clause.subject.case("refl"), ""))
    if clause.gladly:
        parts.append(Part("mid", "gern", ""))
    if clause.negative and not any(part.kein for part in clause.parts):
        parts.append(Part("NICHT", "nicht", ""))
    order = _DENIED if clause.negative else _ORDER
    return sorted(parts, key=lambda part: order.index(part.role))


def _middle(clause: Clause) -> list[str]:
    return [part.de for part in _parts(clause)]


def _subject_and_middle(clause: Clause, without: Part | None = None) -> list[str]:
    """Returns subject and middle; short pronouns go before a subject that is not one."""
    parts = _parts(clause, without)
    subject = clause.subject
    first = [part.de for part in parts if part.role in _LIGHT] if subject.sort != "pronoun" else []
    rest = [part.de for part in parts if not first or part.role not in _LIGHT]
    return [*first, subject.case("nom"), *rest]


def _verb(clause: Clause) -> tuple[str, str, str]:
    """Returns the finite verb, the prefix it leaves behind, and the rest of the verb."""
    verb, person = clause.verb, clause.subject.person
    past = "preterite" if clause.tense == "preterite" else "present"
    if clause.modal:
        return german_forms(clause.modal, past, person), "", verb.infinitive
    if clause.passive:
        return german_forms("werden", past, person), "", verb.participle
    if clause.tense == "perfect":
        return german_forms(verb.aux, "present", person), "", verb.participle
    if clause.tense == "future":
        return german_forms("werden", "present", person), "", verb.infinitive
    return german_forms(verb, past, person), verb.prefix, ""


def _joined(*words: str) -> str:
    return " ".join(word for word in words if word)


def main(clause: Clause, front: Part | str | None = None) -> str:
    """Returns a main clause.

    Args:
        clause: What to say.
        front: The part (or the words) before the verb; the subject, if there is none.
    """
    finite, prefix, rest = _verb(clause)
    subject = clause.subject.case("nom")
    if front is None:
        return _joined(subject, finite, *_middle(clause), rest, prefix)
    words = front if isinstance(front, str) else front.de
    without = None if isinstance(front, str) else front
    return _joined(words, finite, *_subject_and_middle(clause, without), rest, prefix)


def question(clause: Clause, word: str = "") -> str:
    """Returns a question, with the question word `word` or none."""
    finite, prefix, rest = _verb(clause)
    return _joined(word, finite, *_subject_and_middle(clause), rest, prefix)


def subordinate(clause: Clause) -> str:
    """Returns the clause with its verb at the end; the conjunction is for the caller."""
    finite, prefix, rest = _verb(clause)
    return _joined(*_subject_and_middle(clause), rest, prefix + finite)


def infinitive(clause: Clause) -> str:
    """Returns the clause without its subject, as an infinitive with `zu`."""
    return _joined(*_middle(clause), clause.verb.to_infinitive)
