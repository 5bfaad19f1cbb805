"""The walk of one errand: its people, its hour, and the paragraphs it has come to so far."""

from __future__ import annotations

import re

from .almanac import Day, spoken_hour
from .grammar import Context
from .people import Person
from .polish import polish, titled
from .world import CHILDREN, Piece, World

__all__ = ["Walk"]


def _named(who: Person) -> re.Pattern[str]:
    """Matches a person's name, the long form or the short."""
    return re.compile(rf"(?:{re.escape(who.full)}|{re.escape(who.name)})")


class Walk:
    """One errand under way: its people, its hour and the paragraphs so far."""

    def __init__(self, world: World, day: Day) -> None:
        self.world, self.day = world, day
        self.carrier = world.carrier()
        self.minute = 60 * world.dice.between(8, 11) + 15 * world.dice.below(4)
        self.seen = [self.carrier.key]
        self.streets: list[str] = []
        self.paragraphs: list[str] = []
        self.context: Context = world.context(day, C=self.carrier)
        if self.carrier.key in CHILDREN:
            self.context["tags"] = day.tags | {"child"}
        self.pass_time(0)

    def pass_time(self, minutes: int) -> None:
        """Moves the clock on."""
        self.minute += minutes
        self.context["hour"] = spoken_hour(self.minute)

    def people(self, *roles: str, rock: bool = False) -> None:
        """Gives the roles to people who are not in the story yet."""
        found = self.world.cast(len(roles), without=tuple(self.seen), rock=rock)
        for role, person in zip(roles, found, strict=True):
            self.role(role, person)

    def role(self, role: str, person: Person) -> None:
        """Gives a role to somebody."""
        self.context[role] = person
        self.seen.append(person.key)

    def line(self, rule: str) -> str:
        """Returns a line of a rule for the present moment."""
        return self.world.grammar.fill(f"[{rule}]", self.context)

    def add(self, *parts: str) -> None:
        """Adds a paragraph, unless there is nothing in it."""
        text = polish(" ".join(part for part in parts if part))
        if text:
            self.paragraphs.append(text)

    def speech(self, who: Person, *parts: str) -> None:
        """Adds what somebody is doing and says; often in one paragraph, with a pronoun."""
        *before, said = parts
        starts = before[-1].startswith((who.name, who.They)) and not before[-1].endswith('"')
        if starts and self.world.dice.chance(55):
            tag = re.compile(rf'([,?!]" )(said|cried|asked) {_named(who).pattern}')
            said, tagged = tag.subn(rf"\1{who.they} \2", said, count=1)
            if tagged:
                self.add(*before, said)
                return
        self.add(*before)
        self.add(said)

    def street(self, way: str) -> str:
        """Returns a sentence about a street on the way, or about how one gets to the Tooth."""
        if way == "causeway":
            out = self.world_tide() == "out"
            return self.line("way:causeway" if out else "crossing")
        if way in self.streets:
            return ""  # one is there already
        self.streets.append(way)
        return self.line(f"way:{way}")

    def world_tide(self) -> str:
        """Returns the state of the tide at this hour of the errand."""
        return self.day.tide_at(self.minute)

    def meeting(self, role: str = "M") -> None:
        """Adds an encounter: who it was, what was said, what the carrier made of it."""
        self.pass_time(self.world.dice.between(15, 35))
        self.context["M"] = self.context[role]
        dice = self.world.dice
        who: Person = self.context["M"]
        met, found = "", self.line("found/M")
        if dice.chance(45) and found.startswith(who.name):
            met = self.line("met")
            found = _named(who).sub(who.They, found, count=1)
        self.speech(who, met, found, self.line("says/M"))
        if dice.chance(75):
            self.add(self.line("answer/C"))

    def hindrance(self) -> None:
        """Adds what got in the way."""
        self.pass_time(self.world.dice.between(20, 45))
        self.add(self.line("hindrance"))
        if self.world.dice.chance(45):
            self.add(self.line("after_hindrance"))

    def piece(self, title: str) -> Piece:
        """Returns the story under a title."""
        return Piece(polish(titled(title)), "\n\n".join(self.paragraphs))
