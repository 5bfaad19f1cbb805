"""Errands: somebody is sent, meets people and weather on the way, and comes to an end."""

from __future__ import annotations

import re
from collections.abc import Callable

from .almanac import Day
from .people import PEOPLE, Person
from .walk import Walk
from .world import CHILDREN, Errand, Piece, Thing, World

__all__ = ["ERRANDS"]

_LOW = ("quay", "square", "ropewalk", "lantern", "pump", "halfpenny", "steps", "mole")


def _carry(walk: Walk, thing: Thing, *, name_it: bool) -> str:
    """Returns what carrying the thing is like; `name_it` where an `it` would be unclear."""
    text = walk.world.grammar.fill(thing.carry, walk.context)
    if not name_it:
        return text
    return re.sub(
        r"\b[Ii]t\b",
        lambda found: found[0][0].replace("I", "T").replace("i", "t") + f"he {thing.short}",
        text,
        count=1,
    )


def delivery(world: World, day: Day) -> Piece:
    """Somebody is given something to bring to somebody else, and brings it."""
    walk, dice = Walk(world, day), world.dice
    thing = world.next_thing()
    walk.context["O"] = thing
    if dice.chance(20) and day.sky not in ("fog", "gale"):
        walk.role("R", PEOPLE["zoe"])
        walk.people("G", "M", "N")
    else:
        walk.people("G", "R", "M", "N")
    receiver: Person = walk.context["R"]
    walk.speech(walk.context["G"], walk.line("open"), walk.line("found/G"), walk.line("ask/G"))
    soon = dice.chance(50)
    walk.add(walk.line("bring"), _carry(walk, thing, name_it=False) if soon else "")
    first = dice.pick([way for way in _LOW if way != receiver.way])
    middle = dice.shuffled(["meeting", "hindrance"])
    walk.add(walk.street(first), "" if soon else _carry(walk, thing, name_it=True))
    for event in middle:
        walk.meeting() if event == "meeting" else walk.hindrance()
    if receiver.way != "causeway" and dice.chance(50):
        walk.meeting("N")
    walk.pass_time(dice.between(10, 30))
    walk.add(walk.street(receiver.way))
    on_the_spot = receiver.key == "zoe" or dice.chance(40)
    walk.add(walk.line("found/R" if on_the_spot else "arrive"), walk.line("whole"))
    walk.add(walk.line("thanks/R"))
    _leave_the_rock(walk)
    if dice.chance(65):
        walk.add(thing.after)
    walk.add(walk.line("close"))
    world.errands.append(Errand(day, walk.carrier, walk.context["G"], thing, receiver))
    return walk.piece(_delivery_title(walk, thing))


def _leave_the_rock(walk: Walk) -> None:
    if walk.context["R"].key != "zoe":
        return
    before = walk.world_tide()
    walk.pass_time(walk.world.dice.between(60, 150))
    if before == "out" and walk.world_tide() != "out":
        walk.add(walk.line("late_crossing"))


def _delivery_title(walk: Walk, thing: Thing) -> str:
    receiver: Person = walk.context["R"]
    return walk.world.dice.pick(
        (
            f"the {thing.full}",
            f"how {receiver.name} got the {thing.short}",
            f"{walk.carrier.name} and the {thing.short}",
            f"a {thing.full} for {receiver.name}",
        )
    )


def exchange(world: World, day: Day) -> Piece:
    """Somebody wants a thing, whose owner wants another, whose owner wants a third."""
    walk = Walk(world, day)
    walk.people("A", "B", "D")
    wanted, second, third = world.next_wares(3)
    walk.context.update(X=wanted, Y=second, Z=third)
    walk.add(walk.line("swap_open"))
    walk.add(walk.line("found/A"))
    walk.add(walk.line("swap_ask"))
    walk.add(walk.line("swap_send"))
    walk.pass_time(30)
    walk.add(walk.street(walk.context["B"].way), walk.line("found/B"))
    walk.add(walk.line("swap_second"))
    walk.pass_time(25)
    walk.add(walk.street(walk.context["D"].way), walk.line("found/D"))
    walk.add(walk.line("swap_third"), walk.line("service"))
    walk.pass_time(70)
    walk.add(walk.line("swap_back"))
    walk.add(walk.line("swap_close"))
    return walk.piece(
        world.dice.pick((f"what a {wanted.short} costs", f"three doors for a {wanted}"))
    )


def missing(world: World, day: Day) -> Piece:
    """Something is lost, and has been through several hands."""
    walk = Walk(world, day)
    earlier = [e for e in world.lasting(day) if e.receiver.key not in walk.seen]
    earlier = [e for e in earlier if e.receiver.key != "zoe"]
    told = world.dice.pick(earlier) if earlier else None
    thing = told.thing if told else world.next_thing()
    if told:
        world.errands.remove(told)
        walk.role("G", told.receiver)
        walk.people("A", "B", "D")
    else:
        walk.people("G", "A", "B", "D")
    walk.context["O"] = thing
    past = ""
    if told:
        since = world.month_before(told, day)
        past = f"It was the same {thing.full} that {told.carrier} had brought from {told.giver} {since}."
    walk.add(walk.line("open"))
    walk.add(walk.line("lost_open"), past)
    walk.add(walk.line("lost_hint"))
    walk.pass_time(25)
    walk.add(walk.street(walk.context["A"].way), walk.line("found/A"))
    walk.add(walk.line("lost_first"))
    walk.pass_time(30)
    walk.add(walk.street(walk.context["B"].way), walk.line("found/B"))
    walk.add(walk.line("lost_second"))
    walk.pass_time(35)
    walk.add(walk.street(walk.context["D"].way))
    walk.add(walk.line("lost_third"))
    if world.dice.chance(60):
        walk.hindrance()
    walk.add(walk.line("lost_close"))
    return walk.piece(
        world.dice.pick(
            (f"who has seen the {thing.short}?", f"{walk.context['G'].of} {thing.short}")
        )
    )


def feast(world: World, day: Day) -> Piece:
    """Everybody gives something, and it goes into one pot."""
    walk = Walk(world, day)
    occasion, dish = walk.line("feast").split(" // ")
    walk.context.update(occasion=occasion, dish=dish)
    walk.people("G", "A1", "A2", "A3", "A4")
    walk.add(walk.line("open"))
    walk.add(walk.line("feast_open"))
    for role in ("A1", "A2", "A3", "A4"):
        walk.context["A"] = walk.context[role]
        walk.pass_time(25)
        street = walk.street(walk.context["A"].way) if role in ("A1", "A3") else ""
        walk.add(street, walk.line("feast_give"))
        if role == "A2":
            walk.add(walk.line("says/A"))
    walk.minute = 17 * 60
    walk.pass_time(0)
    walk.add(walk.line("feast_close"))
    return walk.piece(dish.split(",")[0])


def message(world: World, day: Day) -> Piece:
    """A message passes through several mouths."""
    walk = Walk(world, day)
    context = walk.context
    busy = (
        "marta",
        "zoe",
        "pole",
        "lettice",
        "gock",
        "nan",
        "brid",
        "roe",
        "tobias",
        "tick",
        "oake",
    )
    context["C"] = PEOPLE[world.dice.pick(CHILDREN)]
    people = world.cast(3, without=(*busy, *CHILDREN))
    context.update(zip(("A", "B", "D"), people, strict=True))
    return world.piece("message", context)


ERRANDS: dict[str, Callable[[World, Day], Piece]] = {
    "delivery": delivery,
    "exchange": exchange,
    "missing": missing,
    "feast": feast,
    "message": message,
}
