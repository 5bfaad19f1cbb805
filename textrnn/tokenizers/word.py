"""Words: one id for every frequent word, punctuation mark, line end and run of spaces."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textrnn.errors import DataError
from textrnn.tokenizers._decoding import REPLACEMENT, TextStreamDecoder, check_id, check_ids
from textrnn.tokenizers._files import RECORD, damaged, read_record, write_record
from textrnn.tokenizers._normalization import NORMALIZATIONS
from textrnn.tokenizers._text import SURROGATE, show
from textrnn.tokenizers._word_pieces import WordCutter
from textrnn.tokenizers.base import (
    NUM_SPECIAL,
    SPECIAL_PIECES,
    UNK_ID,
    Ids,
    StreamDecoder,
    Tokenizer,
)

__all__ = ["WordTokenizer"]

ALWAYS = (" ", "\n")
"""Pieces that every vocabulary with spaces holds.

Other pieces fall back on the space; texts start at a line end.
"""

MAX_DISTINCT = 1_000_000
"""Distinct pieces counted at once while learning; beyond it the rarest are forgotten."""

_MISSING = -1
_WHITE_SPACE = re.compile(r"\s")


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

    Without spaces, all white space only parts pieces and gives no ids: a word is the same piece
    wherever it stands, and decoding joins with one space, also before punctuation. Nothing of the
    text but its words and marks comes back; neither does what a normalisation unifies.
    """

    kind = "word"

    def __init__(
        self, pieces: Sequence[str], normalization: str = "identity", *, spaces: bool = True
    ) -> None:
        """Take a vocabulary.

        Args:
            pieces: Distinct, in order of their ids, from 4.
            normalization: What a text goes through before it is cut: ``identity``, ``nfc``,
                ``nfkc`` or ``nfkc_cf``.
            spaces: Whether pieces hold spaces and line ends; ``ALWAYS`` is then among them.
        """
        self.is_lossless = normalization == "identity" and spaces
        self._cutter = WordCutter(normalization, spaces=spaces)
        self._separator = "" if spaces else " "
        self._texts = ("", REPLACEMENT, "", "", *pieces)
        self._ids = _Lookup((piece, i) for i, piece in enumerate(pieces, start=NUM_SPECIAL))
        self._ids["<unk>"] = self._ids[" <unk>"] = UNK_ID

    @classmethod
    def train(
        cls,
        chunks: Iterable[str],
        vocab_size: int | None = None,
        min_frequency: int = 2,
        normalization: str = "identity",
        *,
        spaces: bool = True,
    ) -> WordTokenizer:
        """Collect the vocabulary of a text.

        Args:
            chunks: The text, cut anywhere.
            vocab_size: Greatest number of ids, at least 6; the most frequent pieces stay.
            min_frequency: Rarer pieces become ``<unk>``.
            normalization: As for a tokenizer made of pieces.
            spaces: As for a tokenizer made of pieces.

        Raises:
            DataError: the text is empty, or there are no spaces and no word is frequent enough.
        """
        counts = _count(WordCutter(normalization, spaces=spaces).stream(chunks))
        if not counts:
            raise DataError(
                f"the text has no word to learn: it {'is' if spaces else 'is blank or'} empty"
            )
        always = ALWAYS if spaces else ()
        for piece in ("<unk>", " <unk>", *always):
            counts.pop(piece, None)
        frequent = [
            (-count, piece)
            for piece, count in counts.items()
            if count >= min_frequency and not SURROGATE.search(piece)
        ]
        frequent.sort()
        room = None if vocab_size is None else vocab_size - NUM_SPECIAL - len(always)
        pieces = [*always, *(piece for _, piece in frequent[:room])]
        if not pieces:
            raise DataError(
                f"the text has no word to learn that occurs {min_frequency} times; "
                f"give a longer text, or a min_frequency of 1"
            )
        return cls(pieces, normalization, spaces=spaces)

    @property
    def vocab_size(self) -> int:
        """Number of ids: the pieces and the four special ones."""
        return len(self._texts)

    def encode(self, text: str) -> Ids:
        """Return one id a piece."""
        return self._encode_pieces(self._cutter.pieces(text))

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Ids]:
        """Encode as the text comes; the last pieces of a chunk wait for the next one."""
        return map(self._encode_pieces, self._cutter.stream(chunks))

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
        if not self._cutter.spaces:
            return [UNK_ID]
        space = self._ids[" "]
        if piece.isspace() and piece.startswith(" "):
            return [space] * len(piece)
        if piece.startswith(" ") and self._ids[piece[1:]] != _MISSING:
            return [space, self._ids[piece[1:]]]
        return [UNK_ID]

    def decode(self, ids: Sequence[int] | npt.NDArray[np.integer]) -> str:
        """Return the pieces of ``ids``, joined: by a space where they hold none."""
        checked = check_ids(ids, self.vocab_size)
        texts = map(self._texts.__getitem__, checked.tolist())
        return self._separator.join(filter(None, texts))

    def stream_decoder(self) -> StreamDecoder:
        """Return a decoder that releases every piece at once."""
        return TextStreamDecoder(self._texts, self._separator)

    def piece(self, token_id: int) -> str:
        """Return the piece, its space shown as ``▁``, escaped where it would not show."""
        check_id(token_id, self.vocab_size)
        if token_id < NUM_SPECIAL:
            return SPECIAL_PIECES[token_id]
        return show(self._texts[token_id])

    def unknown(self, text: str) -> list[str]:
        """Return the distinct words and marks outside the vocabulary, without the space before.

        They are returned normalised, as they were looked for.
        """
        pieces = dict.fromkeys(self._cutter.pieces(text))
        cut = (piece for piece in pieces if UNK_ID in self._encode_pieces([piece]))
        return list(dict.fromkeys(piece.removeprefix(" ") for piece in cut))

    def normalized(self, text: str) -> str:
        """Return ``text`` normalised."""
        return self._cutter.normalized(text)

    def to_files(self) -> dict[str, bytes]:
        """Return ``tokenizer.json``, which holds the list of pieces and how a text is cut."""
        record: dict[str, Any] = {"pieces": self._texts[NUM_SPECIAL:]}
        # What is not said is as it was before it could be chosen, so that the files, and with them
        # the fingerprint, of such a tokenizer stay what they were.
        if self._cutter.normalization != "identity":
            record["normalization"] = self._cutter.normalization
        if not self._cutter.spaces:
            record["spaces"] = False
        return {RECORD: write_record(self.kind, record)}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> WordTokenizer:
        """Make the tokenizer from its record."""
        record = read_record(cls.kind, files)
        pieces = record.get("pieces")
        normalization, spaces = record.get("normalization", "identity"), record.get("spaces", True)
        if normalization not in NORMALIZATIONS:
            raise damaged(RECORD, f"'normalization' is {normalization!r}")
        if not isinstance(spaces, bool):
            raise damaged(RECORD, f"'spaces' is {spaces!r}")
        if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
            raise damaged(RECORD, "'pieces' is not a list of strings")
        if any(map(SURROGATE.search, pieces)):
            raise damaged(RECORD, "a piece holds what is no character")
        always = ALWAYS if spaces else ()
        if len(set(pieces)) < len(pieces) or not {*always} <= {*pieces} or "" in pieces:
            raise damaged(RECORD, "'pieces' repeats or lacks a piece")
        if not spaces and any(map(_WHITE_SPACE.search, pieces)):
            raise damaged(RECORD, "'pieces' holds a space, and 'spaces' is false")
        return cls(pieces, normalization, spaces=spaces)


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
