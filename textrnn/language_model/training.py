"""Training a language model from text to model directory: what the command line and Python both call."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from textrnn import bundle
from textrnn.config import as_dict, make
from textrnn.data.cache import default_cache_dir
from textrnn.data.corpus import Corpus, open_corpus, prepare_corpus
from textrnn.decoding.sampling import SamplingSettings
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.language_model.generator import sample_text
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.planner import (
    CorpusFacts,
    LanguageModelPlan,
    plan_language_model,
    training_memory_bytes,
)
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.task import LanguageModelTask
from textrnn.nn.dropout import MaskSource
from textrnn.training.checkpoint import RunDirectory, RunState
from textrnn.training.device import (
    DeviceFacts,
    autocast,
    device_facts,
    pick_device,
    pick_precision,
    use_threads,
)
from textrnn.training.events import Event, Planned, Resumed
from textrnn.training.loop import Loop
from textrnn.training.optimizer import make_optimizer

__all__ = ["PreparedRun", "prepare_run", "resume_run"]

JOB = "language-model"
SAMPLE_TOKENS = 200
_MEASURED_STEPS = 4

Report = Callable[[str], None]


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
    _start: Callable[[Callable[[], int | None]], Iterator[Event]]
    _close: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Let go of the directory of a resumed run that is not to be run after all."""
        self._close()

    def events(self, stop_signal: Callable[[], int | None] = lambda: None) -> Iterator[Event]:
        """Train; see ``textrnn.training.loop.Loop.run``."""
        yield self.planned
        yield from self._start(stop_signal)


def prepare_run(
    inputs: Sequence[str],
    output: Path,
    settings: LanguageModelSettings,
    *,
    valid_inputs: Sequence[str] = (),
    init_from: Path | None = None,
    cache: Path | None = None,
    clock: Callable[[], float] | None = None,
    report: Report = lambda message: None,
) -> PreparedRun:
    """Read the text, plan the run; nothing is written to ``output`` before ``events()``.

    Args:
        inputs: Files, folders, ``-`` for standard input.
        output: The model directory to make.
        settings: As the user gave them; what is None the planner chooses.
        valid_inputs: Validation text; none takes ``valid_fraction`` of each input.
        init_from: A trained model whose weights and tokenizer the run starts from.
        cache: Folder for encoded texts.
        clock: Seconds since the command's start; by default since this call.
        report: Is told in a line what is being done.

    Raises:
        TextrnnError: what ``textrnn.data`` and the planner raise; an unusable ``init_from``.
    """
    clock = clock or _stopwatch()
    machine = _Machine.of(settings)
    parent = bundle.open_bundle(init_from, JOB) if init_from else None
    if parent is not None:
        settings = _inherit(settings, parent)
    corpus = prepare_corpus(
        inputs,
        valid_inputs,
        settings,
        parent.tokenizer() if parent else settings,
        cache=cache or default_cache_dir(),
        report=report,
    )
    facts = corpus_facts(corpus)
    planned = plan_language_model(
        settings, facts, machine.facts, _speedometer(machine, facts.vocab_size), clock()
    )
    settings = dataclasses.replace(planned.settings, precision=machine.precision)
    head = {
        "job": JOB,
        "settings": as_dict(settings),
        "data": {
            "digest": corpus.digest,
            "inputs": [_absolute(name) for name in inputs],
            "valid_inputs": [_absolute(name) for name in valid_inputs],
            "sources": [dataclasses.asdict(source) for source in corpus.sources],
            "valid_sources": [dataclasses.asdict(source) for source in corpus.valid_sources],
            "train_tokens": corpus.train.tokens,
            "valid_tokens": corpus.valid.tokens,
        },
    }
    if parent is not None:
        head["init_from"] = {"weights": parent.config["files"][parent.config["weights"]]["sha256"]}

    def start(stop_signal: Callable[[], int | None]) -> Iterator[Event]:
        model = _new_model(settings, corpus.tokenizer.vocab_size, machine.device, parent)
        directory = RunDirectory.create(output, head, corpus.tokenizer)
        deadline = planned.plan.budget_s
        state = RunState(planned.plan)
        yield from _run(
            model, settings, corpus, state, directory, machine, clock, deadline, stop_signal, None
        )

    event = _planned_event(settings, planned, corpus, machine)
    return PreparedRun(event, output, False, start)


