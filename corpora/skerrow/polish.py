"""From what a typewriter can do to what a printer does: quotes, dashes, articles, capitals."""

from __future__ import annotations

import re

__all__ = ["polish", "titled"]

# Said with a consonant though written with a vowel, and the reverse.
_CONSONANT = re.compile(
    r"(?:one|once|use|usual|union|unit|uniform|unique|universal|eu|ewe|ukulele)", re.I
)
_SILENT_H = re.compile(r"(?:hour|honest|honour|heir)", re.I)
_ARTICLE = re.compile(r"\b([Aa]) (?=([“‘]?)(\w+))")
_SMALL = frozenset(
    ("a", "an", "the", "as", "of", "to", "and", "in", "on", "for", "from", "at", "with", "by")
)


def _article(match: re.Match[str]) -> str:
    word = match.group(3)
    vowel = word[0].lower() in "aeiouéêîóú" and not _CONSONANT.match(word)
    return f"{match.group(1)}{'n' if vowel or _SILENT_H.match(word) else ''} "


def _capital(match: re.Match[str]) -> str:
    return match.group(0).upper()


def polish(text: str) -> str:
    """Returns one paragraph or verse with typographic marks, right articles and capitals.

    Args:
        text: Straight quotes and `--`; `a` stands for `a` or `an` before a filled slot.
    """
    text = re.sub(r" *--+ *", "—", text).replace("...", "…")
    text = re.sub(r'(^|[\s(—])"(?=\S)', r"\1“", text).replace('"', "”")
    text = text.replace("'", "’")
    text = _ARTICLE.sub(_article, text)
    text = re.sub(r"[ \t]+", " ", text)
    text = re.sub(r" +([,.;:!?])", r"\1", text)
    text = re.sub(r"(?m)^[“‘(]?[a-zéêíë]", _capital, text)
    text = re.sub(r"(?<=[.!?] )[“‘(]?[a-zéêíë]", _capital, text)
    return re.sub(r"(?<=\.” )[a-z]", _capital, text).strip()


def titled(text: str) -> str:
    """Returns a heading with capitals where a printer sets them."""
    words = text.split(" ")
    return " ".join(
        word if place and word in _SMALL else word[:1].upper() + word[1:]
        for place, word in enumerate(words)
    )
