"""A text coloured by surprise, for a terminal."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING

from rich.cells import cell_len

from textrnn.cli.console import printable, write
from textrnn.cli.styled import Line
from textrnn.cli.wrapping import columns_of

if TYPE_CHECKING:
    from rich.color import ColorSystem

    from textrnn.cli.peaks import Peak, Peaks
    from textrnn.language_model.evaluation import Evaluation
    from textrnn.language_model.scored import Part
    from textrnn.tokenizers.base import Tokenizer

__all__ = ["STEPS", "ColouredText", "level", "steps_of", "summary_lines"]

STEPS = {"char": (1.0, 2.0, 4.0, 6.0, 9.0), "word": (2.0, 4.0, 7.0, 10.0, 14.0)}
"""Bits from which on a token has the next colour: of characters and bytes, and of longer tokens."""

_STYLES = (
    "",
    "black on #fff3bf",
    "black on #ffe08a",
    "black on #ffbf66",
    "black on #ff8f5a",
    "white on #d9341c",
)


def steps_of(tokenizer: Tokenizer) -> tuple[float, ...]:
    """Return the bits from which on a tokenizer's tokens have the next colour."""
    return STEPS["char" if tokenizer.kind in ("char", "byte") else "word"]


def level(nats: float, steps: tuple[float, ...]) -> int:
    """Return the number of steps that a surprise has reached; 0 where nothing was predicted."""
    bits = nats / math.log(2)
    return sum(bits >= step for step in steps)


class ColouredText:
    """Writes a text to the terminal as it is judged, coloured, and sums it up at the end.

    Args:
        tokenizer: The model's.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        from rich.console import Console
        from rich.style import Style

        self._steps = steps_of(tokenizer)
        system = Console(file=sys.stdout).color_system
        marker = "\0"
        self._codes: list[tuple[str, str]] = []
        for style in _STYLES:
            shown = Style.parse(style).render(marker, color_system=_system(system))
            before, _, after = shown.partition(marker)
            self._codes.append((before, after))
        self._is_line_begun = False

    def add(self, part: Part) -> None:
        """Write a part of the text."""
        shown: list[str] = []
        last = 0
        for text, nats in zip(part.texts, part.nats.tolist(), strict=True):
            if not text:
                continue
            reached = level(nats, self._steps)
            if reached != last:
                shown.append(self._codes[last][1] + self._codes[reached][0])
                last = reached
            if text.endswith("\n"):
                # A surprising line end shows, and its colour does not run on to the margin.
                mark = "↵" if last else ""
                shown.append(printable(text[:-1], keep="\t\r") + mark + self._codes[last][1] + "\n")
                last = 0
            else:
                shown.append(printable(text, keep="\n\t"))
            self._is_line_begun = not text.endswith("\n")
        shown.append(self._codes[last][1])
        _write_raw("".join(shown))

    def end_line(self) -> None:
        """End the last line where the text does not."""
        if self._is_line_begun:
            write("\n")
            self._is_line_begun = False

    def legend(self) -> Line:
        """Return what the colours mean."""
        line: Line = [("bits  ", "bold")]
        names = [f" under {self._steps[0]:g} ", *(f" {step:g} or more " for step in self._steps)]
        line += list(zip(names, _STYLES, strict=True))
        return line


def _system(name: str | None) -> ColorSystem | None:
    """Return what colours a terminal has, by rich's name for it."""
    from rich.color import ColorSystem

    systems = {
        "standard": ColorSystem.STANDARD,
        "256": ColorSystem.EIGHT_BIT,
        "truecolor": ColorSystem.TRUECOLOR,
    }
    return systems.get(name or "")


def _write_raw(text: str) -> None:
    """Write text whose control characters are our own."""
    stream = sys.stdout
    stream.flush()
    stream.buffer.write(text.encode(stream.encoding or "utf-8", "replace"))
    stream.buffer.flush()


def summary_lines(total: Evaluation, nats: float, peaks: Peaks) -> list[Line]:
    """Return a text's totals and its most surprising places."""
    bits = total.bits_per_char
    told = "not defined: it holds what the model does not know" if bits is None else f"{bits:.4f}"
    rows = {
        "surprise": f"{nats:,.1f} nats over {total.targets:,} tokens",
        "bits per character": told,
        "perplexity": f"{total.perplexity:,.4g} per token",
        "characters": f"{total.characters:,}",
    }
    if total.unknown:
        rows["unknown"] = f"{total.unknown:,} tokens"
    lines: list[Line] = [[(f"{name:<20}", "bold"), (value, "")] for name, value in rows.items()]
    found = peaks.found()
    if found:
        lines += [[("", "")], [("most surprising words", "bold")]]
    width = max((len(peak.where) for peak in found), default=0)
    for peak in found:
        cost = (peak.word.nats or 0.0) / math.log(2)
        label = f"  {cost:5.1f} bits  {peak.where:<{width}}  "
        lines.append([(label, ""), *_in_its_line(peak, columns_of(sys.stdout) - len(label))])
    return lines


def _in_its_line(peak: Peak, room: int) -> Line:
    """Return a word with as much around it as there is room for, before it and behind it."""
    word = _shown(peak.word.text.lstrip())
    blank = peak.word.text[: len(peak.word.text) - len(peak.word.text.lstrip())]
    before, after = _shown(peak.before + blank).lstrip(), _shown(peak.after)
    left = room - cell_len(word)
    behind = min(cell_len(after), max(left // 3, left - cell_len(before)))
    return [
        (_words_of(before, left - behind, at_end=True), "dim"),
        (word, "bold"),
        (_words_of(after, behind, at_end=False), "dim"),
    ]


def _words_of(text: str, room: int, *, at_end: bool) -> str:
    """Return the last or the first words of a text that have room."""
    if cell_len(text) <= room:
        return text
    parts = re.findall(r"\S+\s*" if at_end else r"\s*\S+", text)
    parts = parts[::-1] if at_end else parts
    kept: list[str] = []
    for part in parts:
        if cell_len("".join(kept)) + cell_len(part) > room:
            break
        kept.append(part)
    return "".join(kept[::-1] if at_end else kept)


def _shown(text: str) -> str:
    return printable(text.replace("\n", " ").replace("\t", " "))
