"""Settings of the tokenizer."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.config import setting
from textrnn.tokenizers._normalization import NORMALIZATIONS

__all__ = ["TokenizerSettings"]


@dataclass(frozen=True)
class TokenizerSettings:
    """What a text is cut into, and how many different pieces there may be."""

    tokenizer: str = setting(
        "char",
        "What a text is cut into: characters, bytes of UTF-8, words, or learned pieces of words.",
        section="tokenizer",
        choices=("char", "byte", "word", "bpe", "unigram"),
    )
    vocab_size: int | None = setting(
        None,
        "Greatest number of ids, the four special ones included; the most frequent pieces stay. "
        "Without it: char takes every character, word the 50000 most frequent pieces, bpe and "
        "unigram between 512 and 32000, growing with the text; byte always has 260.",
        section="tokenizer",
        minimum=6,
        maximum=1_000_000,
    )
    min_frequency: int | None = setting(
        None,
        "Pieces that occur less often become <unk> (word: 2 without it; char: 1).",
        section="tokenizer",
        minimum=1,
    )
    normalization: str | None = setting(
        None,
        "Unicode normalisation before a text is cut (word, bpe and unigram only): nfc composes "
        "letters and accents, nfkc also unifies forms such as ligatures and full widths, nfkc_cf "
        "upper and lower case too; identity leaves the text as it is. What is unified is lost. "
        "Without it: identity, for a classifier nfkc_cf.",
        section="tokenizer",
        choices=NORMALIZATIONS,
    )
    spaces: bool | None = setting(
        None,
        "Whether pieces hold the spaces and line ends of a text (word only). Without them a word "
        "is the same piece wherever it stands, and decoding puts one space between any two. "
        "Without it: yes, for a classifier no.",
        section="tokenizer",
    )
