"""Opening a classifier's model directory: its parts, each checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from textrnn.bundle import Bundle
from textrnn.classifier.calibration import EVEN_SHARE
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.sizes import has_backward_embedding, weight_shapes
from textrnn.config import make
from textrnn.errors import ModelError, UsageError
from textrnn.nn.weights import require_fitting
from textrnn.tokenizers import Tokenizer

if TYPE_CHECKING:
    from textrnn.classifier.model import TextClassifier

__all__ = [
    "bag_share_of",
    "checked_weights",
    "labels_of",
    "model_of",
    "require_whole",
    "settings_of",
    "temperature_of",
]

_HOTTEST = 1e6
"""Beyond any temperature that training finds."""


def labels_of(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Return the labels that ``config.json`` lists.

    Args:
        config: The whole of ``config.json``.
        where: The model's name in messages.

    Raises:
        ModelError: there is no list of distinct labels.
    """
    labels = config.get("labels")
    if (
        not isinstance(labels, list)
        or not labels
        or not all(isinstance(label, str) for label in labels)
        or len(set(labels)) < len(labels)
    ):
        raise ModelError(f"{where}: its list of labels is missing or wrong; the model is damaged")
    return tuple(labels)


def _metric(config: Mapping[str, Any], name: str) -> Any:
    """Return what training recorded under a name, None where it recorded nothing."""
    metrics = config.get("training", {}).get("metrics")
    return metrics.get(name) if isinstance(metrics, dict) else None


def bag_share_of(config: Mapping[str, Any], where: str) -> float:
    """Return the bag's share of an answer, from 0 to 1: even where training had nothing to find it on.

    Raises:
        ModelError: it is no such number.
    """
    value = _metric(config, "bag_share")
    if value is None:
        return EVEN_SHARE
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ModelError(f"{where}: its bag's share is {value!r}; the model is damaged")
    return float(value)


def temperature_of(config: Mapping[str, Any], where: str) -> float:
    """Return what logits are to be divided by, above 0: 1 where training had nothing to find it on.

    Raises:
        ModelError: it is no such number.
    """
    value = _metric(config, "temperature")
    if value is None:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ModelError(f"{where}: its temperature is {value!r}; the model is damaged")
    if not 0 < value < _HOTTEST:
        raise ModelError(f"{where}: its temperature is {value}; the model is damaged")
    return float(value)


def settings_of(values: Mapping[str, Any], where: str) -> ClassifierSettings:
    """Return a trained model's recorded settings, checked.

    Raises:
        ModelError: unknown names, values of a wrong type or out of range, or no ``max_length``.
    """
    try:
        settings = make(ClassifierSettings, values, where)
    except UsageError as error:
        raise ModelError(f"{error}; the model is damaged, or of a newer textrnn") from None
    if settings.max_length is None:
        raise ModelError(f"{where}: its settings lack max_length; the model is damaged")
    return settings


def checked_weights(
    bundle: Bundle, settings: ClassifierSettings, vocab_size: int, num_labels: int
) -> Mapping[str, npt.NDArray[np.float32]]:
    """Return the weights by name, held against the settings before anything is made in their sizes.

    Args:
        bundle: The model.
        settings: As :func:`settings_of` returns them.
        vocab_size: Number of ids.
        num_labels: Number of labels.

    Raises:
        ModelError: a tensor is missing, too many, or of another shape; or sizes are missing.
    """
    arrays = bundle.tensors()
    has_own = has_backward_embedding(arrays)
    try:
        shapes = weight_shapes(settings, vocab_size, num_labels, backward_embedding=has_own)
        require_fitting(arrays, shapes)
    except ValueError as error:
        raise ModelError(
            f"{bundle.path}: its weights do not fit its settings: {error}; the model is damaged"
        ) from None
    return arrays


def model_of(
    arrays: Mapping[str, npt.NDArray[Any]],
    settings: ClassifierSettings,
    tokenizer: Tokenizer,
    num_labels: int,
) -> TextClassifier:
    """Return the network in torch with its weights, ready for use.

    Args:
        arrays: As :func:`checked_weights` returns them.
        settings: As :func:`settings_of` returns them.
        tokenizer: What makes the ids.
        num_labels: Number of labels.
    """
    import torch

    from textrnn.classifier.model import TextClassifier

    # Nothing on the meta device takes memory until the weights take its place.
    with torch.device("meta"):
        model = TextClassifier(
            settings, tokenizer, num_labels, backward_embedding=has_backward_embedding(arrays)
        )
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def require_whole(bundle: Bundle) -> ClassifierSettings:
    """Hold settings, labels, weights and tokenizer of a classifier against each other; return the settings.

    Raises:
        ModelError: they are not of one model.
    """
    where = str(bundle.path)
    settings = settings_of(bundle.settings, where)
    labels = labels_of(bundle.config, where)
    checked_weights(bundle, settings, bundle.tokenizer().vocab_size, len(labels))
    return settings
