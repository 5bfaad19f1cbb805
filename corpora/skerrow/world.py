"""What the town knows: the day, who holds what, and the errands that people talk about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .almanac import MONTHS, Almanac, Day
from .dice import Dice
from .grammar import Context, Grammar, GrammarError
from .people import PEOPLE, Person
from .polish import polish

__all__ = ["Errand", "Piece", "Thing", "World"]

TEXTS = Path(__file__).parent / "texts"
CHILDREN = ("mina", "perrin")

# Things that are eaten, planted or let off cannot be lost in a later month.
_USED_UP = frozenset(
    (
        *("jam", "cheese", "cordial", "basket", "sack", "honey", "jelly", "bucket of crabs"),
        *("twine", "box of fireworks", "flannel", "letter", "bundle of letters", "shawl"),
    )
)


@dataclass(frozen=True)
class Thing:
    """Something that is carried about.

    Attributes:
        full: As it is first called, without an article: `copper kettle`.
        short: As it is called from then on: `kettle`.
        why: Why it is wanted, a sentence somebody says.
        carry: What carrying it is like, a sentence with slots.
        after: What became of it.
    """

    full: str
    short: str
    why: str = ""
    carry: str = ""
    after: str = ""

    def __str__(self) -> str:
        return self.full

    @property
    def a(self) -> str:
        """With the indefinite article (`polish` makes it `an` where it must be)."""
        return f"a {self.full}"

    @property
    def this(self) -> str:
        """With `this`, as one names what is in one's hand."""
        return f"this {self.full}"

    @property
    def the(self) -> str:
        """The short name with the definite article."""
        return f"the {self.short}"

    @property
    def lasts(self) -> bool:
        """Whether it can turn up again in another month."""
        return self.short not in _USED_UP


@dataclass(frozen=True)
class Errand:
    """Something that happened: on `day`, `carrier` took `thing` from `giver` to `receiver`."""

    day: Day
    carrier: Person
    giver: Person
    thing: Thing
    receiver: Person


@dataclass(frozen=True)
class Piece:
    """One titled part of the book; paragraphs are parted by blank lines."""

    title: str
    body: str


class World:
    """The town and everything the chapters share.

    Args:
        seed: Decides the whole year.
    """

    def __init__(self, seed: int) -> None:
        self.dice = Dice(seed)
        self.almanac = Almanac(self.dice)
        self.grammar = Grammar(TEXTS, self.dice)
        self.errands: list[Errand] = []
        self._things = self.dice.shuffled([self._thing(row) for row in self.rows("object")])
        self._wares = self.dice.shuffled([self._thing(row) for row in self.rows("ware")])
        self._recent: list[str] = []

    def rows(self, rule: str) -> list[list[str]]:
        """Returns the alternatives of a rule, split at ` // `."""
        return [line.split(" // ") for line in self.grammar.lines(rule)]

    @staticmethod
    def _thing(row: list[str]) -> Thing:
        return Thing(*row)

    def context(self, day: Day, **more: object) -> Context:
        """Returns what templates may refer to on a day."""
        basis: Context = {"tags": day.tags, "weekday": day.weekday, "date": day.date}
        return {**basis, "month": day.month_name, **more}

    def say(self, rule: str, context: Context) -> str:
        """Returns a line of a rule as it is printed."""
        return polish(self.grammar.draw(rule, context))

    def piece(self, rule: str, context: Context) -> Piece:
        """Returns a block whose first line is its title."""
        if not self.grammar.fresh(rule, context):
            raise GrammarError(f"every {rule!r} that suits {context['date']} has been used")
        title, _, body = self.grammar.draw(rule, context).partition("\n")
        return Piece(polish(title), polish(body))

    def next_thing(self) -> Thing:
        """Returns a thing that nobody has carried yet (from the start again, when all have)."""
        thing = self._things.pop(0)
        self._things.append(thing)
        return thing

    def next_wares(self, count: int) -> list[Thing]:
        """Returns things for an exchange, those that were not wanted for longest."""
        taken, self._wares = self._wares[:count], self._wares[count:] + self._wares[:count]
        return taken

    def cast(
        self, count: int, *, without: tuple[str, ...] = (), rock: bool = False
    ) -> list[Person]:
        """Returns people who have not been seen for a while.

        Args:
            count: How many.
            without: Keys of those who are in the scene already.
            rock: Whether it may be the lighthouse keeper, who can only be met on the Tooth.
        """
        away = {"hector", *without} | (set() if rock else {"zoe"})
        rested = [key for key in PEOPLE if key not in away and key not in self._recent[-9:]]
        tired = [key for key in self._recent[-9:] if key not in away and key not in rested]
        keys = self.dice.sample(rested, count)
        keys += list(dict.fromkeys(tired))[: count - len(keys)]
        self._recent += keys
        return [PEOPLE[key] for key in keys]

    def carrier(self) -> Person:
        """Returns who runs the next errand; mostly it is a child."""
        key = self.dice.pick("mina mina mina perrin perrin perrin jory tick lettice".split())
        self._recent.append(key)
        return PEOPLE[key]

    def lasting(self, before: Day) -> list[Errand]:
        """Returns errands of earlier months whose thing could be missed by now."""
        return [e for e in self.errands if e.thing.lasts and e.day.number < before.number - 25]

    def month_before(self, errand: Errand, day: Day) -> str:
        """Returns how people would date an errand: `in March`, `last month`."""
        if day.month == errand.day.month + 1:
            return "last month"
        return f"in {MONTHS[errand.day.month - 1]}"
