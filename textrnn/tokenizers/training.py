"""Making a tokenizer from a text and its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textrnn.errors import UsageError
from textrnn.tokenizers._subword_training import train_subword
from textrnn.tokenizers.base import Tokenizer
from textrnn.tokenizers.byte import ByteTokenizer
from textrnn.tokenizers.char import CharTokenizer
from textrnn.tokenizers.settings import TokenizerSettings
from textrnn.tokenizers.subword import BpeTokenizer, UnigramTokenizer
from textrnn.tokenizers.word import WordTokenizer

__all__ = ["train_tokenizer"]

WORD_VOCABULARY = 50_000
WORD_FREQUENCY = 2

# Which of the settings the kinds heed; giving another one is a mistake that is told.
_HEEDED = {
    "char": {"vocab_size", "min_frequency"},
    "byte": set[str](),
    "word": {"vocab_size", "min_frequency", "normalization", "spaces"},
    "bpe": {"vocab_size", "normalization"},
    "unigram": {"vocab_size", "normalization"},
}


def train_tokenizer(
    chunks: Callable[[], Iterator[str]],
    settings: TokenizerSettings,
    *,
    report: Callable[[str], None] = lambda _: None,
) -> Tokenizer:
    """Learn a tokenizer from a text, in bounded memory, the same one at every time.

    Args:
        chunks: Gives the text from its start, cut anywhere; ``byte`` never calls it.
        settings: The kind and its size.
        report: Told, in a sentence, what the user should know: fewer ids than asked for.

    Raises:
        UsageError: a setting that the kind does not heed, or a vocabulary too small for it.
        DataError: the text is empty, or nothing in it is as frequent as ``min_frequency`` asks.
    """
    kind, size, frequency = settings.tokenizer, settings.vocab_size, settings.min_frequency
    normalization = settings.normalization or "identity"
    _refuse_unheeded(settings)
    if kind == "byte":
        return ByteTokenizer()
    if kind == "char":
        return CharTokenizer.train(chunks(), size, frequency or 1)
    if kind == "word":
        return WordTokenizer.train(
            chunks(),
            size or WORD_VOCABULARY,
            frequency or WORD_FREQUENCY,
            normalization,
            spaces=settings.spaces is not False,
        )
    cls = BpeTokenizer if kind == "bpe" else UnigramTokenizer
    return train_subword(cls, chunks(), size, normalization, report)


def _refuse_unheeded(settings: TokenizerSettings) -> None:
    kind = settings.tokenizer
    for name in ("vocab_size", "min_frequency", "normalization", "spaces"):
        value = getattr(settings, name)
        # "identity" is what a kind without normalisation does, and what older models' settings say.
        if value not in (None, "identity") and name not in _HEEDED[kind]:
            heeding = " and ".join(other for other, names in _HEEDED.items() if name in names)
            raise UsageError(
                f"{name} is {value!r}, but the tokenizer {kind!r} has no use for it; "
                f"leave it out, or choose another tokenizer ({heeding})"
            )
