"""Starting a classifier from trained models: language models as its encoder, or another classifier."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from textrnn.bundle import Bundle
from textrnn.classifier.model import TextClassifier
from textrnn.classifier.opening import require_whole
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.sizes import has_backward_embedding, weight_shapes
from textrnn.errors import ModelError, UsageError
from textrnn.nn.weights import copy_weights, require_fitting
from textrnn.tokenizers import Tokenizer
from textrnn.training.inheriting import inherited

__all__ = ["SHAPE", "Transfer"]

SHAPE = frozenset(
    {
        *("rnn_type", "hidden_size", "num_layers", "embedding_dim", "layer_norm"),
        *("ngram_order", "ngram_rows", "spelling_rows", "bidirectional", "join_directions"),
        *("pooling", "bag_order", "bag_rows"),
        *("tokenizer", "vocab_size", "min_frequency", "normalization", "spaces"),
    }
)
"""Settings that pass on with a model that another starts from."""

LANGUAGE_MODEL = "language-model"
_PARTS = {
    "embedding.": ("embedding.", "backward_embedding."),
    "recurrent.layers.": ("recurrent.forwards.", "recurrent.backwards."),
    "recurrent.norms.": ("recurrent.forward_norms.", "recurrent.backward_norms."),
}
"""Where a language model's tensors go: read forwards, read backwards."""
_ANSWERING = ("output.", "bag.")
"""Parts whose weights mean something for one set of labels only."""
_NEW = (*_ANSWERING, "pooling.")
"""Parts that may start from nothing."""


@dataclass(frozen=True)
class Transfer:
    """The models that a classifier starts from.

    Attributes:
        parent: A language model, which becomes the forward direction, or a classifier.
        backward: A language model of reversed text, which becomes the backward direction; None for a
            classifier that reads forwards only.
    """

    parent: Bundle
    backward: Bundle | None = None

    @classmethod
    def of(cls, parent: Bundle | None, backward: Bundle | None) -> Transfer | None:
        """Check what the models are for; None without any.

        Raises:
            UsageError: the models do not serve as what they were given for.
        """
        if parent is None:
            if backward is not None:
                raise UsageError(
                    f"--init-from-reverse {backward.path}: it needs --init-from with a model of the same "
                    f"text read forwards"
                )
            return None
        if parent.job not in (LANGUAGE_MODEL, "classifier"):
            raise UsageError(
                f"--init-from {parent.path}: a {parent.job} model; a classifier starts from a language "
                f"model or another classifier"
            )
        if parent.settings.get("reverse"):
            raise UsageError(
                f"--init-from {parent.path}: it was trained on reversed text; give it as "
                f"--init-from-reverse, beside a model of the text read forwards"
            )
        if backward is not None:
            _require_pair(parent, backward)
        return cls(parent, backward)

    @property
    def is_encoder(self) -> bool:
        """Whether an encoder without labels passes on, whose layers are to join in one by one."""
        return self.parent.job == LANGUAGE_MODEL

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer that passes on."""
        return self.parent.tokenizer()

    def inherit(
        self, settings: ClassifierSettings, given: Collection[str] | None
    ) -> ClassifierSettings:
        """Take the shape of the network and the tokens from the parent; refuse contradictions.

        Args:
            settings: Of the new run.
            given: Names of the settings that the user gave, or None.

        Raises:
            UsageError: a setting was given that differs from the parent's.
            ModelError: the parent's settings are not what training writes.
        """
        recorded = dict(self.parent.settings)
        if self.is_encoder:
            recorded |= {
                "bidirectional": self.backward is not None,
                "join_directions": False,
                "spelling_rows": 0,
            }
        else:
            require_whole(self.parent)
        own = {name: recorded[name] for name in SHAPE & recorded.keys()}
        settings = inherited(settings, own, given, self.parent.path, "a classifier")
        if self.is_encoder:
            self._require_encoder(settings)
        return settings

    def _require_encoder(self, settings: ClassifierSettings) -> None:
        """Hold language models against the sizes that they name, before anything is made in these.

        Raises:
            ModelError: weights and settings do not fit.
        """
        pooled = dataclasses.replace(settings, pooling="max", bag_order=0)
        try:
            shapes = weight_shapes(
                pooled,
                self.tokenizer().vocab_size,
                2,
                backward_embedding=self.backward is not None,
            )
            own = {n: shape for n, shape in shapes.items() if not n.startswith(_NEW)}
            require_fitting(self._encoder(), own)
        except ValueError as error:
            raise ModelError(
                f"{self.parent.path}: its weights do not fit its settings: {error}; the model is damaged"
            ) from None

    def _encoder(self) -> dict[str, Tensor]:
        """Return the language models' weights under the classifier's names."""
        weights = _renamed(self.parent, 0)
        if self.backward is not None:
            weights |= _renamed(self.backward, 1)
        return weights

    def fill(self, model: TextClassifier, labels: tuple[str, ...]) -> None:
        """Copy the parent's weights into a new classifier.

        Args:
            model: The classifier.
            labels: Its labels; the output layer of another classifier passes on where they are the same.

        Raises:
            ModelError: the weights do not fit.
        """
        own = model.tensors()
        if self.is_encoder:
            weights = self._encoder()
        else:
            weights = _tensors(self.parent)
            if tuple(self.parent.config.get("labels", ())) != labels:
                weights = {n: t for n, t in weights.items() if not n.startswith(_ANSWERING)}
        new = {n: t for n, t in own.items() if n not in weights and n.startswith(_NEW)}
        weights |= new
        try:
            copy_weights(weights, own)
        except ValueError as error:
            raise ModelError(f"{self.parent.path}: does not fit the settings: {error}") from None

    def record(self) -> dict[str, Any]:
        """Return what ``config.json`` says about where the weights come from."""
        found = {"job": self.parent.job, "weights": _digest(self.parent)}
        if self.backward is not None:
            found["backward"] = _digest(self.backward)
        elif has_backward_embedding(self.parent.tensors()):
            # A classifier whose backward direction has embeddings of its own passes them on.
            found["backward"] = found["weights"]
        return found


def _require_pair(parent: Bundle, backward: Bundle) -> None:
    """Refuse two models that are not of one shape and one tokenizer, in two directions."""
    option = f"--init-from-reverse {backward.path}"
    if parent.job != LANGUAGE_MODEL or backward.job != LANGUAGE_MODEL:
        raise UsageError(f"{option}: both directions take a language model each")
    if not backward.settings.get("reverse"):
        raise UsageError(
            f"{option}: it was trained on text read forwards; train it with textrnn train lm --reverse"
        )
    for name in sorted(SHAPE):
        ahead, back = parent.settings.get(name), backward.settings.get(name)
        if ahead != back:
            raise UsageError(
                f"{option}: its {name} is {back}, and that of {parent.path} {ahead}; both directions need "
                f"the same shape and tokenizer"
            )
    if parent.tokenizer().fingerprint != backward.tokenizer().fingerprint:
        raise UsageError(
            f"{option}: its tokenizer is another than that of {parent.path}; train both on the same text"
        )


def _renamed(language_model: Bundle, direction: int) -> dict[str, Tensor]:
    """Return a language model's embedding and recurrent layers under the classifier's names."""
    found = {}
    for name, tensor in _tensors(language_model).items():
        for begin, places in _PARTS.items():
            if name.startswith(begin):
                found[places[direction] + name.removeprefix(begin)] = tensor
    return found


def _tensors(bundle: Bundle) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in bundle.tensors().items()}


def _digest(bundle: Bundle) -> str:
    digest: str = bundle.config["files"][bundle.config["weights"]]["sha256"]
    return digest
