"""The people of Skerrow, as templates need them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PEOPLE", "Person"]


@dataclass(frozen=True)
class Person:
    """Somebody who lives here.

    Attributes:
        key: Names the person's own rules (`found:mina`).
        name: What the narrator calls them.
        full: The name in full.
        she: Whether the pronouns are hers.
        home: Where to look for them, with its preposition.
        way: The street or path that leads there (a rule `way:...`).
    """

    key: str
    name: str
    full: str
    she: bool
    home: str
    way: str

    def __str__(self) -> str:
        return self.name

    @property
    def they(self) -> str:
        """She or he."""
        return "she" if self.she else "he"

    @property
    def They(self) -> str:  # noqa: N802 - the capital is the point
        """She or He."""
        return self.they.capitalize()

    @property
    def them(self) -> str:
        """Her or him."""
        return "her" if self.she else "him"

    @property
    def their(self) -> str:
        """Her or his, before a noun."""
        return "her" if self.she else "his"

    @property
    def themself(self) -> str:
        """Herself or himself."""
        return "herself" if self.she else "himself"

    @property
    def first(self) -> str:
        """What friends say."""
        return self.full.split()[0]

    @property
    def up(self) -> str:
        """The name as a play prints it."""
        return (
            self.full if self.full.split()[0] not in ("Dr", "Mr", "Miss") else self.name
        ).upper()

    @property
    def of(self) -> str:
        """The name in the possessive."""
        return f"{self.name}'s"


_ROWS = (
    "mina|Mina|Mina Thorne|she|at the foot of the Hundred Steps|steps",
    "perrin|Perrin|Perrin Ashby|he|in Pump Yard|pump",
    "marta|Marta|Marta Quill|she|in the harbour office|quay",
    "tobias|Tobias|Tobias Fenn|he|at the ferry steps|quay",
    "ines|Inês|Inês Calloway|she|in the bakery in Lantern Street|lantern",
    "josue|Josué|Josué Brandt|he|in the sail loft|ropewalk",
    "roe|Dr Roe|Dr Anselm Roe|he|in the surgery in Halfpenny Row|halfpenny",
    "zoe|Zoë|Zoë Lindqvist|she|at the lighthouse on the Tooth|causeway",
    "hector|Captain Vane|Captain Hector Vane|he|aboard the Patience|quay",
    "edda|Edda|Edda Vane|she|in Vane's chandlery|quay",
    "pole|Miss Pole|Miss Araminta Pole|she|in the schoolhouse on the hill|steps",
    "gock|Samuel Gock|Samuel Gock|he|in the smithy in Anvil Court|ropewalk",
    "brid|Bríd|Bríd Kelleher|she|at the Three Herrings|quay",
    "lazar|Lazar|Lazar Penhallow|he|in the clock shop in Halfpenny Row|halfpenny",
    "nan|Nan|Nan Tully|she|at her stall in Fish Square|square",
    "tick|Ambrose|Ambrose Tick|he|in the post office|lantern",
    "rene|René|René Duval|he|in the kitchen of the Three Herrings|quay",
    "oake|Mr Oake|Mr Crispin Oake|he|in the town clerk's office|steps",
    "jory|Jory|Jory Pask|he|aboard the Kittiwake|mole",
    "lettice|Lettice|Lettice Oake|she|in the paint shop in Pump Yard|pump",
    "hob|Hob|Hob Winnow|he|in the lamp room under the town hall|lantern",
)


def _person(row: str) -> Person:
    key, name, full, pronoun, home, way = row.split("|")
    return Person(key, name, full, pronoun == "she", home, way)


PEOPLE = {person.key: person for person in map(_person, _ROWS)}
