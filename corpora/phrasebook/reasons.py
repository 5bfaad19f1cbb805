"""Why people do what they do, and what they do all the same."""

from __future__ import annotations

from . import english, german
from .build import Builder
from .clauses import Clause, adverb, obj
from .nouns import NOUNS
from .people import DOING, Pair, again, joined, person
from .phrases import Phrase, noun_phrase
from .verbs import VERBS
from .weather import BAD, GOOD

__all__ = ["because", "because_of_weather", "but"]

# What people do: verb, parts as role:German/English, marks (`not`, `can`, `now` for -ing).
_INDOORS = (
    "bleiben|place:zu Hause/at home",
    "bleiben|place:im Gasthaus/at the inn",
    "bleiben|place:in der Küche/in the kitchen",
    "warten|place:im Café/in the café",
    "anziehen|acc_definite:einen warmen Mantel/a warm coat",
    "mitnehmen|acc_definite:einen Regenschirm/an umbrella",
    "fahren|manner:mit dem Bus/by bus|goal:in die Stadt/to the town",
    "zumachen|acc_definite:alle Fenster/all the windows",
    "lesen|place:zu Hause/at home|acc_definite:ein altes Buch/an old book",
    "sitzen|place:in der warmen Küche/in the warm kitchen",
    "trinken|acc_definite:heißen Tee/hot tea",
    "gehen|goal:nach Hause/home",
    "segeln|not|goal:zur Insel/to the island",
    "schwimmen|not|place:im Meer/in the sea",
    "fahren|not|goal:zum Strand/to the beach",
)
_OUTDOORS = (
    "schwimmen|place:im Meer/in the sea",
    "segeln|goal:zur Insel/to the island",
    "gehen|goal:an den Strand/to the beach",
    "sitzen|place:im Garten/in the garden",
    "essen|place:im Garten/in the garden",
    "spielen|place:am Strand/on the beach",
    "arbeiten|place:im Garten/in the garden",
    "einkaufen|place:auf dem Markt/at the market",
    "reparieren|place:am Kai/on the quay|acc_definite:das alte Boot/the old boat",
    "gehen|goal:zum Leuchtturm/to the lighthouse",
    "fahren|manner:mit dem Fahrrad/by bicycle|goal:ins Dorf/to the village",
    "aufmachen|acc_definite:alle Fenster/all the windows",
    "malen|acc_definite:den Hafen/the harbour",
    "bleiben|not|place:zu Hause/at home",
)
# How somebody is, and what they do because of it.
_STATES = (
    ("sein|predicate:sehr müde/very tired", "gehen|manner:früh/early|goal:ins Bett/to bed"),
    ("sein|predicate:sehr müde/very tired", "einschlafen|place:im Zug/on the train"),
    ("sein|predicate:krank/ill", "bleiben|place:zu Hause/at home"),
    ("sein|predicate:krank/ill", "arbeiten|not|time:heute/today"),
    ("sein|predicate:hungrig/hungry", "kaufen|acc_definite:frisches Brot/fresh bread"),
    ("sein|predicate:hungrig/hungry", "kochen|acc_definite:eine gute Suppe/a good soup"),
    ("sein|predicate:hungrig/hungry", "bestellen|acc_definite:den Fisch/the fish"),
    ("sein|predicate:spät dran/late", "beeilen"),
    ("sein|predicate:spät dran/late", "laufen|goal:zum Bahnhof/to the station"),
    (
        "haben|acc_indefinite:keine Zeit/no time",
        "besuchen|not|acc_definite:den Nachbarn/the neighbour",
    ),
    ("haben|acc_indefinite:keine Zeit/no time", "aufräumen|not|acc_definite:die Küche/the kitchen"),
    (
        "haben|acc_indefinite:kein Geld/no money",
        "verkaufen|acc_definite:das Segelboot/the sailing boat",
    ),
    ("haben|acc_indefinite:kein Geld/no money", "mieten|not|acc_definite:das Haus/the house"),
    ("haben|acc_indefinite:viel Arbeit/a lot of work", "aufstehen|manner:sehr früh/very early"),
    ("haben|acc_indefinite:viel Arbeit/a lot of work", "zurückkommen|manner:spät/late"),
    (
        "haben|acc_indefinite:Geburtstag/a birthday",
        "einladen|acc_definite:alle Nachbarn/all the neighbours",
    ),
    (
        "haben|acc_indefinite:Geburtstag/a birthday",
        "bekommen|acc_definite:viele Geschenke/many presents",
    ),
)
_DONE = (
    ("verpassen|acc_definite:den Bus/the bus", "gehen|goal:nach Hause/home"),
    ("verpassen|acc_definite:die Fähre/the ferry", "bleiben|place:auf der Insel/on the island"),
    ("verlieren|acc_definite:den Schlüssel/the key", "schlafen|place:im Gasthaus/at the inn"),
    (
        "verlieren|acc_definite:das Geld/the money",
        "anrufen|acc_definite:den Hafenmeister/the harbourmaster",
    ),
    ("vergessen|acc_definite:den Mantel/the coat", "zurückkommen|manner:früh/early"),
)


