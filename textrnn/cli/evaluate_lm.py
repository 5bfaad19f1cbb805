"""``textrnn evaluate`` for language models: what texts cost."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textrnn.bundle import Bundle
from textrnn.cli.console import note, write, write_json
from textrnn.cli.inputs import without_cache_news
from textrnn.cli.options import given
from textrnn.data.settings import CorpusSettings
from textrnn.data.sources import is_data_set
from textrnn.errors import UsageError

if TYPE_CHECKING:
    from textrnn.language_model.evaluation import Evaluation, LineSurprise

__all__ = ["evaluate_language_model", "write_line"]

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\r": "\\r"})


def evaluate_language_model(
    opened: Bundle, inputs: list[str], machine: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Measure texts, as a whole or line by line, and write what they cost.

    Args:
        opened: The model.
        inputs: Files, folders, ``-``.
        machine: ``device``, ``precision``, ``threads``, where given.
        values: The command's other values: ``per_line``, ``as_json``, ``quiet`` and settings of the corpus.
    """
    from textrnn.language_model.evaluation import Evaluator

    as_json, per_line = values["as_json"], values["per_line"]
    if per_line and (values["text_column"] is not None or any(map(is_data_set, inputs))):
        raise UsageError(
            "--per-line is for lines of text; tables and data sets are measured as a whole"
        )
    report = (lambda message: None) if values["quiet"] else note
    evaluator = Evaluator(
        opened,
        overrides=given(CorpusSettings, values, os.environ),
        report=without_cache_news(report) if as_json or per_line else report,
        **machine,
    )
    if per_line:
        for line in evaluator.evaluate_lines(inputs):
            write_line(line, as_json=as_json)
    else:
        _write_whole(evaluator.evaluate(inputs), as_json=as_json)


def write_line(line: LineSurprise, *, as_json: bool) -> None:
    """Write what a line cost, as a line of its own."""
    if as_json:
        write_json(dataclasses.asdict(line))
        return
    bits = "-" if line.bits_per_char is None else f"{line.bits_per_char:.4f}"
    write(f"{bits}\t{line.text.translate(_ESCAPES)}\n")


def _write_whole(result: Evaluation, *, as_json: bool) -> None:
    if as_json:
        write_json(dataclasses.asdict(result))
        return
    bits = result.bits_per_char
    rows = {
        "loss": f"{result.loss:.4f} nats per token",
        "perplexity": f"{result.perplexity:.4f}",
        "bits per character": "not defined, since the text holds tokens that the model does not know"
        if bits is None
        else f"{bits:.4f}",
        "targets": f"{result.targets:,}",
        "characters": f"{result.characters:,}",
        "unknown": f"{result.unknown:,} ({result.unknown / max(1, result.targets):.2%})",
    }
    write("".join(f"{name:<20}{value}\n" for name, value in rows.items()))
