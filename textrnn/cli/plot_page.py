"""Curves and answers as a web page of its own: no network, no library, figures under the pointer."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

from textrnn.cli.plot_answers import confusion_svg, reliability_svg
from textrnn.cli.plot_figure import COLOURS
from textrnn.cli.plot_page_script import SCRIPT, STYLE
from textrnn.experiments.answers import Answers
from textrnn.experiments.curves import Curve, Drawing, Panel, thinned

__all__ = ["answers_page", "curves_page"]

_MOST_POINTS = 1000
"""Points of a curve: more cannot be told apart, and make the page slow."""


def curves_page(drawings: Sequence[Drawing], title: str) -> str:
    """Return a page with curves: axes to choose from, runs to hide, figures under the pointer.

    Args:
        drawings: The same runs over each axis; the one shown at first comes first.
        title: The page's title.
    """
    first = drawings[0]
    content = {
        "runs": list(first.labels),
        "colours": list(COLOURS),
        "drawings": [_drawing(drawing) for drawing in drawings],
    }
    # Inside a script element, only what looks like its end means anything.
    data = json.dumps(content, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
    body = (
        '<p id="axes"></p><ul id="runs"></ul><div id="panels"></div><ul id="marks"></ul>'
        "<noscript>The curves are drawn by a script inside this page, which the browser does not "
        "run.</noscript>"
        f'<script type="application/json" id="data">{data}</script><script>{SCRIPT}</script>'
    )
    return _page(title, body)


def answers_page(confusion: Answers | None, reliability: Answers | None, title: str) -> str:
    """Return a page with a confusion matrix, a reliability diagram, or both."""
    parts = []
    if confusion is not None:
        parts.append(f"<figure>{confusion_svg(confusion)}</figure>")
    if reliability is not None:
        parts.append(f"<figure>{reliability_svg(reliability)}</figure>")
    return _page(title, "".join(parts))


def _page(title: str, body: str) -> str:
    shown = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{shown}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
        f"</head><body><h1>{shown}</h1>{body}</body></html>\n"
    )


def _drawing(drawing: Drawing) -> dict[str, Any]:
    return {
        "axis": drawing.axis,
        "label": drawing.x_label,
        "panels": [_panel(panel) for panel in drawing.panels],
        "marks": [{"run": mark.run, "x": mark.x, "text": mark.text} for mark in drawing.marks],
    }


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "title": panel.title,
        "unit": panel.unit,
        "share": panel.share,
        "curves": [_curve(thinned(curve, _MOST_POINTS)) for curve in panel.curves],
        "best": [list(point) for point in panel.best],
    }


def _curve(curve: Curve) -> dict[str, Any]:
    # Six digits are more than can be seen.
    return {
        "run": curve.run,
        "kind": curve.kind,
        "x": [float(f"{x:.6g}") for x in curve.x],
        "y": [float(f"{y:.6g}") for y in curve.y],
    }
