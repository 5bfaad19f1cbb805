"""Opening a language model's directory: its parts held against each other before anything is made of them."""

from __future__ import annotations

from textrnn.bundle import Bundle
from textrnn.errors import ModelError
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.stepper import check_weights, model_settings
from textrnn.tokenizers import Tokenizer
from textrnn.tokenizers.base import NUM_SPECIAL

__all__ = ["check_vocabulary", "require_whole"]


def require_whole(bundle: Bundle) -> LanguageModelSettings:
    """Hold settings, weights and tokenizer of a language model against each other; return the settings.

    Whoever builds a network in the sizes that a model names does so after this: until then they are what
    somebody wrote into a file.

    Raises:
        ModelError: they are not of one model.
    """
    where = str(bundle.path)
    settings = model_settings(bundle.settings, where)
    tensors = bundle.tensors()
    check_weights(tensors, settings, where)
    check_vocabulary(bundle.tokenizer(), len(tensors["output.bias"]), where)
    return settings


def check_vocabulary(tokenizer: Tokenizer, vocab_size: int, where: str) -> None:
    """Hold a tokenizer against the number of ids that weights are for.

    Raises:
        ModelError: they do not belong together.
    """
    if tokenizer.vocab_size != vocab_size or vocab_size <= NUM_SPECIAL:
        raise ModelError(
            f"{where}: the tokenizer has {tokenizer.vocab_size} ids and the weights have "
            f"{vocab_size}; the model is damaged"
        )
