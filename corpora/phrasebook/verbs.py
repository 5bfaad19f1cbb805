"""Verbs of both languages and how they are conjugated."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MODALS", "VERBS", "Modal", "Verb", "be", "german_forms", "third"]

# German: `prefix|infinitive`, then for strong verbs the stem of the second and third person, the
# stem of the past and the participle; `s` marks verbs whose perfect is made with `sein`.
# English: base, past, participle; a word after `+` goes with the verb, as in `pick up`.
_VERBS = """
kaufen = buy bought bought
verkaufen = sell sold sold
essen iss aß gegessen = eat ate eaten
kochen = cook cooked cooked
trinken trink trank getrunken = drink drank drunk
backen back backte gebacken = bake baked baked
lesen lies las gelesen = read read read
schreiben schreib schrieb geschrieben = write wrote written
finden find fand gefunden = find found found
verlieren verlier verlor verloren = lose lost lost
suchen = look looked looked +for
reparieren = repair repaired repaired
malen = paint painted painted
tragen träg trug getragen = carry carried carried
holen = fetch fetched fetched
bringen bring brachte gebracht = bring brought brought
geben gib gab gegeben = give gave given
zeigen = show showed shown
schicken = send sent sent
leihen leih lieh geliehen = lend lent lent
erzählen = tell told told
helfen hilf half geholfen = help helped helped
danken = thank thanked thanked
antworten = answer answered answered
folgen s = follow followed followed
warten = wait waited waited
besuchen = visit visited visited
ein|laden läd lud geladen = invite invited invited
ab|holen = pick picked picked +up
an|rufen ruf rief gerufen = call called called
treffen triff traf getroffen = meet met met
sehen sieh sah gesehen = see saw seen
hören = hear heard heard
kennen kenn kannte gekannt = know knew known
fahren fähr fuhr gefahren s = travel travelled travelled
gehen geh ging gegangen s = go went gone
laufen läuf lief gelaufen s = run ran run
segeln s = sail sailed sailed
kommen komm kam gekommen s = come came come
zurück|kommen komm kam gekommen s = come came come +back
ab|fahren fähr fuhr gefahren s = leave left left
an|kommen komm kam gekommen s = arrive arrived arrived
ein|steigen steig stieg gestiegen s = get got got +on
aus|steigen steig stieg gestiegen s = get got got +off
auf|stehen steh stand gestanden s = get got got +up
auf|wachen s = wake woke woken +up
schlafen schläf schlief geschlafen = sleep slept slept
arbeiten = work worked worked
wohnen = live lived lived
spielen = play played played
sitzen sitz saß gesessen = sit sat sat
stehen steh stand gestanden = stand stood stood
liegen lieg lag gelegen = lie lay lain
schwimmen schwimm schwamm geschwommen s = swim swam swum
singen sing sang gesungen = sing sang sung
ein|kaufen = go went gone +shopping
auf|räumen = tidy tidied tidied +up
zu|machen = close closed closed
auf|machen = open opened opened
an|ziehen zieh zog gezogen = put put put +on
mit|nehmen nimm nahm genommen = take took taken +along
an|fangen fäng fing gefangen = begin began begun
auf|hören = stop stopped stopped
ein|schlafen schläf schlief geschlafen s = fall fell fallen +asleep
bezahlen = pay paid paid +for
vergessen vergiss vergaß vergessen = forget forgot forgotten
verstehen versteh verstand verstanden = understand understood understood
feiern = celebrate celebrated celebrated
füttern = feed fed fed
putzen = clean cleaned cleaned
waschen wäsch wusch gewaschen = wash washed washed
bleiben bleib blieb geblieben s = stay stayed stayed
bauen = build built built
mieten = rent rented rented
fangen fäng fing gefangen = catch caught caught
packen = pack packed packed
bekommen bekomm bekam bekommen = get got got
bestellen = order ordered ordered
fliegen flieg flog geflogen s = fly flew flown
wehen = blow blew blown
scheinen schein schien geschienen = shine shone shone
regnen = rain rained rained
schneien = snow snowed snowed
gehören = belong belonged belonged
gefallen gefäll gefiel gefallen = please pleased pleased
schmecken = taste tasted tasted
kosten = cost cost cost
läuten = ring rang rung
ziehen zieh zog gezogen = pull pulled pulled
werfen wirf warf geworfen = throw threw thrown
brauchen = need needed needed
verpassen = miss missed missed
passen = fit fitted fitted
glauben = believe believed believed
sagen = say said said
hoffen = hope hoped hoped
fragen = ask asked asked
versuchen = try tried tried
sich+beeilen = hurry hurried hurried
haben = have had had
wissen = know knew known
mögen = like liked liked
genießen genieß genoss genossen = enjoy enjoyed enjoyed
sein = be was been
"""

# English words whose last letter doubles before -ing.
_DOUBLING = frozenset("get run swim sit put stop begin forget travel".split())
_NO_GE = ("be", "ver", "er", "ent", "ge", "zer")
_IRREGULAR = {
    ("sein", "present"): "bin bist ist sind seid sind",
    ("sein", "preterite"): "war warst war waren wart waren",
    ("haben", "present"): "habe hast hat haben habt haben",
    ("haben", "preterite"): "hatte hattest hatte hatten hattet hatten",
    ("werden", "present"): "werde wirst wird werden werdet werden",
    ("werden", "preterite"): "wurde wurdest wurde wurden wurdet wurden",
    ("wissen", "present"): "weiß weißt weiß wissen wisst wissen",
    ("wissen", "preterite"): "wusste wusstest wusste wussten wusstet wussten",
    ("mögen", "present"): "mag magst mag mögen mögt mögen",
    ("können", "present"): "kann kannst kann können könnt können",
    ("können", "preterite"): "konnte konntest konnte konnten konntet konnten",
    ("müssen", "present"): "muss musst muss müssen müsst müssen",
    ("müssen", "preterite"): "musste musstest musste mussten musstet mussten",
    ("wollen", "present"): "will willst will wollen wollt wollen",
    ("wollen", "preterite"): "wollte wolltest wollte wollten wolltet wollten",
    ("dürfen", "present"): "darf darfst darf dürfen dürft dürfen",
    ("dürfen", "preterite"): "durfte durftest durfte durften durftet durften",
    ("sollen", "present"): "soll sollst soll sollen sollt sollen",
    ("möchten", "present"): "möchte möchtest möchte möchten möchtet möchten",
}
_PRESENT_ENDINGS = ("e", "st", "t", "en", "t", "en")
_PAST_ENDINGS = ("", "st", "", "en", "t", "en")


@dataclass(frozen=True)
class Verb:
    """One verb in both languages.

    Attributes:
        prefix: The German prefix that parts from the verb, or nothing.
        base: The German infinitive without it.
        changed: The stem of the second and third person singular, where it differs.
        past: The stem of a strong past, or nothing.
        participle: The German participle with its prefix.
        aux: `haben` or `sein`.
        en: The English base.
        en_past: The English past.
        en_participle: The English participle.
        particle: The English word that belongs to the verb (`up` in `pick up`).
        reflexive: Whether the German verb takes `sich`.
    """

    prefix: str
    base: str
    changed: str
    past: str
    participle: str
    aux: str
    en: str
    en_past: str
    en_participle: str
    particle: str = ""
    reflexive: bool = False

    @property
    def infinitive(self) -> str:
        """The German infinitive in one word."""
        return self.prefix + self.base

    @property
    def to_infinitive(self) -> str:
        """The German infinitive with `zu`, which goes between prefix and verb."""
        return f"{self.prefix}zu{self.base}" if self.prefix else f"zu {self.base}"

    @property
    def en_ing(self) -> str:
        """The English form in -ing."""
        if self.en == "lie":
            return "lying"
        if self.en in _DOUBLING:
            return self.en + self.en[-1] + "ing"
        drops = self.en.endswith("e") and not self.en.endswith("ee") and self.en != "be"
        return (self.en[:-1] if drops else self.en) + "ing"


@dataclass(frozen=True)
class Modal:
    """One modal verb: how English says it, now and then, and with `not`.

    An English form that ends in ` to` is a plain verb and takes `do` in questions; the others
    stand before `not` and before the subject themselves.
    """

    now: str
    now_not: str
    then: str = ""
    then_not: str = ""


MODALS = {
    "können": Modal("can", "cannot", "could", "could not"),
    "müssen": Modal("have to", "have to", "have to", "have to"),
    "wollen": Modal("want to", "want to", "want to", "want to"),
    "dürfen": Modal("may", "must not", "be allowed to", "be allowed to"),
    "sollen": Modal("should", "should not"),
    "möchten": Modal("would like to", "would not like to"),
}


def _stem(base: str) -> str:
    return base[:-2] if base.endswith("en") else base[:-1]


def _linked(stem: str) -> bool:
    """Says whether an e must stand between stem and ending (`arbeitet`, `regnet`)."""
    return stem.endswith(("t", "d")) or stem.endswith(("gn", "fn"))


def _parse(row: str) -> Verb:
    german, english = (side.split() for side in row.split(" = "))
    aux = "sein" if german[-1] == "s" else "haben"
    if german[-1] == "s":
        german.pop()
    reflexive = german[0].startswith("sich+")
    prefix, _, base = german[0].removeprefix("sich+").rpartition("|")
    changed, past, participle = german[1:] or ("", "", "")
    if not participle:
        stem = _stem(base)
        bare = base.endswith("ieren") or (base.startswith(_NO_GE) and base != "gehen")
        participle = ("" if bare else "ge") + stem + ("et" if _linked(stem) else "t")
    if base in ("sein", "haben", "wissen"):
        participle = {"sein": "gewesen", "haben": "gehabt", "wissen": "gewusst"}[base]
    particle = english.pop()[1:] if english[-1].startswith("+") else ""
    if base == "sein":
        aux = "sein"
    participle = prefix + participle
    return Verb(
        prefix, base, changed, past, participle, aux, *english, particle, reflexive=reflexive
    )


VERBS = {verb.infinitive: verb for verb in map(_parse, _VERBS.strip().split("\n"))}


def _present(verb: Verb, person: int) -> str:
    stem = _stem(verb.base)
    ending = _PRESENT_ENDINGS[person]
    if verb.base.endswith(("eln", "ern")):
        if person == 0:
            return (stem[:-2] + "le") if verb.base.endswith("eln") else stem + "e"
        return stem + {"en": "n"}.get(ending, ending)
    changed = verb.changed if person in (1, 2) and verb.changed not in ("", stem) else ""
    if changed:
        if person == 2 and changed.endswith("t"):
            return changed
        if person == 2 and changed.endswith("d"):
            return changed + "t"  # lädt
        stem = changed
    elif _linked(stem) and person in (1, 2, 4):
        return stem + "e" + ending
    if person == 1 and stem.endswith(("s", "ß", "z")):
        return stem + "t"
    return stem + ending


def _preterite(verb: Verb, person: int) -> str:
    if not verb.past or verb.past.endswith("te"):
        stem = _stem(verb.base)
        weak = verb.past or stem + ("ete" if _linked(stem) else "te")
        return weak + ("", "st", "", "n", "t", "n")[person]
    ending = _PAST_ENDINGS[person]
    link = "e" if person in (1, 4) and verb.past.endswith(("t", "d", "s", "ß")) else ""
    return verb.past + link + ending


def german_forms(verb: Verb | str, tense: str, person: int) -> str:
    """Returns a finite German form without its prefix.

    Args:
        verb: A verb, or the infinitive of an auxiliary or modal.
        tense: `present` or `preterite`.
        person: 0 to 5 for ich, du, er, wir, ihr, sie.
    """
    base = verb if isinstance(verb, str) else verb.base
    if (base, tense) in _IRREGULAR:
        return _IRREGULAR[base, tense].split()[person]
    if isinstance(verb, str):
        verb = VERBS[verb]
    return _present(verb, person) if tense == "present" else _preterite(verb, person)


def be(person: int, *, past: bool = False) -> str:
    """Returns a form of `be` for a person (0 to 5)."""
    if past:
        return "was" if person in (0, 2) else "were"
    return ("am", "are", "is", "are", "are", "are")[person]


def third(base: str) -> str:
    """Returns the third person singular of an English verb."""
    if base == "have":
        return "has"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "sh", "ch", "x", "o")) else "s")
