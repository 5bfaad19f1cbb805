"""Subwords: pieces of words learned by sentencepiece, with a lossless round trip."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from textrnn.processors import available_processors
from textrnn.tokenizers._decoding import REPLACEMENT, Utf8StreamDecoder, check_id, check_ids
from textrnn.tokenizers._files import RECORD, damaged, read_record, write_record
from textrnn.tokenizers._normalization import NORMALIZATIONS, Normalizer
from textrnn.tokenizers._piece_model import (
    FIRST_PIECE,
    MODEL,
    SPACE,
    PieceModel,
    read_piece_model,
)
from textrnn.tokenizers._text import SURROGATE, show, split_lines
from textrnn.tokenizers.base import (
    NUM_SPECIAL,
    SPECIAL_PIECES,
    UNK_ID,
    Ids,
    StreamDecoder,
    Tokenizer,
)

__all__ = [
    "FIRST_PIECE",
    "SPACE",
    "UNIT",
    "BpeTokenizer",
    "SubwordTokenizer",
    "UnigramTokenizer",
]

ESCAPED = ("\n", "\r", "\t", SPACE)
"""Characters that are always written as bytes."""

UNIT = re.compile(
    rf" ?[^ \n\r\t{SPACE}]{{1,128}}"
    rf"|[\n\r\t{SPACE}]"
    rf"| {{1,64}}(?= [^ \n\r\t{SPACE}])| {{1,64}}"
)
"""What is cut by itself: a word with the space before it, a run of spaces, a line end, a tab.

Pieces are learned from these units, and none crosses their borders. sentencepiece finds most of these itself
(:func:`_is_plain`).
"""

LONGEST_LINE = 1 << 12
"""Characters encoded at once: lines are, and longer ones are cut at a space.

