"""Which characters texts are made of, which of them are odd, and where each stands first."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from textrnn.data.checking.report import Remark, counted

__all__ = ["CharacterCensus", "codes_of"]

Codes = npt.NDArray[np.uint32]
Place = Callable[[int], str]
"""Returns what messages call the place of a character, by its index in the text just added."""

_RARE = 10
_MOST_NAMED = 6
_JOINERS = (0x200C, 0x200D, 0xFE0E, 0xFE0F)
"""Format characters that emoji and several scripts need."""
_MANY_CHARACTERS = 1_000
_MOJIBAKE = ("Ã©", "Ã¨", "Ã¼", "Ã¶", "Ã¤", "Ã±", "Ã³", "â€™", "â€œ", "â€“", "Ð¾", "Ð°")
_ENTITIES = ("&amp;", "&quot;", "&lt;", "&gt;", "&nbsp;", "&#")
_LOOK_ALIKE = ("LATIN", "CYRILLIC", "GREEK")
_CLASSES = np.zeros(0x250 + 0x400, np.uint8)
for _code in range(len(_CLASSES)):
    if chr(_code).isalpha():
        _name = unicodedata.name(chr(_code), "").split(" ")[0]
        _CLASSES[_code] = _LOOK_ALIKE.index(_name) + 1 if _name in _LOOK_ALIKE else 0


@dataclass(frozen=True)
class _Kind:
    """A kind of odd character: how remarks call it, and what to do about it."""

    code: str
    what: str
    one: str
    advice: str


_KINDS = {
    "replacement": _Kind(
        "replacement-characters",
        "U+FFFD, which stands where an earlier conversion lost a character",
        "U+FFFD, which stands where an earlier conversion lost a character",
        "convert the source again; the lost characters cannot be brought back",
    ),
    "control": _Kind(
        "control-characters",
        "control characters, which most tools do not show",
        "control character, which most tools do not show",
        r"take them out, for example with: tr -d '\000-\010\013\014\016-\037'",
    ),
    "c1": _Kind(
        "wrong-controls",
        "control characters U+0080 to U+009F, as dashes and quotes become where cp1252 is read as latin-1",
        "control character U+0080 to U+009F, as dashes and quotes become where cp1252 is read as latin-1",
        "mend them, for example with: iconv -f utf-8 -t latin-1 FILE | iconv -f cp1252 -t utf-8 > MENDED",
    ),
    "space": _Kind(
        "unusual-spaces",
        "spaces that look like others and are not",
        "space that looks like others and is not",
        "--normalization nfkc makes them plain ones (word, bpe, unigram); for characters replace them",
    ),
    "invisible": _Kind(
        "invisible-characters",
        "characters that do not show (zero width, direction marks, byte order marks)",
        "character that does not show (zero width, direction mark, byte order mark)",
        "take them out, unless the script needs them",
    ),
    "private": _Kind(
        "private-characters",
        "characters without a meaning of their own (private use, unassigned)",
        "character without a meaning of its own (private use, unassigned)",
        "find out what they were meant to be, or take them out",
    ),
    "combining": _Kind(
        "decomposed-accents",
        "accents apart from their letters",
        "accent apart from its letter",
        "--normalization nfc joins them (word, bpe, unigram); for characters write NFC",
    ),
}


_SERIOUS = ("replacement", "control", "c1", "private")


def codes_of(text: str) -> Codes:
    """Return the code points of a text, shape (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


class CharacterCensus:
    """Counts every character."""

    def __init__(self) -> None:
        self._counts = np.zeros(0x110000, np.int64)
        self._first: dict[int, str] = {}
        self._mixed = 0
        self._mixed_at = ""
        self._mojibake = 0
        self._entities = 0

    def add(self, text: str, codes: Codes, place: Place) -> None:
        """Add a text.

        Args:
            text: The text.
            codes: Its code points.
            place: Names the place of a character in it.
        """
        if not len(codes):
            return
        counts = np.bincount(codes)
        new = np.flatnonzero((counts > 0) & (self._counts[: len(counts)] == 0))
        self._counts[: len(counts)] += counts
        for code in new.tolist():
            if _kind(code) is not None:
                self._first[code] = place(text.index(chr(code)))
        if text.isascii():
            self._entities += sum(map(text.count, _ENTITIES)) if "&" in text else 0
            return
        if "&" in text:
            self._entities += sum(map(text.count, _ENTITIES))
        if "Ã" in text or "â" in text or "Ð" in text:
            self._mojibake += sum(map(text.count, _MOJIBAKE))
        if counts[0x370:].any():  # no letter of another script than Latin stands before
            self._count_mixed(codes, place)

    @property
    def total(self) -> int:
        """How many characters there are."""
        return int(self._counts.sum())

    @property
    def distinct(self) -> int:
        """How many different ones."""
        return int(np.count_nonzero(self._counts))

    def rare(self, times: int = _RARE) -> tuple[int, int]:
        """Return how many characters occur less often than that, and how often all of them together."""
        rare = (self._counts > 0) & (self._counts < times)
        return int(np.count_nonzero(rare)), int(self._counts[rare].sum())

    def scripts(self) -> dict[str, float]:
        """Return the share of each script among the letters, the most frequent first."""
        counts: dict[str, int] = {}
        for code in np.flatnonzero(self._counts).tolist():
            if chr(code).isalpha():
                name = unicodedata.name(chr(code), "OTHER").split(" ")[0].capitalize()
                counts[name] = counts.get(name, 0) + int(self._counts[code])
        total = max(1, sum(counts.values()))
        ranked = sorted(counts.items(), key=lambda item: -item[1])
        return {name: count / total for name, count in ranked}

    def remarks(self, *, spelt: bool) -> list[Remark]:
        """Return what there is to say.

        Args:
            spelt: Whether each character becomes a token.
        """
        found = [*self._odd(), *self._strange()]
        rare, times = self.rare()
        if spelt and self.distinct > _MANY_CHARACTERS:
            found.append(
                Remark(
                    "warning",
                    "many-characters",
                    f"{self.distinct:,} different characters, each of which becomes a token of its own",
                    "--tokenizer bpe or byte needs fewer",
                )
            )
        elif spelt and rare >= _RARE and times < 0.01 * self.total:
            found.append(
                Remark(
                    "note",
                    "rare-characters",
                    f"{rare:,} of {self.distinct:,} characters occur less than {_RARE} times "
                    f"({times:,} in all): {self._named_rare()}",
                    f"--min-frequency {_RARE} makes them <unk>; --tokenizer byte loses none",
                )
            )
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        rare, times = self.rare()
        return {
            "characters": self.total,
            "distinct_characters": self.distinct,
            "rare_characters": rare,
            "rare_share": times / max(1, self.total),
            "scripts": {name: round(share, 6) for name, share in self.scripts().items()},
        }

    def _odd(self) -> list[Remark]:
        by_kind: dict[str, list[int]] = {}
        for code in self._first:
            by_kind.setdefault(str(_kind(code)), []).append(code)
        found = []
        for name, kind in _KINDS.items():
            codes = sorted(by_kind.get(name, ()), key=lambda code: -int(self._counts[code]))
            if not codes:
                continue
            count = int(self._counts[codes].sum())
            named = ", ".join(
                f"U+{code:04X} {int(self._counts[code]):,}×" for code in codes[:_MOST_NAMED]
            )
            more = f" and {len(codes) - _MOST_NAMED:,} more" if len(codes) > _MOST_NAMED else ""
            level = "warning" if name in _SERIOUS else "note"
            places = tuple(self._first[code] for code in codes[:_MOST_NAMED])
            what = f"{counted(count, kind.one, kind.what)} ({named}{more})"
            found.append(Remark(level, kind.code, what, kind.advice, places))
        return found

    def _strange(self) -> list[Remark]:
        found = []
        if self._mojibake > max(2, 1e-5 * self.total):
            found.append(
                Remark(
                    "warning",
                    "wrong-encoding",
                    f"{self._mojibake:,} times something like Ã© or â€™: the text seems to have been read "
                    "in a wrong encoding once and written again",
                    "undo that, for example with: iconv -f utf-8 -t cp1252 FILE > MENDED",
                )
            )
        if self._mixed:
            found.append(
                Remark(
                    "note",
                    "mixed-scripts",
                    f"{counted(self._mixed, 'place', 'places')} where letters of two scripts (Latin, "
                    "Cyrillic, Greek) touch: often look-alikes",
                    "spell such words in one script",
                    (self._mixed_at,),
                )
            )
        if self._entities > max(2, 1e-5 * self.total):
            found.append(
                Remark(
                    "note",
                    "html-entities",
                    f"{self._entities:,} HTML entities such as &amp;, which are learnt as they stand",
                    "unescape them, for example with: python -c 'import html, sys; "
                    "sys.stdout.writelines(map(html.unescape, sys.stdin))'",
                )
            )
        return found

    def _count_mixed(self, codes: Codes, place: Place) -> None:
        classes = _CLASSES[np.where(codes < len(_CLASSES), codes, 0)]
        touching = (classes[1:] != classes[:-1]) & (classes[1:] > 0) & (classes[:-1] > 0)
        count = int(np.count_nonzero(touching))
        if count and not self._mixed:
            self._mixed_at = place(int(np.argmax(touching)))
        self._mixed += count

    def _named_rare(self) -> str:
        rare = np.flatnonzero((self._counts > 0) & (self._counts < _RARE)).tolist()
        shown = [chr(code) if chr(code).isprintable() else f"U+{code:04X}" for code in rare]
        more = " …" if len(shown) > 2 * _MOST_NAMED else ""
        return " ".join(shown[: 2 * _MOST_NAMED]) + more


def _kind(code: int) -> str | None:
    """Return which kind of odd character one is; None where it is like others."""
    if code in (0x0A, 0x09) or 0x20 <= code < 0x7F:
        return None
    if code == 0xFFFD:
        return "replacement"
    category = unicodedata.category(chr(code))
    if category == "Cc":
        return "c1" if code >= 0x80 else "control"
    if category in ("Zs", "Zl", "Zp"):
        # U+3000 is the space of Chinese and Japanese.
        return None if code == 0x3000 else "space"
    if category == "Cf":
        return None if code in _JOINERS else "invisible"
    if category in ("Co", "Cn", "Cs"):
        return "private"
    return "combining" if 0x300 <= code < 0x370 else None
