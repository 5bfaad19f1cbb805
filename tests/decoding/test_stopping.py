import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.decoding.stopping import StopFilter
from textrnn.errors import UsageError


def run(stops: list[str], pieces: list[str]) -> tuple[list[str], bool]:
    """Return what came out after each piece and at the end, and whether a stop string was met."""
    stop_filter = StopFilter(stops)
    out = [stop_filter.feed(piece) for piece in pieces]
    return [*out, stop_filter.flush()], stop_filter.is_stopped


@pytest.mark.parametrize(
    ("stops", "pieces", "expected", "stopped"),
    [
        ([], ["ab", "c"], ["ab", "c", ""], False),
        (["END"], ["so it EN", "DS", "x"], ["so it ", "", "", ""], True),
        (["END"], ["so it EN", "tire"], ["so it ", "ENtire", ""], False),
        (["END"], ["the E", "N"], ["the ", "", "EN"], False),
        # Of "aab", only as much is held back as may still be its beginning.
        (["aab"], ["a", "a", "a", "c"], ["", "", "a", "aac", ""], False),
        (["aab"], ["a", "a", "a", "b"], ["", "", "a", "", ""], True),
        # A shorter stop string inside the beginning of a longer one.
        (["abcd", "bc"], ["xabc", "d"], ["xa", "", ""], True),
        # Both complete with the same character: nothing of either appears.
        (["b", "aab"], ["aab"], ["", ""], True),
        (["\n\n"], ["a\n", "b\n", "\nc"], ["a", "\nb", "", ""], True),
        (["a"], ["a"], ["", ""], True),
        (["🙂!"], ["hi 🙂", "?", "🙂", "!"], ["hi ", "🙂?", "", "", ""], True),
    ],
)
def test_worked_by_hand(stops, pieces, expected, stopped):
    assert run(stops, pieces) == (expected, stopped)


def test_an_empty_stop_string_is_refused():
    with pytest.raises(UsageError, match="empty"):
        StopFilter(["a", ""])


def plain(stops: list[str], text: str) -> tuple[str, bool]:
    """The rule itself: up to the stop string that is complete first, the longest of equals."""
    ends = [(text.find(stop) + len(stop), -len(stop)) for stop in stops if stop in text]
    if not ends:
        return text, False
    end, length = min(ends)
    return text[: end + length], True


TEXT = st.text("ab", max_size=14)


@given(st.lists(st.text("ab", min_size=1, max_size=5), max_size=3), st.lists(TEXT, max_size=5))
def test_any_cut_gives_what_the_rule_says(stops: list[str], pieces: list[str]):
    out, stopped = run(stops, pieces)
    assert ("".join(out), stopped) == plain(stops, "".join(pieces))
    # Nothing is held back that cannot be the beginning of a stop string.
    seen = ""
    for piece, _ in zip(pieces, out, strict=False):
        seen += piece
        released, is_stopped = run(stops, [seen])
        if not is_stopped:
            held = seen[len(released[0]) :]
            assert held == "" or any(stop.startswith(held) for stop in stops)
