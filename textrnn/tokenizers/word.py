"""Words: one id for every frequent word, punctuation mark, line end and run of spaces."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from textrnn.errors import DataError
from textrnn.tokenizers._decoding import REPLACEMENT, TextStreamDecoder, check_id, check_ids
from textrnn.tokenizers._files import RECORD, damaged, read_record, write_record
from textrnn.tokenizers._text import SURROGATE, show, split_stream
from textrnn.tokenizers.base import (
    NUM_SPECIAL,
    SPECIAL_PIECES,
    UNK_ID,
    Ids,
    StreamDecoder,
    Tokenizer,
)

__all__ = ["WordTokenizer", "word_pattern"]

ALWAYS = (" ", "\n")
"""Pieces that every vocabulary holds: others fall back on the space, texts start at a line end."""

MAX_DISTINCT = 1_000_000
"""Distinct pieces counted at once while learning; beyond it the rarest are forgotten."""

_MISSING = -1


class WordTokenizer(Tokenizer):
    """Whole words, with a frequency cut-off; what is cut becomes ``<unk>``.

    The pieces of a text are words (letters, digits, marks, apostrophes inside), single punctuation
    marks and symbols, ideographs and kana one by one, line ends, and runs of spaces. One space
    before a word or mark belongs to it (``" the"``), so that the pieces joined are the text and
    decoding is joining. A piece outside the vocabulary that begins with a space is encoded as the
    space and the rest where the vocabulary has the rest, a run of spaces as single ones.

    A literal ``<unk>`` in a text (with a space before it or not), as prepared corpora have it,
    counts as ``<unk>``. Which characters are letters is what the running Python's Unicode data
    says.
    """

    kind = "word"
    is_lossless = True

    def __init__(self, pieces: Sequence[str]) -> None:
        """Take the distinct pieces in order of their ids, from 4."""
        self._texts = ("", REPLACEMENT, "", "", *pieces)
        self._ids = _Lookup((piece, i) for i, piece in enumerate(pieces, start=NUM_SPECIAL))
        self._ids["<unk>"] = self._ids[" <unk>"] = UNK_ID

    @classmethod
    def train(
        cls, chunks: Iterable[str], vocab_size: int | None = None, min_frequency: int = 2
    ) -> WordTokenizer:
        """Collect the vocabulary of a text.

        Args:
            chunks: The text, cut anywhere.
            vocab_size: Greatest number of ids, at least 6; the most frequent pieces stay.
            min_frequency: Rarer pieces become ``<unk>``.

        Raises:
            DataError: the text is empty.
        """
        counts = _count(split_stream(word_pattern(), chunks))
        if not counts:
            raise DataError("the text has no word to learn: it is empty")
        for piece in ("<unk>", " <unk>", *ALWAYS):
            counts.pop(piece, None)
        frequent = [
            (-count, piece)
            for piece, count in counts.items()
            if count >= min_frequency and not SURROGATE.search(piece)
        ]
        frequent.sort()
        room = None if vocab_size is None else vocab_size - NUM_SPECIAL - len(ALWAYS)
        return cls([*ALWAYS, *(piece for _, piece in frequent[:room])])

    @property
    def vocab_size(self) -> int:
        """Number of ids: the pieces and the four special ones."""
        return len(self._texts)

    def encode(self, text: str) -> Ids:
        """Return one id a piece."""
        return self._encode_pieces(word_pattern().findall(text))

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Ids]:
        """Encode as the text comes; the last pieces of a chunk wait for the next one."""
        return map(self._encode_pieces, split_stream(word_pattern(), chunks))

    def _encode_pieces(self, pieces: list[str]) -> Ids:
        ids = np.fromiter(map(self._ids.__getitem__, pieces), np.int32, len(pieces))
        missing = np.flatnonzero(ids == _MISSING)
        if not len(missing):
            return ids
        substitutes = [self._fall_back(pieces[place]) for place in missing]
        repeats = np.ones(len(ids), np.int64)
        repeats[missing] = [len(substitute) for substitute in substitutes]
        ids = np.repeat(ids, repeats)
        ids[ids == _MISSING] = [token_id for substitute in substitutes for token_id in substitute]
        return ids

    def _fall_back(self, piece: str) -> list[int]:
        space = self._ids[" "]
        if piece.isspace() and piece.startswith(" "):
            return [space] * len(piece)
        if piece.startswith(" ") and self._ids[piece[1:]] != _MISSING:
            return [space, self._ids[piece[1:]]]
        return [UNK_ID]

    def decode(self, ids: Sequence[int] | npt.NDArray[np.integer]) -> str:
        """Return the pieces of ``ids``, joined."""
        checked = check_ids(ids, self.vocab_size)
        return "".join(map(self._texts.__getitem__, checked.tolist()))

    def stream_decoder(self) -> StreamDecoder:
        """Return a decoder that releases every piece at once."""
        return TextStreamDecoder(self._texts)

    def piece(self, token_id: int) -> str:
        """Return the piece, its space shown as ``▁``, escaped where it would not show."""
        check_id(token_id, self.vocab_size)
        if token_id < NUM_SPECIAL:
            return SPECIAL_PIECES[token_id]
        return show(self._texts[token_id])

    def unknown(self, text: str) -> list[str]:
        """Return the distinct words and marks outside the vocabulary, without the space before."""
        pieces = dict.fromkeys(word_pattern().findall(text))
        cut = (piece for piece in pieces if UNK_ID in self._encode_pieces([piece]))
        return list(dict.fromkeys(piece.removeprefix(" ") for piece in cut))

    def to_files(self) -> dict[str, bytes]:
        """Return ``tokenizer.json``, which holds the list of pieces."""
        return {RECORD: write_record(self.kind, {"pieces": self._texts[NUM_SPECIAL:]})}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> WordTokenizer:
        """Make the tokenizer from its list of pieces."""
        pieces = read_record(cls.kind, files).get("pieces")
        if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
            raise damaged(RECORD, "'pieces' is not a list of strings")
        if len(set(pieces)) < len(pieces) or not {*ALWAYS} <= {*pieces} or "" in pieces:
            raise damaged(RECORD, "'pieces' repeats or lacks a piece")
        return cls(pieces)


class _Lookup(dict[str, int]):
    """Ids by piece; a piece that is not there has ``_MISSING``."""

    def __missing__(self, piece: str) -> int:
        return _MISSING


def _count(lists: Iterable[list[str]]) -> Counter[str]:
    """Count pieces in bounded memory.

    Where there are more than ``MAX_DISTINCT`` distinct ones, those seen once since are dropped,
    then those seen twice, and so on (lossy counting: Manku and Motwani 2002, section 4.2, with the
    drop made when memory asks for it); a frequent piece loses at most the last threshold.
    """
    counts: Counter[str] = Counter()
    threshold = 0
    for pieces in lists:
        counts.update(pieces)
        while len(counts) > MAX_DISTINCT:
            threshold += 1
            counts = Counter({piece: n for piece, n in counts.items() if n > threshold})
    return counts


@functools.cache
def word_pattern() -> re.Pattern[str]:
    """Return the pattern whose matches, one after the other, are the pieces of any text.

    All repetitions are bounded, so that no text, however strange, makes a piece of unbounded
    length.
    """
    kana = "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"
    ideographs = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    letter = rf"[^\W{kana}{ideographs}]"
    mark = f"[{_marks()}]"
    # Guards: only at an apostrophe, or beyond U+02FF, is it worth to look for what a word goes on
    # with, or for marks; in most texts this doubles the speed.
    more = rf"(?=['\u0300-\U0010ffff])(?:['’]{letter}{{1,64}}|{mark}{{1,8}}{letter}{{0,64}})"
    marked = rf"(?:(?=[\u0300-\U0010ffff]){mark}{{0,8}})?"
    word = rf"{letter}{{1,64}}(?:{more}){{0,16}}"
    return re.compile(
        rf" ?(?:{word}|<unk>|\S{marked})"
        r"|\r\n|[^\S ]"
        r"| {1,64}(?= \S)| {1,64}"
    )


def _marks() -> str:
    """Return the inside of a character class: combining marks, joiners of scripts and emoji."""
    ranges: list[list[int]] = [[0x200C, 0x200D]]
    for point in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)):
        if unicodedata.category(chr(point)).startswith("M"):
            if ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
