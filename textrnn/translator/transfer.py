"""Going on from a trained translator with new pairs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch

from textrnn.bundle import Bundle
from textrnn.errors import ModelError, UsageError
from textrnn.nn.weights import copy_weights
from textrnn.tokenizers import Tokenizer
from textrnn.training.inheriting import inherited
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.opening import require_whole, tokenizers_of
from textrnn.translator.settings import TranslatorSettings

__all__ = ["SHAPE", "Transfer"]

SHAPE = frozenset(
    {
        *("rnn_type", "hidden_size", "num_layers", "encoder_layers", "embedding_dim", "layer_norm"),
        *("bidirectional", "attention", "input_feeding", "bridge", "tie_weights"),
        *("ngram_order", "ngram_rows", "joint_vocabulary"),
        *("tokenizer", "vocab_size", "min_frequency", "normalization", "spaces"),
    }
)
"""Settings that pass on with a model that another starts from."""


@dataclass(frozen=True)
class Transfer:
    """The translator that another starts from.

    Attributes:
        parent: Its bundle.
    """

    parent: Bundle

    @classmethod
    def of(cls, parent: Bundle | None) -> Transfer | None:
        """Check what the model is for; None without one.

        Raises:
            UsageError: it is no translator.
        """
        if parent is None:
            return None
        if parent.job != "translator":
            raise UsageError(
                f"--init-from {parent.path}: a {parent.job} model; a translator starts from another "
                f"translator"
            )
        return cls(parent)

    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """Return the tokenizers of both sides, which pass on."""
        return tokenizers_of(self.parent)

    def inherit(
        self, settings: TranslatorSettings, given: Collection[str] | None
    ) -> TranslatorSettings:
        """Take the shape of the network and the tokens from the parent; refuse contradictions.

        Args:
            settings: Of the new run.
            given: Names of the settings that the user gave, or None.

        Raises:
            UsageError: a setting was given that differs from the parent's.
            ModelError: the parent's settings are not what training writes.
        """
        require_whole(self.parent)
        own = {name: self.parent.settings[name] for name in SHAPE & self.parent.settings.keys()}
        return inherited(settings, own, given, self.parent.path, "a translator")

    def fill(self, model: EncoderDecoder) -> None:
        """Copy the parent's weights into a new translator.

        Raises:
            ModelError: they do not fit.
        """
        weights = {name: torch.from_numpy(a) for name, a in self.parent.tensors().items()}
        try:
            copy_weights(weights, model.tensors())
        except ValueError as error:
            raise ModelError(f"{self.parent.path}: does not fit the settings: {error}") from None

    def record(self) -> dict[str, Any]:
        """Return what ``config.json`` says about where the weights come from."""
        config = self.parent.config
        return {"job": self.parent.job, "weights": config["files"][config["weights"]]["sha256"]}
