"""What a run of a translator is made of, begun anew or resumed: model, speed, figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from textrnn.data.pairs import PairCorpus, PairStore
from textrnn.errors import UsageError
from textrnn.nn.dropout import MaskSource
from textrnn.tokenizers.base import BOS_ID, EOS_ID, NUM_SPECIAL
from textrnn.training.run import Machine, Training
from textrnn.training.speed import measured_step_s
from textrnn.translator.batches import PairBatch, fitting
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.planner import PairFacts
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.sizes import model_parameters, training_memory_bytes
from textrnn.translator.task import TranslatorTask, training_loss
from textrnn.translator.transfer import Transfer

__all__ = ["JOB", "pair_facts", "speedometer", "training_of"]

JOB = "translator"


def training_of(
    settings: TranslatorSettings,
    corpus: PairCorpus,
    machine: Machine,
    transfer: Transfer | None = None,
) -> Training:
    """Return what the job brings to a run.

    Args:
        settings: Resolved settings.
        corpus: The pairs.
        machine: What trains.
        transfer: A trained model whose weights a new run starts from.
    """
    facts = pair_facts(corpus, settings.max_length or 1)
    sizes = facts.src_vocab_size, facts.tgt_vocab_size

    def make_task() -> TranslatorTask:
        model = EncoderDecoder(settings, *sizes)
        model.reset_parameters(torch.Generator().manual_seed(settings.seed))
        if transfer is not None:
            transfer.fill(model)
        model.to(machine.device)
        return TranslatorTask(model, settings, corpus)

    measure = speedometer(machine, facts)
    return Training(
        settings=settings,
        machine=machine,
        facts={
            **dataclasses.asdict(facts),
            "findings": corpus.findings.as_dict(),
            "parameters": model_parameters(settings, *sizes),
            "training_memory_bytes": training_memory_bytes(
                settings, *sizes, facts.src_per_tgt, facts.longest
            ),
            **machine.as_facts(),
        },
        epoch_targets=facts.train_targets,
        step_targets=settings.batch_tokens or 1,
        make_task=make_task,
        step_s=lambda: measure(settings),
    )


def pair_facts(corpus: PairCorpus, max_length: int) -> PairFacts:
    """Return what the planner needs to know of the pairs that are short enough.

    Args:
        corpus: The pairs.
        max_length: Most tokens of a side.

    Raises:
        UsageError: all training pairs are longer.
    """
    kept = fitting(corpus.train, max_length)
    if not len(kept):
        raise UsageError(
            f"--max-length {max_length}: every pair has a longer side; give at least "
            f"{min(int(np.maximum(*_sizes(corpus.train)).min()), 1 << 16)}"
        )
    src, tgt = (sizes[kept] for sizes in _sizes(corpus.train))
    valid = fitting(corpus.valid, max_length)
    return PairFacts(
        train_pairs=len(kept),
        train_src_tokens=int(src.sum()) + len(kept),
        train_targets=int(tgt.sum()) + len(kept),
        valid_pairs=len(valid),
        valid_targets=int(_sizes(corpus.valid)[1][valid].sum()) + len(valid),
        longest=int(np.maximum(src, tgt).max()),
        left_out=len(corpus.train) - len(kept),
        src_vocab_size=corpus.src_tokenizer.vocab_size,
        tgt_vocab_size=corpus.tgt_tokenizer.vocab_size,
    )


def speedometer(machine: Machine, facts: PairFacts) -> Callable[[TranslatorSettings], float]:
    """Return a function that measures a training step on made-up pairs of average length."""

    def measure(settings: TranslatorSettings) -> float:
        model = EncoderDecoder(settings, facts.src_vocab_size, facts.tgt_vocab_size)
        model.reset_parameters(torch.Generator().manual_seed(0))
        model.to(machine.device)
        src_time = max(1, round(facts.train_src_tokens / facts.train_pairs))
        tgt_time = max(1, round(facts.mean_target))

        def loss(rows: int, masks: MaskSource) -> Tensor:
            batch = _made_up(rows, src_time, tgt_time, facts).to(machine.device)
            return training_loss(model, settings, batch, masks)

        return measured_step_s(model, settings, machine, loss)

    return measure


def _made_up(rows: int, src_time: int, tgt_time: int, facts: PairFacts) -> PairBatch:
    """Return pairs of random tokens, none of them padded."""
    generator = torch.Generator().manual_seed(0)

    def tokens(time: int, vocab_size: int) -> Tensor:
        low = min(NUM_SPECIAL, vocab_size - 1)
        return torch.randint(low, vocab_size, (rows, time), generator=generator)

    src, tgt = tokens(src_time, facts.src_vocab_size), tokens(tgt_time, facts.tgt_vocab_size)
    tgt_in, tgt_out = tgt.roll(1, 1), tgt.clone()
    tgt_in[:, 0], tgt_out[:, -1] = BOS_ID, EOS_ID
    lengths = (torch.full((rows,), time) for time in (src_time, tgt_time))
    src_lengths, tgt_lengths = lengths
    return PairBatch(src, src_lengths, tgt_in, tgt_out, tgt_lengths, rows * tgt_time)


def _sizes(store: PairStore) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens of every source and every target, ``<bos>`` and ``<eos>`` not counted."""
    every = np.arange(len(store), dtype=np.int64)
    return store.src.lengths(every) - 2, store.tgt.lengths(every) - 2
