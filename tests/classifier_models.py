"""Small classifiers written by hand: random weights, a vocabulary of a few words, no training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from textrnn import bundle, records
from textrnn.classifier.model import TextClassifier
from textrnn.classifier.settings import ClassifierSettings
from textrnn.config import as_dict, make
from textrnn.tokenizers import Tokenizer
from textrnn.tokenizers.word import WordTokenizer

WORDS = ["the", "film", "was", "good", "bad", "fine", "dull", "and", "not", "very", *"abcde"]

SMALL = {
    "hidden_size": 8,
    "num_layers": 1,
    "embedding_dim": 6,
    "ngram_order": 1,
    "spelling_rows": 0,
    "bag_order": 0,
    "dropout": 0.0,
    "token_dropout": 0.0,
    "pooling": "concat",
    "max_length": 40,
    "keep": "both",
}


def write_classifier(
    path: Path,
    *,
    labels: tuple[str, ...] = ("neg", "pos"),
    tokenizer: Tokenizer | None = None,
    metrics: dict[str, Any] | None = None,
    change: Callable[[TextClassifier], None] = lambda model: None,
    scale: float = 4.0,
    backward_embedding: bool = False,
    job: str = "classifier",
    **settings: Any,
) -> Path:
    """Write a classifier's model directory and return it.

    Args:
        path: The directory to make.
        labels: Its labels.
        tokenizer: Its tokenizer; one of ``WORDS`` by default.
        metrics: What ``training.metrics`` records.
        change: May change the weights before they are written.
        scale: Multiplies the output layer, so that the answers differ.
        backward_embedding: Whether the backward direction has embeddings of its own.
        job: What the directory claims to be.
        **settings: Settings other than ``SMALL``.
    """
    own = make(ClassifierSettings, {**SMALL, **settings})
    tokenizer = tokenizer or WordTokenizer([" ", "\n", *(f" {word}" for word in WORDS), *WORDS])
    model = TextClassifier(own, tokenizer, len(labels), backward_embedding=backward_embedding)
    model.reset_parameters(torch.Generator().manual_seed(7))
    with torch.no_grad():
        model.output.weight *= scale
        for weight in model.embedding.parameters():
            weight *= 10
    change(model)
    path.mkdir(parents=True)
    files = {
        name: records.write_file(path / name, data) for name, data in tokenizer.to_files().items()
    }
    arrays = {name: tensor.detach().numpy() for name, tensor in model.tensors().items()}
    weights = "weights-00000001.safetensors"
    files[weights] = records.write_tensors(path / weights, arrays)
    record = {
        "job": job,
        "labels": list(labels),
        "settings": as_dict(own),
        "tokenizer": {
            "kind": tokenizer.kind,
            "files": sorted(tokenizer.to_files()),
            "vocab_size": tokenizer.vocab_size,
        },
        "training": {"step": 1, "best_step": 1, "metrics": metrics or {}},
        "weights": weights,
        "files": files,
    }
    records.write_record(path, bundle.CONFIG, record)
    return path
