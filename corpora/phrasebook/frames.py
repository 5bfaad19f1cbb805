"""What goes with which verb, and the clauses that are written out as they stand."""

from __future__ import annotations

from dataclasses import dataclass

from .nouns import NOUNS, Noun
from .verbs import VERBS, Verb

__all__ = ["FRAMES", "NAMES", "PLACES", "Frame", "Place"]

# Verb, subjects, complements, marks. Complements: `a:` an accusative of a kind (or of nouns with a
# capital), `d:` a dative, `goal`, `from` and `loc` a place, `prep:` a preposition with its case.
# Marks: `p` a place may be added, `m` a manner, `w` a companion, `f` it may be long ago, `n` it can
# be going on now, `s` it can have been going on for some time, `g` one can like doing it, `1`
# nobody does it every day, `x` it is only told afterwards.
_FRAMES = """
kaufen       | person | a:food,thing         | w n p
kaufen       | person | a:own                | f 1
verkaufen    | seller | a:food               | p n g
verkaufen    | person | a:own                | f 1
essen        | person | a:food,dish          | p n g w
kochen       | person | a:dish               | p n g
trinken      | person | a:drink              | p n g w
backen       | person | a:bake               | p n g
lesen        | person | a:read,Brief         | p n g
schreiben    | person | a:Brief,tale         | p n g
finden       | person | a:small,ticket       | p 1 x
verlieren    | person | a:small,ticket,cash  | p 1 x
suchen       | person | a:small,ticket,pet   | n
reparieren   | person | a:mend               | n w p
malen        | person | a:vessel,sight       | n g
tragen       | person | a:load goal          | n
holen        | person | a:load,drink,house   | 1
bringen      | person | d:person a:load,food,post | 1
geben        | person | d:person a:small,food,ticket | 1
zeigen       | person | d:person a:look,sight,own,vessel | n
schicken     | person | d:person a:post      | f
leihen       | person | d:person a:small,Boot,Fahrrad,cash | f 1
erzählen     | person | d:person a:Geschichte | n g
helfen       | person | d:person             | n s g p
danken       | person | d:person             | 1
antworten    | person | d:person             | 1
folgen       | pet,child | d:person goal      | n 1
warten       | person | prep:auf:acc/for:ride,person | n s p
besuchen     | person | a:person             | w f
besuchen     | person | a:sight              | w f
einladen     | person | a:person             | f 1
abholen      | person | a:person,post        | 1
anrufen      | person | a:person             | n
treffen      | person | a:person             | p
sehen        | person | a:vessel,bird,person | p 1
hören        | person | a:bell,bird,Wind,Sturm          | 1 x
fahren       | person | goal                 | m w f g
gehen        | person | goal                 | w g
laufen       | child,pet | goal             | n 1
segeln       | person | goal                 | w f g
kommen       | person | from                 | m 1
zurückkommen | person | from                 | m w
abfahren     | ride,vessel |                 | 1
ankommen     | ride   | loc                  | 1
ankommen     | person | loc                  | m 1
einsteigen   | person | prep:in:acc/:wheels  | w 1
aussteigen   | person | prep:aus:dat/:wheels | w 1
aufstehen    | person | early                |
aufwachen    | person | early                |
schlafen     | person,pet | loc              | n
arbeiten     | person | loc                  | n s g
spielen      | child  | loc                  | n s g w
sitzen       | person,pet | loc              | n s w
stehen       | person | loc                  | n s w
liegen       | vessel | mooring              | n
schwimmen    | child,person | sea            | n g w
singen       | person | a:Lied               | n g w
einkaufen    | person |                      | w p g
aufräumen    | person | a:room               | n
zumachen     | person | a:open               | 1
aufmachen    | person | a:open,post          | 1
anziehen     | person | a:wear               | n 1
mitnehmen    | person | a:small,load         | 1
einschlafen  | child,pet | loc              | 1
bezahlen     | person | a:food,dish,ticket   | 1
vergessen    | person | a:small,ticket,word  | 1 x
verstehen    | person | a:word               | 1 x
füttern      | person | a:animal,bird        | n g
putzen       | person | a:open,house,room    | n
waschen      | person | a:Jacke,Mantel,Segel | n
bleiben      | person | loc                  | w 1
bauen        | person | a:vessel,Haus        | f n w
mieten       | person | a:vessel,room,Haus,Fahrrad | f 1
fangen       | Fischer,kin | a:catch         | n w
packen       | person | a:Koffer,Tasche      | n
bekommen     | person | a:post,Geschenk      | f 1 x
bestellen    | person | a:food,dish,drink    | p 1
"""

# Noun, where (German preposition with the dative, English), where to, where from.
_PLACES = """
Hafen in/in zu:dat/to von/from
Markt auf/at auf:acc/to von/from
Marktplatz auf/on zu:dat/to von/from
Insel auf/on auf:acc/to von/from
Strand an/on an:acc/to von/from
Kai an/on zu:dat/to von/from
Kirche in/in in:acc/to aus/from
Schule in/at in:acc/to aus/from
Bahnhof an/at zu:dat/to von/from
Museum in/in in:acc/to aus/from
Leuchtturm an/at zu:dat/to von/from
Bäckerei in/in in:acc/to aus/from
Rathaus in/in zu:dat/to aus/from
Brücke auf/on zu:dat/to von/from
Gasthaus in/at in:acc/to aus/from
Café in/in in:acc/to aus/from
Werkstatt in/in in:acc/to aus/from
Dorf in/in in:acc/to aus/from
Stadt in/in in:acc/to aus/from
Garten in/in in:acc/into aus/from
Küche in/in in:acc/into aus/from
"""

# German, English, gender.
NAMES = (
    ("Anna", "Anna", "f"),
    ("Lena", "Lena", "f"),
    ("Paul", "Paul", "m"),
    ("Jan", "Jan", "m"),
    ("Frau Petersen", "Mrs Petersen", "f"),
    ("Herr Behrens", "Mr Behrens", "m"),
)


@dataclass(frozen=True)
class Frame:
    """One way to use a verb.

    Attributes:
        verb: The verb.
        subjects: Kinds of who does it.
        complements: What must be said with it.
        marks: What may be said with it.
    """

    verb: Verb
    subjects: tuple[str, ...]
    complements: tuple[str, ...]
    marks: frozenset[str]


@dataclass(frozen=True)
class Place:
    """A place with the prepositions that both languages want for it."""

    noun: Noun
    where: str
    goal: str
    source: str


def _frame(row: str) -> Frame:
    verb, subjects, complements, marks = (part.strip() for part in row.split("|"))
    return Frame(
        VERBS[verb],
        tuple(subjects.split(",")),
        tuple(complements.split()),
        frozenset(marks.split()),
    )


def _place(row: str) -> Place:
    noun, where, goal, source = row.split()
    here, _, there = where.partition("/")
    away, _, said = source.partition("/")
    return Place(NOUNS[noun], f"{here}:dat/{there}", goal, f"{away}:dat/{said}")


FRAMES = tuple(_frame(row) for row in _FRAMES.strip().split("\n"))
PLACES = tuple(_place(row) for row in _PLACES.strip().split("\n"))