def resume_run(
    path: Path,
    changes: Mapping[str, Any],
    *,
    cache: Path | None = None,
    clock: Callable[[], float] | None = None,
    report: Report = lambda message: None,
) -> PreparedRun:
    """Take up a run where it stopped; with a budget among ``changes``, go on for that much more.

    Args:
        path: The model directory.
        changes: Settings given anew; only budget, device and logging may differ.
        cache: Folder for encoded texts.
        clock: Seconds since the command's start; by default since this call.
        report: Is told in a line what is being done.

    Raises:
        ModelError: no model there, damaged, or without a training state.
        UsageError: a setting changed that would make it another run.
        DataError: the data are gone or have changed.
    """
    clock = clock or _stopwatch()
    directory, state, tensors = RunDirectory.reopen(path)
    try:
        return _resumed(directory, state, tensors, changes, cache, clock, report)
    except BaseException:
        directory.close()
        raise


def _resumed(
    directory: RunDirectory,
    state: RunState,
    tensors: dict[str, Tensor],
    changes: Mapping[str, Any],
    cache: Path | None,
    clock: Callable[[], float],
    report: Report,
) -> PreparedRun:
    """Plan the rest of a run whose directory is open."""
    path, head = directory.path, directory.head
    if head.get("job") != JOB:
        raise ModelError(f"{path} is a {head.get('job')} model, not a {JOB}")
    recorded = make(LanguageModelSettings, head["settings"], str(path))
    settings = changed_settings(recorded, changes)
    machine = _Machine.of(settings)
    settings = dataclasses.replace(settings, precision=machine.precision)
    corpus = _same_corpus(path, head["data"], settings, cache or default_cache_dir(), report)
    if corpus.digest != head["data"]["digest"]:
        raise DataError(
            f"the text has changed since {path} was trained, so its run cannot be resumed; to train on "
            f"the new text, start from this model with --init-from {path}"
        )
    reasons: list[str] = []
    deadline = None
    budget = {name for name in ("minutes", "epochs", "max_steps") if changes.get(name) is not None}
    if budget:
        state, deadline = _extended(settings, state, corpus, budget, clock)
        reasons.append(f"goes on to step {state.plan.max_steps:,}")
    elif state.plan.budget_s is not None:
        deadline = max(0.0, state.plan.budget_s - state.elapsed_s)
    directory.update_head(settings=as_dict(settings))

    def start(stop_signal: Callable[[], int | None]) -> Iterator[Event]:
        model = _new_model(settings, corpus.tokenizer.vocab_size, machine.device, None)
        yield Resumed(
            state.step,
            state.plan.max_steps,
            state.targets / max(1, corpus.train.tokens),
            state.elapsed_s,
        )
        yield from _run(
            model,
            settings,
            corpus,
            state,
            directory,
            machine,
            clock,
            deadline,
            stop_signal,
            tensors,
        )

    planned = LanguageModelPlan(settings, state.plan, tuple(reasons))
    event = _planned_event(settings, planned, corpus, machine)
    is_finished = not budget and bool(state.ended)
    return PreparedRun(event, path, is_finished, start, directory.close)


def changed_settings(
    recorded: LanguageModelSettings, changes: Mapping[str, Any]
) -> LanguageModelSettings:
    """Return the recorded settings with the changes that a resumed run may make.

    Raises:
        UsageError: another setting differs from the recorded one.
    """
    from textrnn.config import specs

    known = specs(LanguageModelSettings)
    for name, value in changes.items():
        if not known[name].on_resume and value != getattr(recorded, name):
            raise UsageError(
                f"{known[name].option} {value}: the run was started with {getattr(recorded, name)}, and "
                f"changing it would make another experiment; only budget, device and logging may "
                f"change on --resume: start a new model with --init-from instead"
            )
    return make(LanguageModelSettings, {**as_dict(recorded), **changes})


def corpus_facts(corpus: Corpus) -> CorpusFacts:
    """Return what the planner needs to know of a corpus."""
    return CorpusFacts(
        corpus.train.tokens,
        corpus.valid.tokens,
        corpus.tokenizer.vocab_size,
        len(corpus.train.starts),
    )


@dataclass(frozen=True)
class _Machine:
    device: torch.device
    precision: str
    facts: DeviceFacts

    @classmethod
    def of(cls, settings: LanguageModelSettings) -> _Machine:
        device = pick_device(settings.device)
        threads = use_threads(settings.threads)
        precision = pick_precision(settings.precision, device)
        return cls(device, precision, device_facts(device, precision, threads))


