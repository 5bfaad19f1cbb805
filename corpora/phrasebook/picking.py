"""Draws who, what and where, so that every word gets its turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from skerrow.dice import Dice

from .clauses import Part, prep
from .frames import NAMES, PLACES, Place
from .nouns import ADJECTIVES, BY_KIND, NOUNS, Noun
from .phrases import Phrase, named, noun_phrase, pronoun

__all__ = ["Picker"]

T = TypeVar("T")

_NUMBERS = "two three four five six seven eight nine ten eleven twelve".split()
_COUNTRIES = "Hamburg/Hamburg Bremen/Bremen Kiel/Kiel Dänemark/Denmark Schweden/Sweden".split()
_COUNTRIES += "Norwegen/Norway England/England".split()
_FAR_GOALS = "Hafen Insel Strand Stadt Dorf Bahnhof Markt Leuchtturm Museum".split()
_SOURCES = "Hafen Insel Strand Stadt Dorf".split()
_SEA_GOALS = "Insel Hafen Leuchtturm Strand".split()
# Where one does what, if not simply anywhere.
_SITES = {
    "kaufen": "Markt Marktplatz Stadt Dorf Hafen",
    "verkaufen": "Markt Marktplatz Stadt Dorf Hafen Kai",
    "einkaufen": "Markt Marktplatz Stadt Dorf",
    "kochen": "Küche Gasthaus Café",
    "backen": "Küche Gasthaus Café",
    "essen": "Küche Gasthaus Café Garten Strand Hafen",
    "trinken": "Küche Gasthaus Café Garten Bahnhof Kai",
    "bestellen": "Gasthaus Café",
    "lesen": "Küche Café Garten Strand Bahnhof Schule Gasthaus",
    "schreiben": "Küche Café Garten Strand Gasthaus",
    "schlafen": "Küche Garten Strand Bahnhof Gasthaus Werkstatt",
    "einschlafen": "Küche Garten Strand Gasthaus Kirche",
    "reparieren": "Werkstatt Hafen Kai Garten",
    "ankommen": "Hafen Bahnhof Stadt Dorf",
    "bleiben": "Insel Stadt Dorf Gasthaus Strand Hafen Garten Schule",
    "sitzen": "Küche Garten Strand Kai Brücke Kirche Café Gasthaus Marktplatz",
}
_ABROAD = frozenset("fahren segeln kommen zurückkommen bleiben arbeiten ankommen".split())
# Nobody does something to himself here, so these do not come as subject and object at once.
_SIDE = {"ich": 0, "wir": 0, "du": 1, "ihr": 1, "Sie": 1}


class Picker:
    """Draws phrases, so that every word gets its turn.

    Args:
        dice: What decides.
    """

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self._decks: dict[str, list[object]] = {}
        self._nouns: list[Noun] = []
        self._names: list[str] = []
        self._doer = ""

    def deal(self, deck: str, items: Sequence[T]) -> T:
        """Returns the next of `items`; none comes again before all have come."""
        cards = self._decks.get(deck) or self.dice.shuffled(items)
        self._decks[deck] = cards[1:]
        return cards[0]

    def start(self) -> None:
        """Begins a new sentence, in which no noun comes twice."""
        self._nouns, self._names = [], []

    def nouns(self) -> list[Noun]:
        """Returns the nouns of the sentence so far, the latest first."""
        return list(reversed(self._nouns))

    def noun(self, *kinds: str) -> Noun:
        """Returns a noun of one of the kinds, or one that is named itself."""
        found = [
            noun for kind in kinds for noun in ([NOUNS[kind]] if kind in NOUNS else BY_KIND[kind])
        ]
        deck = "noun " + " ".join(kinds)
        for _ in range(len(found)):
            noun = self.deal(deck, found)
            if noun not in self._nouns:
                break
        self._nouns.append(noun)
        return noun

    def phrase(self, noun: Noun, det: str, *, plural: bool = False, plain: bool = False) -> Phrase:
        """Returns a noun with an article and sometimes an adjective (never, if `plain`)."""
        kinds = [kind for kind in noun.kinds if kind in ADJECTIVES]
        described = (
            ()
            if plain or not kinds or not self.dice.chance(32)
            else (self.deal("adjective " + kinds[-1], ADJECTIVES[kinds[-1]]),)
        )
        return noun_phrase(noun, det, *described, plural=plural)

    def who(self, *, pronouns: int = 35) -> Phrase:
        """Returns somebody; a pronoun `pronouns` times in a hundred."""
        if self.dice.chance(pronouns):
            return pronoun(self.deal("pronoun", "ich wir er sie du alle ich wir er sie".split()))
        sort = self.dice.below(100)
        if sort < 12:
            name = self.deal("name", NAMES)
            while name[0] in self._names:
                name = self.deal("name", NAMES)
            self._names.append(name[0])
            return named(*name)
        if sort < 55:
            return self.relative()
        noun = self.noun("folk")
        if self.dice.chance(25) and noun.plural:
            det = self.dice.pick(("the", "the", "", "some", "many", self.dice.pick(_NUMBERS[:4])))
            return self.phrase(noun, det, plural=True)
        return self.phrase(noun, self.dice.pick(("the", "the", "the", "a", "this")))

    def relative(self) -> Phrase:
        """Returns somebody's relation, friend or neighbour."""
        noun = self.noun("kin")
        det = self.deal("own", "my my your his her our".split())
        plural = noun.de not in ("Mutter", "Vater") and self.dice.chance(20)
        return self.phrase(noun, det, plural=plural, plain=self.dice.chance(60))

    def thing(self, *kinds: str, negative: bool = False) -> Phrase:
        """Returns an object; `kein` one where the clause is negative and nothing is definite."""
        noun = self.noun(*kinds)
        if "kin" in noun.kinds:
            det = self.deal("own", "my my your his her our".split())
            return self.phrase(noun, det, plain=self.dice.chance(60))
        if not noun.plural:
            det = "the" if self.dice.chance(40) or "weather" in noun.kinds else ""
            if "cash" in noun.kinds:
                det = self.dice.pick(("the", "my", "our", ""))
            return self.phrase(noun, "no" if negative and not det else det)
        roll = self.dice.below(100)
        if (
            roll < 38
            or "weather" in noun.kinds
            or (roll > 75 and {"dish", "room"} & set(noun.kinds))
        ):
            return self.phrase(noun, "the")
        if roll < 66:
            return self.phrase(noun, "no" if negative else "a")
        if roll < 76:
            own = "thing own read mend open".split()
            det = self.deal("own", "my my your his her our".split())
            return self.phrase(noun, det if set(own) & set(noun.kinds) else "the")
        if roll < 82:
            return self.phrase(noun, "this")
        if roll < 92 or negative:
            return self.phrase(noun, "no" if negative else "", plural=True)
        det = "many" if roll > 97 else "some" if roll > 95 else self.deal(*self._number(noun))
        return self.phrase(noun, det, plural=True)

    @staticmethod
    def _number(noun: Noun) -> tuple[str, list[str]]:
        """Returns how many of something there can well be: a deck and its cards."""
        plenty = {"food", "small", "load", "ticket", "post", "animal", "bird"} & set(noun.kinds)
        return ("number", _NUMBERS) if plenty else ("few", _NUMBERS[:3])

    def at(self, place: Place) -> Part:
        """Returns a place where something happens."""
        return prep("place", place.where, self._site(place))

    def _site(self, place: Place) -> Phrase:
        owned = place.noun.de in ("Garten", "Küche", "Dorf", "Stadt", "Werkstatt")
        det = "our" if owned and self.dice.chance(25) else "the"
        return self.phrase(place.noun, det, plain=self.dice.chance(70))

    def where(self, verb: str = "") -> Part:
        """Returns where something is done."""
        if self.dice.chance(12) and verb in ("schlafen", "arbeiten", "bleiben", "lesen", "sitzen"):
            return Part("place", "zu Hause", "at home")
        if verb in _ABROAD and self.dice.chance(35):
            german, _, english = self.deal("abroad", _COUNTRIES).partition("/")
            return Part("place", f"in {german}", f"in {english}")
        sites = _SITES.get(verb, "").split()
        places = [place for place in PLACES if not sites or place.noun.de in sites]
        return self.at(self._fresh(places, f"places {' '.join(sites)}"))

    def _fresh(self, places: Sequence[Place], deck: str) -> Place:
        for _ in range(4):
            place = self.deal(deck, places)
            if place.noun not in self._nouns:
                break
        self._nouns.append(place.noun)
        return place

    def goal(self, verb: str) -> Part:
        """Returns where somebody goes."""
        if verb in ("fahren", "gehen", "laufen") and self.dice.chance(14):
            return Part("goal", "nach Hause", "home")
        if verb in ("fahren", "segeln") and self.dice.chance(40):
            german, _, english = self.deal("abroad", _COUNTRIES).partition("/")
            return Part("goal", f"nach {german}", f"to {english}")
        near = {"fahren": _FAR_GOALS, "segeln": _SEA_GOALS}.get(verb)
        places = [place for place in PLACES if near is None or place.noun.de in near]
        place = self._fresh(places, f"goal {verb if near else ''}")
        return prep("goal", place.goal, self._site(place))

    def source(self) -> Part:
        """Returns where somebody comes from."""
        if self.dice.chance(40):
            german, _, english = self.deal("abroad", _COUNTRIES).partition("/")
            return Part("goal", f"aus {german}", f"from {english}")
        places = [place for place in PLACES if place.noun.de in _SOURCES]
        place = self._fresh(places, "source")
        return prep("goal", place.source, self._site(place))

    def companion(self, subject: Phrase) -> Part:
        """Returns with whom something is done."""
        if self.dice.chance(15):
            return Part("companion", "allein", "alone")
        if subject.person > 2 and self.dice.chance(30):
            return Part("companion", "zusammen", "together")
        if subject.person > 0 and subject.person != 3 and self.dice.chance(15):
            return Part("companion", "mit mir", "with me")
        if subject.person in (0, 3) and self.dice.chance(15):
            german, english = self.dice.pick((("ihm", "him"), ("ihr", "her"), ("ihnen", "them")))
            return Part("companion", f"mit {german}", f"with {english}")
        other = self.relative() if self.dice.chance(70) else self.phrase(self.noun("folk"), "the")
        return prep("companion", "mit:dat/with", other)

    def somebody(self) -> Phrase:
        """Returns a person as an object."""
        if self.dice.chance(22):
            key = self.deal("object", "ich du er wir".split())
            if _SIDE.get(key, 9) != _SIDE.get(self._doer, 8):
                return pronoun(key)
        return self.who(pronouns=0)
