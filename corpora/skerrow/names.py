"""Invented names of places on five coasts, for models that learn a line at a time."""

from __future__ import annotations

import re

from .dice import Dice

__all__ = ["write_names"]

_COUNT = 2000

# For each coast: how names begin, how they go on (may be empty), how they end, and what a whole
# name (`*`) may stand in.
_SOUTH = (
    "Harrow Tarn Pell Widder Salt Hollin Gull Kettle Thorn Ash Brack Elver Fen Gorse Heron Ivel "
    "Kel Lark Marl Oxen Pip Quen Rook Sedge Teal Vane Wether Yar Cockle Dab Ember Finch Hazel "
    "Linnet Mallow Otter Plover Sallow Tansy Whim Amber Bramble Copper Dunnock Fallow Sorrel",
    "",
    "mouth by ham stead wick ness ford combe ley haven hythe stoke thorpe minster well bourne "
    "cliff sey staithe garth holme dale fleet den worth ton beach bridge gate head mere stow",
    "Great_* Little_* Upper_* Nether_* Old_* *_Regis *_Quay *_Bay *_Sands *_St_Mary *_under_Hill",
)
_WEST = (
    "Pol Tre Pen Lan Ros Bos Car Nan Porth Chy Gol Zel Men Gwin",
    "gar mel ven hal dre wen col mor zan kel tre gol din bar wis lew ven than rin",
    "nick rick eth ow ack anna oe ver ion as ick owan illis essa een ose ennis arth iddy",
    "*_Cove *_Head Higher_* Lower_* *_Mill",
)
_NORTH = (
    "Skar Grim Hav Sol Tor Ulv Stor Kvit Ask Brenn Dal Eld Fugl Gås Hest Is Krok Laks Mose Nord "
    "Orm Ravn Sild Svan Tang Varg Ørn Ål",
    "e er s",
    "vik nes øy fjord sund havn strand bø heim holm skjær land våg berg bukt dal foss lund",
    "Øvre_* Nedre_* Ytre_* Indre_*",
)
_EAST = (
    "Ker Plou Lok Roz Porz Gwer Lan Mel Pont Trég Quim Lé Mor Beg",
    "an en or ri ve go la mé ne bé lo du",
    "ven ven nec zan lic dec gat mel nant rieg rac thé dern lén bihan huel tudy",
    "Saint-* Île-* Pointe-de-* *-sur-Mer *-les-Bains Port-*",
)
_FAR = (
    "Bally Kil Dun Ard Inch Loch Drum Carrick Clon Glen Knock Ros Rath Tully Cool Lis Innis",
    "na a fin mor tar con bo ma lo shee car",
    "more glass beg roe duff lough keel gar ney van reen derry anna oran urra ennan ivish illy",
    "Port_* Mull_of_* Isle_of_* *_Strand *_Sound *_Point",
)
_COASTS = ((_SOUTH, 620), (_WEST, 360), (_NORTH, 360), (_EAST, 330), (_FAR, 330))

# Real places that these parts can make by accident.
_REAL = frozenset(
    "Ashford Ashby Ashton Ashdale Hazelwell Larkhill Saltburn Saltney Marlbourne Thornton Thornby "
    "Fenton Fenwick Pellworth Yarmouth Kelham Oxenholme Rookhope Saltford Thornbury Thornham "
    "Polgooth Tregarrick Nordfjord Nordnes Dalheim Torvik Storvik Havnes Kilmore Kilbeg Dunmore "
    "Ardmore Inchmore Ardglass Kilkeel Kilroe Glenbeg Glenmore Rosbeg Knockmore Solberg Askim "
    "Loctudy Plougat Langar Langat Clonmore Rathmore Drumbeg Drummore Lismore Ardbeg Ashwell "
    "Hazelmere Larkhall Fallowfield Ashley Otterton Otterbourne Plumley Finchley Finchdale".split()
)


def _place(coast: tuple[str, str, str, str], dice: Dice) -> str:
    begins, middles, ends, frames = (part.split() for part in coast)
    middle = dice.pick(middles) if middles and dice.chance(45) else ""
    name = dice.pick(begins) + middle + dice.pick(ends)
    name = re.sub(r"(.)\1\1+", r"\1\1", name)
    if dice.chance(9):
        name = dice.pick(frames).replace("_", " ").replace("*", name)
    return name


def _sounds(name: str) -> bool:
    """Says whether a name can be spoken: no heaps of consonants, no stuttering, not too long."""
    low = name.lower()
    heaps = re.search(r"[bcdfghjklmnpqrstvwxz]{5}|[aeiouåæøéîô]{4}", low)
    return not heaps and not re.search(r"(\w{2,3})\1", low) and 5 <= len(name) <= 24


def write_names(seed: int) -> str:
    """Returns about two thousand names, one to a line, in no order."""
    dice = Dice(seed)
    names: list[str] = []
    taken = set(_REAL)
    for coast, share in _COASTS:
        wanted = len(names) + share
        while len(names) < wanted:
            name = _place(coast, dice)
            if name not in taken and _sounds(name):
                taken.add(name)
                names.append(name)
    return "\n".join(dice.shuffled(names)[:_COUNT]) + "\n"
