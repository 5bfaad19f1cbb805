"""Numbers, hours and days in both languages."""

from __future__ import annotations

from skerrow.dice import Dice

from .clauses import Part, adverb

__all__ = ["clock", "number", "when"]

_ONES_DE = (
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
    "sechzehn siebzehn achtzehn neunzehn"
).split()
_ONES_EN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS_DE = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()
_TENS_EN = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_DAYS = (
    "Montag/Monday Dienstag/Tuesday Mittwoch/Wednesday Donnerstag/Thursday Freitag/Friday "
    "Samstag/Saturday Sonntag/Sunday"
).split()
_MONTHS = "Januar/January März/March April/April Mai/May Juni/June Juli/July August/August".split()
_MONTHS += "September/September Oktober/October November/November Dezember/December".split()

_NEAR_PAST = (
    "gestern/yesterday|vorgestern/the day before yesterday|gestern Abend/yesterday evening|"
    "heute Morgen/this morning|letzte Woche/last week|heute Nacht/last night|"
    "gestern Nachmittag/yesterday afternoon|vor einer Stunde/an hour ago|vor einer Woche/a week ago"
).split("|")
_FAR_PAST = (
    "letzten Sommer/last summer|letztes Jahr/last year|letzten Monat/last month|"
    "vor einem Jahr/a year ago|vor einem Monat/a month ago|letzten Winter/last winter"
).split("|")
_FUTURE = (
    "morgen/tomorrow|übermorgen/the day after tomorrow|heute Abend/this evening|"
    "morgen früh/tomorrow morning|nächste Woche/next week|morgen Abend/tomorrow evening|"
    "in einer Stunde/in an hour|heute Nachmittag/this afternoon"
).split("|")
_FAR_FUTURE = (
    "nächsten Monat/next month|nächsten Sommer/next summer|nächstes Jahr/next year|"
    "in einer Woche/in a week|in einem Monat/in a month"
).split("|")
_HABIT = (
    "jeden Tag/every day|jeden Morgen/every morning|jeden Abend/every evening|"
    "jede Woche/every week|im Sommer/in summer|im Winter/in winter|am Nachmittag/in the afternoon|"
    "am Abend/in the evening|zweimal in der Woche/twice a week|am Wochenende/at the weekend|"
    "sonntags/on Sundays|am Morgen/in the morning"
).split("|")
_NOW = "jetzt/now|gerade/|im Moment/at the moment|gerade/".split("|")
_SINCE = (
    "seit gestern/since yesterday|seit heute Morgen/since this morning|"
    "seit einer Stunde/for an hour|seit einer Woche/for a week"
).split("|")
_SPANS = {
    "short": "Minuten/minutes Stunden/hours".split(),
    "long": "Tagen/days Wochen/weeks Monaten/months Jahren/years".split(),
}


def number(value: int) -> tuple[str, str]:
    """Returns a number from 2 to 99 in German and English; the two turn tens and ones about."""
    if value < 20:
        return _ONES_DE[value], _ONES_EN[value]
    tens, ones = divmod(value, 10)
    if not ones:
        return _TENS_DE[tens - 2], _TENS_EN[tens - 2]
    german = f"{_ONES_DE[ones]}und{_TENS_DE[tens - 2]}"
    return german, f"{_TENS_EN[tens - 2]}-{_ONES_EN[ones]}"


def clock(dice: Dice) -> tuple[str, str]:
    """Returns an hour as one says it; German counts its halves towards the next hour."""
    hour = dice.between(1, 12)
    following = hour % 12 + 1
    said, comes = ("eins" if h == 1 else _ONES_DE[h] for h in (hour, following))
    here, there = _ONES_EN[hour], _ONES_EN[following]
    full = ("um ein Uhr" if hour == 1 else f"um {said} Uhr", f"at {here} o’clock")
    return dice.pick(
        (
            full,
            full,
            (f"um halb {comes}", f"at half past {here}"),
            (f"um halb {comes}", f"at half past {here}"),
            (f"um Viertel nach {said}", f"at a quarter past {here}"),
            (f"um Viertel vor {comes}", f"at a quarter to {there}"),
            (f"um zehn nach {said}", f"at ten past {here}"),
            (f"um zwanzig vor {comes}", f"at twenty to {there}"),
        )
    )


def _span(dice: Dice, sort: str) -> tuple[str, str]:
    german, english = number(dice.between(2, 12))
    unit, _, units = dice.pick(_SPANS[sort]).partition("/")
    return f"{german} {unit}", f"{english} {units}"


def _hourly(dice: Dice, days: str) -> str:
    day, _, said = dice.pick(days.split("|")).partition("/")
    german, english = clock(dice)
    return f"{day} {german}/{english} {said}"


def when(dice: Dice, sort: str) -> Part:
    """Returns a time.

    Args:
        dice: What decides.
        sort: `past`, `far` (may be long ago), `future`, `far_future`, `habit`, `now` or `since`.
    """
    german_day, _, english_day = dice.pick(_DAYS).partition("/")
    on_day = f"am {german_day}/on {english_day}"
    if sort in ("past", "far"):
        german, english = _span(dice, "short" if sort == "past" and dice.chance(60) else "long")
        ago = f"vor {german}/{english} ago"
        month = "im {}/in {}".format(*dice.pick(_MONTHS).split("/"))
        hour = _hourly(dice, "gestern/yesterday|heute/today")
        far = (dice.pick(_FAR_PAST), dice.pick(_FAR_PAST), month, ago)
        options = (*(dice.pick(_NEAR_PAST),) * 4, on_day, hour, ago)
        return adverb("time", dice.pick((*far, *options) if sort == "far" else options))
    if sort in ("future", "far_future"):
        german, english = _span(dice, "long" if sort == "far_future" else "short")
        hour = _hourly(dice, "morgen/tomorrow|heute/today")
        soon = f"in {german}/in {english}"
        options = (*(dice.pick(_FUTURE),) * 4, on_day, hour, soon)
        if sort == "far_future":
            month = "im {}/in {}".format(*dice.pick(_MONTHS).split("/"))
            options = (*options, *(dice.pick(_FAR_FUTURE),) * 3, month)
        return adverb("time", dice.pick(options))
    if sort == "habit":
        every = f"jeden {german_day}/every {english_day}"
        german, english = clock(dice)
        hour = f"{german}/{english}"
        return adverb("time", dice.pick((*(dice.pick(_HABIT),) * 4, every, hour)))
    if sort == "since":
        german, english = _span(dice, "short")
        since = f"seit {german_day}/since {english_day}"
        return adverb("time", dice.pick((dice.pick(_SINCE), f"seit {german}/for {english}", since)))
    return adverb("time", dice.pick(_NOW))
