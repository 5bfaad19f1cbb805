"""Which columns of a table hold the text and the label: as named, by usual names, by contents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textrnn.config import nearest
from textrnn.data.settings import ExampleSettings
from textrnn.data.tables.dialect import normal_name
from textrnn.data.tables.table import Table, shown
from textrnn.errors import DataError

__all__ = ["Choice", "Finder", "choose_columns", "choose_text", "header_names"]

TEXT_NAMES = (
    ("text",),
    (
        *("sentence", "review", "content", "comment", "message", "tweet", "body", "document"),
        *("review_text", "review_body", "reviewtext", "comment_text", "tweet_text", "sms", "post"),
        *("utterance", "question", "query", "article", "paragraph", "phrase", "description"),
    ),
    ("title", "headline", "subject", "summary", "input", "words", "name"),
)
LABEL_NAMES = (
    ("label",),
    ("labels", "sentiment", "class", "category", "target", "polarity", "intent", "emotion"),
    ("stars", "rating", "score", "y", "topic", "tag", "output", "language", "lang", "genre"),
    ("type", "kind", "spam", "toxic", "v1"),
)
"""Usual names, the surest first; two of the same rank are a matter of doubt."""

_LONGEST_LABEL = 60
_MOST_DISTINCT = 2_000
_CLEARLY = 2.0


@dataclass(frozen=True)
class Choice:
    """Where in a table text and label stand, as places in its columns.

    Attributes:
        text: The column of the text.
        label: The column of the label; None where none was asked for.
        how: What was found, for a person: ``text in 'review', label in 'stars'``.
    """

    text: int
    label: int | None
    how: str


@dataclass(frozen=True)
class _Contents:
    """What a column holds: mean length, how many different values (up to a limit) in how many rows."""

    mean_length: float
    longest: int
    distinct: int
    rows: int

    @property
    def like_labels(self) -> bool:
        """Whether few short values come again and again."""
        few = 0 < self.distinct <= min(self.rows / 2, _MOST_DISTINCT)
        return few and self.longest <= _LONGEST_LABEL


def header_names(settings: ExampleSettings, others: Iterable[str] = ()) -> set[str]:
    """Return the names, normal ones, that tell a header from a row.

    Args:
        settings: The columns that the user named.
        others: Further ones.
    """
    own = {settings.text_column, settings.label_column, *others} - {None}
    usual = {name for ranks in (TEXT_NAMES, LABEL_NAMES) for names in ranks for name in names}
    return usual | {normal_name(str(name)) for name in own if not str(name).isdecimal()}


def choose_columns(table: Table, settings: ExampleSettings) -> Choice:
    """Find text and label in a table.

    Raises:
        DataError: a column that was named is not there, or none or several may be meant; the
            message lists the columns.
    """
    finder = Finder(table)
    text = finder.named(settings.text_column, "--text-column")
    label = finder.named(settings.label_column, "--label-column")
    if text is not None and text == label:
        raise finder.refusal("text and label cannot be the same column", "--label-column")
    if len(table.columns) < 2:
        raise finder.refusal("a single column cannot hold text and label", None)
    if label is None:
        label = finder.usual(LABEL_NAMES, "--label-column", "label", text)
    if text is None:
        text = finder.usual(TEXT_NAMES, "--text-column", "text", label)
    if label is None:
        label = finder.label_by_contents(text)
    if text is None:
        text = finder.text_by_contents(label)
    return Choice(text, label, f"text in {finder.title(text)}, label in {finder.title(label)}")


def choose_text(table: Table, settings: ExampleSettings) -> Choice:
    """Find the text alone, likewise."""
    finder = Finder(table)
    text = finder.named(settings.text_column, "--text-column")
    if text is None and len(table.columns) == 1:
        text = 0
    if text is None:
        text = finder.usual(TEXT_NAMES, "--text-column", "text", None)
    if text is None:
        label = finder.usual(LABEL_NAMES, "--label-column", "label", None, doubt=False)
        text = finder.text_by_contents(label)
    return Choice(text, None, f"text in {finder.title(text)}")


class Finder:
    """Looks for columns in one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._names = [normal_name(name) for name in table.columns]
        self._surveyed: list[_Contents] | None = None

    def named(self, wanted: str | None, option: str) -> int | None:
        """Return the column that the user named, by name, else by number from 1."""
        return None if wanted is None else self.required(wanted, option)

    def required(self, wanted: str, option: str) -> int:
        """Return a column by name, else by number from 1.

        Raises:
            DataError: there is none, or several are called so.
        """
        columns = self._table.columns
        for names, name in ((columns, wanted), (self._names, normal_name(wanted))):
            found = [i for i, other in enumerate(names) if other == name]
            if len(found) == 1:
                return found[0]
            if found:
                raise self.refusal(f"{len(found)} columns are called {shown(wanted)}", option)
        if wanted.isdecimal() and 1 <= int(wanted) <= len(columns):
            return int(wanted) - 1
        hint = nearest(wanted, columns)
        raise self.refusal(f"no column {shown(wanted)}{hint}", option)

    def usual(
        self,
        ranks: Sequence[Sequence[str]],
        option: str,
        what: str,
        taken: int | None,
        *,
        doubt: bool = True,
    ) -> int | None:
        """Return the column with the surest usual name; None where there is none."""
        if not self._table.named:
            return None
        surest = {name for names in ranks[:2] for name in names}
        # At last names whose end is usual: airline_sentiment.
        ends = [name for name in self._names if name.rpartition("_")[2] in surest]
        for names in (*ranks, ends):
            found = [i for i, name in enumerate(self._names) if name in names and i != taken]
            if len(found) == 1:
                return found[0]
            if found and doubt:
                several = " and ".join(self.title(i) for i in found)
                raise self.refusal(f"{several} may each be the {what}", option)
        return None

    def label_by_contents(self, text: int | None) -> int:
        """Return the column of few short values."""
        contents = self._contents()
        found = [i for i, column in enumerate(contents) if column.like_labels and i != text]
        if len(found) > 1 and text is None and len(contents) == 2:
            # Both repeat themselves: labels do so more.
            first, second = (contents[i].distinct for i in found)
            if max(first, second) >= _CLEARLY * min(first, second):
                found = [0 if first < second else 1]
        if len(found) > 1:
            # A column that is the same everywhere tells nothing.
            found = [i for i in found if contents[i].distinct > 1] or found
        if not found and text is not None and len(contents) == 2:
            found = [1 - text]
        if len(found) == 1:
            return found[0]
        if not found:
            raise self.refusal(
                "no column is called as labels are or holds few short values", "--label-column"
            )
        several = " and ".join(self.title(i) for i in found)
        raise self.refusal(f"{several} may each be the label", "--label-column")

    def text_by_contents(self, label: int | None) -> int:
        """Return the column of the longest values."""
        contents = self._contents()
        ranked = sorted(
            (i for i in range(len(contents)) if i != label),
            key=lambda i: contents[i].mean_length,
            reverse=True,
        )
        if len(ranked) > 1:
            first, second = ranked[:2]
            if contents[first].mean_length < _CLEARLY * contents[second].mean_length:
                raise self.refusal(
                    f"{self.title(first)} and {self.title(second)} may each be the text",
                    "--text-column",
                )
        return ranked[0]

    def title(self, column: int) -> str:
        """Return what messages call a column."""
        return shown(self._table.columns[column]) if self._table.named else f"column {column + 1}"

    def refusal(self, what: str, option: str | None) -> DataError:
        """Return the error that lists the columns."""
        table = self._table
        if table.named:
            listed = "the columns are " + ", ".join(map(shown, table.columns))
        else:
            count = len(table.columns)
            listed = f"it has {count} column{'s' * (count > 1)} and no header"
        advice = f"; choose one with {option} NAME or its number from 1" if option else ""
        return DataError(f"{table.name} ({table.kind}): {what}; {listed}{advice}")

    def _contents(self) -> list[_Contents]:
        if self._surveyed is None:
            self._surveyed = _survey(self._table)
        return self._surveyed


def _survey(table: Table) -> list[_Contents]:
    """Look at up to ``FAR`` rows; labels of a sorted file change late."""
    width = len(table.columns)
    lengths, longest = [0] * width, [0] * width
    distinct: list[set[str]] = [set() for _ in range(width)]
    rows = 0
    for row in table.look():
        rows += 1
        for i, value in enumerate(row.values):
            if value is None:
                continue
            length = len(value)
            lengths[i] += length
            longest[i] = max(longest[i], length)
            if len(distinct[i]) <= _MOST_DISTINCT and length <= _LONGEST_LABEL:
                distinct[i].add(value)
    return [
        _Contents(lengths[i] / max(1, rows), longest[i], len(distinct[i]), rows)
        for i in range(width)
    ]