def _run(
    model: RecurrentLanguageModel,
    settings: LanguageModelSettings,
    corpus: Corpus,
    state: RunState,
    directory: RunDirectory,
    machine: _Machine,
    clock: Callable[[], float],
    deadline_s: float | None,
    stop_signal: Callable[[], int | None],
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


def _same_corpus(
    path: Path,
    data: Mapping[str, Any],
    settings: LanguageModelSettings,
    cache: Path,
    report: Report,
) -> Corpus:
    """Prepare a run's text again, or find it in the cache where it came from a pipe."""
    if any(source["path"] is None for source in (*data["sources"], *data["valid_sources"])):
        found = open_corpus(data["digest"], cache)
        if found is None:
            raise DataError(
                f"{path} was trained on standard input, which is no longer in the cache ({cache}), so its "
                f"run cannot be resumed; to train on more text, start from this model with "
                f"--init-from {path}"
            )
        return found
    tokenizer = bundle.open_bundle(path, JOB).tokenizer()
    return prepare_corpus(
        data["inputs"], data["valid_inputs"], settings, tokenizer, cache=cache, report=report
    )


def _absolute(name: str) -> str:
    return name if name == "-" else str(Path(name).absolute())


def _inherit(settings: LanguageModelSettings, parent: bundle.Bundle) -> LanguageModelSettings:
    """Take the shape of the network and the tokens from the parent; refuse contradictions."""
    from textrnn.config import specs

    inherited: dict[str, Any] = {}
    defaults = LanguageModelSettings()
    shape = {"tokenizer"} | {
        "rnn_type", "hidden_size", "num_layers", "embedding_dim", "tie_weights", "layer_norm",
        "ngram_order", "ngram_rows", "vocab_size", "min_frequency", "normalization", "lines",
    }  # fmt: skip
    for name in shape & specs(LanguageModelSettings).keys() & parent.settings.keys():
        given, own = getattr(settings, name), parent.settings[name]
        if given not in (own, getattr(defaults, name)):
            raise UsageError(
                f"{specs(LanguageModelSettings)[name].option} {given}: {parent.path} has {own}, and a "
                f"model that starts from it keeps its shape and tokenizer"
            )
        inherited[name] = own
    return dataclasses.replace(settings, **inherited)


def _speedometer(machine: _Machine, vocab_size: int) -> Callable[[LanguageModelSettings], float]:
    """Return a function that measures a training step on made-up tokens."""

    def measure(settings: LanguageModelSettings) -> float:
        model = RecurrentLanguageModel(settings, vocab_size)
        model.reset_parameters(torch.Generator().manual_seed(0))
        model.to(machine.device)
        optimizer = make_optimizer(settings, model.named_parameters())
        shape = (settings.batch_size or 1, (settings.seq_len or 1) + 1)
        ids = torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(0))
        ids = ids.to(machine.device)
        times = []
        for step in range(_MEASURED_STEPS):
            begun = time.perf_counter()
            masks = MaskSource(0, (step,), machine.device)
            with autocast(machine.device, machine.precision):
                state = model.start(len(ids))
                nats, _ = model.nats(ids[:, :-1], ids[:, 1:], state, masks)
            nats.sum().backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if machine.device.type == "cuda":
                torch.cuda.synchronize(machine.device)
            times.append(time.perf_counter() - begun)
        return min(times)

    return measure


def _extended(
    settings: LanguageModelSettings,
    state: RunState,
    corpus: Corpus,
    budget: set[str],
    clock: Callable[[], float],
) -> tuple[RunState, float | None]:
    """Return the state with a plan that goes on from here: warmed again, down to the new end."""
    plan = state.plan
    per_step = max(1, state.targets // max(1, state.step))
    limits = []
    deadline = None
    if "minutes" in budget:
        deadline = (settings.minutes or 0) * 60
        step_s = state.stepping_s / max(1, state.step) or 0.1
        limits.append(max(1, int(0.93 * max(1.0, deadline - clock()) / step_s)))
    if "epochs" in budget:
        limits.append(max(1, round((settings.epochs or 0) * corpus.train.tokens / per_step)))
    if "max_steps" in budget:
        limits.append(settings.max_steps or 1)
    more = min(limits)
    plan = plan.extended(state.step, more, None if deadline is None else deadline + state.elapsed_s)
    return dataclasses.replace(state, plan=plan, waited=0, ended=""), deadline


def _planned_event(
    settings: LanguageModelSettings,
    planned: LanguageModelPlan,
    corpus: Corpus,
    machine: _Machine,
) -> Planned:
    from textrnn.nn.sizes import stack_parameters

    vocab_size = corpus.tokenizer.vocab_size
    facts = {
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
    return Planned(as_dict(settings), planned.plan.as_dict(), facts, planned.reasons)


def _stopwatch() -> Callable[[], float]:
    begun = time.monotonic()
    return lambda: time.monotonic() - begun
