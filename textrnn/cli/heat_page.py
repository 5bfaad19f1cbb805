"""A text coloured by surprise, as a page that a browser shows without a network."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from textrnn.cli.peaks import Peak, Peaks
from textrnn.cli.surprise_display import level, steps_of

if TYPE_CHECKING:
    from textrnn.language_model.evaluation import Evaluation
    from textrnn.language_model.scored import TokenSurprise
    from textrnn.tokenizers.base import Tokenizer

__all__ = ["MOST_TOKENS", "heat_page"]

MOST_TOKENS = 100_000
"""Tokens of a page; browsers become slow beyond."""

_BARS = 150
_BLOCK = 4000
"""Characters after which a line end closes a block, which a browser lays out when it comes into sight."""
_MOST_PEAKS = 20


@dataclass(frozen=True)
class _Unit:
    """Tokens that together are whole characters: mostly one.

    Attributes:
        text: Their text.
        nats: What they cost; None where nothing was predicted.
        tokens: The tokens.
    """

    text: str
    nats: float | None
    tokens: list[TokenSurprise]


def heat_page(
    tokens: Iterable[TokenSurprise],
    tokenizer: Tokenizer,
    total: Evaluation,
    nats: float,
    title: str,
    model: str,
    *,
    reverse: bool = False,
) -> str:
    """Return the page.

    Args:
        tokens: What each token cost.
        tokenizer: The model's.
        total: The text's figures.
        nats: What it cost as a whole.
        title: What the text is called.
        model: What the model is called.
        reverse: Whether the model reads from the end.
    """
    units = list(_units(tokens))
    peaks = _peaks(units)
    starts = {(unit.tokens[0].line, unit.tokens[0].column): i for i, unit in enumerate(units)}
    listed = [(peak, _unit_of(peak, starts)) for peak in peaks]
    bars = _bars(units)
    named = {index for _, index in listed} | {index for index, _ in bars}
    steps = steps_of(tokenizer)
    fields = {
        "title": html.escape(title),
        "model": html.escape(model),
        "given": "each part after all behind it" if reverse else "each part after all before it",
        "figures": _figures(total, nats),
        "legend": _legend(steps),
        "course": _course(bars),
        "text": "".join(_blocks(units, steps, named)),
        "peaks": "".join(_listed(peak, index) for peak, index in listed),
        "data": _data(units, tokenizer.vocab_size),
    }
    template = resources.files("textrnn.cli").joinpath("heat_page.html").read_text("utf-8")
    # One pass: what a text holds is never taken for a field.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: fields[found[1]], template)


def _units(tokens: Iterable[TokenSurprise]) -> Iterator[_Unit]:
    held: list[TokenSurprise] = []
    for token in tokens:
        held.append(token)
        if token.text:
            costs = [each.nats for each in held if each.nats is not None]
            yield _Unit(token.text, math.fsum(costs) if costs else None, held)
            held = []


def _peaks(units: Sequence[_Unit]) -> list[Peak]:
    from textrnn.language_model import scored

    peaks = Peaks(_MOST_PEAKS)
    found = (
        (unit.text, math.nan if unit.nats is None else unit.nats, unit.tokens[-1].is_known)
        for unit in units
    )
    for word in scored.words(found):
        peaks.add(word)
    return peaks.found()


def _unit_of(peak: Peak, starts: dict[tuple[int, int], int]) -> int:
    """Return where a word begins; its first token may begin with the space before it."""
    word = peak.word
    blank = len(word.text) - len(word.text.lstrip())
    own = starts.get((word.line, word.column + blank))
    return starts.get((word.line, word.column), 0) if own is None else own


def _bars(units: Sequence[_Unit]) -> list[tuple[int, float]]:
    """Return the mean bits per character of equal stretches, each with its first unit."""
    count = min(_BARS, len(units))
    edges = [len(units) * place // max(1, count) for place in range(count + 1)]
    bars = []
    for low, high in pairwise(edges):
        some = units[low:high]
        characters = sum(len(unit.text) for unit in some)
        spent = math.fsum(unit.nats for unit in some if unit.nats is not None)
        bars.append((low, spent / math.log(2) / max(1, characters)))
    return bars


def _course(bars: Sequence[tuple[int, float]]) -> str:
    highest = max((bits for _, bits in bars), default=0.0) or 1.0
    return "".join(
        f'<a href="#u{index}" style="height:{100 * bits / highest:.1f}%" '
        f'title="{bits:.2f} bits per character" aria-label="{bits:.2f} bits per character"></a>'
        for index, bits in bars
    )


def _blocks(units: Sequence[_Unit], steps: tuple[float, ...], named: set[int]) -> Iterator[str]:
    begun: list[str] = []
    size = first = 0
    for index, unit in enumerate(units):
        begun.append(_span(unit, steps, index if index in named else None))
        size += len(unit.text)
        if size >= _BLOCK and unit.text.endswith("\n"):
            yield f'<div data-b="{first}">{"".join(begun)}</div>'
            begun, size, first = [], 0, index + 1
    if begun:
        yield f'<div data-b="{first}">{"".join(begun)}</div>'


def _span(unit: _Unit, steps: tuple[float, ...], number: int | None) -> str:
    reached = 0 if unit.nats is None else level(unit.nats, steps)
    kinds = [f"c{reached}"]
    kinds += ["n"] if unit.text == "\n" else []
    kinds += [] if all(token.is_known for token in unit.tokens) else ["u"]
    place = "" if number is None else f" id=u{number}"
    kind = "" if kinds == ["c0"] else f' class="{" ".join(kinds)}"'
    # A parser of HTML makes a line feed of a carriage return, and nothing of some controls.
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", _visible, html.escape(unit.text, quote=False))
    return f"<b{place}{kind}>{text}</b>"


def _visible(found: re.Match[str]) -> str:
    """Return the picture of a control character."""
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def _figures(total: Evaluation, nats: float) -> str:
    bits = total.bits_per_char
    rows = {
        "bits per character": "not defined" if bits is None else f"{bits:.3f}",
        "perplexity per token": f"{total.perplexity:,.4g}",
        "nats": f"{nats:,.1f}",
        "tokens": f"{total.targets:,}",
        "characters": f"{total.characters:,}",
    }
    if total.unknown:
        rows["unknown tokens"] = f"{total.unknown:,}"
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows.items())


def _legend(steps: tuple[float, ...]) -> str:
    bits = [f"{step:g} bit{'s' * (step != 1)}" for step in steps]
    names = [f"under {bits[0]}", *(f"{each} or more" for each in bits)]
    odds = [f"over 1 in {2 ** steps[0]:g}", *(f"1 in {2**step:,.0f}" for step in steps)]
    return "".join(
        f'<span title="{odd}"><b class="c{reached}">&#8201;a&#8201;</b>{name}</span>'
        for reached, (name, odd) in enumerate(zip(names, odds, strict=True))
    )


def _listed(peak: Peak, index: int) -> str:
    word = peak.word
    bits = (word.nats or 0.0) / math.log(2)
    blank = word.text[: len(word.text) - len(word.text.lstrip())]
    before = html.escape((peak.before + blank).replace("\n", " "))
    return (
        f'<li><a href="#u{index}"><small>{peak.where} · {bits:.1f} bits</small>'
        f"<span>{before}</span><strong>{html.escape(word.text.strip())}</strong>"
        f"<span>{html.escape(peak.after)}</span></a></li>"
    )


def _data(units: Sequence[_Unit], vocab_size: int) -> str:
    """Return what the page tells of each unit, as JSON that can stand inside a script."""
    places: dict[str, int] = {}
    rows: list[list[Any]] = []
    for unit in units:
        if unit.nats is None:
            rows.append([])
            continue
        # Of a character of several tokens only the sum means something.
        token = unit.tokens[0] if len(unit.tokens) == 1 else None
        rank = token.rank if token is not None else 0
        entropy = round(token.entropy or 0.0, 3) if token is not None else 0
        row: list[Any] = [float(f"{unit.nats:.5g}"), rank, entropy]
        for text, p in token.alternatives if token is not None else ():
            row += [places.setdefault(text, len(places)), float(f"{p:.4g}")]
        rows.append(row)
    whole = {"size": vocab_size, "names": list(places), "units": rows}
    encoded = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # No "</script>" nor "<!--" may end or bend the script that holds it.
    return encoded.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
