"""Which examples train, which validate and which test: by label, by seed, equal texts together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["OUT", "PART_NAMES", "TEST", "TRAIN", "VALID", "divide"]

TRAIN, VALID, TEST, OUT = range(4)
"""Numbers of the parts; ``OUT`` is none of them."""

PART_NAMES = ("train", "valid", "test")

Labels = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Parts = npt.NDArray[np.uint8]


def divide(
    labels: Labels, hashes: Hashes, valid_fraction: float, test_fraction: float, seed: int
) -> Parts:
    """Divide examples into training, validation and test.

    Each part takes its share of the examples of every label, rounded up or down such that the sum
    is right. Examples of equal text go together, with the label that the first of them has; a label
    keeps at least one text for training. The order of texts in which parts are filled depends on
    the texts and the seed alone: neither on the order of the rows nor on the machine.

    Args:
        labels: Number of each example's label, shape (examples,), from 0; -1 for what belongs to no
            part.
        hashes: What equal texts share, shape (examples,).
        valid_fraction: Share of validation, from 0 to 0.5.
        test_fraction: Share of test, likewise.
        seed: Which division.

    Returns:
        The part of each example, shape (examples,).
    """
    parts = np.full(len(labels), TRAIN, np.uint8)
    parts[labels < 0] = OUT
    rows = np.flatnonzero(labels >= 0)
    if not len(rows) or not valid_fraction + test_fraction:
        return parts
    _, firsts, group_of, sizes = np.unique(
        hashes[rows], return_index=True, return_inverse=True, return_counts=True
    )
    group_labels = labels[rows][firsts]
    group_parts = np.full(len(sizes), TRAIN, np.uint8)
    counts = np.bincount(group_labels, weights=sizes).astype(np.int64)
    shares = {VALID: _shares(counts, valid_fraction), TEST: _shares(counts, test_fraction)}
    order = np.lexsort((_mixed(hashes[rows][firsts], seed), group_labels))
    ends = np.cumsum(np.bincount(group_labels, minlength=len(counts)))
    for label, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        groups = order[begin:end]
        wanted = [(part, int(share[label])) for part, share in shares.items()]
        for part, chosen in _filled(sizes[groups], wanted):
            group_parts[groups[chosen]] = part
    parts[rows] = group_parts[group_of]
    return parts


def _shares(counts: npt.NDArray[np.int64], fraction: float) -> npt.NDArray[np.int64]:
    """Return how many examples of each label a part takes: largest remainders, at least one in all."""
    exact = counts * fraction
    shares: npt.NDArray[np.int64] = np.floor(exact).astype(np.int64)
    if fraction:
        total = max(1, round(float(exact.sum())))
        remainders = exact - shares
        # Among equal remainders the larger label first: it can spare the example.
        order = np.lexsort((np.arange(len(counts)), -counts, -remainders))
        shares[order[: max(0, total - int(shares.sum()))]] += 1
    return shares


def _filled(
    sizes: npt.NDArray[np.int64], wanted: list[tuple[int, int]]
) -> list[tuple[int, list[int]]]:
    """Return which groups, in their order, fill which part without one becoming too large.

    A part that wants something, and for which all are too large, takes the smallest that can be spared.
    """
    open_parts = dict(wanted)
    chosen: dict[int, list[int]] = {part: [] for part in open_parts}
    left = len(sizes)
    for group, size in enumerate(sizes.tolist()):
        if left == 1 or not any(open_parts.values()):
            break
        for part, room in open_parts.items():
            if size <= room:
                open_parts[part] -= size
                chosen[part].append(group)
                left -= 1
                break
    for part, share in wanted:
        if share and not chosen[part] and left > 1:
            taken = {group for groups in chosen.values() for group in groups}
            free = [group for group in range(len(sizes)) if group not in taken]
            chosen[part].append(min(free, key=lambda group: int(sizes[group])))
            left -= 1
    return list(chosen.items())


def _mixed(hashes: Hashes, seed: int) -> Hashes:
    """Return numbers in whose order texts are chosen: another permutation for every seed.

    The finaliser of SplitMix64 (Steele, Lea and Flood 2014, figure 16), which numpy computes alike
    everywhere; its random generators may change from version to version.
    """
    mask = (1 << 64) - 1
    start = np.uint64((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & mask)
    mixed = hashes ^ start
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)
