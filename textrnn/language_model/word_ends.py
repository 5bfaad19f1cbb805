"""Where words end in a text that grows token by token: what each token of a vocabulary does to a word.

A word is a run of letters, digits, underscores and marks, with apostrophes inside it; an ideograph or a
kana is one by itself. That a word has ended only what follows tells: any other character, or an apostrophe
behind which no letter comes.
"""

from __future__ import annotations

import enum
import functools
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from textrnn.decoding.protocol import Ids64
from textrnn.tokenizers.base import EOS_ID, NUM_SPECIAL, UNK_ID, Tokenizer
from textrnn.tokenizers.byte import ByteTokenizer
from textrnn.tokenizers.subword import SubwordTokenizer

__all__ = [
    "Cut",
    "Effects",
    "Mode",
    "Vocabulary",
    "Walk",
    "finish",
    "stands_alone",
    "typed_word",
    "walk",
]

_APOSTROPHES = "'’"
_JOINERS = "\u200c\u200d"
_LONGEST_WORD = 256
"""Characters of a prompt's end that are looked at for the word that it ends in."""


class Mode(enum.IntEnum):
    """Where the end of a text stands: between words, within one, or behind an apostrophe in one."""

    BETWEEN = 0
    WITHIN = 1
    APOSTROPHE = 2


class _Kind(enum.IntEnum):
    OTHER = 0
    LETTER = 1
    APOSTROPHE = 2
    ALONE = 3
    LINE_END = 4


class Walk(NamedTuple):
    """What a piece of text does.

    Attributes:
        ends: Where words end, as offsets from the piece's beginning; -1 is before an apostrophe that
            ended what came before the piece.
        mode: Where its end stands.
        closed: The offset behind its first line end, beyond which nothing is looked at; None where there
            is no line end.
    """

    ends: tuple[int, ...]
    mode: Mode
    closed: int | None


def walk(text: str, mode: Mode) -> Walk:
    """Return what a piece of text does behind one that stands in ``mode``."""
    ends: list[int] = []
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind is _Kind.LETTER:
            mode = Mode.WITHIN
            continue
        if kind is _Kind.APOSTROPHE and mode is Mode.WITHIN:
            mode = Mode.APOSTROPHE
            continue
        if mode is not Mode.BETWEEN:
            ends.append(place - (mode is Mode.APOSTROPHE))
            mode = Mode.BETWEEN
        if kind is _Kind.LINE_END:
            return Walk(tuple(ends), mode, place + 1)
        if kind is _Kind.ALONE:
            ends.append(place + 1)
    return Walk(tuple(ends), mode, None)


def typed_word(prompt: str) -> tuple[str, Mode]:
    """Return the word that a prompt ends in, as far as it is typed, and where the prompt's end stands."""
    tail = prompt[-_LONGEST_WORD:]
    mode, begin = Mode.BETWEEN, 0
    for place, character in enumerate(tail):
        before = mode
        mode = walk(character, before).mode
        if before is Mode.BETWEEN and mode is Mode.WITHIN:
            begin = place
    return (tail[begin:] if mode is not Mode.BETWEEN else ""), mode


def stands_alone(character: str) -> bool:
    """Return whether a character is a word by itself: an ideograph or a kana."""
    return _kind(character) is _Kind.ALONE


@functools.lru_cache(maxsize=1 << 16)
def _kind(character: str) -> _Kind:
    if character == "\n":
        return _Kind.LINE_END
    if character in _APOSTROPHES:
        return _Kind.APOSTROPHE
    category = unicodedata.category(character)
    point = ord(character)
    is_kana = 0x3041 <= point <= 0x30FF or 0x31F0 <= point <= 0x31FF or 0xFF66 <= point <= 0xFF9F
    is_ideograph = 0x3400 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or point >= 0x20000
    if category[0] == "L" and (is_kana or is_ideograph):
        return _Kind.ALONE
    is_letter = category[0] in "LMN" or character == "_" or character in _JOINERS
    return _Kind.LETTER if is_letter else _Kind.OTHER


class Cut(NamedTuple):
    """How a token ends a completion: ``cut`` characters of what came before go, ``added`` come."""

    cut: int
    added: str


@dataclass(frozen=True)
class Effects:
    """What every id of a vocabulary does to a completion that stands in a mode and lacks some words.

    Attributes:
        group: For each id the place of its :class:`Cut` in ``cuts`` where it ends the completion, else -1,
            (vocab_size,), int64.
        going: Ids with which the completion goes on, (going,), int64.
        modes: Where its end stands then, (going,).
        left: How many words it lacks then, (going,).
        cuts: The different ways to end it.
    """

    group: Ids64
    going: Ids64
    modes: npt.NDArray[np.int8]
    left: npt.NDArray[np.int8]
    cuts: list[Cut]


