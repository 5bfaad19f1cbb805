"""What people mean to do, and what is done to things."""

from __future__ import annotations

from . import english, german
from .build import Builder
from .clauses import Clause, prep
from .people import DOING, Pair
from .phrases import pronoun
from .times import when
from .verbs import VERBS, german_forms

__all__ = ["in_order_to", "passive", "to_do"]

_PURPOSE = "kaufen besuchen treffen abholen arbeiten einkaufen sehen helfen essen mieten"


def in_order_to(build: Builder) -> Pair:
    """Somebody goes somewhere to do something."""
    frame = build.frame(verbs="fahren gehen fahren gehen segeln")
    modes = "past plain future modal habit".split()
    one = build.clause(frame, build.dice.pick(modes), extras=build.dice.chance(40))
    two = build.clause(build.frame(verbs=_PURPOSE), "bare", subject=one.subject, extras=False)
    while any(part.role == "place" for part in two.parts):
        two = build.clause(build.frame(verbs=_PURPOSE), "bare", subject=one.subject, extras=False)
    return f"{german.main(one, build.front(one))}, um {german.infinitive(two)}.", (
        f"{english.statement(one)} {english.infinitive(two)}."
    )


_TRYING = (
    ("vergessen", "forget", "forgot"),
    ("versuchen", "try", "tried"),
    ("anfangen", "begin", "began"),
    ("hoffen", "hope", "hoped"),
)
_EASY = (
    ("es ist nicht leicht", "it is not easy"),
    ("es ist schön", "it is nice"),
    ("es ist verboten", "it is forbidden"),
    ("es war unmöglich", "it was impossible"),
    ("ich habe keine Zeit", "I have no time"),
    ("wir hatten keine Lust", "we did not want"),
    ("es ist Zeit", "it is time"),
)


def to_do(build: Builder) -> Pair:
    """Somebody tries, forgets or begins to do something; or it is easy, or forbidden."""
    personal = build.dice.chance(55)
    who = build.who() if personal else pronoun("ich")
    frame = build.frame(verbs=DOING.replace("essen ", "") + " mitnehmen aufmachen schicken zeigen")
    clause = build.clause(frame, "bare", subject=who, extras=build.dice.chance(25))
    if personal:
        infinitive, _, past = build.deal("trying", _TRYING)
        verb = VERBS[infinitive]
        have = german_forms(verb.aux, "present", who.person)
        return f"{who.de[0]} {have} {verb.participle}, {german.infinitive(clause)}.", (
            f"{who.en[0]} {past} {english.infinitive(clause)}."
        )
    opening, said = build.deal("easy", _EASY)
    return f"{opening}, {german.infinitive(clause)}.", f"{said} {english.infinitive(clause)}."


_PASSIVES = (
    "verkaufen bauen reparieren malen putzen finden holen backen kochen füttern einladen abholen "
    "zumachen aufmachen fangen bezahlen schicken packen"
)
_BUILT = "bauen malen"


def passive(build: Builder) -> Pair:
    """Something is done to somebody or something."""
    while True:
        build.start()
        frame = build.frame(verbs=_PASSIVES)
        doer = build.who(pronouns=0)
        source = build.clause(frame, "bare", subject=doer, extras=False)
        targets = [n for n in build.nouns() if n.plural or "food" in n.kinds]
        kinds = frame.complements[-1].removeprefix("a:").split(",")
        kinds = [kind for kind in kinds if kind != "person"] or ["folk"]
        if frame.complements[-1].startswith("a:") and source and targets:
            break
    noun = build.noun(*kinds)
    plural = bool(noun.plural) and build.dice.chance(30)
    subject = build.phrase(noun, build.dice.pick(("the", "the", "this")), plural=plural)
    once = frame.verb.infinitive in _BUILT or "x" in frame.marks
    past = once or build.dice.chance(60)
    time = when(build.dice, ("far" if "f" in frame.marks else "past") if past else "habit")
    parts = [time] if build.dice.chance(75) else []
    if build.dice.chance(45):
        parts.append(prep("companion", "von:dat/by", doer))
    tense = "preterite" if past else "present"
    clause = Clause(subject, frame.verb, parts, tense, passive=True)
    clause.negative = past and build.dice.chance(22)
    front = build.front(clause) if parts else None
    return german.main(clause, front) + ".", english.statement(clause) + "."
