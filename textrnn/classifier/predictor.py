"""A trained classifier in use: what ``textrnn.load`` returns for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from textrnn.bundle import Bundle
from textrnn.classifier.engines import ChosenEngine, Engine, LightEngine
from textrnn.classifier.explanation import Explanation, explain
from textrnn.classifier.light import LightClassifier
from textrnn.classifier.opening import (
    bag_share_of,
    checked_weights,
    labels_of,
    model_of,
    settings_of,
    temperature_of,
)
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.sizes import recurrent_weights
from textrnn.classifier.truncation import cut
from textrnn.config import as_dict
from textrnn.data.cleaning import clean
from textrnn.errors import ModelError, UsageError
from textrnn.processors import require_threads
from textrnn.tokenizers.base import BOS_ID, EOS_ID, Ids, Tokenizer
from textrnn.training.inference import checked_texts

if TYPE_CHECKING:
    from textrnn.classifier.engine import TorchEngine

__all__ = ["BATCH_SIZE", "CHARACTERS_PER_TOKEN", "UNSURE", "Classifier", "Prediction"]

UNSURE = "unsure"
"""Stands for the label where no label is probable enough."""

BATCH_SIZE = 512
"""Texts that the network reads at a time, at most."""

CHARACTERS_PER_TOKEN = 64
"""Of a text of more than so many characters for every token that is read, the ends alone are encoded."""

_TEXTS_AT_ONCE = 1 << 13
"""Texts that are encoded before they are read, among which those of like length are put together."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of a text.

    Attributes:
        label: The most probable label; ``unsure`` where it is not probable enough; None for a blank text.
        probability: Of the most probable label, from 0 to 1; None for a blank text.
        probabilities: Of every label, summing to 1, in the order of ``Classifier.labels``; empty for a
            blank text.
        text: The text as it was given.
    """

    label: str | None
    probability: float | None
    probabilities: Mapping[str, float]
    text: str


@dataclass(frozen=True)
class _Parts:
    """What a network is made of, without torch or in it; arguments as for :class:`Classifier`."""

    weights: Mapping[str, Floats]
    settings: ClassifierSettings
    tokenizer: Tokenizer
    num_labels: int
    device: str
    precision: str
    threads: int | None

    def light(self) -> LightEngine:
        """Make the network without torch."""
        return LightEngine(LightClassifier(self.weights, self.settings, self.tokenizer))

    def in_torch(self) -> TorchEngine:
        """Load torch and the network in it."""
        from textrnn.classifier.engine import TorchEngine
        from textrnn.training.device import pick_device, use_threads

        use_threads(self.threads)
        # Before the network, which is of no use where there is no such device.
        device = pick_device(self.device)
        model = model_of(self.weights, self.settings, self.tokenizer, self.num_labels)
        return TorchEngine(model, device, self.precision)


class Classifier:
    """Tells which of a few labels a text has, and how probable each is.

    What else is in the batch changes a probability by no more than the last digits of float32 arithmetic,
    less than 0.00001. Probabilities are calibrated by the temperature that training found on its
    validation data.

    Args:
        bundle: An opened model directory of a classifier.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``float32``, which ``auto`` means too, or ``bf16``, which is faster on some devices and
            changes probabilities by up to a few hundredths.
        threads: CPU threads of torch; None takes all processors. What is answered without it takes one.
        batch_size: Texts that the network reads at a time, at most; changes no answer.

    Attributes:
        labels: The labels, in the order of the columns of :meth:`probabilities`.
        temperature: What logits are divided by before the softmax.
        bag_share: The share of the bag of n-grams in an answer, from 0 to 1; the network's is the rest.

    Raises:
        ModelError: the model's settings are wrong, or its files do not fit together.
        UsageError, DeviceError: an unknown or missing device, a wrong precision.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        *,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        if precision not in ("auto", "float32", "bf16"):
            raise UsageError(f"precision is {precision!r}; it must be one of auto, float32, bf16")
        require_threads(threads)
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}; it must be at least 1")
        self._bundle = bundle
        where = str(bundle.path)
        self.labels = labels_of(bundle.config, where)
        self.temperature = temperature_of(bundle.config, where)
        self.bag_share = bag_share_of(bundle.config, where)
        self._settings = settings_of(bundle.settings, where)
        self._max_length = self._settings.max_length or 2
        self._tokenizer = bundle.tokenizer()
        self._batch_size = batch_size
        parts = _Parts(
            weights=checked_weights(
                bundle, self._settings, self._tokenizer.vocab_size, len(self.labels)
            ),
            settings=self._settings,
            tokenizer=self._tokenizer,
            num_labels=len(self.labels),
            device=device,
            # No GPU may round what float32 was asked for, nor is bf16 taken unless asked for.
            precision="bf16" if precision == "bf16" else "float32",
            threads=threads,
        )
        self._engine: Engine
        if parts.precision == "float32" and device in ("auto", "cpu"):
            multiplied = recurrent_weights(parts.weights)
            self._engine = ChosenEngine(parts.light, parts.in_torch, multiplied)
        else:
            self._engine = parts.in_torch()

    @property
    def path(self) -> Path:
        """The model directory."""
        return self._bundle.path

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting of the run that made the model."""
        return as_dict(self._settings)

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's tokenizer."""
        return self._tokenizer

    @property
    def device(self) -> str:
        """Where the model computes: a torch device's name; ``cpu`` before torch is needed."""
        return self._engine.device

    def classify(self, texts: Iterable[str], min_confidence: float = 0.0) -> list[Prediction]:
        """Return a prediction for every text, in their order.

        Args:
            texts: The texts; a blank one has no label. A single text goes into a list too.
            min_confidence: Below this probability, from 0 to 1, the label is ``unsure``.

        Raises:
            TypeError: ``texts`` is a string, or holds something else than strings.
            UsageError: ``min_confidence`` is out of range, or ``unsure`` is one of the model's labels.
            ModelError: the weights make no number of a text.
        """
        self._check_confidence(min_confidence)
        given = checked_texts(texts)
        cleaned = list(map(self._cleaned, given))
        places = [place for place, text in enumerate(cleaned) if text and not text.isspace()]
        rows = self._scored([cleaned[place] for place in places])
        answers = [Prediction(None, None, {}, text) for text in given]
        for place, row, best in zip(places, rows, rows.argmax(1).tolist(), strict=True):
            probability = float(row[best])
            label = self.labels[best] if probability >= min_confidence else UNSURE
            each = dict(zip(self.labels, row.tolist(), strict=True))
            answers[place] = Prediction(label, probability, each, given[place])
        return answers

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return every label's probability for every text, (texts, labels), each row summing to 1.

        Raises:
            TypeError: ``texts`` is a string, or holds something else than strings.
            ModelError: the weights make no number of a text.
        """
        return self._scored(list(map(self._cleaned, checked_texts(texts))))

    def explain(self, texts: Iterable[str]) -> list[Explanation | None]:
        """Return which words moved the decision on each text, as :mod:`textrnn.classifier.explanation`.

        A text takes as long as up to 129 texts do to classify; one without words gets None.

        Raises:
            TypeError: ``texts`` is a string, or holds something else than strings.
        """
        return explain(self, checked_texts(texts))

    def read_ranges(self, length: int) -> list[tuple[int, int]]:
        """Return which characters of a text of ``length`` are encoded: all, but of very long texts.

        Returns:
            One range, or head and tail, as start and end, exclusive.
        """
        most = CHARACTERS_PER_TOKEN * self._max_length
        keep = self._settings.keep
        if length <= (2 * most if keep == "both" else most):
            return [(0, length)]
        head, tail = (0, most), (length - most, length)
        return {"head": [head], "tail": [tail], "both": [head, tail]}[keep]

    def tokens(self, text: str) -> int:
        """Return how many tokens a text is cut into before any is left out."""
        return len(self._tokenizer.encode(clean(text)))

    @property
    def read_tokens(self) -> tuple[int, int]:
        """How many tokens of a long text are read at its head and at its tail."""
        most = self._max_length
        # <bos> stands at the head, <eos> at the tail; what is cut off takes its own with it.
        ends = {"head": (most - 1, 0), "tail": (0, most - 1)}
        return ends.get(self._settings.keep, (most - most // 2 - 1, max(0, most // 2 - 1)))

    def _check_confidence(self, min_confidence: float) -> None:
        if not 0 <= min_confidence <= 1:
            raise UsageError(f"min_confidence is {min_confidence}; it must be from 0 to 1")
        if min_confidence > 0 and UNSURE in self.labels:
            raise UsageError(
                f"min_confidence: {UNSURE!r} is one of this model's own labels, so that nobody could tell "
                "which is meant; use the probabilities instead"
            )

    def _cleaned(self, text: str) -> str:
        ranges = self.read_ranges(len(text))
        return str(clean("\n".join(text[low:high] for low, high in ranges)))

    def _encoded(self, text: str) -> Ids:
        inner = self._tokenizer.encode(text)
        ids = np.empty(len(inner) + 2, np.int32)
        ids[0], ids[1:-1], ids[-1] = BOS_ID, inner, EOS_ID
        return np.asarray(cut(ids, self._max_length, self._settings.keep), np.int32)

    def _scored(self, cleaned: Sequence[str]) -> Floats:
        rows = np.empty((len(cleaned), len(self.labels)), np.float32)
        for low in range(0, len(cleaned), _TEXTS_AT_ONCE):
            ids = list(map(self._encoded, cleaned[low : low + _TEXTS_AT_ONCE]))
            rows[low : low + len(ids)] = self._engine.logits(ids, self.bag_share, self._batch_size)
        with np.errstate(all="ignore"):
            rows /= self.temperature
            rows -= rows.max(axis=1, keepdims=True)
            np.exp(rows, out=rows)
            rows /= rows.sum(axis=1, keepdims=True)
        if not np.isfinite(rows).all():
            raise ModelError(f"{self.path}: its weights make no number of a text; train it again")
        return rows
