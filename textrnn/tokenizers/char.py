"""Characters: one id for every Unicode code point of the training text."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from textrnn.errors import DataError
from textrnn.tokenizers._decoding import REPLACEMENT, TextStreamDecoder, check_id, check_ids
from textrnn.tokenizers._files import RECORD, damaged, read_record, write_record
from textrnn.tokenizers._text import SURROGATE, show
from textrnn.tokenizers.base import (
    NUM_SPECIAL,
    SPECIAL_PIECES,
    UNK_ID,
    Ids,
    StreamDecoder,
    Tokenizer,
)

__all__ = ["CharTokenizer"]

CODE_POINTS = 0x110000

BLOCK = 1 << 16
"""Characters handled at a time, so that the arrays in between stay in the processor's cache."""


class CharTokenizer(Tokenizer):
    """Unicode code points: emoji, combining marks and line ends survive as they are.

    The ids stand in code point order, from 4. A text is turned into UTF-32, which NumPy reads as an
    array of code points, and looked up in a table.
    """

    kind = "char"
    is_lossless = True

    def __init__(self, characters: str) -> None:
        """Take the alphabet, at least one character; their order and repetitions do not matter."""
        characters = "".join(sorted(set(characters)))
        self._characters = characters
        self._texts = ("", REPLACEMENT, "", "", *characters)
        points = np.frombuffer(characters.encode("utf-32-le"), np.uint32)
        # One entry more than the greatest code point needs: lookups above it are clipped to UNK.
        self._ids = np.full(int(points[-1]) + 2, UNK_ID, np.int32)
        self._ids[points] = np.arange(NUM_SPECIAL, NUM_SPECIAL + len(points))
        specials = np.array([0, ord(REPLACEMENT), 0, 0], np.uint32)
        self._points = np.concatenate([specials, points])

    @classmethod
    def train(
        cls, chunks: Iterable[str], vocab_size: int | None = None, min_frequency: int = 1
    ) -> CharTokenizer:
        """Collect the alphabet of a text.

        Args:
            chunks: The text, cut anywhere.
            vocab_size: Greatest number of ids, at least 5; the most frequent characters stay.
            min_frequency: Rarer characters become ``<unk>``.

        Raises:
            DataError: no character is left.
        """
        counts = np.zeros(CODE_POINTS, np.int64)
        for chunk in chunks:
            found = np.bincount(_code_points(chunk))
            counts[: len(found)] += found
        counts[0xD800:0xE000] = 0
        points = np.flatnonzero(counts >= max(1, min_frequency))
        if vocab_size is not None:
            # Stable: of equally frequent characters the lower code point stays.
            order = np.argsort(-counts[points], kind="stable")
            points = np.sort(points[order[: vocab_size - NUM_SPECIAL]])
        if not len(points):
            raise DataError(
                "the text has no character to learn"
                + (f" that occurs {min_frequency} times" if min_frequency > 1 else ": it is empty")
            )
        return cls(points.astype(np.uint32).tobytes().decode("utf-32-le"))

    @property
    def vocab_size(self) -> int:
        """Number of ids: the alphabet and the four special ones."""
        return len(self._texts)

    def encode(self, text: str) -> Ids:
        """Return one id a code point."""
        ids = np.empty(len(text), np.int32)
        for start in range(0, len(text), BLOCK):
            points = _code_points(text[start : start + BLOCK])
            np.take(self._ids, points, out=ids[start : start + BLOCK], mode="clip")
        return ids

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Ids]:
        """Encode chunk by chunk: no character depends on another."""
        return (self.encode(chunk) for chunk in chunks)

    def encode_each(self, texts: Sequence[str]) -> tuple[Ids, npt.NDArray[np.int64]]:
        """Encode the joined texts: one id a code point."""
        return self.encode("".join(texts)), np.fromiter(map(len, texts), np.int64, len(texts))

    def decode(self, ids: Sequence[int] | npt.NDArray[np.integer]) -> str:
        """Return the characters of ``ids``."""
        checked = check_ids(ids, self.vocab_size)
        parts = []
        for start in range(0, len(checked), BLOCK):
            block = checked[start : start + BLOCK]
            nothing = (block < NUM_SPECIAL) & (block != UNK_ID)
            if nothing.any():
                block = block[~nothing]
            points = self._points.take(block, mode="clip")  # checked above; clip is the fast mode
            parts.append(points.tobytes().decode("utf-32-le"))
        return "".join(parts)

    def stream_decoder(self) -> StreamDecoder:
        """Return a decoder that releases every character at once."""
        return TextStreamDecoder(self._texts)

    def piece(self, token_id: int) -> str:
        """Return the character, escaped where it would not show."""
        check_id(token_id, self.vocab_size)
        if token_id < NUM_SPECIAL:
            return SPECIAL_PIECES[token_id]
        return show(self._texts[token_id])

    def unknown(self, text: str) -> list[str]:
        """Return the distinct characters of ``text`` outside the alphabet."""
        places = np.flatnonzero(self.encode(text) == UNK_ID)
        return list(dict.fromkeys(text[place] for place in places))

    def to_files(self) -> dict[str, bytes]:
        """Return ``tokenizer.json``, which holds the alphabet as one string."""
        return {RECORD: write_record(self.kind, {"characters": self._characters})}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> CharTokenizer:
        """Make the tokenizer from its alphabet."""
        characters = read_record(cls.kind, files).get("characters")
        if not isinstance(characters, str) or not characters or SURROGATE.search(characters):
            raise damaged(RECORD, "'characters' is not a string of characters")
        if any(a >= b for a, b in itertools.pairwise(characters)):
            raise damaged(RECORD, "'characters' is not in code point order")
        return cls(characters)


def _code_points(text: str) -> npt.NDArray[np.int32]:
    """Return the code points of ``text``, lone surrogates among them."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32)