@dataclass
class Vocabulary:
    """The texts of a tokenizer's ids, and what they do to words.

    Attributes:
        tokenizer: Whose ids they are.
        is_lines: Whether ``<eos>`` ends a line; elsewhere it never comes.
        contents: Each id's UTF-8, as it stands behind another id; empty where it has none.
        texts: The same as text; empty where the bytes are part of a character.
        has_gaps: Whether the tokens hold no spaces, so that one is put before each of them.
    """

    tokenizer: Tokenizer
    is_lines: bool
    contents: list[bytes] = field(init=False)
    texts: list[str] = field(init=False)
    has_gaps: bool = field(init=False)

    def __post_init__(self) -> None:
        self.has_gaps = len(self.tokenizer.encode(" ")) == 0
        self.contents = _contents(self.tokenizer, is_lines=self.is_lines)
        self.texts = [_text(content) for content in self.contents]
        self._effects: dict[tuple[Mode, int], Effects] = {}
        self._walks: dict[Mode, list[Walk]] = {}
        order = sorted(range(NUM_SPECIAL, len(self.contents)), key=self.contents.__getitem__)
        self._order = np.array(order, np.int64)
        self._sorted = [self.contents[token] for token in order]

    def effects(self, mode: Mode, left: int) -> Effects:
        """Return what each id does to a completion that stands in a mode and lacks ``left`` words."""
        key = mode, left
        if key not in self._effects:
            self._effects[key] = self._make(mode, left)
        return self._effects[key]

    def agreeing(self, rest: bytes) -> tuple[Ids64, Ids64]:
        """Return the ids that agree with what is typed already.

        Returns:
            The ids that are a beginning of it, or it, without all of it being typed behind them; and those
            that begin with it. An id that equals it is among the latter.
        """
        short: list[int] = []
        for length in range(1, len(rest)):
            low = bisect_left(self._sorted, rest[:length])
            high = bisect_left(self._sorted, rest[:length] + b"\0", low)
            short.extend(self._order[low:high].tolist())
        low = bisect_left(self._sorted, rest)
        # No byte of UTF-8 is 0xff: everything that begins with the rest stands before this.
        high = bisect_left(self._sorted, rest + b"\xff", low)
        return np.array(short, np.int64), self._order[low:high]

    def _make(self, mode: Mode, left: int) -> Effects:
        if mode not in self._walks:
            self._walks[mode] = [walk(text, mode) for text in self.texts]
        group = np.full(len(self.texts), -1, np.int64)
        going, modes, lefts = [], [], []
        places: dict[Cut, int] = {}
        for token, done in enumerate(self._walks[mode]):
            if token < NUM_SPECIAL and not (token == EOS_ID and self.is_lines):
                continue
            cut = finish(self.texts[token], done, left)
            if cut is not None:
                group[token] = places.setdefault(cut, len(places))
            elif self.texts[token] or _begins_character(self.contents[token]):
                going.append(token)
                modes.append(done.mode)
                lefts.append(left - len(done.ends))
        if mode is not Mode.BETWEEN and left == 1:
            # What the model does not know is a word or a mark of its own.
            group[UNK_ID] = places.setdefault(Cut(int(mode is Mode.APOSTROPHE), ""), len(places))
        return Effects(
            group,
            np.array(going, np.int64),
            np.array(modes, np.int8),
            np.array(lefts, np.int8),
            list(places),
        )


def finish(text: str, done: Walk, left: int) -> Cut | None:
    """Return how a piece of text ends a completion that lacks ``left`` words; None where it does not."""
    if len(done.ends) >= left:
        end = done.ends[left - 1]
        return Cut(1, "") if end < 0 else Cut(0, text[:end])
    return None if done.closed is None else Cut(0, text[: done.closed])


def _contents(tokenizer: Tokenizer, *, is_lines: bool) -> list[bytes]:
    """Return the UTF-8 of every id, the space before it included where tokens hold none."""
    size = tokenizer.vocab_size
    contents = [b""] * size
    if is_lines:
        contents[EOS_ID] = b"\n"
    first = NUM_SPECIAL
    if isinstance(tokenizer, (ByteTokenizer, SubwordTokenizer)):
        first = NUM_SPECIAL + 256
        contents[NUM_SPECIAL:first] = [bytes([value]) for value in range(256)]
    decoder = tokenizer.stream_decoder()
    if first < size:
        # From the second token on the text comes with what stands between tokens.
        decoder.feed(first)
    for token in range(first, size):
        contents[token] = decoder.feed(token).encode("utf-8", "replace")
    return contents


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""


def _begins_character(content: bytes) -> bool:
    """Return whether a byte is the first of a character of several."""
    return len(content) == 1 and 0xC2 <= content[0] <= 0xF4
