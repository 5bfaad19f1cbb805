"""Classification as a task of the one training loop."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from textrnn.classifier.batches import ExampleBatch, evaluation_batches, training_batches
from textrnn.classifier.calibration import (
    EVEN_SHARE,
    expected_calibration_error,
    fit_bag_share,
    fit_temperature,
)
from textrnn.classifier.model import TextClassifier, combined
from textrnn.classifier.settings import ClassifierSettings
from textrnn.data.examples import ExampleCorpus, ExampleStore
from textrnn.metrics import macro_f1
from textrnn.nn.dropout import MaskSource
from textrnn.training.interval import loss_fault
from textrnn.training.task import State, StepOutput

__all__ = ["ClassifierTask", "class_weights", "training_loss"]

_ORDER = 1
"""Key of the random order of texts, beside the seed and the epoch."""
_MOST_LOSS = 20.0
"""Nats per text beyond any that over-fitting or a wrong label has; a diverging net passes it at once."""


def class_weights(corpus: ExampleCorpus, kind: str) -> list[float] | None:
    """Return the weight of each label in the loss, 1 on average over the training rows.

    Args:
        corpus: Training rows and labels.
        kind: ``none``, or ``balanced``, with which all labels weigh alike.
    """
    if kind == "none":
        return None
    counts = np.bincount(np.asarray(corpus.train.labels), minlength=len(corpus.labels))
    weights: list[float] = (counts.sum() / (len(counts) * np.maximum(counts, 1))).tolist()
    return weights


def training_loss(
    model: TextClassifier,
    settings: ClassifierSettings,
    ids: Tensor,
    lengths: Tensor,
    labels: Tensor,
    masks: MaskSource,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what a batch is to be trained for.

    Args:
        model: The network.
        settings: Resolved settings.
        ids: (batch, time), int64.
        lengths: (batch,), int64.
        labels: (batch,), int64.
        masks: Source of dropout masks.
        weights: Weight of each label, (labels,), or None.

    Returns:
        The loss summed over the texts, with a graph, and how many were answered right.
    """
    experts = model.experts(ids, lengths, masks)
    loss = torch.zeros((), device=ids.device)
    for scores in experts:
        each = functional.cross_entropy(
            scores, labels, label_smoothing=settings.label_smoothing, reduction="none"
        )
        # A row weighs as its own label does; weights inside the smoothing would make rare labels likely.
        loss = loss + (each if weights is None else each * weights[labels]).sum()
    right = (combined(experts).detach().argmax(-1) == labels).sum()
    return loss / len(experts), right


