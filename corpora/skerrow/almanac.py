"""The calendar of one year in Skerrow: dates, weather, wind, moon and tides."""

from __future__ import annotations

from dataclasses import dataclass

from .dice import Dice

__all__ = ["MONTHS", "Almanac", "Day", "clock", "spoken_hour"]

MONTHS = (
    "January February March April May June July August September October November December"
).split()
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_HOURS = "twelve one two three four five six seven eight nine ten eleven".split()

# Weather by season, each as often as it comes.
_SKIES = {
    "winter": "clear clear cloud cloud rain rain gale frost frost snow drizzle fog",
    "spring": "clear clear clear cloud cloud breeze breeze drizzle rain gale fog",
    "summer": "clear clear clear heat heat breeze breeze cloud thunder drizzle rain fog",
    "autumn": "clear clear cloud cloud breeze rain rain gale gale drizzle fog fog",
}
_WINDS = {
    "clear": ("W 2", "NW 2", "N 2", "E 2", "SW 2", "variable 1"),
    "cloud": ("SW 3", "W 3", "S 2", "NE 3", "SE 2"),
    "breeze": ("W 5", "SW 5", "NW 4", "SW 4"),
    "drizzle": ("S 2", "SW 3", "SE 3"),
    "rain": ("SW 5", "S 4", "SE 4", "W 5"),
    "gale": ("SW 8", "W 8", "NW 9", "SW 9"),
    "fog": ("calm", "calm", "SE 1", "variable 1"),
    "frost": ("N 2", "NE 3", "calm", "E 3"),
    "snow": ("NE 4", "N 4", "E 5"),
    "heat": ("calm", "S 1", "variable 1", "SE 2"),
    "thunder": ("variable 2", "S 3", "SW 4"),
}
_WET = {"drizzle", "rain", "gale", "thunder"}
_COLD = {"frost", "snow"}

# Days whose weather the story has settled: (month, first day, last day, sky).
_SETTLED = (
    (1, 8, 12, "frost"),
    (2, 6, 7, "snow"),
    (3, 21, 21, "breeze"),
    (5, 19, 19, "clear"),
    (6, 21, 21, "clear"),
    (7, 12, 12, "clear"),
    (8, 18, 18, "breeze"),
    (9, 22, 22, "clear"),
    (10, 19, 21, "gale"),
    (11, 13, 21, "fog"),
    (11, 22, 22, "clear"),
    (12, 31, 31, "frost"),
)

# What is true from one day of the year to another: (tag, from, to), both (month, day).
_CHAPTERS = (
    ("hector_home", (1, 1), (3, 20)),
    ("hector_away", (3, 21), (11, 21)),
    ("hector_home", (11, 22), (12, 31)),
    ("bell_cracked", (1, 12), (12, 30)),
    ("boat_building", (2, 8), (7, 11)),
    ("boat_afloat", (7, 12), (10, 31)),
    ("courting", (1, 1), (5, 18)),
    ("engaged", (5, 20), (9, 21)),
    ("married", (9, 23), (12, 31)),
    ("spectacles_lost", (4, 10), (10, 20)),
    ("chimney", (1, 1), (10, 20)),
    ("school", (1, 8), (3, 28)),
    ("school", (4, 20), (7, 20)),
    ("school", (9, 8), (12, 18)),
)
_TIDE_STEP = 50.47  # minutes by which high water comes later each day
_HALF_TIDE = 745.2  # minutes from one high water to the next
_LUNATION = 29.53


@dataclass(frozen=True)
class Day:
    """One day of the year.

    Attributes:
        number: 0 for the first of January.
        month: 1 to 12.
        day: Day of the month.
        weekday: Its name.
        sky: The weather in a word.
        wind: Direction and force, as the log writes it.
        glass: The barometer, in inches of mercury.
        high: Minutes after midnight of the day's high waters (one or two).
        moon: Days since the new moon.
        tags: Everything that templates may ask about.
    """

    number: int
    month: int
    day: int
    weekday: str
    sky: str
    wind: str
    glass: str
    high: tuple[int, ...]
    moon: float
    tags: frozenset[str]

    @property
    def month_name(self) -> str:
        """The month, written out."""
        return MONTHS[self.month - 1]

    @property
    def date(self) -> str:
        """The date as it stands over a letter: `9 March`."""
        return f"{self.day} {self.month_name}"

    def tide_at(self, minute: int) -> str:
        """Returns `in` around high water, `out` around low water, else `making` or `falling`."""
        since = (minute - self.high[0]) % _HALF_TIDE
        if since < 105 or since > _HALF_TIDE - 105:
            return "in"
        if 265 < since < 480:
            return "out"
        return "falling" if since <= 265 else "making"


