"""Going on with the run of a language model where it stopped, or beyond its end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textrnn import bundle
from textrnn.data.again import prepared_again, recorded_data
from textrnn.data.cache import default_cache_dir
from textrnn.data.corpus import open_corpus, prepare_corpus
from textrnn.language_model.opening import require_whole
from textrnn.language_model.run import JOB, training_of
from textrnn.language_model.settings import SHAPE, LanguageModelSettings
from textrnn.training.resuming import Resumption
from textrnn.training.run import Machine, Report, Training

__all__ = ["resume_run"]


def _reopened(
    model: Path,
    settings: LanguageModelSettings,
    machine: Machine,
    head: Mapping[str, Any],
    cache: Path | None,
    report: Report,
) -> Training:
    """Prepare a recorded run again; see ``textrnn.training.resuming.Reopen``."""
    folder = cache or default_cache_dir()
    opened = bundle.open_bundle(model, JOB)
    require_whole(opened)
    data = recorded_data(model, head, ("inputs", "valid_inputs"))
    corpus = prepared_again(
        model,
        data,
        lambda digest: open_corpus(digest, folder),
        lambda: prepare_corpus(
            data["inputs"],
            data["valid_inputs"],
            settings,
            opened.tokenizer(),
            cache=folder,
            report=report,
        ),
        cache=folder,
        report=report,
    )
    return training_of(settings, corpus, machine)


resume_run = Resumption(JOB, LanguageModelSettings, SHAPE, _reopened)
"""Takes up a run where it stopped; see ``textrnn.training.resuming.Resumption``."""
