"""Typing with a language model at one's side: the line, and under it what it would write next."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from textrnn.cli.console import may_colour, note, printable, write
from textrnn.cli.line_editor import Action, LineEditor
from textrnn.cli.raw_terminal import RawTerminal
from textrnn.cli.suggestions_display import shown_word

if TYPE_CHECKING:
    from textrnn.language_model.completion import Suggestion
    from textrnn.language_model.generator import LanguageModel

__all__ = ["Screen", "type_with"]

_MARK = "> "
_BAR = 20
_CHOOSING = ("tab", "up", "down")
"""Keys that mean the suggestions for what was typed before them, however fast they were pressed."""


def type_with(lm: LanguageModel, *, num: int, words: int) -> None:
    """Let a person type lines; each goes to stdout when it is accepted.

    Args:
        lm: What suggests.
        num: Suggestions at a time.
        words: Words that each ends.
    """
    note("Tab takes a suggestion, up and down choose, Enter accepts the line, Ctrl-D leaves.")
    context = ""
    screen = Screen()
    with RawTerminal(on_stop=screen.clear) as terminal:
        editor = LineEditor()
        action, is_stale = Action.CHANGED, True
        try:
            while action is not Action.LEAVE:
                if action is Action.ACCEPT:
                    screen.clear()
                    write(editor.text + "\n")
                    # What stands in a line of its own stays unknown to the next one.
                    context += "" if lm.settings["lines"] else editor.text + "\n"
                    editor = LineEditor()
                is_stale = is_stale or action in (Action.CHANGED, Action.ACCEPT)
                # Whoever types faster than suggestions are found sees those for the last key.
                is_asked = terminal.pushed[:1] and terminal.pushed[0] in _CHOOSING
                if is_stale and (is_asked or not terminal.is_waiting()):
                    editor.offer(_suggestions(lm, context + editor.before, num, words))
                    is_stale = False
                screen.draw(editor)
                action = _pressed(terminal, editor, is_stale=is_stale)
        finally:
            screen.clear()


def _suggestions(lm: LanguageModel, prompt: str, num: int, words: int) -> Sequence[Suggestion]:
    return lm.complete(prompt, num, words=words, on_unknown=lambda _: None)


def _pressed(terminal: RawTerminal, editor: LineEditor, *, is_stale: bool) -> Action:
    """Wait for keys and return what they ask for, taken together.

    Args:
        terminal: Where they are pressed; gets back those that wait for other suggestions.
        editor: The line.
        is_stale: Whether its suggestions are for a former text.
    """
    result = Action.REDRAW
    keys = terminal.keys()
    while keys:
        if keys[0] in _CHOOSING and (is_stale or result is Action.CHANGED):
            terminal.push_back(keys)
            return result
        action = editor.press(keys.pop(0))
        if action in (Action.ACCEPT, Action.LEAVE):
            # What was pasted behind a line end begins the next line.
            terminal.push_back(keys)
            return action
        if action is Action.CHANGED:
            result = action
    return result


class Screen:
    """Draws a line and what stands under it on stderr, over what it drew before."""

    def __init__(self) -> None:
        self._is_coloured = may_colour(sys.stderr)

    def draw(self, editor: LineEditor) -> None:
        """Draw the line, its cursor and the suggestions."""
        columns, rows = shutil.get_terminal_size()
        width = max(8, columns - 1)
        line, cursor = _visible(editor, width - len(_MARK))
        under = _listed(editor, width, max(1, rows - 2), coloured=self._is_coloured)
        drawn = "".join(f"\n{each}" for each in under)
        back = f"\x1b[{len(under)}A" if under else ""
        right = len(_MARK) + cursor
        self._put(f"\r\x1b[J{_MARK}{line}{drawn}{back}\r\x1b[{right}C")

    def clear(self) -> None:
        """Take away what was drawn."""
        self._put("\r\x1b[J")

    def _put(self, text: str) -> None:
        print(text, end="", file=sys.stderr, flush=True)


def _visible(editor: LineEditor, width: int) -> tuple[str, int]:
    """Return the part of the line around the cursor that fits, and the cursor's column in it."""
    before = printable(editor.before, keep="")
    behind = printable(editor.text[editor.cursor :], keep="")
    # Half of the room is for what stands behind the cursor, if so much does.
    room = width - min(cell_len(behind), width // 2)
    while cell_len(before) > room:
        before = before[1:]
    rest = behind
    while cell_len(before) + cell_len(rest) > width:
        rest = rest[:-1]
    return before + rest, cell_len(before)


def _listed(editor: LineEditor, width: int, most: int, *, coloured: bool) -> list[str]:
    """Return a line for each suggestion, the chosen one marked."""
    found = editor.suggestions[:most]
    words = [shown_word(each) for each in found]
    longest = min(max(map(cell_len, words), default=0), width // 2)
    lines = []
    for place, (word, each) in enumerate(zip(words, found, strict=True)):
        is_chosen = place == editor.chosen
        bar = "█" * round(_BAR * each.probability)
        text = f"{'>' if is_chosen else ' '} {set_cell_size(word, longest)} {each.probability:6.1%} {bar}"
        text = set_cell_size(printable(text, keep=""), width).rstrip()
        lines.append(f"\x1b[7m{text}\x1b[0m" if is_chosen and coloured else text)
    return lines