def _season(month: int) -> str:
    return ("winter", "spring", "summer", "autumn")[month % 12 // 3]


def _between(month: int, day: int, first: tuple[int, int], last: tuple[int, int]) -> bool:
    return first <= (month, day) <= last


def _tags(month: int, day: int, weekday: str, sky: str, moon: float) -> frozenset[str]:
    tags = {sky, _season(month), MONTHS[month - 1][:3].lower(), weekday.lower()}
    if sky in _WET:
        tags.add("wet")
    elif sky not in _COLD:
        tags.add("dry")
    if sky in _COLD:
        tags.add("cold")
    if sky in ("clear", "heat"):
        tags.add("bright")
    if sky in ("gale", "breeze"):
        tags.add("windy")
    if min(moon, abs(moon - _LUNATION / 2), _LUNATION - moon) < 2.2:
        tags.add("springs")
    tags.update(tag for tag, first, last in _CHAPTERS if _between(month, day, first, last))
    if weekday in ("Saturday", "Sunday"):
        tags.discard("school")
    return frozenset(tags)


class Almanac:
    """All 365 days.

    Args:
        dice: Decides the weather that the story leaves open.
    """

    def __init__(self, dice: Dice) -> None:
        self.days: list[Day] = []
        sky, glass = "cloud", 298
        for month, length in enumerate(_LENGTHS, start=1):
            for day in range(1, length + 1):
                if not dice.chance(35):  # weather stays a while
                    sky = dice.pick(_SKIES[_season(month)].split())
                settled = [s for m, a, b, s in _SETTLED if m == month and a <= day <= b]
                sky = settled[0] if settled else sky
                if sky in _COLD and _season(month) != "winter":
                    sky = "cloud"
                aim = 302 if sky in ("clear", "heat", "frost") else 291 if sky == "gale" else 297
                glass = max(284, min(307, glass + (aim - glass) // 2 + dice.between(-1, 1)))
                self.days.append(self._day(month, day, sky, glass, dice))

    def _day(self, month: int, day: int, sky: str, glass: int, dice: Dice) -> Day:
        number = len(self.days)
        first = (497 + number * _TIDE_STEP) % _HALF_TIDE
        high = [round(first)] + [round(first + _HALF_TIDE)] * (first + _HALF_TIDE < 1439.5)
        moon = (number + 16.54) % _LUNATION
        weekday = _WEEKDAYS[number % 7]
        tags = _tags(month, day, weekday, sky, moon)
        wind = dice.pick(_WINDS[sky])
        inches = f"{glass // 10}.{glass % 10}"
        return Day(number, month, day, weekday, sky, wind, inches, tuple(high), moon, tags)

    def on(self, month: int, day: int) -> Day:
        """Returns a day by its date."""
        return self.days[sum(_LENGTHS[: month - 1]) + day - 1]

    def month(self, month: int) -> list[Day]:
        """Returns the days of a month."""
        return [day for day in self.days if day.month == month]


def clock(minute: int) -> str:
    """Returns minutes after midnight as a log writes them: `07.45`."""
    return f"{minute // 60 % 24:02d}.{minute % 60:02d}"


def spoken_hour(minute: int) -> str:
    """Returns the nearest quarter as people say it: `half past nine`."""
    quarter = (minute + 7) // 15
    hour, part = quarter // 4, quarter % 4
    if part == 0:
        return {0: "midnight", 12: "noon"}.get(hour % 24, f"{_HOURS[hour % 12]} o'clock")
    if part == 3:
        return f"a quarter to {_HOURS[(hour + 1) % 12]}"
    return f"{('', 'a quarter past', 'half past')[part]} {_HOURS[hour % 12]}"
