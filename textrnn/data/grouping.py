"""From surveys to the parts of a corpus and what there is to say about them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from textrnn.data.division import OUT, PART_NAMES, TRAIN, Hashes, Labels, Parts, divide
from textrnn.data.findings import Findings, Overlap, PartFindings
from textrnn.data.survey import Survey
from textrnn.errors import DataError

__all__ = ["Grouped", "group"]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MOST_SHOWN = 8
_SAID = {"train": "training", "valid": "validation", "test": "the test"}


@dataclass(frozen=True)
class Grouped:
    """Every row with its part and label.

    Attributes:
        names: The labels, sorted, numbers by value.
        parts: The part of each row, by the files it is of: ``train``, ``valid``, ``test``.
        labels: The place of each row's label in ``names``, likewise; -1 for rows of no part.
        findings: What there is to say.
    """

    names: tuple[str, ...]
    parts: dict[str, Parts]
    labels: dict[str, Labels]
    findings: Findings


def group(
    surveys: Mapping[str, Survey],
    known: Mapping[str, int],
    fractions: tuple[float, float],
    seed: int,
    *,
    drop_leaks: bool,
    notes: Sequence[str] = (),
) -> Grouped:
    """Divide what was surveyed and look for what is wrong with it.

    Args:
        surveys: ``train``, and where files were given for them ``valid`` and ``test``.
        known: Numbers of the labels in the surveys.
        fractions: Shares of validation and test that are taken from training.
        seed: Which division.
        drop_leaks: Whether texts of validation and test are left out of training.
        notes: What else there is to say.

    Raises:
        DataError: fewer than two labels, a label that training lacks, a part without examples.
    """
    train = surveys["train"]
    names, places = _sorted_labels(known)
    labels = {
        part: np.where(each.labels >= 0, places[np.maximum(each.labels, 0)], -1).astype(np.int32)
        for part, each in surveys.items()
    }
    parts = {
        part: np.where(each.labels >= 0, PART_NAMES.index(part), OUT).astype(np.uint8)
        for part, each in surveys.items()
    }
    parts["train"] = divide(labels["train"], train.hashes, *fractions, seed)
    leaks = {part: _leak(surveys, part) for part in ("valid", "test")}
    dropped = _drop_leaks(surveys, parts) if drop_leaks else 0
    _require(surveys, names, parts, labels, fractions)
    same, other = _repeats(train)
    findings = Findings(
        columns=tuple(dict.fromkeys(c for each in surveys.values() for c in each.labelled.columns)),
        **{
            part: _part(i, part, surveys, names, parts, labels) for i, part in enumerate(PART_NAMES)
        },
        duplicates=same,
        contradictions=other,
        valid_leaks=leaks["valid"],
        test_leaks=leaks["test"],
        dropped=dropped,
        single=_single(train, names, labels["train"]),
        alike=_alike(names),
        notes=tuple(notes),
    )
    return Grouped(names, parts, labels, findings)


def _sorted_labels(known: Mapping[str, int]) -> tuple[tuple[str, ...], Labels]:
    """Return labels in order and the place of each by its number: numbers by value, before others."""
    names = tuple(sorted(known, key=_order))
    places = np.zeros(max(1, len(names)), np.int32)
    for place, name in enumerate(names):
        places[known[name]] = place
    return names, places


def _order(name: str) -> tuple[bool, float, str]:
    if _NUMBER.fullmatch(name):
        return False, float(name), name
    return True, 0.0, name


def _require(
    surveys: Mapping[str, Survey],
    names: tuple[str, ...],
    parts: Mapping[str, Parts],
    labels: Mapping[str, Labels],
    fractions: tuple[float, float],
) -> None:
    """Refuse what nothing can be learnt from or measured on."""
    trained = np.zeros(len(names), np.bool_)
    trained[labels["train"][parts["train"] == TRAIN]] = True
    train = surveys["train"]
    first = train.labelled.tables[0].name
    if not np.count_nonzero(trained):
        raise DataError(
            f"{first}: no example to train on; give rows with a text and a label, which --drop-leaks does "
            "not leave out as standing in validation or test too"
        )
    if np.count_nonzero(trained) < 2:
        only = names[int(np.flatnonzero(trained)[0])]
        raise DataError(
            f"{first}: every example is labelled {only!r}; give examples of two labels at least, or "
            "the right --label-column"
        )
    seen = np.zeros(len(names), np.bool_)
    seen[labels["train"][labels["train"] >= 0]] = True
    for part, survey in surveys.items():
        unknown = np.flatnonzero((labels[part] >= 0) & ~seen[np.maximum(labels[part], 0)])
        if len(unknown):
            raise _unknown_labels(part, survey, names, labels[part], unknown, seen)
    if not trained.all():
        lost = ", ".join(repr(names[i]) for i in np.flatnonzero(~trained)[:_MOST_SHOWN])
        raise DataError(
            f"{first}: nothing is left to train on for {lost}, since all such texts stand in "
            "validation or test; train without --drop-leaks, or mend the files"
        )
    for number, (part, fraction) in enumerate(zip(PART_NAMES[1:], fractions, strict=True), 1):
        if part in surveys and not np.any(parts[part] == number):
            name = surveys[part].labelled.tables[0].name
            raise DataError(
                f"{name}: no example for {_SAID[part]}; give rows with a text and a label"
            )
        if fraction and not np.any(parts["train"] == number):
            raise DataError(
                f"{first}: {len(train.labels):,} rows leave nothing for {_SAID[part]} with "
                f"--{part}-fraction {fraction:g}, since each label keeps one text for training; "
                f"give more, --{part} FILE, or --{part}-fraction 0"
            )


def _unknown_labels(
    part: str,
    survey: Survey,
    names: tuple[str, ...],
    labels: Labels,
    rows: np.ndarray[tuple[int], np.dtype[np.int64]],
    trained: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> DataError:
    numbers, firsts = np.unique(labels[rows], return_index=True)
    shown = [
        f"{names[number]!r} (first at {survey.place(int(rows[first]))})"
        for number, first in zip(numbers[:_MOST_SHOWN], firsts[:_MOST_SHOWN], strict=True)
    ]
    more = f" and {len(numbers) - _MOST_SHOWN:,} more" if len(numbers) > _MOST_SHOWN else ""
    there = [repr(names[i]) for i in np.flatnonzero(trained)]
    listed = ", ".join(there[:_MOST_SHOWN]) + (", …" if len(there) > _MOST_SHOWN else "")
    place = survey.place(int(rows.min()))
    return DataError(
        f"{place}: labels of {_SAID[part]} that training never saw: {', '.join(shown)}{more}; training has "
        f"{listed}: mend the labels, add examples of them to training, or choose another "
        "--label-column"
    )


def _part(
    number: int,
    part: str,
    surveys: Mapping[str, Survey],
    names: tuple[str, ...],
    parts: Mapping[str, Parts],
    labels: Mapping[str, Labels],
) -> PartFindings:
    counts = np.zeros(len(names), np.int64)
    for files in surveys:
        counts += np.bincount(labels[files][parts[files] == number], minlength=len(names))
    empty = surveys[part].empty if part in surveys else 0
    return PartFindings(int(counts.sum()), dict(zip(names, counts.tolist(), strict=True)), empty)


def _repeats(survey: Survey) -> tuple[Overlap, Overlap]:
    """Return repeated texts: those with the label of the first such text, and the others."""
    rows = np.flatnonzero(survey.labels >= 0)
    _, firsts, inverse = np.unique(survey.hashes[rows], return_index=True, return_inverse=True)
    first = rows[firsts[inverse]]
    again = first != rows
    same = survey.labels[first] == survey.labels[rows]
    overlaps = []
    for chosen in (again & same, again & ~same):
        places = np.flatnonzero(chosen)
        if not len(places):
            overlaps.append(Overlap())
            continue
        at = places[0]
        overlaps.append(
            Overlap(len(places), survey.place(int(rows[at])), survey.place(int(first[at])))
        )
    return overlaps[0], overlaps[1]


def _leak(surveys: Mapping[str, Survey], part: str) -> Overlap:
    """Return the rows of a part's files whose texts stand in the training files."""
    survey, train = surveys.get(part), surveys["train"]
    if survey is None:
        return Overlap()
    rows = np.flatnonzero((survey.labels >= 0) & np.isin(survey.hashes, _texts(train)))
    if not len(rows):
        return Overlap()
    other = np.flatnonzero(train.hashes == survey.hashes[rows[0]])[0]
    return Overlap(len(rows), survey.place(int(rows[0])), train.place(int(other)))


def _drop_leaks(surveys: Mapping[str, Survey], parts: dict[str, Parts]) -> int:
    """Take from training what stands in the files of validation or test; return how many rows."""
    others = [_texts(survey) for part, survey in surveys.items() if part != "train"]
    if not others:
        return 0
    leaking = np.isin(surveys["train"].hashes, np.concatenate(others))
    leaking &= parts["train"] == TRAIN
    parts["train"] = np.where(leaking, OUT, parts["train"]).astype(np.uint8)
    return int(np.count_nonzero(leaking))


def _texts(survey: Survey) -> Hashes:
    return survey.hashes[survey.labels >= 0]


def _single(survey: Survey, names: tuple[str, ...], labels: Labels) -> tuple[str, ...]:
    rows = labels >= 0
    pairs = np.unique(np.stack([labels[rows].astype(np.uint64), survey.hashes[rows]]), axis=1)
    counts = np.bincount(pairs[0].astype(np.int64), minlength=len(names))
    return tuple(names[i] for i in np.flatnonzero(counts == 1))


def _alike(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.casefold(), []).append(name)
    return tuple(tuple(group) for group in found.values() if len(group) > 1)
