"""People, things and places that are known by what they do, with relative clauses."""

from __future__ import annotations

from . import english, german
from .build import Builder
from .clauses import Clause
from .frames import PLACES
from .nouns import BY_KIND, NOUNS
from .people import Pair
from .phrases import Phrase, noun_phrase
from .verbs import VERBS, be, german_forms

__all__ = ["what_was_done", "where_they_live", "who_does"]

_RELATIVE = {"m": "der den dem", "f": "die die der", "n": "das das dem", "p": "die die denen"}


def _relative(head: Phrase, english_word: str) -> Phrase:
    nom, acc, dat = _RELATIVE[head.gender].split()
    return Phrase((nom, acc, dat, "sich"), (english_word,) * 2, head.person, "pronoun", "")


_YOUNG = {
    "Mädchen": ("Schwester", "Tochter"),
    "Junge": ("Bruder", "Sohn"),
    "Kind": ("Sohn", "Tochter"),
}


def _what_of_them(build: Builder, head: Phrase) -> Pair:
    """Returns the rest of a main clause about a person."""
    many = head.person > 2
    sort = build.dice.below(3)
    if sort == 0 and not many:
        who = _YOUNG.get(head.de[0].split()[-1])
        kin = (
            [NOUNS[name] for name in who]
            if who
            else [noun for noun in BY_KIND["kin"] if noun.gender == head.gender]
        )
        other = noun_phrase(
            build.deal(f"is {head.gender} {who}", kin), build.dice.pick(("my", "our"))
        )
        return f"ist {other.de[0]}", f"is {other.en[0]}"
    if sort == 1:
        where, _, said = build.deal(
            "native", ("Dänemark/Denmark", "Schweden/Sweden", "Hamburg/Hamburg", "Kiel/Kiel")
        ).partition("/")
        return (
            f"{'kommen' if many else 'kommt'} aus {where}",
            f"{'come' if many else 'comes'} from {said}",
        )
    word, _, said = build.deal(
        "is so",
        ("sehr freundlich/very friendly", "müde/tired", "krank/ill", "noch jung/still young"),
    ).partition("/")
    return f"{'sind' if many else 'ist'} {word}", f"{be(5 if many else 2)} {said}"


def who_does(build: Builder) -> Pair:
    """Somebody is known by what they do."""
    head = noun_phrase(build.noun("folk"), "the", plural=build.dice.chance(25))
    frame = build.frame(marks="n", without="liegen laufen folgen spielen")
    mode = build.dice.pick([m for m in "past plain now modal".split() if build.fits(frame, m)])
    clause = build.clause(frame, mode, subject=_relative(head, "who"), extras=build.dice.chance(50))
    inner, said = german.subordinate(clause), english.statement(clause)
    if build.dice.chance(55):
        rest, told = _what_of_them(build, head)
        return f"{head.de[0]}, {inner}, {rest}.", f"{head.en[0]} {said} {told}."
    opening, english_opening, end = build.deal(
        "know who",
        (
            ("ich kenne", "I know", ""),
            ("kennst du", "do you know", "?"),
            ("wir haben", "we saw", "gesehen"),
            ("wer ist", "who is", "?nom"),
        ),
    )
    case = "nom" if end == "?nom" else "acc"
    tail = f" {end}" if end == "gesehen" else ""
    mark = "?" if end.startswith("?") else "."
    return f"{opening} {head.case(case)}{tail}, {inner}{mark}", (
        f"{english_opening} {head.en[1]} {said}{mark}"
    )


_ABOUT = {
    "vessel": "sehr alt/very old|ganz neu/quite new|sehr schön/very beautiful",
    "own": "sehr teuer/very expensive|ganz neu/quite new|zu klein/too small",
    "food": "nicht frisch/not fresh|sehr gut/very good|zu teuer/too expensive",
    "small": "nicht hier/not here|noch neu/still new|sehr alt/very old",
    "load": "sehr schwer/very heavy|schon hier/already here|leer/empty",
    "mend": "alt/old|kaputt/broken",
    "dish": "kalt/cold|sehr gut/very good|noch warm/still warm",
    "post": "noch nicht hier/not here yet|schon hier/already here",
    "read": "sehr lang/very long|sehr lustig/very funny|zu kurz/too short",
    "bake": "noch warm/still warm|sehr gut/very good",
}
_HANDLED = (
    "kaufen verkaufen essen lesen schreiben finden verlieren suchen reparieren malen tragen holen "
    "bringen geben schicken leihen kochen backen mieten fangen bekommen bestellen vergessen"
)


def what_was_done(build: Builder) -> Pair:
    """Something is known by what somebody did with it."""
    while True:
        frame = build.frame(verbs=_HANDLED)
        clause = build.clause(frame, build.dice.pick(("past", "past", "plain")), extras=False)
        noun = next((n for n in build.nouns() if set(n.kinds) & set(_ABOUT)), None)
        clause.parts = [part for part in clause.parts if not part.role.startswith("acc")]
        if noun is not None and frame.complements[-1].startswith("a:"):
            break
        build.start()
    head = noun_phrase(noun, "the", plural=bool(noun.plural) and build.dice.chance(25))
    relative = _relative(head, "that").case("acc")
    inner, said = f"{relative} {german.subordinate(clause)}", english.statement(clause)
    kind = next(kind for kind in noun.kinds if kind in _ABOUT)
    word, _, english_word = build.deal("about " + kind, _ABOUT[kind].split("|")).partition("/")
    many, past = head.person > 2, build.dice.chance(40)
    finite = german_forms("sein", "preterite" if past else "present", 5 if many else 2)
    return f"{head.de[0]}, {inner}, {finite} {word}.", (
        f"{head.en[0]} that {said} {be(5 if many else 2, past=past)} {english_word}."
    )


def where_they_live(build: Builder) -> Pair:
    """A place is known by who lives or works there."""
    place = build.deal("live", [p for p in PLACES if p.noun.de not in ("Küche", "Kai", "Brücke")])
    home = place.noun.de in ("Dorf", "Stadt", "Insel", "Gasthaus", "Leuchtturm", "Hafen")
    verb = VERBS["wohnen" if home and place.noun.de != "Hafen" else "arbeiten"]
    words, _, said = place.where.partition("/")
    if verb.infinitive == "wohnen" and place.noun.de in ("Leuchtturm", "Gasthaus"):
        words, said = "in:dat", "in"
    head = noun_phrase(place.noun, "the")
    relative = _relative(head, "which").case("dat")
    clause = Clause(build.who(), verb)
    word, _, english_word = build.deal(
        "sight is",
        (
            "sehr schön/very beautiful",
            "sehr alt/very old",
            "ziemlich klein/rather small",
            "nicht weit weg/not far away",
            "sehr berühmt/very famous",
            "zu klein/too small",
        ),
    ).partition("/")
    return (
        f"{head.de[0]}, {words.split(':')[0]} {relative} {german.subordinate(clause)}, ist {word}.",
        f"{head.en[0]} {said} which {english.statement(clause)} is {english_word}.",
    )
