"""A bounded, even sample of a text of unknown length, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["Sample"]

BLOCK = 1 << 14


class Sample:
    """Blocks of a text, evenly spread: all of a short one, at least half of ``limit`` of a long.

    The blocks kept are those whose number is a multiple of a stride; whenever they are too many,
    every second one is dropped and the stride doubled. So the sample depends on the text alone,
    neither on chance nor on the chunks the text comes in.

    Attributes:
        blocks: The parts of the text, in order, each of ``BLOCK`` characters but the last.
        total: Characters of the whole text.
    """

    def __init__(self, chunks: Iterable[str], limit: int) -> None:
        """Read ``chunks`` and keep at most ``limit`` characters, but at least one block."""
        self.blocks: list[str] = []
        self.total = 0
        stride = 1
        for number, block in enumerate(_blocks(chunks)):
            self.total += len(block)
            if number % stride:
                continue
            self.blocks.append(block)
            if len(self.blocks) > max(1, limit // BLOCK):
                self.blocks = self.blocks[::2]
                stride *= 2


def _blocks(chunks: Iterable[str]) -> Iterator[str]:
    rest = ""
    for chunk in chunks:
        text = rest + chunk
        whole = len(text) - len(text) % BLOCK
        for start in range(0, whole, BLOCK):
            yield text[start : start + BLOCK]
        rest = text[whole:]
    if rest:
        yield rest
