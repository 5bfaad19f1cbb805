"""Training a language model from text to model directory: what the command line and Python both call."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from textrnn import bundle
from textrnn.data.again import data_record
from textrnn.data.cache import default_cache_dir
from textrnn.data.corpus import prepare_corpus
from textrnn.language_model.opening import require_whole
from textrnn.language_model.planner import plan_language_model
from textrnn.language_model.run import JOB, corpus_facts, speedometer, training_of
from textrnn.language_model.settings import SHAPE, LanguageModelSettings
from textrnn.training.idle import refuse_idle
from textrnn.training.inheriting import inherited
from textrnn.training.run import Clock, Machine, PreparedRun, Report, new_run, stopwatch

__all__ = ["prepare_run"]


def prepare_run(
    inputs: Sequence[str],
    output: Path,
    settings: LanguageModelSettings,
    *,
    valid_inputs: Sequence[str] = (),
    init_from: Path | None = None,
    given: Collection[str] | None = None,
    cache: Path | None = None,
    clock: Clock | None = None,
    report: Report = lambda message: None,
) -> PreparedRun:
    """Read the text, plan the run; nothing is written to ``output`` before ``events()``.

    Args:
        inputs: Files, folders, ``-`` for standard input.
        output: The model directory to make.
        settings: As the user gave them; what is None the planner chooses.
        valid_inputs: Validation text; none takes ``valid_fraction`` of each input.
        init_from: A trained model whose weights and tokenizer the run starts from.
        given: Names of the settings that the user gave, which a model to start from may not overrule;
            None takes those that are not the default.
        cache: Folder for encoded texts.
        clock: Seconds since the command's start; by default since this call.
        report: Is told in a line what is being done.

    Raises:
        TextrnnError: what ``textrnn.data`` and the planner raise; an unusable ``init_from``.
    """
    clock = clock or stopwatch()
    machine = Machine.of(settings)
    parent = bundle.open_bundle(init_from, JOB) if init_from else None
    if parent is not None:
        require_whole(parent)
        own = {name: parent.settings[name] for name in SHAPE & parent.settings.keys()}
        settings = inherited(settings, own, given, parent.path, "a model")
    if valid_inputs:
        idle = {"valid_fraction": "the validation text has files of its own (--valid)"}
        refuse_idle(settings, given, idle)
    corpus = prepare_corpus(
        inputs,
        valid_inputs,
        settings,
        parent.tokenizer() if parent else settings,
        cache=cache or default_cache_dir(),
        report=report,
    )
    facts = corpus_facts(corpus)
    measure = speedometer(machine, facts.vocab_size)
    answer = plan_language_model(settings, facts, machine.facts, measure, clock())
    settings = machine.applied_to(answer.settings)
    record, files = bundle.tokenizer_part(corpus.tokenizer)
    head = {
        "job": JOB,
        "data": data_record(
            corpus.digest,
            {"inputs": inputs, "valid_inputs": valid_inputs},
            {"sources": corpus.sources, "valid_sources": corpus.valid_sources},
            train_tokens=corpus.train.tokens,
            valid_tokens=corpus.valid.tokens,
        ),
        "tokenizer": record,
    }
    if parent is not None:
        head["init_from"] = {"weights": parent.config["files"][parent.config["weights"]]["sha256"]}
    training = training_of(settings, corpus, machine, parent)
    return new_run(training, answer, output, head, files, clock)
