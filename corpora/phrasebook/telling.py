"""What things are like, how many there are, what they cost, whom they please."""

from __future__ import annotations

from . import english, german
from .build import Builder
from .clauses import Clause, Part, adverb, obj, prep
from .frames import PLACES
from .nouns import ADJECTIVES, BY_KIND, NOUNS
from .phrases import Phrase, noun_phrase
from .times import clock, number
from .verbs import VERBS, be

__all__ = ["compared", "counted", "moved", "quality", "there_is", "trade"]

Pair = tuple[str, str]

_COMPARABLE = {
    "vessel": "größer kleiner älter neuer teurer schöner schneller langsamer",
    "building": "größer kleiner älter neuer schöner",
    "load": "schwerer größer kleiner leichter",
    "food": "teurer billiger frischer",
    "folk": "älter jünger größer freundlicher",
    "animal": "größer kleiner älter schneller",
}
_MORE = dict(
    pair.replace("_", " ").split("/")
    for pair in (
        "größer/bigger kleiner/smaller älter/older neuer/newer teurer/more_expensive "
        "billiger/cheaper schöner/more_beautiful schwerer/heavier schneller/faster "
        "langsamer/slower leichter/lighter frischer/fresher jünger/younger "
        "freundlicher/friendlier"
    ).split()
)
_SHARED = ("building", "folk")
_COLOURS = "rot blau grün weiß schwarz".split()
_PASSING = "kalt warm leer müde hungrig traurig laut krank".split()
_EXCESS = "groß klein schwer teuer kalt warm lang kurz dunkel laut alt".split()
_MOST = (
    "älteste/oldest größte/biggest schönste/most_beautiful kleinste/smallest "
    "berühmteste/most_famous beste/best"
).split()
_DEGREES = (
    "sehr/very zu/too ziemlich/rather nicht_so/not_so gar_nicht/not_at_all wieder/again".split()
)
_AGES = {
    **dict.fromkeys("Sohn Tochter Kind Junge Mädchen".split(), (3, 16)),
    **dict.fromkeys("Großmutter Großvater".split(), (61, 97)),
    **dict.fromkeys("Mutter Vater Onkel Tante".split(), (31, 72)),
}
_TRADES = "Lehrerin/f Fischer/m Kapitän/m Bäcker/m Arzt/m Wirtin/f Matrose/m Koch/m".split()
_TRADE_SITES = (
    "auf der Insel/on the island|in Bremen/in Bremen|in Hamburg/in Hamburg|im Dorf/in the village"
)
_TRADE_SITES = (_TRADE_SITES + "|in unserer Stadt/in our town|in Dänemark/in Denmark").split("|")
_TRADES += "Händlerin/f Postbote/m Hafenmeister/m".split()


def _being(subject: Phrase, *, past: bool) -> Clause:
    return Clause(subject, VERBS["sein"], tense="preterite" if past else "present")


def quality(build: Builder) -> Pair:
    """What somebody or something is like."""
    kind = build.deal("quality", sorted(set(ADJECTIVES) - {"wear", "own", "child", "kin", "bird"}))
    noun = build.noun(kind)
    past = build.dice.chance(35)
    plural = bool(noun.plural) and build.dice.chance(25)
    det = build.dice.pick(("the", "the", "this", "our")) if noun.plural else "the"
    subject = noun_phrase(noun, det, plural=plural)
    words = [word for word in ADJECTIVES[kind] if word.de not in _COLOURS]
    word = build.deal("quality " + kind, words)
    degree, _, english_degree = build.deal("degree", _DEGREES).replace("_", " ").partition("/")
    passing = word.de in _PASSING
    if (degree == "wieder" and not passing) or (degree == "zu" and word.de not in _EXCESS):
        degree, english_degree = "wirklich", "really"
    clause = _being(subject, past=past)
    said = f"{english_degree} {word.en}"
    if degree == "gar nicht":
        said = f"not {word.en} at all"
    elif degree == "wieder":
        said = f"{word.en} again"
    clause.parts.append(Part("predicate", f"{degree} {word.de}", said))
    if passing and build.dice.chance(60):
        pair = "gestern/yesterday" if past else "heute/today"
        time = Part("time", *pair.split("/"))
        clause.parts.append(time)
        front = time if build.dice.chance(50) else None
        return german.main(clause, front) + ".", english.statement(clause) + "."
    return german.main(clause) + ".", english.statement(clause) + "."


