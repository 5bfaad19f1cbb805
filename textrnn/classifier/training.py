"""Training a classifier from labelled text to model directory, and going on with its training."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn import bundle
from textrnn.classifier.opening import require_whole
from textrnn.classifier.planner import plan_classifier, with_tokens
from textrnn.classifier.run import JOB, example_facts, speedometer, training_of
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.transfer import SHAPE, Transfer
from textrnn.data.again import data_record, prepared_again, recorded_data
from textrnn.data.cache import default_cache_dir
from textrnn.data.examples import ExampleCorpus, open_examples, prepare_examples
from textrnn.training.idle import refuse_idle
from textrnn.training.resuming import Resumption
from textrnn.training.run import (
    Clock,
    Machine,
    PreparedRun,
    Report,
    Training,
    new_run,
    stopwatch,
)

__all__ = ["prepare_run", "resume_run"]

TRANSFER = ("unfreeze_share", "layer_decay")

_INPUTS = ("inputs", "valid_inputs", "test_inputs")


def prepare_run(
    inputs: Sequence[str],
    output: Path,
    settings: ClassifierSettings,
    *,
    valid_inputs: Sequence[str] = (),
    test_inputs: Sequence[str] = (),
    init_from: Path | None = None,
    init_from_reverse: Path | None = None,
    given: Collection[str] | None = None,
    cache: Path | None = None,
    clock: Clock | None = None,
    report: Report = lambda message: None,
) -> PreparedRun:
    """Read the examples, plan the run; nothing is written to ``output`` before ``events()``.

    Args:
        inputs: Tables, folders with a folder per label, data sets, ``-`` for standard input.
        output: The model directory to make.
        settings: As the user gave them; what is None the planner chooses.
        valid_inputs: Validation examples; none takes ``valid_fraction`` of the inputs' rows.
        test_inputs: Test examples, looked at once, at the end; none takes ``test_fraction``.
        init_from: A language model that becomes the encoder, or a classifier to start from.
        init_from_reverse: A language model of reversed text, which becomes the backward direction.
        given: Names of the settings that the user gave, which a model to start from may not overrule;
            None takes those that are not the default.
        cache: Folder for encoded texts.
        clock: Seconds since the command's start; by default since this call.
        report: Is told in a line what is being done.

    Raises:
        TextrnnError: what ``textrnn.data`` and the planner raise; unusable models to start from.
    """
    clock = clock or stopwatch()
    machine = Machine.of(settings)
    transfer = Transfer.of(
        bundle.open_bundle(init_from) if init_from else None,
        bundle.open_bundle(init_from_reverse) if init_from_reverse else None,
    )
    settings = transfer.inherit(settings, given) if transfer else with_tokens(settings)
    refuse_idle(settings, given, _idle(transfer, valid_inputs, test_inputs))
    corpus = prepare_examples(
        inputs,
        valid_inputs,
        test_inputs,
        settings,
        transfer.tokenizer() if transfer else settings,
        seed=settings.seed,
        cache=cache or default_cache_dir(),
        report=report,
    )
    facts = example_facts(corpus)
    measure = speedometer(machine, facts, corpus.tokenizer)
    answer = plan_classifier(settings, facts, machine.facts, measure, clock())
    settings = machine.applied_to(answer.settings)
    record, files = bundle.tokenizer_part(corpus.tokenizer)
    origin = transfer.record() if transfer else None
    head: dict[str, Any] = {
        "job": JOB,
        "labels": list(corpus.labels),
        "data": _data_record(corpus, (inputs, valid_inputs, test_inputs)),
        "tokenizer": record,
    }
    if origin is not None:
        head["init_from"] = origin
    training = training_of(settings, corpus, machine, transfer, is_new=True, origin=origin)
    return new_run(training, answer, output, head, files, clock)


def _idle(
    transfer: Transfer | None, valid_inputs: Sequence[str], test_inputs: Sequence[str]
) -> dict[str, str]:
    """Return the settings that do nothing in a run from these, each with the reason."""
    idle = {}
    if transfer is None:
        reason = "it is for models that start from another: give one with --init-from"
        idle = dict.fromkeys(TRANSFER, reason)
    if valid_inputs:
        idle["valid_fraction"] = "the validation rows have files of their own (--valid)"
    if test_inputs:
        idle["test_fraction"] = "the test rows have files of their own (--test)"
    return idle


def _data_record(corpus: ExampleCorpus, named: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return what ``config.json`` says of the examples."""
    sources = {
        "sources": corpus.sources,
        "valid_sources": corpus.valid_sources,
        "test_sources": corpus.test_sources,
    }
    inputs = dict(zip(_INPUTS, named, strict=True))
    return data_record(corpus.digest, inputs, sources, findings=corpus.findings.as_dict())


def _reopened(
    model: Path,
    settings: ClassifierSettings,
    machine: Machine,
    head: Mapping[str, Any],
    cache: Path | None,
    report: Report,
) -> Training:
    """Prepare a recorded run again; see ``textrnn.training.resuming.Reopen``."""
    folder = cache or default_cache_dir()
    opened = bundle.open_bundle(model, JOB)
    require_whole(opened)
    data = recorded_data(model, head, _INPUTS)
    corpus = prepared_again(
        model,
        data,
        lambda digest: open_examples(digest, folder),
        lambda: prepare_examples(
            data["inputs"],
            data["valid_inputs"],
            data["test_inputs"],
            settings,
            opened.tokenizer(),
            seed=settings.seed,
            cache=folder,
            report=report,
        ),
        cache=folder,
        report=report,
    )
    origin = head.get("init_from")
    origin = origin if isinstance(origin, dict) else None
    return training_of(settings, corpus, machine, None, is_new=False, origin=origin)


resume_run = Resumption(JOB, ClassifierSettings, SHAPE, _reopened)
"""Takes up a run where it stopped; see ``textrnn.training.resuming.Resumption``."""
