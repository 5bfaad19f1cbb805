"""What was found in pairs that a person should know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from textrnn.data.findings import Overlap

__all__ = ["PairFindings"]


@dataclass(frozen=True)
class PairFindings:
    """What a preparation found.

    Attributes:
        columns: Which columns of which files were taken, a line for all that are alike.
        train: Pairs to learn from.
        valid: Pairs to validate on.
        empty: Rows left out because a side is empty; those of divided files count for training.
        valid_empty: Likewise in validation files.
        wild: Rows left out of training, and of what is divided, because of their lengths; ``other``
            is empty.
        limit: How many times above or below the usual one their ratio of lengths had to stand.
        duplicates: Rows of the training files whose pair stood there before; they are kept.
        identical: Rows of the training files whose sides are the same text; ``other`` is empty.
        whole: Rows of them with both sides.
        leaks: Rows of validation files whose source stands in the training files.
        same_leaks: How many of them stand there with the same target.
        dropped: Rows left out of training because their source stands in validation.
        notes: What else was left out.
    """

    columns: tuple[str, ...]
    train: int
    valid: int
    empty: int = 0
    valid_empty: int = 0
    wild: Overlap = field(default_factory=Overlap)
    limit: float = 0.0
    duplicates: Overlap = field(default_factory=Overlap)
    leaks: Overlap = field(default_factory=Overlap)
    identical: Overlap = field(default_factory=Overlap)
    whole: int = 0
    same_leaks: int = 0
    dropped: int = 0
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> PairFindings:
        """Make findings again from what :meth:`as_dict` returned, also by way of JSON.

        Raises:
            KeyError, TypeError: it is something else.
        """
        values = dict(record)
        for name in ("wild", "duplicates", "identical", "leaks"):
            # What was prepared by earlier versions lacks some.
            values[name] = Overlap(**values.get(name, {}))
        for name in ("columns", "notes"):
            values[name] = tuple(values[name])
        return cls(**values)

    def lines(self) -> Iterator[str]:
        """Yield what a person should know, in sentences; the columns apart."""
        yield from self.notes
        yield f"training: {_pairs(self.train)}"
        if self.valid:
            yield f"validation: {_pairs(self.valid)}"
        for name, count in (("training", self.empty), ("validation", self.valid_empty)):
            if count:
                yield f"{name}: left out {_pairs(count)} with an empty side"
        if self.wild.count:
            yield (
                f"training: left out {_pairs(self.wild.count)} whose lengths stand in a ratio more than "
                f"{self.limit:.3g} times above or below the usual one, such as {self.wild.first} "
                "(--length-ratio)"
            )
        if self.duplicates.count:
            which = "repeats another" if self.duplicates.count == 1 else "repeat others"
            yield (
                f"training: {_pairs(self.duplicates.count)} {which}, such as "
                f"{self.duplicates.first} ({self.duplicates.other})"
            )
        yield from self._identical()
        yield from self._leaks()

    def _identical(self) -> Iterator[str]:
        if not self.identical.count:
            return
        have = "has" if self.identical.count == 1 else "have"
        line = (
            f"training: {_pairs(self.identical.count)} {have} the same text on both sides, such as "
            f"{self.identical.first}"
        )
        if self.identical.count > self.whole / 2:
            line += "; is one file, or column, given for both? The model will learn to copy"
        yield line

    def _leaks(self) -> Iterator[str]:
        if self.leaks.count:
            one = self.leaks.count == 1
            yield (
                f"validation: the source of {_pairs(self.leaks.count)} stands in the training files "
                f"too, {_same(self.same_leaks, one=one)}, such as {self.leaks.first} "
                f"({self.leaks.other})"
            )
        if self.dropped:
            yield f"training: left out {_pairs(self.dropped)} whose source is in validation"
        elif self.leaks.count:
            yield "results on them flatter; --drop-leaks leaves such pairs out of training"


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count:,} pairs"


def _same(count: int, *, one: bool) -> str:
    if one:
        return "with the same target" if count else "with another target"
    return f"with the same target that of {count:,}" if count else "with other targets"
