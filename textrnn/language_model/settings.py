"""Every setting of a language model, in one flat namespace."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.config import setting
from textrnn.data.settings import CorpusSettings
from textrnn.nn.settings import RecurrentSettings
from textrnn.tokenizers import TokenizerSettings
from textrnn.training.settings import TrainingSettings

__all__ = ["SHAPE", "LanguageModelSettings"]

SHAPE = frozenset(
    {
        *("rnn_type", "hidden_size", "num_layers", "embedding_dim", "tie_weights", "layer_norm"),
        *("ngram_order", "ngram_rows", "lines", "reverse"),
        *("tokenizer", "vocab_size", "min_frequency", "normalization", "spaces"),
    }
)
"""Settings without which weights and tokenizer of another model mean nothing: they pass on with them."""


@dataclass(frozen=True)
class LanguageModelSettings(CorpusSettings, TokenizerSettings, RecurrentSettings, TrainingSettings):
    """What to read, how to cut it into tokens, which network to train on it, and how."""

    seq_len: int | None = setting(
        None,
        "Tokens in a window of truncated back-propagation; the state is carried across windows.",
        section="training",
        minimum=1,
        maximum=65536,
    )
    reverse: bool = setting(
        False,
        "Read texts from their end: such a model writes nothing, but can become the backward direction of a "
        "classifier (--init-from-reverse).",
        section="data",
    )
    tie_weights: bool = setting(
        False,
        "Use the embedding matrix as the output matrix; needs embedding_dim equal to hidden_size.",
        section="model",
    )
    sampled_words: int | None = setting(
        None,
        "Words drawn for each step, against which targets are scored in training instead of the whole "
        "vocabulary (sampled softmax): faster where there are many; 0 scores all. Validation always does. "
        "Left out: 1,024 on a CPU where there are 8,192 or more.",
        section="training",
        minimum=0,
        maximum=1 << 20,
    )
