"""Normalisation: what it unifies, and that it does not matter where a text is cut."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from textrnn.tokenizers._normalization import (
    LONGEST_RUN,
    NORMALIZATIONS,
    Normalizer,
    _dependent,
)

FORMS = NORMALIZATIONS[1:]

texts = st.lists(
    st.one_of(
        st.text(max_size=4),
        st.sampled_from(["\u0301", "\u0323", "\u0345", "e", "\u1100", "\u1161", "\u11a8", "가"]),
        st.sampled_from(["か\u3099", "ｶ\uff9e", "\U00011099\U000110ba", "ﬁ", "ẞ", "ΐ", "İ", "…"]),
    )
).map("".join)


@pytest.mark.parametrize(
    ("form", "result"),
    [
        ("identity", "Ｓtraße İ cafe\u0301 ½ ᾳ"),
        ("nfc", "Ｓtraße İ café ½ ᾳ"),
        ("nfkc", "Straße İ café 1⁄2 ᾳ"),
        ("nfkc_cf", "strasse i\u0307 café 1⁄2 αι"),
    ],
)
def test_forms_by_hand(form: str, result: str) -> None:
    assert Normalizer(form)("Ｓtraße İ cafe\u0301 ½ ᾳ") == result


@settings(deadline=None)
@given(texts)
def test_plain_forms_are_those_of_unicode(text: str) -> None:
    assert Normalizer("nfc")(text) == unicodedata.normalize("NFC", text)
    assert Normalizer("nfkc")(text) == unicodedata.normalize("NFKC", text)
    folded = unicodedata.normalize("NFKC", text).casefold()
    assert Normalizer("nfkc_cf")(text) == unicodedata.normalize("NFKC", folded)


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None)
@given(text=texts)
@example(text="".join(map(chr, range(0x20000))))
def test_a_second_time_changes_nothing(form: str, text: str) -> None:
    once = Normalizer(form)(text)
    assert Normalizer(form)(once) == once


@pytest.mark.parametrize("form", NORMALIZATIONS)
@settings(deadline=None)
@given(text=texts, size=st.integers(1, 9))
@example(text="a" + "\u0301\u0323" * LONGEST_RUN + "e\u0301", size=7)
@example(text="\u1161" * 3 * LONGEST_RUN, size=100)
def test_chunks_change_nothing(form: str, text: str, size: int) -> None:
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    assert "".join(Normalizer(form).stream(chunks)) == Normalizer(form)(text)


def test_no_character_is_taken_from_what_it_depends_on() -> None:
    before = ("ạ", "か", "\u1100", "가", "ι", "\U00011099", "\u0fb2", "\u09c7")
    for point in sorted({*range(0x80, 0x20000), 0x2F800, 0xE0100} - {*_dependent()}):
        for form in FORMS:
            normalize = Normalizer(form)._normalize
            alone = normalize(chr(point))
            for text in before:
                assert normalize(text + chr(point)) == text + alone, f"U+{point:04X}"


@pytest.mark.parametrize("form", FORMS)
def test_memory_is_bounded(form: str) -> None:
    # Nothing but characters that belong to the one before: they are released all the same.
    chunks = ("\u0301" * 1000 for _ in range(9))
    released = [len(part) for part in Normalizer(form).stream(chunks)]
    assert len(released) >= 9
    assert sum(released) == 9000
