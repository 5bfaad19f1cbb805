"""Opening a translator's model directory: its parts, each checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch

from textrnn.bundle import Bundle
from textrnn.config import make
from textrnn.errors import ModelError, UsageError
from textrnn.nn.weights import require_fitting, shapes_of
from textrnn.tokenizers import Tokenizer
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.settings import TranslatorSettings

__all__ = [
    "SRC_TOKENIZER",
    "TGT_TOKENIZER",
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


def model_of(
    arrays: Mapping[str, npt.NDArray[Any]],
    settings: TranslatorSettings,
    src_vocab_size: int,
    tgt_vocab_size: int,
    where: str,
) -> EncoderDecoder:
    """Return the network with its weights, ready for use.

    The weights are held against the settings before anything is made in the sizes that these name.

    Args:
        arrays: Weights by name.
        settings: As :func:`settings_of` returns them.
        src_vocab_size: Ids of the source's tokenizer.
        tgt_vocab_size: Ids of the target's.
        where: The model's name in messages.

    Raises:
        ModelError: a tensor is missing, too many, or of another shape; or sizes are missing.
    """
    _require_fitting(arrays, settings, src_vocab_size, tgt_vocab_size, where)
    model = EncoderDecoder(settings, src_vocab_size, tgt_vocab_size)
    model.load_tensors({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model.eval()


def require_whole(bundle: Bundle) -> TranslatorSettings:
    """Hold settings, weights and tokenizers of a translator against each other; return the settings.

    Raises:
        ModelError: they are not of one model.
    """
    where = str(bundle.path)
    settings = settings_of(bundle.settings, where)
    src, tgt = tokenizers_of(bundle)
    _require_fitting(bundle.tensors(), settings, src.vocab_size, tgt.vocab_size, where)
    return settings


def _require_fitting(
    arrays: Mapping[str, npt.NDArray[Any]],
    settings: TranslatorSettings,
    src_vocab_size: int,
    tgt_vocab_size: int,
    where: str,
) -> None:
    """Hold weights against the sizes that settings name; arguments as for :func:`model_of`."""
    try:
        # Nothing on the meta device takes memory, whatever its size.
        with torch.device("meta"):
            sketch = EncoderDecoder(settings, src_vocab_size, tgt_vocab_size)
        require_fitting(arrays, shapes_of(sketch.tensors()))
    except (ValueError, TypeError, RuntimeError) as error:
        # The last one: sizes whose product no number of bytes holds.
        raise ModelError(
            f"{where}: its weights do not fit its settings: {error}; the model is damaged"
        ) from None
