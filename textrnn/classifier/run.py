"""What a run of a classifier is made of, begun anew or resumed: model, speed, figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textrnn.classifier.batches import evaluation_batches
from textrnn.classifier.model import TextClassifier
from textrnn.classifier.planner import ExampleFacts, model_parameters, training_memory_bytes
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.task import ClassifierTask, training_loss
from textrnn.classifier.transfer import Transfer
from textrnn.data.examples import ExampleCorpus
from textrnn.nn.bag import log_count_ratios
from textrnn.nn.dropout import MaskSource
from textrnn.nn.sampled import log_uniform
from textrnn.tokenizers import Tokenizer
from textrnn.training.run import Machine, Training
from textrnn.training.speed import measured_step_s

__all__ = ["JOB", "example_facts", "speedometer", "training_of"]

JOB = "classifier"


def training_of(
    settings: ClassifierSettings,
    corpus: ExampleCorpus,
    machine: Machine,
    transfer: Transfer | None,
    *,
    is_new: bool,
    origin: dict[str, Any] | None = None,
) -> Training:
    """Return what the job brings to a run.

    Args:
        settings: Resolved settings.
        corpus: The examples.
        machine: What trains.
        transfer: Trained models whose weights a new run starts from.
        is_new: Whether the run begins, so that starting weights matter.
        origin: What the record of a run says about such models.
    """
    facts = example_facts(corpus)
    origin = origin or {}

    def make_task() -> ClassifierTask:
        model = TextClassifier(
            settings,
            corpus.tokenizer,
            facts.num_labels,
            backward_embedding="backward" in origin,
        )
        model.reset_parameters(torch.Generator().manual_seed(settings.seed))
        if model.bag is not None and is_new:
            model.bag.ratios.copy_(log_count_ratios(model.bag, _counted(settings, corpus)))
        if transfer is not None:
            transfer.fill(model, corpus.labels)
        model.to(machine.device)
        is_transferred = origin.get("job") == "language-model"
        return ClassifierTask(model, settings, corpus, is_transferred=is_transferred)

    measure = speedometer(machine, facts, corpus.tokenizer)
    return Training(
        settings=settings,
        machine=machine,
        facts={
            **dataclasses.asdict(facts),
            "labels": list(corpus.labels),
            "findings": corpus.findings.as_dict(),
            "parameters": model_parameters(settings, facts),
            "training_memory_bytes": training_memory_bytes(settings, facts),
            **machine.as_facts(),
        },
        epoch_targets=facts.train_examples,
        step_targets=settings.batch_size or 1,
        make_task=make_task,
        step_s=lambda: measure(settings, round(facts.mean_length)),
    )


def _counted(
    settings: ClassifierSettings, corpus: ExampleCorpus
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the training texts as the bag of n-grams reads them, with their labels."""
    for batch in evaluation_batches(corpus.train, settings.max_length or 1, settings.keep):
        yield batch.ids.t(), batch.lengths, batch.labels


def example_facts(corpus: ExampleCorpus) -> ExampleFacts:
    """Return what the planner needs to know of the examples."""
    tokens = corpus.train.tokens
    lengths = np.diff(np.append(tokens.starts, len(tokens.ids)))
    return ExampleFacts(
        train_examples=len(corpus.train.labels),
        valid_examples=len(corpus.valid.labels),
        test_examples=len(corpus.test.labels),
        num_labels=len(corpus.labels),
        vocab_size=corpus.tokenizer.vocab_size,
        mean_length=float(lengths.mean()),
        longest=int(lengths.max()),
    )


def speedometer(
    machine: Machine, facts: ExampleFacts, tokenizer: Tokenizer
) -> Callable[[ClassifierSettings, int], float]:
    """Return a function that measures a training step on made-up texts of a length."""

    def measure(settings: ClassifierSettings, length: int) -> float:
        model = TextClassifier(settings, tokenizer, facts.num_labels)
        model.reset_parameters(torch.Generator().manual_seed(0))
        model.to(machine.device)
        time = max(1, min(length, settings.max_length or length))

        def loss(rows: int, masks: MaskSource) -> Tensor:
            generator = torch.Generator().manual_seed(0)
            # Frequent words often, as in texts: what is distinct in a batch costs most.
            drawn = torch.rand(rows * time, generator=generator, dtype=torch.float64)
            ids = log_uniform(drawn, facts.vocab_size).view(rows, time)
            lengths = torch.full((rows,), time)
            labels = torch.randint(facts.num_labels, (rows,), generator=generator)
            ids, lengths, labels = (t.to(machine.device) for t in (ids, lengths, labels))
            return training_loss(model, settings, ids, lengths, labels, masks)[0]

        return measured_step_s(model, settings, machine, loss)

    return measure
