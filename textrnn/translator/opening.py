"""Opening a translator's model directory: its parts, each checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from textrnn.bundle import Bundle
from textrnn.config import make
from textrnn.errors import ModelError, UsageError
from textrnn.nn.weights import require_fitting
from textrnn.tokenizers import Tokenizer
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.sizes import weight_shapes

if TYPE_CHECKING:
    from textrnn.translator.model import EncoderDecoder

__all__ = [
    "SRC_TOKENIZER",
    "TGT_TOKENIZER",
    "checked_weights",
    "model_of",
    "require_whole",
    "settings_of",
    "tokenizers_of",
]

SRC_TOKENIZER, TGT_TOKENIZER = "src_tokenizer", "tgt_tokenizer"
"""The entries of ``config.json`` that describe the two tokenizers."""


def tokenizers_of(bundle: Bundle) -> tuple[Tokenizer, Tokenizer]:
    """Return the source's and the target's tokenizer; one object where they are the same.

    Raises:
        ModelError: one is missing or damaged.
    """
    for part in (SRC_TOKENIZER, TGT_TOKENIZER):
        if part not in bundle.config:
            raise ModelError(f"{bundle.path}: its {part} is missing; the model is damaged")
    src, tgt = bundle.tokenizer(SRC_TOKENIZER), bundle.tokenizer(TGT_TOKENIZER)
    return src, src if src.fingerprint == tgt.fingerprint else tgt


def settings_of(values: Mapping[str, Any], where: str) -> TranslatorSettings:
    """Return a trained model's recorded settings, checked.

    Args:
        values: The settings by name.
        where: The model's name in messages.

    Raises:
        ModelError: unknown names, values of a wrong type or out of range, or no ``max_length``.
    """
    try:
        settings = make(TranslatorSettings, values, where)
    except UsageError as error:
        raise ModelError(f"{error}; the model is damaged, or of a newer textrnn") from None
    if settings.max_length is None:
        raise ModelError(f"{where}: its settings lack max_length; the model is damaged")
    return settings


def checked_weights(
    bundle: Bundle, settings: TranslatorSettings, src_vocab_size: int, tgt_vocab_size: int
) -> Mapping[str, npt.NDArray[np.float32]]:
    """Return the weights by name, held against the settings before anything is made in their sizes.

    Args:
        bundle: The model.
        settings: As :func:`settings_of` returns them.
        src_vocab_size: Ids of the source's tokenizer.
        tgt_vocab_size: Ids of the target's.

    Raises:
        ModelError: a tensor is missing, too many, or of another shape; or sizes are missing.
    """
    arrays = bundle.tensors()
    try:
        require_fitting(arrays, weight_shapes(settings, src_vocab_size, tgt_vocab_size))
    except ValueError as error:
        raise ModelError(
            f"{bundle.path}: its weights do not fit its settings: {error}; the model is damaged"
        ) from None
    return arrays


def model_of(
    arrays: Mapping[str, npt.NDArray[Any]],
    settings: TranslatorSettings,
    src_vocab_size: int,
    tgt_vocab_size: int,
) -> EncoderDecoder:
    """Return the network in torch with its weights, ready for use.

    Args:
        arrays: As :func:`checked_weights` returns them.
        settings: As :func:`settings_of` returns them.
        src_vocab_size: Ids of the source's tokenizer.
        tgt_vocab_size: Ids of the target's.
    """
    import torch

    from textrnn.translator.model import EncoderDecoder

    model = EncoderDecoder(settings, src_vocab_size, tgt_vocab_size)
    model.load_tensors({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model.eval()


def require_whole(bundle: Bundle) -> TranslatorSettings:
    """Hold settings, weights and tokenizers of a translator against each other; return the settings.

    Raises:
        ModelError: they are not of one model.
    """
    settings = settings_of(bundle.settings, str(bundle.path))
    src, tgt = tokenizers_of(bundle)
    checked_weights(bundle, settings, src.vocab_size, tgt.vocab_size)
    return settings