Cutting a text at places that it alone decides makes its ids independent of the chunks it comes in; bounded
lines keep the cost of a long one from growing faster than its length.
"""

_FEW = 16
"""Fewer lines are not worth starting threads for."""

_SHORT_LINE = 128
"""Of lines that are shorter on average, lists of ids are made sooner than arrays, of longer ones later."""

_LONGEST_UNIT = 128

CACHE_SIZE = 1 << 17
"""Units remembered with their ids; a full cache starts afresh."""

LineIds = list[int] | Ids
Self = TypeVar("Self", bound="SubwordTokenizer")


class SubwordTokenizer(Tokenizer):
    """What BPE and unigram share: everything but how their pieces were learned.

    Ids 4 to 259 are the 256 bytes, the learned pieces follow. Characters outside the learned
    alphabet are written as their UTF-8 bytes, and so are line ends, tabs and the mark that
    sentencepiece puts in a space's place, U+2581: this is their escape, and it needs no second one,
    since bytes occur in no text. Nothing in a text is ever taken for a special piece: ``<pad>`` in
    a text is five characters.
    """

    def __init__(self, model: bytes, normalization: str = "identity") -> None:
        """Take a sentencepiece model with the ids of this package.

        Args:
            model: The serialised model.
            normalization: ``identity``, ``nfc``, ``nfkc`` or ``nfkc_cf``.

        Raises:
            ModelError: no such model, or one with other ids.
        """
        checked = read_piece_model(model, self.kind)
        self._processor = _load(checked)
        self._model = model
        self._scores = checked.scores
        self._normalize = Normalizer(normalization)
        self.is_lossless = normalization == "identity"
        self._table = _byte_table(checked)
        self._cache = _Cache(self._encode_unit)

    @property
    def vocab_size(self) -> int:
        """Number of ids: the learned pieces, 256 bytes and the four special ones."""
        return len(self._table)

    def encode(self, text: str) -> Ids:
        """Return the ids of the pieces; ``<unk>`` stands for lone surrogates only."""
        return _joined(self._encode_lines(_lines_of(self._normalize(text))))

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Ids]:
        """Encode as the text comes, on all processors; the last line of a chunk waits for the next one."""
        for lines in split_lines(self._normalize.stream(chunks), LONGEST_LINE):
            yield _joined(self._encode_lines(lines))

    def encode_each(self, texts: Sequence[str]) -> tuple[Ids, npt.NDArray[np.int64]]:
        """Encode several texts on all processors."""
        cut = [_lines_of(self._normalize(text)) for text in texts]
        each = self._encode_lines([line for lines in cut for line in lines])
        ends = np.cumsum([len(lines) for lines in cut])
        tokens = np.concatenate([[0], np.cumsum([len(ids) for ids in each], dtype=np.int64)])
        return _joined(each), np.diff(tokens[ends], prepend=0)

    def _encode_lines(self, lines: list[str]) -> list[LineIds]:
        """Return the ids of each line."""
        if _is_plain("".join(lines)):
            # Nearly all texts are; one look at all lines takes a fraction of one at each.
            return self._encode_plain(lines)
        plain = list(map(_is_plain, lines))
        encoded = iter(self._encode_plain(list(itertools.compress(lines, plain))))
        return [
            next(encoded) if is_plain else self._encode_units(UNIT.findall(line))
            for line, is_plain in zip(lines, plain, strict=True)
        ]

    def _encode_plain(self, lines: list[str]) -> list[LineIds]:
        if len(lines) < _FEW:
            return [self._processor.encode(line) for line in lines]
        is_long = sum(map(len, lines)) > _SHORT_LINE * len(lines)
        made: list[LineIds] = self._processor.encode(
            lines,
            num_threads=available_processors(),
            return_type="numpy" if is_long else int,
        )
        return made

    def _encode_units(self, units: list[str]) -> list[int]:
        return list(itertools.chain.from_iterable(map(self._cache.__getitem__, units)))

    def _encode_unit(self, unit: str) -> tuple[int, ...]:
        ids: list[int] = []
        for number, part in enumerate(SURROGATE.split(unit)):
            if number:
                ids.append(UNK_ID)
            if part in ESCAPED:
                ids += [NUM_SPECIAL + value for value in part.encode()]
            elif part:
                ids += self._processor.encode(part)
        return tuple(ids)

    def decode(self, ids: Sequence[int] | npt.NDArray[np.integer]) -> str:
        """Return the text of the pieces; bytes that are no valid UTF-8 become U+FFFD."""
        checked = check_ids(ids, self.vocab_size)
        content = b"".join(map(self._table.__getitem__, checked.tolist()))
        return content.decode("utf-8", "replace")

    def stream_decoder(self) -> StreamDecoder:
        """Return a decoder that holds a character back until its last byte has come."""
        return Utf8StreamDecoder(self._table)

    def piece(self, token_id: int) -> str:
        """Return the piece, a space as ``▁``, escaped where it would not show, or ``<0x0A>``."""
        check_id(token_id, self.vocab_size)
        if token_id < NUM_SPECIAL:
            return SPECIAL_PIECES[token_id]
        if token_id < FIRST_PIECE:
            return f"<0x{token_id - NUM_SPECIAL:02X}>"
        return show(self._table[token_id].decode("utf-8"))

    def unknown(self, text: str) -> list[str]:
        """Return the distinct lone surrogates of ``text``: all else has bytes."""
        return list(dict.fromkeys(SURROGATE.findall(text)))

    def normalized(self, text: str) -> str:
        """Return ``text`` normalised."""
        return self._normalize(text)

    def to_files(self) -> dict[str, bytes]:
        """Return ``tokenizer.model``, as sentencepiece wrote it, and ``tokenizer.json``."""
        record = {"normalization": self._normalize.name}
        return {RECORD: write_record(self.kind, record), MODEL: self._model}

    @classmethod
    def from_files(cls: type[Self], files: Mapping[str, bytes]) -> Self:
        """Make the tokenizer from its two files."""
        normalization = read_record(cls.kind, files).get("normalization")
        if normalization not in NORMALIZATIONS:
            raise damaged(RECORD, f"'normalization' is {normalization!r}")
        if MODEL not in files:
            raise damaged(MODEL, "missing")
        return cls(files[MODEL], normalization)


class BpeTokenizer(SubwordTokenizer):
    """Byte-pair encoding: frequent neighbours are joined (Sennrich et al. 2016, section 3.2)."""

    kind = "bpe"


class UnigramTokenizer(SubwordTokenizer):
    """The most probable cut under a unigram model of pieces (Kudo 2018, section 3.2)."""

    kind = "unigram"

    def units(self, text: str) -> list[str]:
        """Return what :data:`UNIT` finds in a text, normalised: each is cut by itself."""
        return UNIT.findall(self._normalize(text))

    def cuts(self, unit: str, most: int) -> list[tuple[tuple[int, ...], float]]:
        """Return the most probable ways to cut a unit, the best first, with their log-probabilities.

        Args:
            unit: One of :meth:`units`.
            most: How many ways at most.
        """
        best = self._cache[unit]
        if unit in ESCAPED or SURROGATE.search(unit):
            return [(best, 0.0)]
        found = map(tuple, self._processor.nbest_encode(unit, nbest_size=most, out_type=int))
        return [(ids, sum(map(self._scores.__getitem__, ids))) for ids in found]


class _Cache(dict[str, tuple[int, ...]]):
    """Ids of units, made when they are first asked for."""

    def __init__(self, encode: Callable[[str], tuple[int, ...]]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, unit: str) -> tuple[int, ...]:
        if len(self) >= CACHE_SIZE:
            self.clear()
        ids = self[unit] = self._encode(unit)
        return ids


def _is_plain(text: str) -> bool:
    """Return whether sentencepiece cuts each line of a text as its units one by one.

    It does where no word is too long for a unit, no spaces stand side by side, and nothing is in it that
    is no character or that sentencepiece takes for a space. (Of unigrams, two cuts of a word may be equally
    probable; which of them is taken rests on how sums of the line before it were rounded.)
    """
    return (
        "  " not in text
        and SPACE not in text
        and not _has_long_word(text)
        and (text.isascii() or _has_bytes(text))
    )


def _has_bytes(text: str) -> bool:
    """Return whether a text has no lone surrogates: encoding finds them sooner than a search."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _lines_of(text: str) -> list[str]:
    """Return the lines of a text, long ones cut."""
    return [line for lines in split_lines([text], LONGEST_LINE) for line in lines]


