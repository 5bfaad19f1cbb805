"""What the sentences of two clauses share."""

from __future__ import annotations

from .build import Builder
from .phrases import Phrase, pronoun

__all__ = ["DOING", "Pair", "again", "joined", "person"]

Pair = tuple[str, str]

# What people do every day, before this and while that.
DOING = (
    "kochen lesen schreiben reparieren besuchen anrufen abholen einkaufen aufräumen putzen "
    "bezahlen füttern packen bestellen trinken essen zumachen anziehen helfen warten"
)


def again(subject: Phrase) -> Phrase:
    """Returns the pronoun for somebody who has been named."""
    if subject.sort == "pronoun":
        return subject
    if subject.person > 2:
        return pronoun("alle")
    return pronoun("er" if subject.gender == "m" else "sie")


def person(build: Builder, pronouns: int = 35) -> Phrase:
    """Returns somebody who can be called er, sie or they afterwards."""
    subject = build.who(pronouns=pronouns)
    while subject.de[0].endswith(("Mädchen", "Kind")) and subject.person == 2:
        subject = build.who(pronouns=pronouns)
    return subject


def joined(first: str, conjunction: str, second: str) -> str:
    """Returns two German clauses with a comma between them."""
    return f"{first}, {conjunction} {second}."
