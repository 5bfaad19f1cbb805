"""Learning the pieces of words with sentencepiece."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Callable, Iterable

from textrnn.errors import DataError, UsageError
from textrnn.tokenizers._normalization import Normalizer
from textrnn.tokenizers._sample import Sample
from textrnn.tokenizers._text import SURROGATE, split_stream
from textrnn.tokenizers.base import BOS_ID, EOS_ID, PAD_ID, SPECIAL_PIECES, UNK_ID
from textrnn.tokenizers.subword import FIRST_PIECE, SPACE, UNIT, SubwordTokenizer

__all__ = ["train_subword"]

SAMPLE_CHARACTERS = 1 << 24
"""Characters of the text that are looked at: the pieces of a longer text would hardly differ."""

UNIT_CHARACTERS = 1 << 21
"""Characters in the distinct units given to sentencepiece, which takes about 100 bytes for each."""

LEAST_SEEDS = 100_000
"""Pieces that unigram starts from. A million, its own default, take longer and end no better."""

LEAST_VOCABULARY = FIRST_PIECE + 4

NEVER_LEARNED = frozenset(f"\n\r\t{SPACE}\0\u2585")
"""Characters that are always written as bytes; sentencepiece reserves the last three for itself."""


def train_subword(
    cls: type[SubwordTokenizer],
    chunks: Iterable[str],
    vocab_size: int | None,
    normalization: str,
    report: Callable[[str], None],
) -> SubwordTokenizer:
    """Learn pieces from a bounded, even sample of a text, the same ones at every time.

    Args:
        cls: ``BpeTokenizer`` or ``UnigramTokenizer``.
        chunks: The text, cut anywhere.
        vocab_size: Number of ids asked for; None chooses it by the text's length. A text that does
        not
            have so many pieces gives fewer.
        normalization: ``identity``, ``nfc``, ``nfkc`` or ``nfkc_cf``.
        report: Told where there are fewer ids than were asked for.

    Raises:
        UsageError: ``vocab_size`` leaves no room for pieces.
        DataError: the text is empty.
    """
    if vocab_size is not None and vocab_size < LEAST_VOCABULARY:
        raise UsageError(
            f"vocab_size is {vocab_size}; {cls.kind} needs at least {LEAST_VOCABULARY}: "
            f"4 special ids, 256 bytes, and some pieces (try 1000 or more)"
        )
    sample = Sample(chunks, SAMPLE_CHARACTERS)
    if not sample.total:
        raise DataError(f"the text has nothing to learn {cls.kind} pieces from: it is empty")
    size = vocab_size or _default_size(sample.total)
    units = _thin_out(_count_units(sample.blocks, normalization))
    rows = _keep_alphabet(units, (size - FIRST_PIECE) // 2)
    tokenizer = cls(_run_sentencepiece(cls.kind, size, rows), normalization)
    if vocab_size is not None and tokenizer.vocab_size < vocab_size:
        report(
            f"the text has only enough {cls.kind} pieces for {tokenizer.vocab_size} ids; "
            f"{vocab_size} were asked for"
        )
    return tokenizer


def _default_size(characters: int) -> int:
    """Grow with the square root of the text: about 1500 ids for a million characters."""
    return min(32_000, max(512, 64 * round(1.5 * math.sqrt(characters) / 64)))


def _count_units(blocks: Iterable[str], normalization: str) -> Counter[str]:
    """Count what :data:`UNIT` finds in the normalised text, in order of first appearance."""
    counts: Counter[str] = Counter()
    for units in split_stream(UNIT, Normalizer(normalization).stream(blocks)):
        counts.update(units)
    return counts


def _thin_out(units: Counter[str]) -> Counter[str]:
    """Drop every second of the rarest units until they fit ``UNIT_CHARACTERS``.

    Only texts without spaces come here: their units are phrases, most of which occur once.
    """
    level = 1
    while sum(map(len, units)) > UNIT_CHARACTERS:
        rare = [unit for unit, count in units.items() if count <= level]
        for unit in rare[::2]:
            del units[unit]
        level += 1
    return units


def _keep_alphabet(units: Counter[str], size: int) -> Counter[str]:
    """Cut units at the characters that shall have no piece of their own.

    Every learned character needs an id, so that a large alphabet would leave no room for pieces, or
    none at all: only the ``size`` most frequent characters are learned, the others stay bytes.
    """
    counts: Counter[str] = Counter()
    for unit, count in units.items():
        for character in unit:
            counts[character] += count
    kept = {character for character, _ in counts.most_common(max(1, size - 1))}
    kept = {c for c in kept - NEVER_LEARNED if not SURROGATE.match(c)}
    dropped = counts.keys() - kept - {" "}
    table = str.maketrans(dict.fromkeys(dropped, "\n"))
    rows: Counter[str] = Counter({" ": 1})  # at least the space is learned
    for unit, count in units.items():
        for part in unit.translate(table).split("\n"):
            if part:
                rows[part] += count
    return rows


def _run_sentencepiece(kind: str, size: int, rows: Counter[str]) -> bytes:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(f"{unit}\t{count}" for unit, count in rows.items()),
        input_format="tsv",
        model_writer=model,
        model_type=kind,
        vocab_size=size,
        seed_sentencepiece_size=max(LEAST_SEEDS, 8 * size),
        hard_vocab_limit=False,  # fewer pieces rather than an error
        character_coverage=1.0,  # the alphabet was chosen above
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        pad_id=PAD_ID,
        unk_id=UNK_ID,
        bos_id=BOS_ID,
        eos_id=EOS_ID,
        pad_piece=SPECIAL_PIECES[PAD_ID],
        unk_piece=SPECIAL_PIECES[UNK_ID],
        bos_piece=SPECIAL_PIECES[BOS_ID],
        eos_piece=SPECIAL_PIECES[EOS_ID],
        num_threads=1,  # the sums of several threads would differ in their last bits
        minloglevel=2,
    )
    return model.getvalue()
