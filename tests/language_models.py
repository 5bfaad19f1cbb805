"""Small language models written by hand: random weights, no training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from textrnn import bundle, records
from textrnn.config import as_dict, make
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.tokenizers import Tokenizer

SMALL = {
    "hidden_size": 12,
    "embedding_dim": 10,
    "num_layers": 2,
    "ngram_order": 1,
    "ngram_rows": 64,
    "dropout": 0.0,
    "precision": "float32",
}


def network(
    vocab_size: int,
    change: Callable[[RecurrentLanguageModel], None] = lambda model: None,
    **settings: Any,
) -> RecurrentLanguageModel:
    """Return a network with weights that are large enough to tell ids apart."""
    model = RecurrentLanguageModel(make(LanguageModelSettings, {**SMALL, **settings}), vocab_size)
    generator = torch.Generator().manual_seed(5)
    model.reset_parameters(generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
        change(model)
    return model


def write_language_model(
    path: Path,
    tokenizer: Tokenizer,
    change: Callable[[RecurrentLanguageModel], None] = lambda model: None,
    **settings: Any,
) -> Path:
    """Write a language model's directory and return it.

    Args:
        path: The directory to make.
        tokenizer: Its tokenizer.
        change: May change the weights before they are written.
        **settings: Settings other than ``SMALL``.
    """
    model = network(tokenizer.vocab_size, change, **settings)
    path.mkdir(parents=True)
    files = {
        name: records.write_file(path / name, data) for name, data in tokenizer.to_files().items()
    }
    arrays = {name: tensor.detach().numpy() for name, tensor in model.tensors().items()}
    weights = "weights-00000001.safetensors"
    files[weights] = records.write_tensors(path / weights, arrays)
    record = {
        "job": "language-model",
        "settings": as_dict(make(LanguageModelSettings, {**SMALL, **settings})),
        "tokenizer": {"kind": tokenizer.kind, "files": sorted(tokenizer.to_files())},
        "weights": weights,
        "files": files,
    }
    records.write_record(path, bundle.CONFIG, record)
    return path