def compared(build: Builder) -> Pair:
    """One thing is more so than another, or the most so."""
    kind = build.deal("compared", sorted(_COMPARABLE))
    if kind in ("vessel", "building") and build.dice.chance(40):
        german_most, _, english_most = build.deal("most", _MOST).partition("/")
        noun = build.noun(kind)
        place = build.at(build.deal("most at", [p for p in PLACES if "place" in p.noun.kinds]))
        article = {"m": "der", "f": "die", "n": "das"}[noun.gender]
        said = f"the {english_most.replace('_', ' ')} {noun.en}"
        return (
            f"Das ist {article} {german_most} {noun.de} {place.de}.",
            f"That is {said} {place.en}.",
        )
    one, other = build.noun(kind), build.noun(kind)
    det = build.dice.pick(("the", "this" if kind in _SHARED else "your", "this"))
    subject = build.phrase(one, det)
    rival = build.phrase(
        other, build.dice.pick(("the", "the", "a", "the" if kind in _SHARED else "my"))
    )
    word = build.deal("more " + kind, _COMPARABLE[kind].split())
    clause = _being(subject, past=build.dice.chance(20))
    much = build.dice.chance(35)
    clause.parts.append(
        Part(
            "predicate",
            f"{'viel ' * much}{word} als {rival.case('nom')}",
            f"{'much ' * much}{_MORE[word]} than {rival.en[1]}",
        )
    )
    clause.negative = build.dice.chance(12) and not much
    return german.main(clause) + ".", english.statement(clause) + "."


def trade(build: Builder) -> Pair:
    """What somebody's work is, or how old they are."""
    if build.dice.chance(50):
        subject = build.who(pronouns=15)
        while subject.person not in (0, 2) or subject.sort == "indefinite":
            subject = build.who(pronouns=15)
        years, said = number(build.dice.between(*_AGES.get(subject.de[0].split()[-1], (21, 89))))
        clause = _being(subject, past=False)
        clause.parts.append(Part("predicate", f"{years} Jahre alt", f"{said} years old"))
    else:
        work, _, gender = build.deal("trade", _TRADES).partition("/")
        kin = [noun for noun in BY_KIND["kin"] if noun.gender == gender]
        det = build.dice.pick(("my", "your", "his", "her", "our"))
        subject = noun_phrase(build.deal("kin " + gender, kin), det)
        clause = _being(subject, past=build.dice.chance(30))
        job = noun_phrase(NOUNS[work], "a")
        site = build.deal("trade at", _TRADE_SITES) if build.dice.chance(60) else ""
        place = adverb("place", site)
        said = f"{job.en[1]} {place.en}".strip()
        clause.parts.append(Part("predicate", f"{work} {place.de}".strip(), said))
    return german.main(clause) + ".", english.statement(clause) + "."


_THERE = {
    "Hafen": "vessel Gasthaus Café Leuchtturm bird",
    "Kai": "vessel Gasthaus Café bird",
    "Strand": "vessel Gasthaus Café bird",
    "Markt": "food animal Café Bäckerei",
    "Marktplatz": "Café Bäckerei Kirche Gasthaus Rathaus",
    "Insel": "building animal bird",
    "Dorf": "building animal",
    "Stadt": "building",
    "Garten": "animal Apfel Birne Tisch Stuhl",
}


def there_is(build: Builder) -> Pair:
    """There is something somewhere, or there is not."""
    sites = [place for place in PLACES if place.noun.de in _THERE]
    site = build.deal("there at", sites)
    place = build.at(site)
    noun = build.noun(*_THERE[site.noun.de].split())
    none, past = build.dice.chance(35), build.dice.chance(25)
    plural = bool(noun.plural) and build.dice.chance(50)
    det = "no" if none else build.dice.pick(("many", "some", "two", "three")) if plural else "a"
    if not noun.plural:
        det = "no" if none else ""
    thing = build.phrase(noun, det, plural=plural)
    said = thing.en[1]
    if none:
        said = "no " + said.split(" ", 1)[1]
    verb = be(thing.person, past=past)
    finite = "gab" if past else "gibt"
    tail = f"{finite} es {thing.case('acc')}."
    if build.dice.chance(50):
        return f"{place.de} {tail}", f"there {verb} {said} {place.en}."
    return f"es {finite} {place.de} {thing.case('acc')}.", f"there {verb} {said} {place.en}."


def counted(build: Builder) -> Pair:
    """Prices, timetables and heads counted."""
    amount, said = number(build.dice.between(2, 99))
    sort = build.deal("counted", "price price leaves leaves opens crowd boats since".split())
    if sort == "price":
        noun = build.noun("thing", "food", "own", "ticket")
        if not noun.plural:
            plain = noun_phrase(noun, "")
            return (
                f"ein Kilo {plain.de[0]} kostet {amount} Euro.".replace("Kilo Honig", "Glas Honig"),
                f"a kilo of {plain.en[0]} costs {said} euros.".replace("kilo of hon", "jar of hon"),
            )
        plural = build.dice.chance(25)
        thing = build.phrase(noun, "this" if build.dice.chance(50) else "the", plural=plural)
        verb, english_verb = ("kosten", "cost") if plural else ("kostet", "costs")
        return (
            f"{thing.de[0]} {verb} {amount} Euro.",
            f"{thing.en[0]} {english_verb} {said} euros.",
        )
    if sort in ("leaves", "opens"):
        return _timetable(build, opens=sort == "opens")
    home = ("Dorf", "Stadt", "Insel")
    sites = [
        p for p in PLACES if (p.noun.de in home if sort == "since" else "place" in p.noun.kinds)
    ]
    place = build.at(build.deal(f"crowd {sort == 'since'}", sites))
    if sort == "crowd":
        who, people = build.dice.pick(
            (("Menschen", "people"), ("Kinder", "children"), ("Touristen", "tourists"))
        )
        verb, english_verb = build.dice.pick(
            (("warten", "are waiting"), ("stehen", "are standing"))
        )
        return f"{place.de} {verb} {amount} {who}.", f"{said} {people} {english_verb} {place.en}."
    if sort == "boats":
        boat = build.noun("vessel")
        mooring = build.dice.pick(("im Hafen/in the harbour", "am Kai/at the quay"))
        here, _, there = mooring.partition("/")
        return (
            f"{here} liegen {amount} {boat.plural}.",
            f"{said} {boat.en_plural} are lying {there}.",
        )
    amount, said = number(build.dice.between(2, 30))
    who = build.relative()
    verb = "wohnen" if who.person > 2 else "wohnt"
    have = "have" if who.person > 2 else "has"
    return (
        f"{who.de[0]} {verb} seit {amount} Jahren {place.de}.",
        f"{who.en[0]} {have} lived {place.en} for {said} years.",
    )


