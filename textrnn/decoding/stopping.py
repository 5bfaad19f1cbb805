"""Stop strings: text is let through as soon as no stop string can begin in it any more."""

from __future__ import annotations

from collections.abc import Sequence

from textrnn.errors import UsageError

__all__ = ["StopFilter"]


class StopFilter:
    """Lets text through up to the first stop string, of which nothing appears.

    The first stop string is the one that is complete first; of several that are complete with the
    same character, the longest. How the text is cut into pieces changes nothing. Each stop string
    is followed by the automaton of Knuth, Morris and Pratt (1977), so the work per character does
    not depend on the strings' lengths.

    Args:
        stops: The strings; none lets everything through.

    Raises:
        UsageError: an empty stop string.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        if "" in stops:
            raise UsageError("a stop string is empty; give at least one character")
        self._stops = [(stop, _borders(stop)) for stop in dict.fromkeys(stops)]
        self._matched = [0] * len(self._stops)
        self._held = ""
        self.is_stopped = False

    def feed(self, text: str) -> str:
        """Take more text; return what is now certain not to belong to a stop string.

        Once ``is_stopped`` is True, whatever follows is dropped.
        """
        if not self._stops or self.is_stopped:
            return "" if self.is_stopped else text
        before = len(self._held)
        self._held += text
        for place, character in enumerate(text, before + 1):
            complete = self._advance(character)
            if complete:
                self.is_stopped = True
                return self._release(place - complete)
        return self._release(len(self._held) - max(self._matched))

    def flush(self) -> str:
        """Return what is held back, at the text's end."""
        return "" if self.is_stopped else self._release(len(self._held))

    def _release(self, count: int) -> str:
        released, self._held = self._held[:count], self._held[count:]
        return released

    def _advance(self, character: str) -> int:
        """Read a character; return the length of the longest stop string it completes, or 0."""
        complete = 0
        for number, (stop, borders) in enumerate(self._stops):
            matched = self._matched[number]
            while matched and stop[matched] != character:
                matched = borders[matched - 1]
            matched += stop[matched] == character
            if matched == len(stop):
                complete = max(complete, matched)
            self._matched[number] = matched
        return complete


def _borders(word: str) -> list[int]:
    """Return for each prefix of a word the longest shorter prefix that is its suffix."""
    borders = [0] * len(word)
    length = 0
    for place in range(1, len(word)):
        while length and word[place] != word[length]:
            length = borders[length - 1]
        length += word[place] == word[length]
        borders[place] = length
    return borders
