"""Every setting of a classifier, in one flat namespace."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.config import setting
from textrnn.data.settings import ExampleSettings
from textrnn.nn.settings import RecurrentSettings
from textrnn.tokenizers import TokenizerSettings
from textrnn.training.settings import TrainingSettings

__all__ = ["ClassifierSettings"]


@dataclass(frozen=True)
class ClassifierSettings(ExampleSettings, TokenizerSettings, RecurrentSettings, TrainingSettings):
    """What to read, how to cut it into tokens, which network to train on it, and how."""

    tokenizer: str = setting(
        "word",
        "What a text is cut into: words (without case and spaces), characters, bytes of UTF-8, or learned "
        "pieces of words.",
        section="tokenizer",
        choices=("word", "char", "byte", "bpe", "unigram"),
    )
    max_length: int | None = setting(
        None,
        "Most tokens of a text that are read; what is cut of a longer one, --keep says.",
        section="data",
        minimum=2,
        maximum=1 << 20,
    )
    keep: str = setting(
        "both",
        "What stays of a text that is too long: its head, its tail, or half of each.",
        section="data",
        choices=("head", "tail", "both"),
    )
    bidirectional: bool = setting(
        True, "Read each text backwards too, in layers of their own.", section="model"
    )
    join_directions: bool = setting(
        True,
        "Let layers above the first read both directions of the layer below.",
        section="model",
    )
    pooling: str | None = setting(
        None,
        "What is made of the outputs at every token: those at the ends, the greatest, the mean, a mean "
        "weighted by attention, or last, max and mean side by side (concat).",
        section="model",
        choices=("last", "max", "mean", "attention", "concat"),
    )
    spelling_rows: int | None = setting(
        None,
        "Rows of a table of embeddings for the character n-grams of each token, whose mean is added to the "
        "token's own embedding, so that rare words share what they are spelt with; 0 adds none.",
        section="model",
        minimum=0,
        maximum=1 << 24,
    )
    bag_order: int | None = setting(
        None,
        "Longest n-gram of a linear classifier over the bag of a text's hashed n-grams, which answers "
        "beside the network; 0 has none.",
        section="model",
        minimum=0,
        maximum=8,
    )
    bag_rows: int | None = setting(
        None,
        "Rows of the bag's table for each order.",
        section="model",
        minimum=2,
        maximum=1 << 26,
    )
    token_dropout: float | None = setting(
        None,
        "Share of tokens that are hidden behind <unk> in training.",
        section="model",
        minimum=0,
        below=1,
    )
    input_dropout: float = setting(
        0.3, "Dropout on the embeddings.", section="model", minimum=0, below=1
    )
    locked_dropout: bool = setting(
        True,
        "Draw one dropout mask per text instead of one per token (Gal and Ghahramani 2016).",
        section="model",
    )
    label_smoothing: float = setting(
        0.1,
        "Share of certainty taken from the right label and spread over all (Szegedy et al. 2016).",
        section="training",
        minimum=0,
        below=1,
    )
    class_weights: str = setting(
        "none",
        "Weight of each class in the loss: all rows alike, or all classes alike.",
        section="training",
        choices=("none", "balanced"),
    )
    select: str = setting(
        "loss",
        "Figure on the validation data by which the best weights are kept; the loss says most where there "
        "are few of them.",
        section="training",
        choices=("loss", "accuracy", "macro_f1"),
    )
    unfreeze_share: float = setting(
        0.0,
        "With --init-from: share of the training over which its layers join in one by one, from the top "
        "(gradual unfreezing, Howard and Ruder 2018); 0 trains all from the start.",
        section="transfer",
        minimum=0,
        maximum=1,
    )
    layer_decay: float = setting(
        1.0,
        "With --init-from: learning rate of a layer in units of that of the layer above.",
        section="transfer",
        above=0,
        maximum=1,
    )