def _short(spec: str, subject: Phrase, *, past: bool, going_on: bool) -> Clause:
    """Returns a clause from one of the rows above."""
    verb, *rest = spec.split("|")
    parts = [adverb(*part.split(":", 1)) for part in rest if part != "not"]
    clause = Clause(subject, VERBS[verb], parts, negative="not" in rest)
    if past:
        clause.tense = "preterite" if verb in ("sein", "haben") else "perfect"
    elif going_on and verb not in ("sein", "haben"):
        clause.aspect = "progressive"
    return clause


def because_of_weather(build: Builder) -> Pair:
    """People do something because of the weather, or in spite of it."""
    bad = build.dice.chance(55)
    reasons = BAD if bad else GOOD
    spite = build.dice.chance(25)
    rows = (_INDOORS if bad else _OUTDOORS) if not spite else (_OUTDOORS if bad else _INDOORS)
    reason = build.deal(f"weather {bad}", reasons)
    conjunction = (
        build.deal("spite", ("obwohl",))
        if spite
        else build.deal("why", "weil weil wenn denn deshalb".split())
    )
    past = conjunction != "wenn" and build.dice.chance(45)
    subject = build.who()
    clause = _short(build.deal(f"rows {bad} {spite}", rows), subject, past=past, going_on=True)
    if conjunction == "wenn":
        clause.aspect = "simple"
        if build.dice.chance(35):
            clause.modal = build.dice.pick(("wollen", "müssen", "können"))
            if clause.negative:
                clause.modal = "wollen"
    after = reason.english(past=past, habit=conjunction == "wenn")
    said = english.statement(clause)
    if conjunction == "denn":
        reason_de = reason.main(past=past)
        return joined(german.main(clause), "denn", reason_de), f"{said} because {after}."
    if conjunction == "deshalb":
        told = german.main(clause, "deshalb")
        return f"{reason.main(past=past)}, {told}.", f"{after}, so {said}."
    english_word = {"weil": "because", "obwohl": "although", "wenn": "when"}[conjunction]
    last = reason.subordinate(past=past)
    if build.dice.chance(45):
        told = german.main(clause, "@").removeprefix("@ ")
        return f"{conjunction} {last}, {told}.", f"{english_word} {after}, {said}."
    return joined(german.main(clause), conjunction, last), f"{said} {english_word} {after}."


def because(build: Builder) -> Pair:
    """Somebody does something because of how they are or what they have done."""
    done = build.dice.chance(30)
    state, action = build.deal(f"states {done}", _DONE if done else _STATES)
    past = done or build.dice.chance(50)
    subject = person(build)
    name_last = build.dice.chance(40)
    first = subject if name_last else again(subject)
    reason = _short(state, first, past=past, going_on=False)
    second = again(subject) if name_last else subject
    clause = _short(action, second, past=past, going_on=True)
    told, after = german.subordinate(reason), english.statement(reason)
    said = english.statement(clause)
    if name_last:
        turned = german.main(clause, "@").removeprefix("@ ")
        return f"weil {told}, {turned}.", f"because {after}, {said}."
    return joined(german.main(clause), "weil", told), f"{said} because {after}."


_JOURNEYS = "fahren segeln mieten besuchen einladen zurückkommen gehen"


def but(build: Builder) -> Pair:
    """One thing is so, but another is not."""
    subject = person(build)
    one = build.clause(build.frame(verbs=_JOURNEYS), "past", subject=subject, extras=False)
    word, said = build.deal("but", (("aber", "but"), ("und", "and"), ("trotzdem", "")))
    if word == "trotzdem":
        reason = build.deal("spite of", BAD)
        action = _short(build.deal("anyway", _OUTDOORS[:-1]), subject, past=True, going_on=False)
        return f"{reason.main(past=True)}, aber {german.main(action, 'trotzdem')}.", (
            f"{reason.english(past=True)}, but {english.statement(action)} anyway."
        )
    two = build.clause(build.frame(verbs=DOING), "plain", subject=again(subject), extras=False)
    two.negative = word == "aber" and not any(p.role == "acc_indefinite" for p in two.parts)
    if word == "aber" and not two.negative:
        two.parts = []
        two.verb, two.negative = VERBS["bezahlen"], True
        two.parts = [obj("acc", noun_phrase(NOUNS["Suppe"], "the"))]
    told, also = german.main(two), english.statement(two)
    if word == "und":  # one subject serves both
        shared = one.verb.aux == two.verb.aux
        told, also = told.split(" ", 2 if shared else 1)[-1], also.partition(" ")[2]
        return f"{german.main(one)} und {told}.", f"{english.statement(one)} and {also}."
    return f"{german.main(one)}, {word} {told}.", f"{english.statement(one)}, {said} {also}."
