"""Suggestions in their forms: rows of TSV, objects of JSON, lines for a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from textrnn.cli.console import printable, tsv_field

if TYPE_CHECKING:
    from textrnn.cli.styled import Line
    from textrnn.language_model.completion import Suggestion, Suggestions

__all__ = ["json_line", "shown_word", "suggestion_lines", "tsv_row", "tsv_rows"]

_BAR = 24
_MOST_WORD = 40


def tsv_rows(found: Suggestions) -> str:
    """Return a row for each suggestion: probability, word, and what is added to the prompt."""
    return "".join(
        f"{each.probability:.6g}\t{tsv_field(each.word)}\t{tsv_field(each.text)}\n"
        for each in found
    )


def tsv_row(found: Suggestions) -> str:
    """Return one row for all suggestions: word and probability of each in turn."""
    fields = [
        field for each in found for field in (tsv_field(each.word), f"{each.probability:.6g}")
    ]
    return "\t".join(fields) + "\n"


def json_line(found: Suggestions) -> str:
    """Return an object of JSON for a prompt's suggestions."""
    record = {
        "prompt": found.prompt,
        "suggestions": [
            {
                "text": each.text,
                "word": each.word,
                "probability": float(f"{each.probability:.7g}"),
            }
            for each in found
        ],
        "unsearched": float(f"{found.unsearched:.7g}"),
    }
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def shown_word(suggestion: Suggestion, most: int = _MOST_WORD) -> str:
    """Return a suggestion's word as a person may read it, its line end shown."""
    from textrnn.cli.styled import one_line

    word = suggestion.word
    ends = word.endswith("\n")
    body = one_line(word.removesuffix("\n"), most - 1) if word.removesuffix("\n") else ""
    return body + ("↵" if ends else "")


def suggestion_lines(found: Suggestions) -> list[Line]:
    """Return a line for each suggestion: the word, its probability, a bar."""
    words = [shown_word(each) for each in found]
    width = max(map(len, words), default=0)
    lines: list[Line] = []
    for word, each in zip(words, found, strict=True):
        bar = "█" * round(_BAR * each.probability)
        lines.append(
            [
                (printable(f"{word:<{width}}"), "bold"),
                (f"  {each.probability:7.2%}  ", ""),
                (bar, "green"),
            ]
        )
    return lines
