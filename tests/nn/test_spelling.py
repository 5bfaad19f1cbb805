"""Character n-grams of words: golden, shared by words that share them, independent of the company."""

from hypothesis import given
from hypothesis import strategies as st

from textrnn.nn.spelling import MOST_NGRAMS, spelling_rows

ROWS = 1 << 15


def test_golden():
    (row,) = spelling_rows(["cat"], ROWS).tolist()
    # <ca, cat, at>, <cat, cat>: five n-grams of three to five characters, the whole word left out.
    assert len([place for place in row if place]) == 5
    assert row[5:] == [0] * (MOST_NGRAMS - 5)
    assert row[:5] == spelling_rows(["dog", "cat"], ROWS)[1].tolist()[:5]


def test_words_share_what_they_are_spelt_with():
    kind, unkind, other = spelling_rows(["kindness", "unkindness", "goat"], ROWS)
    shared = set(kind[kind > 0].tolist()) & set(unkind[unkind > 0].tolist())
    assert len(shared) >= 8
    assert not set(kind[kind > 0].tolist()) & set(other[other > 0].tolist())


def test_beginnings_are_told_from_middles():
    ab, xab = (set(row[row > 0].tolist()) for row in spelling_rows(["ab", "xab"], ROWS))
    assert len(ab) == 2
    assert len(ab & xab) == 1


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8), st.integers(2, 100))
def test_each_word_has_its_rows_whatever_stands_beside_it(words: list[str], rows: int):
    table = spelling_rows(words, rows)
    assert table.shape == (len(words), MOST_NGRAMS)
    assert table.min() >= 0
    assert table.max() < rows
    for word, row in zip(words, table, strict=True):
        assert spelling_rows([word], rows)[0].tolist() == row.tolist()
        expected = sum(max(0, len(word) + 3 - size) for size in (3, 4, 5) if size < len(word) + 2)
        assert (row > 0).sum() == min(MOST_NGRAMS, expected)
