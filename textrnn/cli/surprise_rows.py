"""What parts of a text cost, as rows of TSV and as objects of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from textrnn.cli.console import tsv_field

if TYPE_CHECKING:
    from textrnn.language_model.scored import Part, Span, TokenSurprise
    from textrnn.tokenizers.base import Tokenizer

__all__ = ["UNITS", "header", "write_rows"]

UNITS = ("token", "char", "word", "line")
"""What a row can stand for."""

COLUMNS = {
    "token": ("line", "column", "nats", "probability", "rank", "entropy", "text"),
    "char": ("line", "column", "nats", "text"),
    "word": ("line", "column", "nats", "text"),
    "line": ("line", "nats", "characters", "bits_per_char", "text"),
}

Row = dict[str, Any]


def header(unit: str, top: int) -> str:
    """Return the line that names the columns of :func:`write_rows`."""
    return "\t".join([*COLUMNS[unit], *(["alternatives"] if top else [])]) + "\n"


def write_rows(
    write: Callable[[str], None],
    parts: Iterable[Part],
    tokenizer: Tokenizer,
    unit: str,
    *,
    as_json: bool,
    top: int,
) -> None:
    """Write a row for each unit of a text, those that a part completes before the next part is asked for.

    Args:
        write: Takes rows, some at a time.
        parts: What each token cost.
        tokenizer: The model's.
        unit: One of ``UNITS``.
        as_json: An object of JSON for each row.
        top: How many alternatives a row of a token names.
    """
    from textrnn.language_model import scored

    ready: list[str] = []

    def flush() -> None:
        if ready:
            write("".join(ready))
            ready.clear()

    def watched() -> Iterator[Part]:
        for part in parts:
            yield part
            flush()

    records: Iterator[Row]
    if unit == "token":
        records = (_token(token) for token in scored.tokens(watched(), tokenizer))
    elif unit == "line":
        spans = scored.lines(scored.pieces(watched()))
        records = (_line(span, is_lossless=tokenizer.is_lossless) for span in spans)
    else:
        divide = scored.characters if unit == "char" else scored.words
        records = map(_span, divide(scored.pieces(watched())))
    shown: Callable[[Row], str] = _json if as_json else _tsv(unit, top)
    for record in records:
        ready.append(shown(record))  # noqa: PERF401  (on the way it is written and emptied)
    flush()


def _token(token: TokenSurprise) -> Row:
    record: Row = {
        "text": token.text,
        "token": token.piece,
        "nats": _rounded(token.nats),
        "probability": None if token.probability is None else float(f"{token.probability:.6g}"),
        "rank": token.rank,
        "entropy": _rounded(token.entropy),
        "known": token.is_known,
        "start": token.start,
        "line": token.line,
        "column": token.column,
    }
    if token.alternatives:
        record["alternatives"] = [[text, float(f"{p:.6g}")] for text, p in token.alternatives]
    return record


def _span(span: Span) -> Row:
    return {
        "text": span.text,
        "nats": _rounded(span.nats),
        "known": span.is_known,
        "line": span.line,
        "column": span.column,
    }


def _line(span: Span, *, is_lossless: bool) -> Row:
    is_whole = is_lossless and span.is_known and span.nats is not None
    bits = span.nats / math.log(2) / len(span.text) if is_whole and span.nats is not None else None
    return {
        "text": span.text.removesuffix("\n"),
        "nats": _rounded(span.nats),
        "characters": len(span.text),
        "bits_per_char": _rounded(bits),
        "known": span.is_known,
        "line": span.line,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _json(record: Row) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def _tsv(unit: str, top: int) -> Callable[[Row], str]:
    columns = COLUMNS[unit]

    def shown(record: Row) -> str:
        fields = [_field(record[name]) for name in columns]
        if top:
            found = record.get("alternatives", ())
            fields.append(" ".join(f"{p:.4f}:{tsv_field(text)}" for text, p in found))
        return "\t".join(fields) + "\n"

    return shown


def _field(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else tsv_field(value)
