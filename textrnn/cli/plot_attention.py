"""What a translator attended to, for ``textrnn plot``."""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textrnn.cli.console import note, warn
from textrnn.errors import UsageError

if TYPE_CHECKING:
    from textrnn.translator.translations import CutText

__all__ = ["FORMS", "plot_attention"]

FORMS = ("png", "html")


def plot_attention(runs: Sequence[Path], values: Mapping[str, Any]) -> None:
    """Translate a text, or the lines of a file, and draw what each word of the translations looked at.

    Args:
        runs: The translator.
        values: The command's values.

    Raises:
        UsageError: there is not one model, or a form that has no picture of attention.
    """
    text = values["attention"]
    _refuse_others(values)
    if len(runs) != 1:
        raise UsageError(
            f"--attention draws what a translator looks at for a text: textrnn plot MODEL --attention "
            f"{shlex.quote(text)}"
        )
    output = values["output"] or "-"
    if output != "-" and Path(output).suffix.lower().removeprefix(".") not in FORMS:
        raise UsageError(
            f"--output: {output}: pictures of attention end in .png or .html; without --output they are "
            f"drawn in the terminal"
        )
    from textrnn.cli.aside import open_model
    from textrnn.cli.attention import AttentionFile
    from textrnn.cli.options import given
    from textrnn.cli.translate_inputs import input_parts
    from textrnn.cli.translator_options import pair_reading
    from textrnn.config import make
    from textrnn.data.settings import PairSettings
    from textrnn.training.settings import TrainingSettings

    reading = make(PairSettings, given(PairSettings, {"encoding": values["encoding"]}, os.environ))
    parts = input_parts([text], reading, (lambda message: None) if values["quiet"] else note)
    machine = given(TrainingSettings, values, os.environ)
    with AttentionFile(output, force=values["force"]) as picture:
        opened = open_model(runs[0], "translator")
        from textrnn.translator.predictor import Translator

        column = pair_reading(opened, {}).src_column
        reading = dataclasses.replace(reading, src_column=column)
        translator = Translator(opened, **machine)
        seen = 0

        def tell_cut(cut: CutText) -> None:
            warn(cut.told(seen))

        for part in parts:
            for texts in part(reading):
                picture.add(translator.translate(texts, align=True, on_cut=tell_cut))
                seen += len(texts)


def _refuse_others(values: Mapping[str, Any]) -> None:
    if values["as_json"]:
        raise UsageError(
            "--json with --attention: textrnn translate --json prints the words and their alignment"
        )
    if values["axis"] is not None:
        raise UsageError("--x says what curves are drawn over; --attention has none: leave it out")
    for name in ("text_column", "label_column"):
        if values[name] is not None:
            raise UsageError(
                f"--{name.replace('_', '-')} with --attention: it is about labelled texts, not what a "
                "translator reads: leave it out"
            )
    for option in ("confusion", "reliability"):
        if values[option] is not None:
            raise UsageError(
                f"--{option} with --attention: one is drawn of a classifier, the other of a translator: "
                f"leave one of them out"
            )