def _has_long_word(text: str) -> bool:
    """Return whether more than ``_LONGEST_UNIT`` characters stand together without a space or a line end."""
    at = 0
    while len(text) - at > _LONGEST_UNIT:
        # From space to space, as far apart as they may be.
        end = at + _LONGEST_UNIT + 1
        at = (text.rfind(" ", at, end) + 1) or (text.rfind("\n", at, end) + 1)
        if not at:
            return True
    return False


def _joined(each: list[LineIds]) -> Ids:
    """Return the ids of lines, one line after the other."""
    if each and all(isinstance(ids, list) for ids in each):
        return np.fromiter(itertools.chain.from_iterable(each), np.int32, sum(map(len, each)))
    return np.concatenate([np.empty(0, np.int32), *(np.asarray(ids, np.int32) for ids in each)])


def _load(model: PieceModel) -> Any:
    """Return the sentencepiece processor of a model."""
    import sentencepiece

    try:
        return sentencepiece.SentencePieceProcessor(model_proto=model.content)
    except (RuntimeError, UnicodeDecodeError) as error:  # its messages are not always UTF-8
        raise damaged(MODEL, f"not a sentencepiece model ({error})") from None


def _byte_table(model: PieceModel) -> list[bytes]:
    """Return the bytes that each id is decoded to."""
    pieces = (piece.replace(SPACE, " ").encode() for piece in model.pieces)
    single = (bytes([value]) for value in range(256))
    return [b"", REPLACEMENT.encode(), b"", b"", *single, *pieces]
