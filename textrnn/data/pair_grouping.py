"""From surveys of pairs to the parts of a corpus and what there is to say about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textrnn.data.division import OUT, TRAIN, VALID, Parts, divide
from textrnn.data.findings import Overlap
from textrnn.data.pair_findings import PairFindings
from textrnn.data.pair_survey import PairSurvey, length_limit, wild_lengths
from textrnn.data.settings import PairSettings
from textrnn.errors import DataError

__all__ = ["GroupedPairs", "group_pairs"]


@dataclass(frozen=True)
class GroupedPairs:
    """Every row with its part.

    Attributes:
        parts: The part of each row, by the files it is of: ``train``, ``valid``.
        findings: What there is to say.
    """

    parts: dict[str, Parts]
    findings: PairFindings


def group_pairs(
    surveys: Mapping[str, PairSurvey],
    settings: PairSettings,
    seed: int,
    notes: Sequence[str] = (),
) -> GroupedPairs:
    """Divide what was surveyed and look for what is wrong with it.

    Args:
        surveys: ``train``, and where files were given for it ``valid``.
        settings: How to divide, what to leave out.
        seed: Which division.
        notes: What else there is to say.

    Raises:
        DataError: nothing is left to learn from or to validate on.
    """
    train, valid = surveys["train"], surveys.get("valid")
    limit = length_limit(train, settings.length_ratio)
    wild = wild_lengths(train, limit)
    usable = train.whole & ~wild
    fraction = 0.0 if valid is not None else settings.valid_fraction
    labels = np.where(usable, 0, -1).astype(np.int32)
    parts = {"train": divide(labels, train.src, fraction, 0.0, seed)}
    dropped = 0
    if valid is not None:
        parts["valid"] = np.where(valid.whole, VALID, OUT).astype(np.uint8)
        if settings.drop_leaks:
            leaking = (parts["train"] == TRAIN) & np.isin(train.src, valid.src[valid.whole])
            parts["train"] = np.where(leaking, OUT, parts["train"]).astype(np.uint8)
            dropped = int(np.count_nonzero(leaking))
    _require(surveys, parts, fraction, wild)
    leaks, same = _leaks(train, valid)
    findings = PairFindings(
        columns=tuple(dict.fromkeys(c for each in surveys.values() for c in each.paired.columns)),
        train=_count(parts, TRAIN),
        valid=_count(parts, VALID),
        empty=int(np.count_nonzero(~train.whole)),
        valid_empty=0 if valid is None else int(np.count_nonzero(~valid.whole)),
        wild=_first(train, np.flatnonzero(wild)),
        limit=limit,
        duplicates=_duplicates(train, usable),
        identical=_first(train, np.flatnonzero(train.whole & (train.src == train.tgt))),
        whole=int(np.count_nonzero(train.whole)),
        leaks=leaks,
        same_leaks=same,
        dropped=dropped,
        notes=tuple(notes),
    )
    return GroupedPairs(parts, findings)


def _count(parts: Mapping[str, Parts], number: int) -> int:
    return sum(int(np.count_nonzero(each == number)) for each in parts.values())


def _require(
    surveys: Mapping[str, PairSurvey],
    parts: Mapping[str, Parts],
    fraction: float,
    wild: npt.NDArray[np.bool_],
) -> None:
    """Refuse what nothing can be learnt from or measured on."""
    train, valid = surveys["train"], surveys.get("valid")
    name = train.paired.tables[0].name
    if not np.any(parts["train"] == TRAIN):
        advice = "give rows with two sides"
        if np.any(train.whole):
            advice = "train without --drop-leaks" if not np.all(wild) else "give more pairs"
        raise DataError(f"{name}: no pair to train on; {advice}")
    if valid is not None and not np.any(valid.whole):
        where = valid.paired.tables[0].name
        raise DataError(f"{where}: no pair for validation; give rows with two sides")
    if fraction and not np.any(parts["train"] == VALID):
        count = np.count_nonzero(parts["train"] == TRAIN)
        found = "1 pair leaves" if count == 1 else f"{count:,} pairs leave"
        raise DataError(
            f"{name}: {found} nothing for validation with --valid-fraction {fraction:g}, since pairs "
            "of equal sources stay together; give more, files for validation, or --valid-fraction 0"
        )


def _duplicates(survey: PairSurvey, usable: npt.NDArray[np.bool_]) -> Overlap:
    """Return the pairs that stood in the same files before."""
    rows = np.flatnonzero(usable)
    _, firsts, inverse = np.unique(survey.both[rows], return_index=True, return_inverse=True)
    first = rows[firsts[inverse]]
    again = np.flatnonzero(first != rows)
    if not len(again):
        return Overlap()
    at = again[0]
    return Overlap(len(again), survey.place(int(rows[at])), survey.place(int(first[at])))


def _leaks(train: PairSurvey, valid: PairSurvey | None) -> tuple[Overlap, int]:
    """Return the rows for validation whose source is trained on, and how many have its target."""
    if valid is None:
        return Overlap(), 0
    rows = np.flatnonzero(valid.whole & np.isin(valid.src, train.src[train.whole]))
    if not len(rows):
        return Overlap(), 0
    other = np.flatnonzero(train.whole & (train.src == valid.src[rows[0]]))[0]
    same = np.count_nonzero(np.isin(valid.both[rows], train.both[train.whole]))
    overlap = Overlap(len(rows), valid.place(int(rows[0])), train.place(int(other)))
    return overlap, int(same)


def _first(survey: PairSurvey, rows: npt.NDArray[np.int64]) -> Overlap:
    return Overlap(len(rows), survey.place(int(rows[0]))) if len(rows) else Overlap()
