"""What every run of a language model needs, begun anew or resumed: machine, model, loop."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from textrnn import bundle
from textrnn.config import as_dict
from textrnn.data.corpus import Corpus
from textrnn.data.store import TokenStore
from textrnn.decoding.sampling import SamplingSettings
from textrnn.errors import ModelError
from textrnn.language_model.generator import sample_text
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.planner import CorpusFacts, training_memory_bytes
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.task import LanguageModelTask, windows_per_epoch
from textrnn.nn.dropout import MaskSource
from textrnn.nn.sizes import stack_parameters
from textrnn.training.checkpoint import RunDirectory, RunState
from textrnn.training.device import (
    DeviceFacts,
    autocast,
    device_facts,
    is_out_of_memory,
    pick_device,
    pick_precision,
    use_threads,
)
from textrnn.training.events import Event, Planned
from textrnn.training.loop import Loop
from textrnn.training.optimizer import make_optimizer

__all__ = [
    "JOB",
    "Clock",
    "Machine",
    "PreparedRun",
    "Report",
    "StopSignal",
    "corpus_facts",
    "follow",
    "new_model",
    "run_facts",
    "speedometer",
    "stopwatch",
    "targets_per_step",
]

JOB = "language-model"
SAMPLE_TOKENS = 200
_MEASURED_STEPS = 4

Report = Callable[[str], None]
Clock = Callable[[], float]
StopSignal = Callable[[], int | None]


@dataclass(frozen=True)
class PreparedRun:
    """A run that is planned and ready: look at ``planned``, then iterate ``events()``.

    Attributes:
        planned: The plan with its reasons, as the first event.
        path: The model directory.
        is_finished: Whether a resumed run has nothing left to do.
    """

    planned: Planned
    path: Path
    is_finished: bool
    _start: Callable[[StopSignal], Iterator[Event]]
    _step_s: Callable[[], float]
    _close: Callable[[], None] = lambda: None

    def estimated_s(self) -> float:
        """Measure a step and return the seconds that all steps of the plan will take."""
        return self._step_s() * int(self.planned.plan["max_steps"])

    def close(self) -> None:
        """Let go of the directory of a resumed run that is not to be run after all."""
        self._close()

    def events(self, stop_signal: StopSignal = lambda: None) -> Generator[Event, None, None]:
        """Train; see ``textrnn.training.loop.Loop.run``."""
        yield self.planned
        yield from self._start(stop_signal)


@dataclass(frozen=True)
class Machine:
    """The device of a run, set up.

    Attributes:
        device: Where the model lies.
        precision: ``float32`` or ``bf16``, decided.
        facts: The same for the planner.
    """

    device: torch.device
    precision: str
    facts: DeviceFacts

    @classmethod
    def of(cls, settings: LanguageModelSettings) -> Machine:
        """Take the device, threads and precision that the settings ask for into use."""
        device = pick_device(settings.device)
        threads = use_threads(settings.threads)
        precision = pick_precision(settings.precision, device)
        return cls(device, precision, device_facts(device, precision, threads))


def follow(
    model: RecurrentLanguageModel,
    settings: LanguageModelSettings,
    corpus: Corpus,
    state: RunState,
    directory: RunDirectory,
    machine: Machine,
    clock: Clock,
    deadline_s: float | None,
    stop_signal: StopSignal,
    tensors: dict[str, Tensor] | None,
) -> Iterator[Event]:
    """Run the loop, and let go of the directory whatever happens."""

    def sampler(weights: Mapping[str, Tensor], step: int) -> str:
        sampling = SamplingSettings(
            max_new_tokens=SAMPLE_TOKENS, temperature=0.8, seed=settings.seed + step
        )
        return sample_text(weights, as_dict(settings), corpus.tokenizer, sampling)

    try:
        task = LanguageModelTask(model, settings, corpus.train, corpus.valid, sampler)
        loop = Loop(
            task,
            settings,
            state,
            directory,
            device=machine.device,
            precision=machine.precision,
            clock=clock,
            deadline_s=deadline_s,
            stop_signal=stop_signal,
        )
        if tensors is not None:
            loop.restore(tensors)
        yield from loop.run()
    finally:
        directory.close()


def new_model(
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
        parts = settings.accumulation
        while True:
            try:
                return parts * _step_s(model, settings, vocab_size, parts, machine)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or parts >= (settings.batch_size or 1):
                    raise
            parts *= 2

    return measure


def _step_s(
    model: RecurrentLanguageModel,
    settings: LanguageModelSettings,
    vocab_size: int,
    parts: int,
    machine: Machine,
) -> float:
    """Return the seconds of a step on a batch's part."""
    optimizer = make_optimizer(settings, model.named_parameters())
    shape = (-(-(settings.batch_size or 1) // parts), (settings.seq_len or 1) + 1)
    ids = torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(0))
    ids = ids.to(machine.device)
    times = []
    for step in range(_MEASURED_STEPS):
        begun = time.perf_counter()
        masks = MaskSource(0, (step,), machine.device)
        with autocast(machine.device, machine.precision):
            nats, _ = model.nats(ids[:, :-1], ids[:, 1:], model.start(len(ids)), masks)
        nats.sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if machine.device.type == "cuda":
            torch.cuda.synchronize(machine.device)
        times.append(time.perf_counter() - begun)
    return min(times)


def targets_per_step(settings: LanguageModelSettings, store: TokenStore) -> int:
    """Return how many targets a step trains on, on average."""
    return max(1, store.tokens // windows_per_epoch(store, settings))


def run_facts(settings: LanguageModelSettings, corpus: Corpus, machine: Machine) -> dict[str, Any]:
    """Return the figures of a run that stand beside its plan."""
    vocab_size = corpus.tokenizer.vocab_size
    return {
        **dataclasses.asdict(corpus_facts(corpus)),
        "characters": corpus.train.characters + corpus.valid.characters,
        "unknown": corpus.train.unknown + corpus.valid.unknown,
        "parameters": stack_parameters(settings, vocab_size),
        "training_memory_bytes": training_memory_bytes(settings, vocab_size),
        "device": machine.facts.name,
        "device_type": machine.facts.type,
        "threads": machine.facts.threads,
        "precision": machine.precision,
    }


def corpus_facts(corpus: Corpus) -> CorpusFacts:
    """Return what the planner needs to know of a corpus."""
    return CorpusFacts(
        corpus.train.tokens,
        corpus.valid.tokens,
        corpus.tokenizer.vocab_size,
        len(corpus.train.starts),
    )


def stopwatch() -> Clock:
    """Return a clock that begins now."""
    begun = time.monotonic()
    return lambda: time.monotonic() - begun
