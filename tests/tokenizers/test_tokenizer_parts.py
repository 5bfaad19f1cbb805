"""What several tokenizers share: the even sample, pieces as they are shown, late imports."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.tokenizers._sample import BLOCK, Sample
from textrnn.tokenizers._text import show, split_lines


def numbered(blocks: int) -> str:
    """Return a text whose blocks each repeat one character."""
    return "".join(chr(ord("a") + i) * BLOCK for i in range(blocks))


@pytest.mark.parametrize("size", [BLOCK // 3, BLOCK, 5 * BLOCK + 1])
def test_a_sample_is_even_bounded_and_the_same_for_all_chunks(size: int) -> None:
    text = numbered(19) + "end"
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    sample = Sample(chunks, 8 * BLOCK)
    assert sample.total == len(text)
    assert [block[0] for block in sample.blocks] == ["a", "e", "i", "m", "q"]


def test_a_short_text_is_its_own_sample() -> None:
    text = numbered(3) + "end"
    sample = Sample([text], 8 * BLOCK)
    assert "".join(sample.blocks) == text
    assert Sample([], 8 * BLOCK).blocks == []
    assert Sample(["one"], 0).blocks == ["one"]


def test_pieces_as_they_are_shown() -> None:
    assert show(" the\n\t") == "▁the\\n\\t"
    assert show("\\n ▁") == "\\\\n▁\\u2581"
    assert show("\u0301e\u0301\u200d\x00") == "\\u0301e\u0301\\u200d\\x00"


@settings(deadline=None)
@given(one=st.text(" ▁\\nu2581\n\u0301e", max_size=6), other=st.text(" ▁\\n\n\u0301e", max_size=6))
def test_no_two_pieces_are_shown_alike(one: str, other: str) -> None:
    assert (show(one) == show(other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("ab\n\ncd", ["ab\n", "\n", "cd"]),
        ("ab cd ef gh\n", ["ab cd", " ef gh\n"]),
        ("abcdefgh i", ["abcdef", "gh i"]),
        ("abcdef ghijkl", ["abcdef", " ghijk", "l"]),
        ("abcdef\nabcdefg", ["abcdef\n", "abcdef", "g"]),
        ("", []),
    ],
)
def test_lines_of_at_most_six_characters_by_hand(text: str, lines: list[str]) -> None:
    assert [line for found in split_lines([text], 6) for line in found] == lines


@settings(deadline=None)
@given(chunks=st.lists(st.text("ab \n", max_size=9), max_size=6), longest=st.integers(1, 8))
def test_where_lines_are_cut_depends_on_the_text_alone(chunks: list[str], longest: int) -> None:
    text = "".join(chunks)
    cut = [line for found in split_lines(chunks, longest) for line in found]
    assert cut == [line for found in split_lines([text], longest) for line in found]
    assert "".join(cut) == text
    assert all(0 < len(line.removesuffix("\n")) <= longest or line == "\n" for line in cut)


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys, textrnn.tokenizers as t\n"
        "t.train_tokenizer(lambda: iter(['ab']), t.TokenizerSettings()).encode('ab')\n"
        "print(*({'torch', 'sentencepiece', 'click', 'rich'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout == "\n"
