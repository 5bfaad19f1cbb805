"""Going on with the run of a language model where it stopped, or beyond its end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn import bundle
from textrnn.data.again import prepared_again
from textrnn.data.cache import default_cache_dir
from textrnn.data.corpus import open_corpus, prepare_corpus
from textrnn.language_model.run import JOB, training_of
from textrnn.language_model.settings import SHAPE, LanguageModelSettings
from textrnn.training.resuming import Resumption, resume
from textrnn.training.run import Clock, Machine, PreparedRun, Report, Training, stopwatch

__all__ = ["resume_run"]


def resume_run(
    path: Path,
    changes: Mapping[str, Any],
    *,
    cache: Path | None = None,
    clock: Clock | None = None,
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
        TextrnnError: as ``textrnn.training.resuming.resume``.
    """
    folder = cache or default_cache_dir()

    def reopen(
        model: Path, settings: LanguageModelSettings, machine: Machine, head: Mapping[str, Any]
    ) -> Training:
        data = head["data"]
        corpus = prepared_again(
            model,
            data,
            lambda digest: open_corpus(digest, folder),
            lambda: prepare_corpus(
                data["inputs"],
                data["valid_inputs"],
                settings,
                bundle.open_bundle(model, JOB).tokenizer(),
                cache=folder,
                report=report,
            ),
            cache=folder,
            report=report,
        )
        return training_of(settings, corpus, machine)

    resumption = Resumption(JOB, LanguageModelSettings, SHAPE, reopen)
    return resume(resumption, path, changes, clock or stopwatch(), report)
