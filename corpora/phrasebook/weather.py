"""Clauses written out in both languages: reasons why people do what they do."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BAD", "GOOD", "OTHER", "Written"]

# German subject, verb now/then, the rest, a prefix, then English: `(now/then/whenever)` where it
# differs and the rest as it is.
_BAD = """
es|regnet/regnete|||it (is raining/was raining/rains)
es|schneit/schneite|||it (is snowing/was snowing/snows)
es|regnet/regnete|stark||it (is raining/was raining/rains) hard
der Wind|ist/war|zu stark||the wind (is/was/is) too strong
das Wetter|ist/war|schlecht||the weather (is/was/is) bad
der Nebel|ist/war|sehr dick||the fog (is/was/is) very thick
das Meer|ist/war|sehr unruhig||the sea (is/was/is) very rough
es|ist/war|draußen sehr kalt||it (is/was/is) very cold outside
die Wellen|sind/waren|zu hoch||the waves (are/were/are) too high
ein Sturm|kommt/kam|über das Meer||a storm (is coming/was coming/comes) across the sea
der Wind|weht/wehte|aus Norden||the wind (is blowing/was blowing/blows) from the north
der Himmel|ist/war|ganz schwarz||the sky (is/was/is) quite black
"""
_GOOD = """
die Sonne|scheint/schien|||the sun (is shining/was shining/shines)
das Wetter|ist/war|schön||the weather (is/was/is) fine
das Meer|ist/war|ruhig||the sea (is/was/is) calm
es|ist/war|heute warm||it (is warm today/was warm today/is warm)
der Himmel|ist/war|blau||the sky (is/was/is) blue
das Wasser|ist/war|schon warm||the water (is/was/is) already warm
der Wind|weht/wehte|aus Süden||the wind (is blowing/was blowing/blows) from the south
es|regnet/regnete|nicht mehr||it (is no longer raining/was no longer raining/no longer rains)
"""
_OTHER = """
die letzte Fähre|fährt/fuhr|bald|ab|the last ferry (is leaving/was leaving/leaves) soon
der Regen|hört/hörte|bald|auf|the rain (will stop/stopped/stops) soon
das Museum|ist/war|geschlossen||the museum (is/was/is) closed
der Markt|fängt/fing|um acht Uhr|an|the market (begins/began/begins) at eight o’clock
die Glocke|läutet/läutete|||the bell (is ringing/was ringing/rings)
das Boot|ist/war|noch nicht fertig||the boat (is/was/is) not ready yet
der Zug|hat/hatte|eine Stunde Verspätung||the train (is/was/is) an hour late
das Gasthaus|ist/war|voll||the inn (is/was/is) full
die Kinder|haben/hatten|Hunger||the children (are/were/are) hungry
der Kapitän|ist/war|krank||the captain (is/was/is) ill
das Schiff|kommt/kam|zu spät|an|the ship (is arriving/arrived/arrives) too late
die Schule|fängt/fing|morgen|an|school (begins tomorrow/began the next day/begins tomorrow)
"""


@dataclass(frozen=True)
class Written:
    """A clause as it was written down; `past` and `habit` choose its form."""

    subject: str
    verbs: tuple[str, str]
    middle: str
    prefix: str
    said: tuple[str, str, str]

    def main(self, *, past: bool = False, turned: bool = False) -> str:
        """Returns the German main clause; `turned` puts the verb first, after something else."""
        verb = self.verbs[past]
        head = (verb, self.subject) if turned else (self.subject, verb)
        return " ".join(part for part in (*head, self.middle, self.prefix) if part)

    def subordinate(self, *, past: bool = False) -> str:
        """Returns the German clause with its verb at the end."""
        verb = self.prefix + self.verbs[past]
        return " ".join(part for part in (self.subject, self.middle, verb) if part)

    def english(self, *, past: bool = False, habit: bool = False) -> str:
        """Returns the English clause."""
        return self.said[1 if past else 2 if habit else 0]


def _rows(text: str) -> tuple[Written, ...]:
    found = []
    for row in text.strip().split("\n"):
        subject, verbs, middle, prefix, said = row.split("|")
        now, _, then = verbs.partition("/")
        opening, _, rest = said.partition("(")
        forms, _, ending = rest.partition(")")
        present, past, habit = (f"{opening}{form}{ending}" for form in forms.split("/"))
        found.append(Written(subject, (now, then), middle, prefix, (present, past, habit)))
    return tuple(found)


BAD, GOOD, OTHER = _rows(_BAD), _rows(_GOOD), _rows(_OTHER)
