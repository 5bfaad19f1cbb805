"""What a check says: figures, and remarks with what to do about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from textrnn.errors import DataError

__all__ = ["LEVELS", "CheckReport", "Faults", "Remark", "counted"]

LEVELS = ("refusal", "warning", "note")
"""Training would stop there; results would suffer; worth knowing."""

_MOST_FAULTS = 20


@dataclass(frozen=True)
class Remark:
    """One thing that was found.

    Attributes:
        level: One of ``LEVELS``.
        code: What it is, for programs: ``duplicates``.
        what: What was found, in a sentence.
        advice: What to do about it: an option, or a change of the data; may be empty.
        places: Where, as messages name places; of many the first.
    """

    level: str
    code: str
    what: str
    advice: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckReport:
    """What was found in some data.

    Attributes:
        job: ``lm``, ``classifier`` or ``translator``.
        why: How that was told.
        facts: Lines for a person, each with its label.
        figures: The same and more for programs.
        remarks: What there is to say, refusals first.
    """

    job: str
    why: str
    facts: Mapping[str, str]
    figures: Mapping[str, Any]
    remarks: tuple[Remark, ...] = field(default=())

    @property
    def trainable(self) -> bool:
        """Whether training would begin."""
        return not any(remark.level == "refusal" for remark in self.remarks)

    @property
    def verdict(self) -> str:
        """What training would do: ``begin`` or ``refuse``."""
        return "begin" if self.trainable else "refuse"

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return {
            "job": self.job,
            "why": self.why,
            "trainable": self.trainable,
            "verdict": self.verdict,
            **self.figures,
            "remarks": [asdict(remark) for remark in self.remarks],
        }


def counted(number: int, one: str, several: str) -> str:
    """Return a number and what it counts: ``1 row``, ``1,200 rows``."""
    return f"{number:,} {one if number == 1 else several}"


class Faults:
    """Broken rows: how many, and the first of them; the same one told again counts once."""

    def __init__(self) -> None:
        self.count = 0
        self._first: dict[str, None] = {}

    def add(self, error: DataError) -> None:
        """Take one."""
        message = str(error)
        if message not in self._first:
            self.count += 1
            if len(self._first) < _MOST_FAULTS:
                self._first[message] = None

    def remarks(self) -> list[Remark]:
        """Return a refusal for all of them."""
        if not self.count:
            return []
        rows = "1 row is broken" if self.count == 1 else f"{self.count:,} rows are broken"
        what = f"{rows}; training stops at the first"
        return [Remark("refusal", "broken-rows", what, "mend them", tuple(self._first))]
