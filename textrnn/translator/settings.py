"""Every setting of a translator, in one flat namespace."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.config import setting
from textrnn.data.settings import PairSettings
from textrnn.nn.settings import RecurrentSettings
from textrnn.tokenizers import TokenizerSettings
from textrnn.training.settings import TrainingSettings

__all__ = ["TranslatorSettings"]


@dataclass(frozen=True)
class TranslatorSettings(PairSettings, TokenizerSettings, RecurrentSettings, TrainingSettings):
    """Which pairs to read, how to cut them into tokens, which network to train on them, and how."""

    tokenizer: str = setting(
        "unigram",
        "What both sides are cut into: learned pieces of words (unigram, bpe), words, characters or bytes "
        "of UTF-8.",
        section="tokenizer",
        choices=("unigram", "bpe", "word", "char", "byte"),
    )
    joint_vocabulary: bool = setting(
        False,
        "Learn one tokenizer from both sides, and one embedding for both: for sides that share words.",
        section="tokenizer",
    )
    subword_alpha: float | None = setting(
        None,
        "Cut every text anew in each epoch, drawn from its likeliest cuts, their probabilities to this power "
        "(subword regularisation, Kudo 2018; unigram only). Without it, always the best cut.",
        section="tokenizer",
        above=0,
        maximum=10,
    )
    max_length: int | None = setting(
        None,
        "Most tokens of a side. Longer pairs are left out of training and counted; a longer text is cut, "
        "with a warning, when it is translated.",
        section="data",
        minimum=2,
        maximum=1 << 16,
    )
    num_layers: int | None = setting(
        None,
        "Recurrent layers of the decoder: one under the attention, the others above it.",
        section="model",
        minimum=1,
        maximum=64,
    )
    encoder_layers: int | None = setting(
        None, "Recurrent layers of the encoder.", section="model", minimum=1, maximum=64
    )
    bidirectional: bool = setting(
        True,
        "Read the source backwards too: half of the encoder's units in each direction.",
        section="model",
    )
    attention: str = setting(
        "general",
        "How a query is held against the source: additive (Bahdanau et al. 2015), dot or general (Luong et "
        "al. 2015), or scaled (Vaswani et al. 2017, one head).",
        section="model",
        choices=("additive", "dot", "general", "scaled"),
    )
    input_feeding: bool = setting(
        False,
        "Feed what was attended to into the decoder's next step (Luong et al. 2015). It needs a loop over "
        "time, which trains more slowly.",
        section="model",
    )
    bridge: str = setting(
        "last",
        "What the decoder's first state is made of: the encoder's last outputs, their mean, or nothing.",
        section="model",
        choices=("last", "mean", "none"),
    )
    tie_weights: bool = setting(
        True,
        "Use the target's embeddings as the output layer's weights too (Press and Wolf 2017).",
        section="model",
    )
    token_dropout: float = setting(
        0.0,
        "Share of tokens, of the source and of what the decoder has read, that are hidden behind <unk> in "
        "training.",
        section="model",
        minimum=0,
        below=1,
    )
    label_smoothing: float = setting(
        0.1,
        "Share of certainty taken from the right token and spread over all (Szegedy et al. 2016).",
        section="training",
        minimum=0,
        below=1,
    )
    batch_size: int | None = setting(
        None, "Sentence pairs in a batch, on average.", section="training", minimum=1
    )
    batch_tokens: int | None = setting(
        None,
        "Target tokens in a batch, padding included, instead of --batch-size.",
        section="training",
        minimum=1,
        maximum=1 << 24,
    )
    select: str = setting(
        "loss",
        "Figure on the validation data by which the best weights are kept.",
        section="training",
        choices=("loss", "bleu"),
    )
