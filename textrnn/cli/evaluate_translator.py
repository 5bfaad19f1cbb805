"""``textrnn evaluate`` for translators: their translations beside references."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textrnn.bundle import Bundle
from textrnn.cli.console import note, write_json
from textrnn.cli.options import given
from textrnn.cli.results import Results
from textrnn.cli.styled import Line, one_line, write_lines
from textrnn.cli.translator_options import pair_reading, search_settings
from textrnn.config import as_dict
from textrnn.data.settings import PairSettings
from textrnn.errors import UsageError
from textrnn.translator.search import BLEU_TOKENIZE

if TYPE_CHECKING:
    from textrnn.translator.evaluation import TranslationReport

__all__ = ["evaluate_translator", "report_lines"]

WORST = 5
"""Translations that are shown where nobody says how many."""

_HEADING, _FAINT = "bold", "dim"
_MOST_TEXT = 200


def evaluate_translator(
    opened: Bundle, inputs: list[str], machine: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Translate the sources of pairs and write how near the translations come to the references.

    Args:
        opened: The model.
        inputs: Tables with two columns.
        machine: ``device``, ``precision``, ``threads``, where given.
        values: The command's other values: ``src``, ``tgt``, ``hypotheses``, ``force``, ``worst``,
            ``as_json``, ``quiet``, ``bleu_tokenize``, ``lowercase``, settings of pairs and of the search.
    """
    settings = pair_reading(opened, given(PairSettings, values, os.environ))
    if not inputs:
        _refuse_columns(values)
    search = search_settings(values)
    with Results(values["hypotheses"], force=values["force"], option="--hypotheses") as results:
        from textrnn.data.cache import default_cache_dir
        from textrnn.data.pairs import read_pairs
        from textrnn.translator.evaluation import evaluate_pairs
        from textrnn.translator.predictor import Translator

        def keep(texts: Sequence[str]) -> None:
            if values["hypotheses"] is not None:
                results.write("".join(text + "\n" for text in texts))

        tell = (lambda message: None) if values["quiet"] else note
        translator = Translator(opened, **machine)
        sides = values["src"], values["tgt"]
        pairs = read_pairs(inputs, *sides, settings, cache=default_cache_dir(), report=tell)
        worst = WORST if values["worst"] is None else values["worst"]
        report = evaluate_pairs(
            translator,
            pairs,
            worst=worst,
            bleu_tokenize=values["bleu_tokenize"] or BLEU_TOKENIZE[0],
            lowercase=values["lowercase"],
            on_translation=keep,
            **as_dict(search),
        )
    if values["as_json"]:
        write_json(report.as_dict())
    else:
        write_lines(list(report_lines(report)))


def report_lines(report: TranslationReport) -> Iterator[Line]:
    """Yield a report line by line."""
    left_out = (
        f"; {report.blank:,} more have an empty side and are left out" if report.blank else ""
    )
    figures = {
        "pairs": f"{report.pairs:,}{left_out}",
        "BLEU": f"{report.bleu:.2f}  {report.bleu_signature}",
        "chrF": f"{report.chrf:.2f}  {report.chrf_signature}",
        "length ratio": f"{report.length_ratio:.3f} of the references' tokens",
        "loss": f"{report.loss:.4f} nats per target token",
        "perplexity": f"{report.perplexity:.2f}",
    }
    if report.unknown_source or report.unknown_target:
        figures["unknown tokens"] = (
            f"{report.unknown_source:.2%} of the sources, {report.unknown_target:.2%} of the references"
        )
    if report.cut:
        figures["cut"] = f"{report.cut:,} sources are longer than what the model reads"
    for name, value in figures.items():
        yield [(f"{name:<20}", _HEADING), (value, "")]
    if report.worst:
        yield []
        yield [("lowest chrF", _HEADING)]
    for each in report.worst:
        yield [(f"{each.chrf:>6.2f}  ", ""), (each.where, _FAINT)]
        for name in ("source", "reference", "translation"):
            yield [(f"        {name:<13}", _FAINT), (one_line(getattr(each, name), _MOST_TEXT), "")]


def _refuse_columns(values: Mapping[str, Any]) -> None:
    """Refuse columns where two files are read line by line.

    Raises:
        UsageError: one is named.
    """
    for name in ("src_column", "tgt_column"):
        if values[name] is not None:
            raise UsageError(
                f"--{name.replace('_', '-')}: files of --src and --tgt have no columns; leave it out, or "
                "give a table"
            )
