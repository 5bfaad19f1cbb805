"""A line being typed, with suggestions under it: what each key does."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textrnn.language_model.completion import Suggestion

__all__ = ["Action", "LineEditor"]

_CLINGING = ".,;:!?)]}…"
"""Marks before which the space that came with a suggestion goes again."""


class Action(enum.Enum):
    """What a key asks for."""

    NOTHING = enum.auto()
    REDRAW = enum.auto()
    """The text is the same: the cursor or the choice has moved."""
    CHANGED = enum.auto()
    """The text before the cursor is another, and so are the suggestions."""
    ACCEPT = enum.auto()
    LEAVE = enum.auto()


class LineEditor:
    """The text of a line, its cursor, and the suggestion that is chosen.

    Attributes:
        text: The line so far.
        cursor: Characters before the cursor.
        chosen: The place of the chosen suggestion.
        suggestions: What may come next at the cursor, the best first.
    """

    def __init__(self) -> None:
        self.text = ""
        self.cursor = 0
        self.chosen = 0
        self.suggestions: Sequence[Suggestion] = ()
        self._has_own_space = False

    @property
    def before(self) -> str:
        """The text before the cursor."""
        return self.text[: self.cursor]

    def offer(self, suggestions: Sequence[Suggestion]) -> None:
        """Take new suggestions; the first is chosen."""
        self.suggestions = suggestions
        self.chosen = 0

    def press(self, key: str) -> Action:
        """Take a key: a character, or a name such as ``left``; unknown names do nothing."""
        had_own_space, self._has_own_space = self._has_own_space, False
        if len(key) == 1:
            if had_own_space and key in _CLINGING:
                self._remove(1)
            self._insert(key)
            return Action.CHANGED
        if key == "tab":
            return self._take()
        if key == "enter":
            return Action.ACCEPT
        if key == "end-of-file":
            return Action.LEAVE
        if key in ("up", "down"):
            return self._choose(-1 if key == "up" else 1)
        if key in ("backspace", "delete", "delete-word", "delete-line"):
            return self._delete(key)
        return self._move(key)

    def _insert(self, text: str) -> None:
        self.text = self.before + text + self.text[self.cursor :]
        self.cursor += len(text)

    def _remove(self, number: int) -> None:
        self.text = self.text[: self.cursor - number] + self.text[self.cursor :]
        self.cursor -= number

    def _take(self) -> Action:
        if not self.suggestions:
            return Action.NOTHING
        added = self.suggestions[self.chosen].text
        if added == "\n":
            return Action.ACCEPT
        # The word ends here, which is part of what was suggested: a space, unless the line ends too.
        ends_line = added.endswith("\n")
        self._insert(added.removesuffix("\n") if ends_line else added + " ")
        self._has_own_space = not ends_line
        return Action.CHANGED

    def _choose(self, by: int) -> Action:
        if not self.suggestions:
            return Action.NOTHING
        self.chosen = (self.chosen + by) % len(self.suggestions)
        return Action.REDRAW

    def _delete(self, key: str) -> Action:
        if key == "delete":
            if self.cursor == len(self.text):
                return Action.NOTHING
            self.text = self.before + self.text[self.cursor + 1 :]
            return Action.REDRAW
        kept = {
            "backspace": self.before[:-1],
            "delete-word": self.before.rstrip().rpartition(" ")[0],
            "delete-line": "",
        }[key]
        if key == "delete-word" and kept:
            kept += " "
        if kept == self.before:
            return Action.NOTHING
        self._remove(len(self.before) - len(kept))
        return Action.CHANGED

    def _move(self, key: str) -> Action:
        places = {
            "left": max(0, self.cursor - 1),
            "right": min(len(self.text), self.cursor + 1),
            "home": 0,
            "end": len(self.text),
        }
        place = places.get(key, self.cursor)
        if place == self.cursor:
            return Action.NOTHING
        self.cursor = place
        return Action.CHANGED
