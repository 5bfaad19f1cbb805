"""The jobs: what each is called in ``config.json``, and where its settings, its training and its models are.

Nothing is imported before it is asked for, so that knowing of a job costs no torch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from textrnn.errors import ModelError

__all__ = ["JOBS", "Job", "imported", "job_named"]


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes:
        name: As in ``config.json``.
        models: What its models are called, more than one of them.
        settings_place: ``module:class`` of its settings.
        prepare_place: ``module:function`` that prepares a new run.
        resume_place: Likewise for one that goes on.
        model_place: ``module:class`` of an opened model.
    """

    name: str
    models: str
    settings_place: str
    prepare_place: str
    resume_place: str
    model_place: str

    def settings(self) -> type:
        """Import and return the class of the job's settings."""
        found: type = imported(self.settings_place)
        return found

    def prepare(self) -> Callable[..., Any]:
        """Import and return the function that prepares a new run; torch comes with it."""
        found: Callable[..., Any] = imported(self.prepare_place)
        return found

    def resume(self) -> Callable[..., Any]:
        """Import and return the function that prepares a run to go on; torch comes with it."""
        found: Callable[..., Any] = imported(self.resume_place)
        return found

    def model(self) -> Callable[..., Any]:
        """Import and return the class of its opened models, which takes a bundle and the machine."""
        found: Callable[..., Any] = imported(self.model_place)
        return found


def job_named(name: str) -> Job:
    """Return a job by its name in ``config.json``.

    Raises:
        ModelError: there is none of that name.
    """
    if name not in JOBS:
        raise ModelError(f"a {name} model is nothing that this version knows")
    return JOBS[name]


def imported(place: str) -> Any:
    """Import and return what ``module:name`` stands for."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


JOBS = {
    job.name: job
    for job in (
        Job(
            name="language-model",
            models="language models",
            settings_place="textrnn.language_model.settings:LanguageModelSettings",
            prepare_place="textrnn.language_model.training:prepare_run",
            resume_place="textrnn.language_model.resuming:resume_run",
            model_place="textrnn.language_model.generator:LanguageModel",
        ),
        Job(
            name="classifier",
            models="classifiers",
            settings_place="textrnn.classifier.settings:ClassifierSettings",
            prepare_place="textrnn.classifier.training:prepare_run",
            resume_place="textrnn.classifier.training:resume_run",
            model_place="textrnn.classifier.predictor:Classifier",
        ),
        Job(
            name="translator",
            models="translators",
            settings_place="textrnn.translator.settings:TranslatorSettings",
            prepare_place="textrnn.translator.training:prepare_run",
            resume_place="textrnn.translator.training:resume_run",
            model_place="textrnn.translator.predictor:Translator",
        ),
    )
}
