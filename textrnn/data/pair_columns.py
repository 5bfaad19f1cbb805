"""Which columns of a table hold the two sides of a pair: as named, by usual names, by contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textrnn.data.columns import Finder
from textrnn.data.settings import PairSettings
from textrnn.data.tables.dialect import normal_name
from textrnn.data.tables.table import Table
from textrnn.errors import DataError

__all__ = ["PairChoice", "choose_pair", "choose_source", "is_surely_pair", "pair_header_names"]

SURE_NAMES = (
    ("src", "source", "src_text", "source_text", "source_sentence", "source_language"),
    ("tgt", "trg", "target", "tgt_text", "target_text", "target_sentence", "target_language"),
)
"""Names that say source and target and nothing else."""
SRC_NAMES = (
    *("input", "input_text", "question", "query", "prompt", "instruction", "utterance", "message"),
    *("article", "document", "dialogue", "passage", "wrong", "incorrect", "misspelled", "original"),
    *("error", "noisy", "informal", "complex", "text", "sentence", "body", "content"),
)
TGT_NAMES = (
    *("output", "output_text", "answer", "response", "reply", "completion", "translation"),
    *("highlights", "summary", "headline", "abstract", "right", "correct", "corrected"),
    *("correction", "clean", "formal", "simple", "paraphrase", "title"),
)
"""Usual names of other pairs, the surest first."""
_NAMED = (
    "en de fr es pt nl sv fi nn nb pl cs sk uk ru bg sr hr sl hu ro el tr ar fa ur bn ta te mr "
    "ja ko zh vi th et lv lt ga cy eu ca gl eo sw af az ka hy kk uz mn ne km si "
    "eng deu ger fra fre spa por ita nld dut swe fin dan nor pol ces cze slk ukr rus bul srp "
    "hrv slv hun ron rum ell gre tur ara fas ben jpn kor zho chi cmn vie tha est lav lit cat "
    "english german deutsch french français francais spanish español espanol portuguese "
    "italian italiano dutch swedish finnish danish norwegian polish czech slovak ukrainian "
    "russian bulgarian serbian croatian slovene slovenian hungarian romanian greek turkish "
    "arabic persian hindi bengali urdu tamil telugu japanese korean chinese mandarin "
    "vietnamese thai indonesian malay estonian latvian lithuanian irish welsh basque catalan "
    "galician esperanto swahili latin hebrew icelandic"
)
_AMBIGUOUS = "it da no is hi he la ms my ml so am to br fo mt mk sq be kn"
_LANGUAGES = frozenset(_NAMED.split())
"""Languages as columns are called. They tell a header from a row, so words of other use are missing."""
_MORE_LANGUAGES = frozenset(_AMBIGUOUS.split())
"""Codes that are words, too: they count beside another language alone."""


@dataclass(frozen=True)
class PairChoice:
    """Where in a table the two sides stand, as places in its columns.

    Attributes:
        src: The column to translate from.
        tgt: The column to translate into.
        how: What was found, for a person: ``from 'de' to 'en'``.
    """

    src: int
    tgt: int
    how: str


def pair_header_names(settings: PairSettings) -> set[str]:
    """Return the names, normal ones, that tell a header from a row."""
    own = {settings.src_column, settings.tgt_column} - {None}
    named = {normal_name(str(name)) for name in own if not str(name).isdecimal()}
    return {*SURE_NAMES[0], *SURE_NAMES[1], *SRC_NAMES, *TGT_NAMES, *_LANGUAGES, *named}


def choose_pair(table: Table, settings: PairSettings) -> PairChoice:
    """Find the two sides in a table.

    Without names given they are, in this order: columns called source and target; two languages, in
    the order of the columns; columns with other usual names; the only two columns; the only two of
    text.

    Raises:
        DataError: a column that was named is not there, or it cannot be told which are meant; the
            message lists the columns.
    """
    finder = Finder(table)
    src = finder.named(settings.src_column, "--src-column")
    tgt = finder.named(settings.tgt_column, "--tgt-column")
    if src is not None and src == tgt:
        raise finder.refusal("a text is not its own translation", "--tgt-column")
    if len(table.columns) < 2:
        raise finder.refusal("a single column cannot hold both sides of pairs", None)
    if src is None and tgt is None:
        src, tgt = _both(finder, table)
    elif src is None:
        src = _other(finder, table, tgt, "--src-column")
    elif tgt is None:
        tgt = _other(finder, table, src, "--tgt-column")
    assert src is not None  # noqa: S101  (one of the branches found it)
    assert tgt is not None  # noqa: S101
    return PairChoice(src, tgt, f"from {finder.title(src)} to {finder.title(tgt)}")


def choose_source(table: Table, settings: PairSettings) -> int:
    """Find the side to translate from alone; see :func:`choose_pair`.

    Raises:
        DataError: the column that was named is not there, or it cannot be told which is meant.
    """
    finder = Finder(table)
    src = finder.named(settings.src_column, "--src-column")
    if src is not None or len(table.columns) == 1:
        return src or 0
    by_name = [found[0] for found in _by_name(table) if len(found) == 2]
    if table.named:
        names = [normal_name(name) for name in table.columns]
        by_name += [*_first(names, SURE_NAMES[0]), *_first(names, SRC_NAMES)]
    if by_name:
        return by_name[0]
    places = range(len(table.columns))
    texts = places if len(places) == 2 else _texts(table, places)
    # Of two, the first is translated into the second, as in training.
    if len(texts) == 1 or len(places) == 2:
        return texts[0]
    raise finder.refusal(_doubt(finder, texts, "the text to translate"), "--src-column")


def is_surely_pair(table: Table) -> bool:
    """Tell whether columns are called source and target, or after two languages."""
    return any(len(found) == 2 for found in _by_name(table)[:2])


def _both(finder: Finder, table: Table) -> tuple[int, int]:
    for found in _by_name(table):
        if len(found) == 2:
            return found[0], found[1]
    places = range(len(table.columns))
    texts = places if len(places) == 2 else _texts(table, places)
    if len(texts) != 2:
        refusal = finder.refusal(_doubt(finder, texts, "one of the sides"), None)
        raise DataError(
            f"{refusal}; choose two with --src-column and --tgt-column, by name or number from 1"
        )
    return texts[0], texts[1]


def _other(finder: Finder, table: Table, taken: int | None, option: str) -> int:
    """Return the side that was not named."""
    for found in _by_name(table):
        if len(found) == 2 and taken in found:
            return found[1 - found.index(taken)]
    rest = [place for place in range(len(table.columns)) if place != taken]
    texts = rest if len(rest) == 1 else _texts(table, rest)
    if len(texts) != 1:
        raise finder.refusal(_doubt(finder, texts, "the other side"), option)
    return texts[0]


def _by_name(table: Table) -> list[list[int]]:
    """Return what the columns' names say, the surest first: places in the order source, target."""
    if not table.named:
        return []
    # A column of nested values is called translation.de, as data sets have it.
    names = [normal_name(name).rpartition(".")[2] for name in table.columns]
    languages = [i for i, name in enumerate(names) if _is_language(name, _LANGUAGES)]
    more = [i for i, name in enumerate(names) if _is_language(name, _MORE_LANGUAGES)]
    if len(languages) == 1 and len(more) == 1:
        languages = sorted([*languages, *more])
    return [
        [place for usual in SURE_NAMES for place in _places(names, usual)],
        languages,
        [*_first(names, SRC_NAMES), *_first(names, TGT_NAMES)],
    ]