def _timetable(build: Builder, *, opens: bool) -> Pair:
    hour, said = clock(build.dice)
    habit = build.deal("habit", ("", "jeden Tag/every day", "heute/today", "sonntags/on Sundays"))
    day, _, english_day = habit.partition("/")
    if opens:
        noun = build.deal("opening", [n for n in BY_KIND["building"] if n.de not in ("Brücke",)])
        verb = VERBS[build.dice.pick(("aufmachen", "zumachen"))]
        subject = noun_phrase(noun, "the")
        goal: list[Part] = []
    else:
        verb = VERBS[build.dice.pick(("abfahren", "abfahren", "ankommen"))]
        subject = build.phrase(build.noun("ride"), build.dice.pick(("the", "the", "our")))
        goal = [build.where("arbeiten")] if verb.infinitive == "ankommen" else []
    time = Part("time", f"{day} {hour}".strip(), f"{said} {english_day}".strip())
    clause = Clause(subject, verb, [time, *goal])
    return german.main(clause, time if build.dice.chance(35) else None) + ".", (
        english.statement(clause) + "."
    )


def moved(build: Builder) -> Pair:
    """What German says with a dative that English makes the subject."""
    sort = build.deal("moved", "gefallen gefallen schmecken gehören kalt passen leid".split())
    who = build.somebody() if build.dice.chance(55) else build.relative()
    negative, past = build.dice.chance(25), build.dice.chance(35)
    if sort == "kalt":
        words = build.dice.pick((("kalt", "cold"), ("warm", "warm"), ("langweilig", "bored")))
        verb = "war" if past else "ist"
        often = build.dice.pick((("", ""), ("immer", "always"), ("nie", "never"), ("oft", "often")))
        middle = " ".join(part for part in (verb, often[0], words[0]) if part)
        being = be(who.person, past=past)
        said = " ".join(part for part in (being, often[1], words[1]) if part)
        return f"{who.case('dat')} {middle}.", f"{who.en[0]} {said}."
    kinds = {
        "gefallen": ("sight", "vessel", "look", "wear", "tale", "building"),
        "schmecken": ("food", "dish"),
        "gehören": ("own", "small", "vessel", "animal", "load"),
        "passen": ("wear",),
        "leid": ("animal", "child"),
    }[sort]
    noun = build.noun(*kinds)
    plural = bool(noun.plural) and build.dice.chance(25)
    thing = build.phrase(noun, build.dice.pick(("the", "the", "this")), plural=plural)
    if sort == "leid":
        does = "taten" if plural and past else "tun" if plural else "tat" if past else "tut"
        say = {True: "felt", False: "feels" if who.person == 2 else "feel"}[past]
        return (
            f"{thing.de[0]} {does} {who.case('dat')} sehr leid.",
            f"{who.en[0]} {say} very sorry for {thing.en[1]}.",
        )
    tense = "perfect" if past and sort != "gehören" else "preterite" if past else "present"
    verb = VERBS[sort]
    clause = Clause(thing, verb, [obj("dat", who)], tense=tense, negative=negative)
    if sort in ("gefallen", "schmecken") and not negative and build.dice.chance(40):
        clause.parts.append(Part("manner", "sehr", "very much"))
    if sort == "gehören":
        turned = Clause(thing, verb, [prep("prep", "X:dat/to", who)], clause.tense)
        turned.negative = negative
    elif sort == "passen":
        turned = clause
    else:
        feeling = {"gefallen": "mögen", "schmecken": "essen"}[sort]
        turned = Clause(who, VERBS[feeling], [obj("acc", thing)], clause.tense, negative=negative)
        if sort == "schmecken":
            turned.verb = VERBS["genießen"]
        turned.parts += [part for part in clause.parts if part.role == "manner"]
    dative = next(part for part in clause.parts if part.role.startswith("dat"))
    front = dative if build.dice.chance(40) else None
    return german.main(clause, front) + ".", english.statement(turned) + "."
