"""Settings of how text is read and divided."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.config import setting

__all__ = ["CorpusSettings"]


@dataclass(frozen=True)
class CorpusSettings:
    """How files become the documents of a training and a validation part."""

    encoding: str = setting(
        "utf-8", "Encoding of the text: utf-8, utf-16, cp1252, latin-1 and so on.", section="data"
    )
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
