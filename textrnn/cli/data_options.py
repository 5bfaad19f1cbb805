"""What each job is trained on, as options: shared by every command that trains one."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

__all__ = ["Data", "classifier_data", "language_model_data", "translator_data"]

Command = Callable[..., Any]
Parameter = Callable[[Command], Command]


@dataclasses.dataclass(frozen=True)
class Data:
    """What a command is to train on, and from which models.

    Attributes:
        inputs: What is trained on.
        options: Further inputs by their option, ``{"--valid": ("valid.txt",)}``.
        parents: Models to start from by their option; None where not given.
        arguments: All of it as the job's ``prepare_run`` takes it by name, ``inputs`` apart.
        instead: Those of the further inputs that are trained on too, so that ``inputs`` may be none.
    """

    inputs: tuple[str, ...]
    options: Mapping[str, Sequence[str]]
    parents: Mapping[str, Path | None]
    arguments: Mapping[str, Any]
    instead: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """All that is read."""
        return [*self.inputs, *(name for names in self.options.values() for name in names)]


def language_model_data(function: Command) -> Command:
    """Add what a language model is trained on; the command takes it as ``data``."""

    def gathered(inputs: tuple[str, ...], valid: tuple[str, ...], init_from: Path | None) -> Data:
        return Data(
            inputs,
            {"--valid": valid},
            {"--init-from": init_from},
            {"valid_inputs": valid, "init_from": init_from},
        )

    parameters: list[Parameter] = [
        click.argument("inputs", nargs=-1, metavar="INPUT..."),
        _files("--valid", "Validate on this text; may be given several times."),
        _model("--init-from", "Start from this model's weights and tokenizer."),
    ]
    return _with(parameters, gathered, function)


def classifier_data(function: Command) -> Command:
    """Add what a classifier is trained on; the command takes it as ``data``."""

    def gathered(
        inputs: tuple[str, ...],
        valid: tuple[str, ...],
        test: tuple[str, ...],
        init_from: Path | None,
        init_from_reverse: Path | None,
    ) -> Data:
        return Data(
            inputs,
            {"--valid": valid, "--test": test},
            {"--init-from": init_from, "--init-from-reverse": init_from_reverse},
            {
                "valid_inputs": valid,
                "test_inputs": test,
                "init_from": init_from,
                "init_from_reverse": init_from_reverse,
            },
        )

    parameters: list[Parameter] = [
        click.argument("inputs", nargs=-1, metavar="INPUT..."),
        _files("--valid", "Validate on these examples; may be given several times."),
        _files("--test", "Test on these examples, once, at the end; may be given several times."),
        _model(
            "--init-from",
            "Start from a language model, whose layers and tokenizer become the encoder, or from a "
            "classifier.",
        ),
        _model(
            "--init-from-reverse",
            "A language model of reversed text (train lm --reverse) for the backward direction.",
        ),
    ]
    return _with(parameters, gathered, function)


def translator_data(function: Command) -> Command:
    """Add what a translator is trained on; the command takes it as ``data``."""

    def gathered(
        inputs: tuple[str, ...],
        src: tuple[str, ...],
        tgt: tuple[str, ...],
        valid: tuple[str, ...],
        valid_src: tuple[str, ...],
        valid_tgt: tuple[str, ...],
        init_from: Path | None,
    ) -> Data:
        return Data(
            inputs,
            {
                "--src": src,
                "--tgt": tgt,
                "--valid": valid,
                "--valid-src": valid_src,
                "--valid-tgt": valid_tgt,
            },
            {"--init-from": init_from},
            {
                "src_inputs": src,
                "tgt_inputs": tgt,
                "valid_inputs": valid,
                "valid_src": valid_src,
                "valid_tgt": valid_tgt,
                "init_from": init_from,
            },
            instead=src or tgt,
        )

    parameters: list[Parameter] = [
        click.argument("inputs", nargs=-1, metavar="[INPUT]..."),
        _files("--src", "Texts to translate from, one a line; may be given several times."),
        _files("--tgt", "What becomes of them, line by line; once for each --src."),
        _files(
            "--valid", "Validate on these pairs, a table as INPUT is; may be given several times."
        ),
        _files("--valid-src", "Validate on these texts, one a line; may be given several times."),
        _files("--valid-tgt", "What becomes of them, line by line; once for each --valid-src."),
        _model("--init-from", "Start from this translator's weights and tokenizers."),
    ]
    return _with(parameters, gathered, function)


def _files(option: str, help: str) -> Parameter:
    return click.option(option, multiple=True, metavar="FILE", help=help)


def _model(option: str, help: str) -> Parameter:
    return click.option(option, type=click.Path(path_type=Path), metavar="MODEL", help=help)


def _with(
    parameters: Sequence[Parameter],
    gathered: Callable[..., Data],
    function: Command,
) -> Command:
    """Add parameters to a command that takes them gathered, as ``data``."""
    names = list(inspect.signature(gathered).parameters)

    @functools.wraps(function)
    def command(**values: Any) -> Any:
        data = gathered(**{name: values.pop(name) for name in names})
        return function(data=data, **values)

    decorated: Command = command
    # Decorators apply from the bottom up.
    for parameter in reversed(parameters):
        decorated = parameter(decorated)
    return decorated
