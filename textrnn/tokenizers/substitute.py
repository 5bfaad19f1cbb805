"""What a prompt is given to a model as where the model does not know all of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from textrnn.tokenizers._word_pieces import word_pattern
from textrnn.tokenizers.base import UNK_ID, Tokenizer
from textrnn.tokenizers.word import WordTokenizer

__all__ = ["substitute"]

# What a typewriter has in a character's place; Unicode's own decompositions know none of these.
_PLAIN = {
    **dict.fromkeys("‘’‚‛′´`‹›ʼ", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **{"—": "--", "…": "...", "•": "*", "·": ".", "⁄": "/", "×": "x"},
    **{"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O"},
    **{"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"},
    **{"\t": " ", "\u2028": "\n", "\u2029": "\n\n", "\x85": "\n"},
}


def substitute(tokenizer: Tokenizer, text: str) -> tuple[str, list[str]]:
    """Replace what a tokenizer does not know by the nearest thing that it knows.

    Tried in turn: another composition of the same letters, plain quotes and dashes for typographic
    ones, compatibility forms, the letter without its accent, the other case. What has no substitute
    is dropped, or stays ``<unk>`` where the tokenizer's pieces are words.

    Returns:
        The text to encode, and the distinct unknown parts that ``text`` had, in order of
        appearance; they may be lone surrogates, which no stream can print.
    """
    unknown = tokenizer.unknown(text)
    if not unknown:
        return text, []
    composed = unicodedata.normalize("NFC", text)
    if _count_unknown(tokenizer, composed) < _count_unknown(tokenizer, text):
        text = composed
    if isinstance(tokenizer, WordTokenizer):
        pieces = word_pattern().findall(text)
        nearest = {piece: _nearest(tokenizer, piece) or piece for piece in set(pieces)}
    else:
        pieces = list(text)
        nearest = {piece: _nearest(tokenizer, piece) for piece in set(pieces)}
    return "".join(nearest[piece] for piece in pieces), unknown


def _nearest(tokenizer: Tokenizer, piece: str) -> str:
    """Return ``piece`` where it is known, else its first known substitute, else an empty string."""
    return next((c for c in _candidates(piece) if UNK_ID not in tokenizer.encode(c)), "")


def _candidates(piece: str) -> Iterator[str]:
    """Yield ``piece`` and its substitutes, the nearest first."""
    decomposed = unicodedata.normalize("NFKD", piece)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    forms = [
        piece,
        unicodedata.normalize("NFD", piece),
        _plain(piece),
        unicodedata.normalize("NFKC", piece),
        decomposed,
        bare,
        _plain(bare),
    ]
    yield from forms
    for form in forms:
        yield from (form.lower(), form.upper(), form.title())
    # The first word of a prompt, where the model knows it inside sentences only.
    yield from (f" {form}" for form in (piece, piece.lower()) if len(piece) > 1)


def _plain(text: str) -> str:
    return "".join(_PLAIN.get(character, character) for character in text)


def _count_unknown(tokenizer: Tokenizer, text: str) -> int:
    return int((tokenizer.encode(text) == UNK_ID).sum())
