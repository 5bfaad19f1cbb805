"""What Skerrow writes down: the harbour log, notices, minutes, prices, letters, recipes."""

from __future__ import annotations

from .almanac import Day, clock
from .polish import polish
from .world import Piece, World

__all__ = ["harbour_log", "market", "minutes", "notices"]


def _log_entry(world: World, day: Day, before: Day) -> str:
    """Returns one day of the log, as Marta Quill writes it."""
    dice = world.dice
    context = world.context(day)
    steps = float(day.glass) - float(before.glass)
    glass = "steady" if abs(steps) < 0.05 else "rising" if steps > 0 else "falling"
    high = " and ".join(clock(minute) for minute in day.high)
    head = f"{day.weekday}, {day.date}. Wind {day.wind}, glass {day.glass}, {glass}. High water {high}."
    parts = [head, world.grammar.draw("log_sky", context)]
    still = day.sky in ("gale", "fog")
    if not still and dice.chance(70):
        parts.append(world.grammar.draw("log_arrived", world.context(day)))
    if not still and dice.chance(40):
        parts.append(world.grammar.draw("log_sailed", world.context(day)))
    special = f"log_special:{day.month}-{day.day}"
    if world.grammar.has(special):
        parts.append(world.grammar.draw(special, context))
    elif dice.chance(88):
        parts.append(world.grammar.draw("log_remark", world.context(day)))
    return polish(" ".join(parts))


def harbour_log(world: World, day: Day) -> Piece:
    """A week or so of the harbour log, round a day of the month."""
    month = world.almanac.month(day.month)
    told = [d for d in month if world.grammar.has(f"log_special:{d.month}-{d.day}")]
    others = [d for d in month if d not in told]
    days = sorted([*told, *world.dice.sample(others, 9 - len(told))], key=lambda d: d.number)
    entries = [_log_entry(world, d, world.almanac.days[max(0, d.number - 1)]) for d in days]
    signed = world.dice.pick(("M. Quill, Harbourmistress.", "M. Q."))
    return Piece(f"The Harbour Log, {day.month_name}", "\n\n".join([*entries, signed]))


def notices(world: World, day: Day) -> Piece:
    """Three or four things that have been pinned up."""
    context = world.context(day)
    lines = [world.say("notice", context) for _ in range(3)]
    return Piece("Notices", "\n\n".join([world.say("notice_head", context), *lines]))


def minutes(world: World, day: Day) -> Piece:
    """The council's last meeting, by the town clerk."""
    context = world.context(day)
    items = [world.say("minute_item", context) for _ in range(4)]
    numbered = [f"{number}. {item}" for number, item in enumerate(items, start=1)]
    body = [world.say("minute_present", context), *numbered, "C. Oake, Clerk."]
    return Piece(polish(f"From the Council's Minute Book, {day.date}"), "\n\n".join(body))


def market(world: World, day: Day) -> Piece:
    """The prices of a market day."""
    context = world.context(day)
    wares: list[str] = []
    while len(wares) < 9:
        ware = world.grammar.draw("goods", context)
        if ware not in wares:
            wares.append(ware)
    rows = [polish(f"{ware}--{world.grammar.draw('price', context)}") for ware in wares]
    body = [world.say("market_intro", context), "\n".join(rows), world.say("market_end", context)]
    return Piece(world.dice.pick(("Market Day", "In Fish Square", "Prices")), "\n\n".join(body))
