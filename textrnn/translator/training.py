"""Training a translator from pairs of texts to model directory, and going on with its training."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from textrnn import bundle
from textrnn.data.again import data_record, prepared_again, recorded_data
from textrnn.data.cache import default_cache_dir
from textrnn.data.pairs import PairCorpus, open_pairs, prepare_pairs
from textrnn.tokenizers import Tokenizer
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
from textrnn.translator.opening import SRC_TOKENIZER, TGT_TOKENIZER, require_whole, tokenizers_of
from textrnn.translator.planner import plan_translator, require_sizes, with_max_length
from textrnn.translator.run import JOB, pair_facts, speedometer, training_of
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.transfer import SHAPE, Transfer

__all__ = ["prepare_run", "resume_run"]

_INPUTS = ("inputs", "src_inputs", "tgt_inputs", "valid_inputs", "valid_src", "valid_tgt")


def prepare_run(
    inputs: Sequence[str],
    output: Path,
    settings: TranslatorSettings,
    *,
    src_inputs: Sequence[str] = (),
    tgt_inputs: Sequence[str] = (),
    valid_inputs: Sequence[str] = (),
    valid_src: Sequence[str] = (),
    valid_tgt: Sequence[str] = (),
    init_from: Path | None = None,
    given: Collection[str] | None = None,
    cache: Path | None = None,
    clock: Clock | None = None,
    report: Report = lambda message: None,
) -> PreparedRun:
    """Read the pairs, plan the run; nothing is written to ``output`` before ``events()``.

    Args:
        inputs: Tables with two columns, data sets, ``-`` for standard input.
        output: The model directory to make.
        settings: As the user gave them; what is None the planner chooses.
        src_inputs: Files of texts, a line each.
        tgt_inputs: As many files, line by line what becomes of them.
        valid_inputs: Tables for validation; without any validation data ``valid_fraction`` of the pairs.
        valid_src: Files for validation, a line each.
        valid_tgt: As many files, line by line what becomes of them.
        init_from: A translator to start from.
        given: Names of the settings that the user gave, which a model to start from may not overrule;
            None takes those that are not the default.
        cache: Folder for encoded texts.
        clock: Seconds since the command's start; by default since this call.
        report: Is told in a line what is being done.

    Raises:
        TextrnnError: what ``textrnn.data`` and the planner raise; an unusable model to start from.
    """
    clock = clock or stopwatch()
    machine = Machine.of(settings)
    transfer = Transfer.of(bundle.open_bundle(init_from) if init_from else None)
    if transfer is not None:
        settings = transfer.inherit(settings, given)
    require_sizes(settings)
    every = (inputs, src_inputs, tgt_inputs, valid_inputs, valid_src, valid_tgt)
    named = dict(zip(_INPUTS, every, strict=True))
    refuse_idle(settings, given, _idle(named))
    corpus = _prepared(
        named,
        settings,
        transfer.tokenizers() if transfer else None,
        cache or default_cache_dir(),
        report,
    )
    settings = with_max_length(settings)
    facts = pair_facts(corpus, settings.max_length or 1)
    measure = speedometer(machine, facts)
    answer = plan_translator(settings, facts, machine.facts, measure, clock())
    settings = machine.applied_to(answer.settings)
    src, src_files = bundle.tokenizer_part(corpus.src_tokenizer, "src-")
    tgt, tgt_files = bundle.tokenizer_part(corpus.tgt_tokenizer, "tgt-")
    head: dict[str, Any] = {
        "job": JOB,
        "data": _data_record(corpus, named),
        SRC_TOKENIZER: src,
        TGT_TOKENIZER: tgt,
    }
    if transfer is not None:
        head["init_from"] = transfer.record()
    training = training_of(settings, corpus, machine, transfer)
    files = {**src_files, **tgt_files}
    return new_run(training, answer, output, head, files, clock)


def _idle(named: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the settings that do nothing in a run from these inputs, each with the reason."""
    idle = {}
    if named["valid_inputs"] or named["valid_src"] or named["valid_tgt"]:
        idle["valid_fraction"] = "the pairs to validate on have files of their own"
    if not (named["inputs"] or named["valid_inputs"]):
        reason = "files of --src and --tgt have no columns; leave it out, or give a table"
        idle |= dict.fromkeys(("src_column", "tgt_column"), reason)
    return idle


def _reopened(
    model: Path,
    settings: TranslatorSettings,
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
        lambda digest: open_pairs(digest, folder),
        lambda: _prepared(data, settings, tokenizers_of(opened), folder, report),
        cache=folder,
        report=report,
    )
    return training_of(settings, corpus, machine)


def _prepared(
    named: Mapping[str, Any],
    settings: TranslatorSettings,
    tokenizers: tuple[Tokenizer, Tokenizer] | None,
    cache: Path,
    report: Report,
) -> PairCorpus:
    """Prepare pairs with tokenizers that exist, or learn them."""
    src_tokenizer, tgt_tokenizer = tokenizers or (settings, settings)
    return prepare_pairs(
        named["inputs"],
        named["src_inputs"],
        named["tgt_inputs"],
        named["valid_inputs"],
        named["valid_src"],
        named["valid_tgt"],
        settings,
        src_tokenizer,
        tgt_tokenizer,
        joint=settings.joint_vocabulary,
        seed=settings.seed,
        cache=cache,
        report=report,
    )


def _data_record(corpus: PairCorpus, named: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what ``config.json`` says of the pairs."""
    sources = {"sources": corpus.sources, "valid_sources": corpus.valid_sources}
    return data_record(corpus.digest, named, sources, findings=corpus.findings.as_dict())


resume_run = Resumption(JOB, TranslatorSettings, SHAPE, _reopened)
"""Takes up a run where it stopped; see ``textrnn.training.resuming.Resumption``."""