def _is_language(name: str, known: frozenset[str]) -> bool:
    """Tell ``de``, ``de_at`` and ``german`` from other names."""
    return name in known or (name.partition("_")[0] in known and len(name) == len("de_at"))


def _places(names: Sequence[str], usual: Sequence[str]) -> list[int]:
    return [i for i, name in enumerate(names) if name in usual]


def _first(names: Sequence[str], usual: Sequence[str]) -> list[int]:
    """Return the place of the surest name that is there."""
    return next(([names.index(name)] for name in usual if name in names), [])


def _texts(table: Table, places: Sequence[int]) -> list[int]:
    """Return the columns of text: values with letters, of which few come again; at best, phrases."""
    found, phrases = [], []
    for place in places:
        values = [value for row in table.sample if (value := row[place])]
        lettered = sum(any(map(str.isalpha, value)) for value in values)
        if lettered > 0.9 * len(values) and len({*values}) > 0.5 * len(values):
            found.append(place)
            if sum(" " in value.strip() for value in values) > 0.5 * len(values):
                phrases.append(place)
    return phrases or found


def _doubt(finder: Finder, texts: Sequence[int], what: str) -> str:
    """Return why it cannot be told which column is meant."""
    if not texts:
        return f"no column looks like a text that may be {what}"
    return f"{' and '.join(map(finder.title, texts))} may each be {what}"
