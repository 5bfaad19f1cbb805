"""Translations in their three forms: lines, rows of the n best, objects of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textrnn.translator.translations import Translation

__all__ = ["json_lines", "n_best_lines", "plain_lines"]


def plain_lines(translations: Sequence[Translation]) -> str:
    """Return a line for each translation; no translation holds a line end."""
    return "".join(each.translation + "\n" for each in translations)


def n_best_lines(translations: Sequence[Translation], first: int) -> str:
    """Return rows of number, score and translation, several for each text.

    Args:
        translations: They; none of their texts holds a tab or a line end.
        first: The first text's number.
    """
    rows = []
    for number, each in enumerate(translations, start=first):
        rows += [f"{number}\t{found.score:.6f}\t{found.text}\n" for found in each.hypotheses]
        if not each.hypotheses:
            rows.append(f"{number}\t\t\n")
    return "".join(rows)


def json_lines(translations: Sequence[Translation]) -> str:
    """Return an object of JSON for each translation, on a line of its own."""
    lines = []
    for each in translations:
        alignment = each.alignment
        record: dict[str, Any] = {
            "source": each.source,
            "translation": each.translation,
            "score": None if each.score is None else round(each.score, 6),
            "hypotheses": [
                {
                    "text": found.text,
                    "score": round(found.score, 6),
                    "log_prob": round(found.log_prob, 6),
                }
                for found in each.hypotheses
            ],
            "tokens": {
                "source": [] if alignment is None else alignment.source,
                "translation": [] if alignment is None else alignment.target,
            },
            "alignment": [] if alignment is None else alignment.links,
        }
        lines.append(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
    return "".join(lines)
