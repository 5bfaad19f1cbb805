import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textrnn.data.division import OUT, TEST, TRAIN, VALID, divide

FRACTIONS = st.sampled_from([0.0, 0.05, 0.1, 0.25, 1 / 3, 0.5])
LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=120)


def test_a_division_worked_by_hand() -> None:
    labels = np.array([0] * 20 + [1] * 10, np.int32)
    hashes = np.arange(100, 130, dtype=np.uint64)
    parts = divide(labels, hashes, 0.1, 0.2, seed=3)
    assert [(parts[labels == i] == VALID).sum() for i in (0, 1)] == [2, 1]
    assert [(parts[labels == i] == TEST).sum() for i in (0, 1)] == [4, 2]
    # Sorted rows do not give the first or the last ones.
    assert not np.array_equal(np.flatnonzero(parts != TRAIN), np.arange(parts.size)[-9:])
    # What it is must never change: it is part of what a corpus is known by.
    assert parts.tolist() == divide(labels, hashes, 0.1, 0.2, seed=3).tolist()
    assert np.flatnonzero(parts == VALID).tolist() == GOLDEN


GOLDEN = [14, 18, 24]


@given(LABELS, FRACTIONS, FRACTIONS, st.integers(0, 2**63))
def test_every_label_gives_its_share(
    labels: list[int], valid: float, test: float, seed: int
) -> None:
    numbers = np.array(labels, np.int32)
    parts = divide(numbers, np.arange(1, len(labels) + 1, dtype=np.uint64), valid, test, seed)
    for label in set(labels):
        own = parts[numbers == label]
        assert (own == TRAIN).any()
        for part, fraction in ((VALID, valid), (TEST, test)):
            # One text stays for training, whatever the shares are.
            room = len(own) - 1
            taken, exact = int((own == part).sum()), fraction * len(own)
            assert taken < exact + 1
            assert taken > min(exact, room - exact - 1) - 1
            assert fraction or not taken
    assert not (parts == OUT).any()


@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(1, 30)), min_size=1, max_size=100),
    FRACTIONS,
    FRACTIONS,
    st.integers(0, 9),
)
def test_equal_texts_stay_together(
    rows: list[tuple[int, int]], valid: float, test: float, seed: int
) -> None:
    labels = np.array([label for label, _ in rows], np.int32)
    hashes = np.array([text for _, text in rows], np.uint64)
    parts = divide(labels, hashes, valid, test, seed)
    assert (parts[labels < 0] == OUT).all()
    used = labels >= 0
    assert (parts[used] != OUT).all()
    for text in set(hashes[used].tolist()):
        assert len(set(parts[used & (hashes == text)].tolist())) == 1


@given(st.lists(st.integers(0, 2), min_size=20, max_size=60), st.randoms(), st.integers(0, 9))
def test_the_order_of_the_rows_changes_nothing(labels: list[int], rng: object, seed: int) -> None:
    numbers = np.array(labels, np.int32)
    hashes = np.arange(1, len(labels) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    order = list(range(len(labels)))
    rng.shuffle(order)  # type: ignore[attr-defined]
    parts = divide(numbers, hashes, 0.2, 0.1, seed)
    assert np.array_equal(divide(numbers[order], hashes[order], 0.2, 0.1, seed), parts[order])


def test_seeds_divide_differently_and_evenly() -> None:
    labels = np.zeros(200, np.int32)
    hashes = np.arange(1, 201, dtype=np.uint64)
    chosen = [divide(labels, hashes, 0.5, 0.0, seed) == VALID for seed in range(40)]
    assert all(mask.sum() == 100 for mask in chosen)
    times = np.sum(chosen, axis=0)
    # 40 fair coins: six standard deviations.
    assert np.abs(times - 20).max() < 6 * np.sqrt(10)
    assert not np.array_equal(chosen[0], chosen[1])


def test_texts_too_many_times_there_stay_in_training() -> None:
    labels = np.zeros(20, np.int32)
    hashes = np.array([7] * 18 + [8, 9], np.uint64)
    parts = divide(labels, hashes, 0.1, 0.0, seed=0)
    assert (parts[:18] == TRAIN).all()
    assert (parts == VALID).sum() == 2


def test_a_label_whose_texts_all_repeat_still_gives_validation_something():
    labels = np.repeat(np.arange(30), 10)
    # Five texts a label, each twice; a tenth of ten rows is one.
    hashes = np.array([label * 5 + row // 2 for label in range(30) for row in range(10)], np.uint64)
    parts = divide(labels, hashes, 0.1, 0.0, 0)
    assert (np.bincount(labels[parts == VALID], minlength=30) == 2).all()
