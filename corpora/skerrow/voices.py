"""What Skerrow says: diaries, small plays, things overheard, sayings, the lamplighter's rounds."""

from __future__ import annotations

from .almanac import Day
from .people import PEOPLE
from .polish import polish
from .world import Piece, World

__all__ = ["compositions", "diary", "night", "overheard", "play", "sayings", "ship_log"]

_LAMPS = 106
_NUMBERS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
).split()
_TENS = (
    "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth hundredth"
).split()


def ordinal(number: int) -> str:
    """Returns 1 to 106 as an ordinal in words: `forty-second`."""
    if number < 20:
        return _NUMBERS[number - 1]
    tens, ones = divmod(number, 10)
    if not ones:
        return _TENS[tens - 2]
    if tens == 10:
        return f"hundred and {_NUMBERS[ones - 1]}"
    return f"{_TENS[tens - 2].replace('ieth', 'y')}-{_NUMBERS[ones - 1]}"


def diary(world: World, day: Day, who: str) -> Piece:
    """Four entries of somebody's diary; one of them may speak of an errand."""
    month = world.almanac.month(day.month)
    days = sorted(world.dice.sample(month, 4), key=lambda d: d.number)
    entries = []
    for written in days:
        context = world.context(written)
        if not world.grammar.fresh(f"diary:{who}", context):
            continue
        sky = world.grammar.draw(f"sky_{who}", context)
        recent = [e for e in world.errands if 0 < written.number - e.day.number < 6]
        recent = [e for e in recent if who not in (e.carrier.key, e.giver.key, e.receiver.key)]
        news = ""
        if recent and world.dice.chance(80):
            told = recent[-1]
            context.update(C=told.carrier, G=told.giver, O=told.thing, R=told.receiver)
            news = world.grammar.draw(f"news:{who}", context)
        body = world.grammar.draw(f"diary:{who}", context)
        entries.append(polish(f"{written.weekday} {written.day}. {sky} {body} {news}"))
    title = world.say(f"diary_title:{who}", world.context(day))
    return Piece(title, "\n\n".join(entries))


def overheard(world: World, day: Day) -> Piece:
    """Scraps of talk, with nobody's name to them."""
    context = world.context(day)
    scraps = [world.say("overheard", context) for _ in range(world.dice.between(3, 4))]
    title = world.dice.pick(("Overheard", "Two Voices", "In Passing"))
    return Piece(title, "\n\n".join([world.say("overheard_intro", context), *scraps]))


def compositions(world: World, day: Day) -> Piece:
    """Two children write for Miss Pole."""
    context = world.context(day)
    written = [world.say("composition", context) for _ in range(2)]
    return Piece("From the Composition Books", "\n\n".join(written))


def ship_log(world: World, day: Day) -> Piece:
    """The log of the Patience for the month, as it was read when she had come home."""
    context = world.context(day)
    entries: list[str] = []
    while len(entries) < 3 and world.grammar.fresh("ship_log", context):
        entries.append(world.say("ship_log", context))
    return Piece(f"The Log of the Patience, {day.month_name}", "\n\n".join(entries))


def sayings(world: World, day: Day) -> Piece:
    """Proverbs, and riddles with their answers at the end."""
    context = world.context(day)
    proverbs = [world.say("saying", context) for _ in range(5)]
    riddles = [world.grammar.draw("riddle", context).split(" // ") for _ in range(2)]
    asked = [polish(question) for question, _ in riddles]
    answers = polish("(Answers: " + " ".join(answer for _, answer in riddles) + ")")
    title = world.dice.pick(("Sayings and Riddles", "As They Say in Skerrow", "For the Stove"))
    return Piece(title, "\n\n".join(["\n".join(proverbs), *asked, answers]))


def night(world: World, day: Day) -> Piece:
    """The lamplighter's round of one night."""
    context = world.context(day)
    lamps = sorted(world.dice.sample(range(2, _LAMPS), 5))
    met = [world.say("lamp", {**context, "nth": ordinal(lamp)}) for lamp in lamps]
    opening = polish(f"{world.say('night_open', context)} {world.say('night_sky', context)}")
    title = world.dice.pick(("Hob's Round", "The Lamps", "Between Dusk and Day", "By Lamplight"))
    return Piece(polish(title), "\n\n".join([opening, *met, world.say("night_close", context)]))


def _needed(head: str) -> list[str]:
    """Returns the keys in the head of an exchange; `+` marks who comes on in the exchange."""
    return [name.lstrip("+") for name in head.removeprefix("@").split()]


def _arrive(world: World, day: Day, head: str, stage: list[str]) -> list[str]:
    """Brings on whom an exchange needs."""
    lines = []
    for key in _needed(head):
        if key not in stage:
            stage.append(key)
            if f"+{key}" not in head:
                lines.append(world.say("enter", world.context(day, A=PEOPLE[key])))
    return lines


def _depart(world: World, day: Day, stage: list[str], later: set[str]) -> list[str]:
    """Sends somebody home who is not needed `later`, when the room gets full."""
    free = [key for key in stage if key not in later and key != "brid"]
    if len(stage) < 5 or not free:
        return []
    stage.remove(free[0])
    return [world.say("leave", world.context(day, A=PEOPLE[free[0]]))]


def play(world: World, day: Day) -> Piece:
    """An evening at the inn, in four exchanges."""
    context = world.context(day)
    stage = ["brid"]
    title = world.say("play_title", context)
    parts = [f"{world.say('play_scene', context)} BRÍD behind the bar."]
    exchanges = [world.grammar.draw("exchange", context).partition("\n") for _ in range(4)]
    for number, (head, _, lines) in enumerate(exchanges):
        entering = _arrive(world, day, head, stage)
        later = {key for other, _, _ in exchanges[number + 1 :] for key in _needed(other)}
        leaving = _depart(world, day, stage, later)
        parts.append("\n".join([*entering, polish(lines), *leaving]))
        if number in (0, 2):
            parts.append(world.say("chorus", context))
    parts.append(world.say("play_end", context))
    return Piece(title, "\n\n".join(parts))
