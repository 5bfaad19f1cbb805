"""Recurrent networks for text: train, sample and evaluate language models.

    import textrnn

    lm = textrnn.train_language_model("book.txt", "book-lm", minutes=3)
    print("It was" + lm.generate("It was", temperature=0.8))

    lm = textrnn.load("book-lm")

The same settings serve Python, the command line and settings files; ``textrnn train lm --help`` lists
them. Errors that have a cause outside the program are ``textrnn.TextrnnError``.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from pathlib import Path

from textrnn._version import __version__
from textrnn.errors import TextrnnError

if typing.TYPE_CHECKING:
    from textrnn.language_model.generator import LanguageModel
    from textrnn.training.events import Event

__all__ = ["TextrnnError", "__version__", "load", "train_language_model"]


def load(path: str | Path, device: str = "auto") -> LanguageModel:
    """Open a trained model.

    Args:
        path: The model directory.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        ModelError: no model there, damaged, or of a newer format.
        DeviceError: no such device.
    """
    from textrnn.bundle import open_bundle
    from textrnn.language_model.generator import LanguageModel

    return LanguageModel(open_bundle(path, "language-model"), device=device)


def train_language_model(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    valid: Sequence[str | Path] = (),
    init_from: str | Path | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    **settings: typing.Any,
) -> LanguageModel:
    """Train a language model and return it.

    Args:
        inputs: A file or folder, or several.
        output: The model directory to make; it must not exist or be empty.
        valid: Validation texts; none takes the last tenth of each input.
        init_from: A trained model to start from.
        on_event: Is called with every event (``textrnn.training.events``).
        **settings: As ``LanguageModelSettings`` names them: ``minutes=3``, ``hidden_size=512``, …

    Raises:
        UsageError: an unknown setting, a wrong value, or an output that exists.
        TextrnnError: whatever else a command would report in a line.
    """
    from textrnn.config import make
    from textrnn.errors import UsageError
    from textrnn.language_model.settings import LanguageModelSettings
    from textrnn.language_model.training import prepare_run

    given = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    output = Path(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} exists already; choose another output")
    run = prepare_run(
        [str(name) for name in given],
        output,
        make(LanguageModelSettings, settings),
        valid_inputs=[str(name) for name in valid],
        init_from=Path(init_from) if init_from else None,
    )
    for event in run.events():
        on_event(event)
    return load(output)
