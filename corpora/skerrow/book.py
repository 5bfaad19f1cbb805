"""Puts the year together, day by day, so that what happens in March is known in April."""

from __future__ import annotations

from collections.abc import Callable

from .almanac import MONTHS, Day
from .errands import ERRANDS
from .papers import harbour_log, market, minutes, notices
from .polish import polish
from .voices import compositions, diary, night, overheard, play, sayings, ship_log
from .world import Piece, World

__all__ = ["write_book"]

_Maker = Callable[[World, Day], Piece]

# On which day of its month the story of the month stands.
_STORY_DAYS = (12, 7, 21, 28, 19, 22, 12, 18, 22, 21, 22, 31)

# What a month holds besides, in a word each: letters, tales and so on are drawn as they come.
_EVERY_MONTH = "letter delivery errand log diary diary verse verse sayings night recipe market"
_ALSO = (
    "minutes overheard tale errand sketch compositions",
    "play notices delivery errand sketch overheard",
    "letter:rene overheard minutes play compositions errand",
    "tale notices overheard delivery ship_log sketch",
    "play minutes delivery errand notices ship_log compositions",
    "letter:lettice overheard tale play errand ship_log sketch",
    "notices overheard recipe delivery ship_log sketch",
    "play minutes tale errand delivery ship_log overheard",
    "notices overheard play errand ship_log sketch compositions",
    "letter:tick tale minutes recipe overheard ship_log sketch delivery",
    "play notices overheard tale errand ship_log sketch",
    "minutes tale recipe notices overheard play errand compositions sketch",
)
# Months whose letter speaks of the story, and what looks back over a whole month.
_AFTERWARDS = (1, 3, 7, 8, 10, 11)
_AT_THE_END = ("ship_log", "log")

_ERRAND_ORDER = "exchange missing message feast".split()
_DIARISTS = "zoe pole mina".split()


def _block(rule: str) -> _Maker:
    return lambda world, day: world.piece(rule, world.context(day))


def _letter(world: World, day: Day) -> Piece:
    return world.piece(f"letter:{day.month}", world.context(day))


def _story(world: World, day: Day) -> Piece:
    return world.piece(f"spine:{day.month}", world.context(day))


_MAKERS: dict[str, _Maker] = {
    "story": _story,
    "letter": _letter,
    "log": harbour_log,
    "minutes": minutes,
    "notices": notices,
    "market": market,
    "overheard": overheard,
    "sayings": sayings,
    "night": night,
    "play": play,
    "compositions": compositions,
    "ship_log": ship_log,
    **ERRANDS,
}


class _Year:
    """Decides which piece stands on which day."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.errands = 0
        self.diaries = 0

    def month(self, month: int) -> list[tuple[Day, str]]:
        """Returns the pieces of a month with their days, in order."""
        world = self.world
        kinds = world.dice.shuffled([*_EVERY_MONTH.split(), *_ALSO[month - 1].split()])
        kinds = self._apart(kinds)
        kinds = [k for k in kinds if k not in _AT_THE_END] + [k for k in _AT_THE_END if k in kinds]
        days = world.almanac.month(month)
        step = (len(days) - 1) / (len(kinds) + 1)
        story = world.almanac.on(month, _STORY_DAYS[month - 1])
        placed = [(days[int(step * (n + 1))], kind) for n, kind in enumerate(kinds)]
        placed = [
            (
                days[story.day]
                if kind == "letter" and story.day > day.day and month in _AFTERWARDS
                else day,
                kind,
            )
            for day, kind in placed
        ]
        placed.append((story, "story"))
        return sorted(placed, key=lambda item: item[0].number)

    @staticmethod
    def _apart(kinds: list[str]) -> list[str]:
        """Moves the second of two neighbours of one kind to the other end."""
        for place in range(1, len(kinds)):
            alike = {kinds[place - 1], kinds[place]} <= {"delivery", "errand"}
            if alike or kinds[place] == kinds[place - 1]:
                kinds.insert(0, kinds.pop(place))
        return kinds

    def write(self, day: Day, kind: str) -> Piece:
        """Returns the piece of a kind for a day."""
        if kind == "errand":
            kind = _ERRAND_ORDER[self.errands % len(_ERRAND_ORDER)]
            self.errands += 1
        if kind == "diary":
            self.diaries += 1
            return diary(self.world, day, _DIARISTS[self.diaries % 3])
        return _MAKERS.get(kind, _block(kind))(self.world, day)


def write_book(seed: int) -> str:
    """Returns the whole year as one text, with LF line ends and no trailing spaces."""
    world = World(seed)
    year = _Year(world)
    front = world.piece("front", world.context(world.almanac.days[0]))
    parts = [front.title, front.body]
    for month, name in enumerate(MONTHS, start=1):
        parts.append(name.upper())
        for day, kind in year.month(month):
            piece = year.write(day, kind)
            parts += [piece.title, piece.body]
    parts.append(polish("THE END"))
    return "\n\n".join(parts) + "\n"
