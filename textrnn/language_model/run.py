"""What a run of a language model is made of, begun anew or resumed: model, speed, figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textrnn import bundle
from textrnn.config import as_dict
from textrnn.data.corpus import Corpus
from textrnn.data.store import TokenStore
from textrnn.decoding.sampling import SamplingSettings
from textrnn.errors import ModelError
from textrnn.language_model.facts import CorpusFacts
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.samples import sample_text
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.sizes import model_parameters, training_memory_bytes
from textrnn.language_model.task import LanguageModelTask, as_read, windows_per_epoch
from textrnn.nn.dropout import MaskSource
from textrnn.training.run import Machine, Training
from textrnn.training.speed import measured_step_s

__all__ = ["JOB", "corpus_facts", "speedometer", "training_of"]

JOB = "language-model"
SAMPLE_TOKENS = 200
_LOOKED_AT = 1024
"""Documents whose lengths the planner gets to see."""


def training_of(
    settings: LanguageModelSettings,
    corpus: Corpus,
    machine: Machine,
    parent: bundle.Bundle | None = None,
) -> Training:
    """Return what the job brings to a run.

    Args:
        settings: Resolved settings.
        corpus: The text.
        machine: What trains.
        parent: A trained model whose weights the run starts from.
    """
    vocab_size = corpus.tokenizer.vocab_size

    def sampler(weights: Mapping[str, Tensor], step: int) -> str:
        sampling = SamplingSettings(
            max_new_tokens=SAMPLE_TOKENS, temperature=0.8, seed=settings.seed + step
        )
        return sample_text(weights, as_dict(settings), corpus.tokenizer, sampling)

    def make_task() -> LanguageModelTask:
        model = _new_model(settings, vocab_size, machine.device, parent)
        return LanguageModelTask(
            model,
            settings,
            as_read(settings, corpus.train),
            as_read(settings, corpus.valid),
            None if settings.reverse else sampler,
            is_lossless=corpus.tokenizer.is_lossless,
        )

    measure = speedometer(machine, vocab_size)
    return Training(
        settings=settings,
        machine=machine,
        facts=_facts(settings, corpus, machine),
        epoch_targets=corpus.train.tokens,
        step_targets=_step_targets(settings, corpus.train),
        make_task=make_task,
        step_s=lambda: measure(settings),
    )


def _new_model(
    settings: LanguageModelSettings,
    vocab_size: int,
    device: torch.device,
    parent: bundle.Bundle | None,
) -> RecurrentLanguageModel:
    """Build a model with starting weights from the seed, or from a trained model."""
    model = RecurrentLanguageModel(settings, vocab_size)
    model.reset_parameters(torch.Generator().manual_seed(settings.seed))
    if parent is not None:
        arrays = {name: torch.from_numpy(array) for name, array in parent.tensors().items()}
        try:
            model.load_tensors(arrays)
        except ValueError as error:
            raise ModelError(f"{parent.path}: does not fit the settings: {error}") from None
    return model.to(device)


def speedometer(machine: Machine, vocab_size: int) -> Callable[[LanguageModelSettings], float]:
    """Return a function that measures a training step on made-up tokens."""

    def measure(settings: LanguageModelSettings) -> float:
        model = RecurrentLanguageModel(settings, vocab_size)
        model.reset_parameters(torch.Generator().manual_seed(0))
        model.to(machine.device)

        def loss(rows: int, masks: MaskSource) -> Tensor:
            shape = (rows, (settings.seq_len or 1) + 1)
            ids = torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(0))
            ids = ids.to(machine.device)
            return model.loss(ids[:, :-1], ids[:, 1:], None, model.start(rows), masks)[0]

        return measured_step_s(model, settings, machine, loss)

    return measure


def _step_targets(settings: LanguageModelSettings, store: TokenStore) -> int:
    """Return how many targets a step trains on, on average."""
    return max(1, store.tokens // windows_per_epoch(store, settings))


def _facts(settings: LanguageModelSettings, corpus: Corpus, machine: Machine) -> dict[str, Any]:
    """Return the figures of a run that stand beside its plan."""
    vocab_size = corpus.tokenizer.vocab_size
    facts = dataclasses.asdict(corpus_facts(corpus))
    del facts["lengths"]
    return {
        **facts,
        "characters": corpus.train.characters + corpus.valid.characters,
        "unknown": corpus.train.unknown + corpus.valid.unknown,
        "parameters": model_parameters(settings, vocab_size),
        "training_memory_bytes": training_memory_bytes(settings, vocab_size),
        **machine.as_facts(),
    }


def corpus_facts(corpus: Corpus) -> CorpusFacts:
    """Return what the planner needs to know of a corpus."""
    train = corpus.train
    documents = len(train.starts)
    some = np.linspace(0, documents - 1, min(documents, _LOOKED_AT)).astype(np.int64)
    return CorpusFacts(
        train.tokens,
        corpus.valid.tokens,
        corpus.tokenizer.vocab_size,
        documents,
        tuple((train.lengths(some) - 1).tolist()),
    )
