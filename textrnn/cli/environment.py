"""``TEXTRNN_*`` variables: which count for a resumed run, and which count for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textrnn.cli.jobs import JOBS
from textrnn.config import ENVIRONMENT_PREFIX, nearest, specs
from textrnn.decoding.sampling import SamplingSettings

__all__ = ["changes_on_resume", "misspelt_variables"]

_OTHERS = ("TEXTRNN_CACHE", "TEXTRNN_DATA")


def changes_on_resume(settings: type, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that the environment gives and a resumed run may change, checked.

    Variables of other settings do not count: the run follows its record.

    Args:
        settings: The class of the job's settings.
        environment: Variables by name.

    Raises:
        UsageError: a value of another type or out of range.
    """
    return {
        name: spec.check(environment[spec.variable], spec.variable)
        for name, spec in specs(settings).items()
        if spec.on_resume and environment.get(spec.variable)
    }


def misspelt_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for every variable that looks like a setting and is none."""
    known = [
        *(spec.variable for job in JOBS.values() for spec in specs(job.settings()).values()),
        *(spec.variable for spec in specs(SamplingSettings).values()),
        *_OTHERS,
    ]
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known and environment[name]:
            yield f"{name} is in the environment, but no such setting exists{nearest(name, known)}"
