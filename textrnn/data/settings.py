"""Settings of how text, labelled examples and pairs are read and divided."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.config import setting

__all__ = ["CorpusSettings", "ExampleSettings", "PairSettings", "TextSettings"]


@dataclass(frozen=True)
class TextSettings:
    """How any text is read."""

    encoding: str = setting(
        "utf-8", "Encoding of the text: utf-8, utf-16, cp1252, latin-1 and so on.", section="data"
    )


@dataclass(frozen=True)
class CorpusSettings(TextSettings):
    """How files become the documents of a training and a validation part."""

    newlines: str = setting(
        "lf",
        "Line ends: lf turns CRLF into LF (a CR alone stays), keep changes nothing.",
        section="data",
        choices=("lf", "keep"),
    )
    valid_fraction: float = setting(
        0.1,
        "Share of each file, taken from its end, that is kept for validation; with lines, of its "
        "lines, evenly spread. 0 validates nothing.",
        section="data",
        minimum=0,
        maximum=0.5,
    )
    lines: bool = setting(
        False,
        "Take each line as a document of its own (names, titles); empty lines are left out.",
        section="data",
    )
    text_column: str | None = setting(
        None,
        "Read inputs as tables (CSV, TSV, JSON, Parquet) and learn from this column: its name, or "
        "its number from 1. Without it, files are text; data sets (hf:NAME) are read by the usual names.",
        section="data",
    )


@dataclass(frozen=True)
class ExampleSettings(TextSettings):
    """Where in tables text and label stand, and how examples are divided."""

    text_column: str | None = setting(
        None,
        "Column that holds the text: its name, or its number from 1. Without it, found by usual "
        "names, else by contents.",
        section="data",
    )
    label_column: str | None = setting(
        None,
        "Column that holds the label: its name, or its number from 1. Without it, found likewise.",
        section="data",
    )
    valid_fraction: float = setting(
        0.1,
        "Share of the examples of each label that is kept for validation, chosen by the seed; equal "
        "texts stay together. 0 validates nothing.",
        section="data",
        minimum=0,
        maximum=0.5,
    )
    test_fraction: float = setting(
        0.0,
        "Share of the examples of each label that is kept for a final test, chosen likewise.",
        section="data",
        minimum=0,
        maximum=0.5,
    )
    drop_leaks: bool = setting(
        False,
        "Leave out of training the texts that stand in validation or test as well.",
        section="data",
    )


@dataclass(frozen=True)
class PairSettings(TextSettings):
    """Where in tables the two sides of a pair stand, which pairs are used, how they are divided."""

    src_column: str | None = setting(
        None,
        "Column to translate from: its name, or its number from 1. Without it, found by usual "
        "names, else the first of two columns of text.",
        section="data",
    )
    tgt_column: str | None = setting(
        None,
        "Column to translate into: its name, or its number from 1. Without it, found likewise.",
        section="data",
    )
    valid_fraction: float = setting(
        0.05,
        "Share of the pairs that is kept for validation, chosen by the seed; pairs of equal sources "
        "stay together. 0 validates nothing.",
        section="data",
        minimum=0,
        maximum=0.5,
    )
    length_ratio: float | None = setting(
        None,
        "Leave out of training the pairs whose lengths in characters stand in a ratio so many times "
        "above or below the usual one, short texts apart. Without it, 3 or more where lengths "
        "spread widely in the whole corpus, as those of questions and answers do.",
        section="data",
        minimum=1.0,
    )
    drop_leaks: bool = setting(
        False,
        "Leave out of training the pairs whose source stands in validation as well.",
        section="data",
    )
