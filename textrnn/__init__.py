"""Recurrent networks for text: language models, classifiers, translators; trained, used, measured.

    import textrnn

    lm = textrnn.train_language_model("book.txt", "book-lm", minutes=3)
    print("It was" + lm.generate("It was", temperature=0.8))

    clf = textrnn.train_classifier("reviews.csv", "reviews-clf")
    print(clf.classify(["A lovely film."])[0].label)

    mt = textrnn.train_translator("pairs.tsv", "pairs-mt", minutes=10)
    print(mt.translate(["Ein Hund schläft."])[0].translation)

    lm, clf, mt = map(textrnn.load, ("book-lm", "reviews-clf", "pairs-mt"))

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
    from textrnn.bundle import Bundle
    from textrnn.classifier.predictor import Classifier
    from textrnn.language_model.generator import LanguageModel
    from textrnn.training.events import Event
    from textrnn.training.run import PreparedRun
    from textrnn.translator.predictor import Translator

    Inputs = str | Path | Sequence[str | Path]

__all__ = [
    "TextrnnError",
    "__version__",
    "load",
    "train_classifier",
    "train_language_model",
    "train_translator",
]


def load(
    path: str | Path,
    device: str = "auto",
    *,
    precision: str = "auto",
    threads: int | None = None,
) -> LanguageModel | Classifier | Translator:
    """Open a trained model: what comes back is of its job.

    Args:
        path: The model directory.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``float32``, which ``auto`` means too, or ``bf16``; for language models on CPUs also
            ``int8``.
        threads: CPU threads of this process; None leaves the choice to the model.

    Raises:
        ModelError: no model there, damaged, of a newer format, or of a job that is not known.
        UsageError: a precision that models of its job do not have; fewer than one thread.
        DeviceError: no such device.
    """
    from textrnn.bundle import open_bundle
    from textrnn.errors import ModelError
    from textrnn.jobs import JOBS

    bundle = open_bundle(path)
    if bundle.job not in JOBS:
        raise ModelError(f"{path} is a {bundle.job} model, which this version does not know")
    model = JOBS[bundle.job].model()(bundle, device=device, precision=precision, threads=threads)
    return typing.cast("LanguageModel | Classifier | Translator", model)


def train_language_model(
    inputs: Inputs,
    output: str | Path,
    *,
    valid: Inputs = (),
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
    from textrnn.language_model.generator import LanguageModel
    from textrnn.language_model.settings import LanguageModelSettings
    from textrnn.language_model.training import prepare_run

    run = prepare_run(
        _names(inputs),
        _new(output),
        make(LanguageModelSettings, settings),
        valid_inputs=_names(valid),
        init_from=Path(init_from) if init_from else None,
        given=frozenset(settings),
    )
    return LanguageModel(_trained(run, on_event))


def train_classifier(
    inputs: Inputs,
    output: str | Path,
    *,
    valid: Inputs = (),
    test: Inputs = (),
    init_from: str | Path | None = None,
    init_from_reverse: str | Path | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    **settings: typing.Any,
) -> Classifier:
    """Train a classifier and return it.

    Args:
        inputs: A table of labelled texts, a folder with a folder for each label, a data set, or several.
        output: The model directory to make; it must not exist or be empty.
        valid: Validation examples; none takes a tenth of the inputs' rows.
        test: Test examples, looked at once, at the end.
        init_from: A language model that becomes the encoder, or a classifier.
        init_from_reverse: A language model of reversed text, for the backward direction.
        on_event: Is called with every event (``textrnn.training.events``).
        **settings: As ``ClassifierSettings`` names them: ``minutes=3``, ``pooling="max"``, …

    Raises:
        UsageError: an unknown setting, a wrong value, or an output that exists.
        TextrnnError: whatever else a command would report in a line.
    """
    from textrnn.classifier.predictor import Classifier
    from textrnn.classifier.settings import ClassifierSettings
    from textrnn.classifier.training import prepare_run
    from textrnn.config import make

    run = prepare_run(
        _names(inputs),
        _new(output),
        make(ClassifierSettings, settings),
        valid_inputs=_names(valid),
        test_inputs=_names(test),
        init_from=Path(init_from) if init_from else None,
        given=frozenset(settings),
        init_from_reverse=Path(init_from_reverse) if init_from_reverse else None,
    )
    return Classifier(_trained(run, on_event))


def train_translator(
    inputs: Inputs,
    output: str | Path,
    *,
    src: Inputs = (),
    tgt: Inputs = (),
    valid: Inputs = (),
    valid_src: Inputs = (),
    valid_tgt: Inputs = (),
    init_from: str | Path | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    **settings: typing.Any,
) -> Translator:
    """Train a translator and return it.

    Args:
        inputs: A table of pairs, a data set, or several; ``()`` where ``src`` and ``tgt`` name files.
        output: The model directory to make; it must not exist or be empty.
        src: Files of texts to translate from, one a line.
        tgt: As many files, line by line what becomes of them.
        valid: Validation pairs, as ``inputs`` are; without any validation data one in twenty pairs.
        valid_src: Files of validation texts, one a line.
        valid_tgt: As many files, line by line what becomes of them.
        init_from: A translator to start from.
        on_event: Is called with every event (``textrnn.training.events``).
        **settings: As ``TranslatorSettings`` names them: ``minutes=10``, ``joint_vocabulary=True``, …

    Raises:
        UsageError: an unknown setting, a wrong value, or an output that exists.
        TextrnnError: whatever else a command would report in a line.
    """
    from textrnn.config import make
    from textrnn.translator.predictor import Translator
    from textrnn.translator.settings import TranslatorSettings
    from textrnn.translator.training import prepare_run

    run = prepare_run(
        _names(inputs),
        _new(output),
        make(TranslatorSettings, settings),
        src_inputs=_names(src),
        tgt_inputs=_names(tgt),
        valid_inputs=_names(valid),
        valid_src=_names(valid_src),
        valid_tgt=_names(valid_tgt),
        init_from=Path(init_from) if init_from else None,
        given=frozenset(settings),
    )
    return Translator(_trained(run, on_event))


def _names(inputs: Inputs) -> list[str]:
    given = [inputs] if isinstance(inputs, (str, Path)) else inputs
    return [str(name) for name in given]


def _new(output: str | Path) -> Path:
    """Return the directory of a model to be made."""
    from textrnn.errors import UsageError

    path = Path(output)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} exists already; choose another output")
    return path


def _trained(run: PreparedRun, on_event: Callable[[Event], None]) -> Bundle:
    """Train to the end and open the model."""
    from textrnn.bundle import open_bundle

    for event in run.events():
        on_event(event)
    return open_bundle(run.path)
