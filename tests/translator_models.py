"""Small translators written by hand: random weights, vocabularies of a few words, no training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from textrnn import bundle, records
from textrnn.bundle import tokenizer_part
from textrnn.config import as_dict, make
from textrnn.tokenizers import Tokenizer
from textrnn.tokenizers.word import WordTokenizer
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.settings import TranslatorSettings

SRC_WORDS = ["der", "hund", "katze", "sieht", "und", "rot", "haus", "ein", "läuft", ".", ","]
TGT_WORDS = ["the", "dog", "cat", "sees", "and", "red", "house", "a", "runs", ".", ","]

SMALL = {
    "tokenizer": "word",
    "hidden_size": 8,
    "num_layers": 2,
    "encoder_layers": 1,
    "embedding_dim": 6,
    "ngram_order": 1,
    "dropout": 0.0,
    "max_length": 16,
}


def words(vocabulary: list[str]) -> WordTokenizer:
    return WordTokenizer([" ", "\n", *(f" {word}" for word in vocabulary), *vocabulary])


def write_translator(
    path: Path,
    *,
    tokenizers: tuple[Tokenizer, Tokenizer] | None = None,
    change: Callable[[EncoderDecoder], None] = lambda model: None,
    scale: float = 6.0,
    job: str = "translator",
    **settings: Any,
) -> Path:
    """Write a translator's model directory and return it.

    Args:
        path: The directory to make.
        tokenizers: Its tokenizers; of ``SRC_WORDS`` and ``TGT_WORDS`` by default.
        change: May change the weights before they are written.
        scale: Multiplies the weights, so that what is said depends on what was read.
        job: What the directory claims to be.
        **settings: Settings other than ``SMALL``.
    """
    own = make(TranslatorSettings, {**SMALL, **settings})
    src, tgt = tokenizers or (words(SRC_WORDS), words(TGT_WORDS))
    model = EncoderDecoder(own, src.vocab_size, tgt.vocab_size)
    model.reset_parameters(torch.Generator().manual_seed(7))
    with torch.no_grad():
        for weight in {id(weight): weight for weight in model.parameters()}.values():
            weight *= scale if weight.dim() > 1 else 1
    change(model)
    path.mkdir(parents=True)
    record: dict[str, Any] = {"job": job, "settings": as_dict(own)}
    files = {}
    for part, tokenizer in (("src_tokenizer", src), ("tgt_tokenizer", tgt)):
        record[part], contents = tokenizer_part(tokenizer, f"{part[:3]}-")
        for name, content in contents.items():
            files[name] = records.write_file(path / name, content)
    arrays = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    weights = "weights-00000001.safetensors"
    files[weights] = records.write_tensors(path / weights, arrays)
    training = {"step": 1, "best_step": 1, "metrics": {}}
    records.write_record(
        path, bundle.CONFIG, {**record, "training": training, "weights": weights, "files": files}
    )
    return path