class ClassifierTask:
    """One label for each text.

    Args:
        model: The network, on its device.
        settings: Resolved settings.
        corpus: Training, validation and test examples.
        is_transferred: Whether the encoder comes from a language model, whose layers then join the
            training one by one.
    """

    job = "classifier"

    def __init__(
        self,
        model: TextClassifier,
        settings: ClassifierSettings,
        corpus: ExampleCorpus,
        *,
        is_transferred: bool = False,
    ) -> None:
        self.model = model
        self.metric = f"valid_{settings.select}"
        self.maximize = settings.select != "loss"
        self.most_loss = max(_MOST_LOSS, 4 * math.log(len(corpus.labels)))
        self._settings = settings
        self._corpus = corpus
        self._is_transferred = is_transferred
        self._device = model.output.bias.device
        self._max_length = settings.max_length or 1
        weights = class_weights(corpus, settings.class_weights)
        self._weights = None if weights is None else torch.tensor(weights, device=self._device)

    def batches(self, epoch: int, start: int) -> Iterator[ExampleBatch]:
        """Yield the batches of an epoch; see ``textrnn.training.task.Task``."""
        s = self._settings
        rng = np.random.default_rng([s.seed, _ORDER, epoch])
        size = s.batch_size or 1
        return training_batches(self._corpus.train, size, self._max_length, s.keep, rng, start)

    def batches_per_epoch(self) -> int:
        """Return the number of batches of an epoch."""
        return max(1, -(-len(self._corpus.train.labels) // (self._settings.batch_size or 1)))

    def start(self, rows: int) -> State:  # noqa: ARG002
        """Return nothing: nothing is carried."""
        return {}

    def step(self, batch: ExampleBatch, state: State | None, masks: MaskSource) -> StepOutput:  # noqa: ARG002
        """Run a batch forward."""
        moved = batch.to(self._device)
        loss, right = training_loss(
            self.model,
            self._settings,
            moved.ids,
            moved.lengths,
            moved.labels,
            masks,
            self._weights,
        )
        return StepOutput(loss, totals={"right": right})

    def split(
        self, batch: ExampleBatch, state: State | None, parts: int
    ) -> list[tuple[ExampleBatch, State | None]]:
        """Cut a batch by rows."""
        rows = np.array_split(np.arange(batch.num_targets), min(parts, batch.num_targets))
        return [(batch.rows(int(part[0]), int(part[-1]) + 1), state) for part in rows]

    def join(self, states: list[State]) -> State:
        """Return the one state there is: none."""
        return states[0]

    def evaluate(self, most_targets: int | None) -> dict[str, float | None]:
        """Return ``valid_loss``, ``_accuracy``, ``_macro_f1`` and ``_ece``, ``temperature``, ``bag_share``.

        ``bag_share`` is how much of an answer the bag gives, ``temperature`` what the logits are to be
        divided by for probabilities that one can trust. All figures are of the rows that these two were
        fitted to, and so a little flattering. All None without validation data, the share without a bag too.
        """
        if not len(self._corpus.valid.labels):
            names = ("loss", "accuracy", "macro_f1", "ece")
            found = {f"valid_{name}": None for name in names}
            return {**found, "temperature": None, "bag_share": None}
        experts, labels = self._answers(self._corpus.valid, most_targets)
        share: float | None = None
        if len(experts) > 1:
            network, bag = (scores.log_softmax(-1).numpy() for scores in experts)
            share = fit_bag_share(network, bag, labels)
        logits = _pooled(experts, share)
        temperature = fit_temperature(logits, labels)
        error = _calibration_error(logits / temperature, labels)
        figures = {**_figures(logits, labels), "ece": error}
        named = {f"valid_{name}": value for name, value in figures.items()}
        return {**named, "temperature": temperature, "bag_share": share}

    def fault(self, metrics: Mapping[str, float | None]) -> str | None:
        """Return what is wrong where the validation loss exploded or is not finite, or None."""
        loss = metrics["valid_loss"]
        return None if loss is None else loss_fault(loss, self.most_loss)

    def train_metrics(self, means: Mapping[str, float]) -> dict[str, float]:
        """Return the share of right answers in training, under dropout."""
        return {"train_accuracy": means["right"]} if "right" in means else {}

    def group(self, name: str) -> str:
        """Return how far below the output layer a parameter lies, where that matters."""
        if not self._is_transferred:
            return ""
        part, _, rest = name.partition(".")
        layers = self._settings.num_layers or 1
        if part == "recurrent":
            return str(layers - int(rest.split(".")[1]))
        return str(layers + 1) if part.endswith("embedding") else "0"

    def rate_share(self, group: str, progress: float) -> float:
        """Return the rate of a layer: less the deeper it lies, nothing before its turn.

        Discriminative rates and gradual unfreezing as in Howard and Ruder 2018, sections 3.2 and 3.3, the
        turns spread over a share of the training instead of an epoch each.
        """
        if not group:
            return 1.0
        depth, s = int(group), self._settings
        turn = s.unfreeze_share * depth / ((s.num_layers or 1) + 1)
        return s.layer_decay**depth if progress >= turn else 0.0

    def conclude(self, metrics: Mapping[str, float | None]) -> dict[str, float | None]:
        """Return loss, accuracy, macro F1 and calibration error on the test part, where there is one.

        Named ``test_…``; loss and calibration error are of probabilities at the temperature that the
        validation data asked for, as ``evaluate`` gives them.
        """
        if not len(self._corpus.test.labels):
            return {}
        experts, labels = self._answers(self._corpus.test, None)
        logits = _pooled(experts, metrics.get("bag_share"))
        calibrated = logits / (metrics.get("temperature") or 1.0)
        figures = {**_figures(calibrated, labels), "ece": _calibration_error(calibrated, labels)}
        return {f"test_{name}": value for name, value in figures.items()}

    def sample(self, step: int) -> str | None:  # noqa: ARG002
        """Return nothing: the figures show what the model has learned."""
        return None

    def _answers(
        self, store: ExampleStore, most: int | None
    ) -> tuple[list[Tensor], np.ndarray[tuple[int], np.dtype[np.int64]]]:
        """Return each expert's logits, (rows, labels), and the right labels of a part's texts."""
        found: list[list[Tensor]] = []
        labels: list[Tensor] = []
        for batch in evaluation_batches(store, self._max_length, self._settings.keep, most):
            moved = batch.to(self._device)
            scores = self.model.experts(moved.ids, moved.lengths)
            found.append([each.detach() for each in scores])
            labels.append(batch.labels)
        # Moved at once: each move waits for a GPU.
        experts = [torch.cat(batches).cpu() for batches in zip(*found, strict=True)]
        return experts, torch.cat(labels).numpy()


def _pooled(experts: Sequence[Tensor], share: float | None) -> np.ndarray:
    return combined(experts, EVEN_SHARE if share is None else share).numpy()


def _calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    probabilities = functional.softmax(torch.from_numpy(logits), -1).numpy()
    return expected_calibration_error(probabilities, labels)


def _figures(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return loss in nats per text, accuracy and macro F1."""
    scores = torch.from_numpy(logits)
    loss = functional.cross_entropy(scores, torch.from_numpy(labels)).item()
    predicted = logits.argmax(-1)
    return {
        "loss": loss,
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": macro_f1(labels, predicted, logits.shape[1]),
    }
