"""Text to ids and back: characters, bytes, words and subwords under one contract.

tokenizer = train_tokenizer(lambda: iter(["some text"]), TokenizerSettings(tokenizer="bpe"))
ids = tokenizer.encode("some text")
assert tokenizer.decode(ids) == "some text"
same = load_tokenizer(tokenizer.kind, tokenizer.to_files())
"""

from __future__ import annotations

from collections.abc import Mapping

from textrnn.errors import ModelError
from textrnn.tokenizers._word_pieces import cut_words
from textrnn.tokenizers.base import (
    BOS_ID,
    EOS_ID,
    NUM_SPECIAL,
    PAD_ID,
    SPECIAL_PIECES,
    UNK_ID,
    Ids,
    StreamDecoder,
    Tokenizer,
)
from textrnn.tokenizers.byte import ByteTokenizer
from textrnn.tokenizers.char import CharTokenizer
from textrnn.tokenizers.settings import TokenizerSettings
from textrnn.tokenizers.substitute import substitute
from textrnn.tokenizers.subword import BpeTokenizer, SubwordTokenizer, UnigramTokenizer
from textrnn.tokenizers.training import train_tokenizer
from textrnn.tokenizers.word import WordTokenizer

__all__ = [
    "BOS_ID",
    "EOS_ID",
    "NUM_SPECIAL",
    "PAD_ID",
    "SPECIAL_PIECES",
    "UNK_ID",
    "BpeTokenizer",
    "ByteTokenizer",
    "CharTokenizer",
    "Ids",
    "StreamDecoder",
    "SubwordTokenizer",
    "Tokenizer",
    "TokenizerSettings",
    "UnigramTokenizer",
    "WordTokenizer",
    "cut_words",
    "load_tokenizer",
    "substitute",
    "train_tokenizer",
]

_CLASSES: dict[str, type[Tokenizer]] = {
    cls.kind: cls
    for cls in (CharTokenizer, ByteTokenizer, WordTokenizer, BpeTokenizer, UnigramTokenizer)
}


def load_tokenizer(kind: str, files: Mapping[str, bytes]) -> Tokenizer:
    """Make a saved tokenizer again.

    Args:
        kind: ``tokenizer.kind`` of the one that was saved.
        files: The contents, by name, that its ``to_files`` returned.

    Raises:
        ModelError: no such kind, or files that are missing, damaged, of another kind or newer.
    """
    if kind not in _CLASSES:
        raise ModelError(
            f"the model's tokenizer is of kind {kind!r}; this program knows {', '.join(_CLASSES)}: "
            f"the model is damaged, or of a newer textrnn"
        )
    return _CLASSES[kind].from_files(files)
