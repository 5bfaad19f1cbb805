"""The data of a run that is taken up: prepared again, or found in the cache where they have gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from textrnn.data.sources import Report
from textrnn.errors import DataError

__all__ = ["absolute", "prepared_again"]


class _Prepared(Protocol):
    """Any prepared data."""

    @property
    def digest(self) -> str:
        """What tells them from others."""


P = TypeVar("P", bound=_Prepared)


def prepared_again(
    model: Path,
    data: Mapping[str, Any],
    find: Callable[[str], P | None],
    prepare: Callable[[], P],
    *,
    cache: Path,
    report: Report,
) -> P:
    """Return the data that a run was begun with.

    Args:
        model: The run's directory, for messages.
        data: What ``config.json`` records of the data: ``digest`` and the lists of ``…sources``.
        find: Finds prepared data in the cache by their digest.
        prepare: Prepares them from where they lay.
        cache: The cache folder, for messages.
        report: Told where they were found.

    Raises:
        DataError: they are gone, or are not what they were.
    """
    sources = [s for name, some in data.items() if name.endswith("sources") for s in some]
    gone = [s["name"] for s in sources if s["path"] is None or not Path(s["path"]).exists()]
    if gone:
        found = find(data["digest"])
        if found is None:
            raise DataError(
                f"{', '.join(gone[:3])}: the text that {model} was trained on is neither there nor in the "
                f"cache ({cache}), so the run cannot be resumed; put it back, or train on another text "
                f"from this model with --init-from {model}"
            )
        report(f"{', '.join(gone[:3])}: no longer there, found in the cache")
        return found
    prepared = prepare()
    if prepared.digest != data["digest"]:
        raise DataError(
            f"the text has changed since {model} was trained, so its run cannot be resumed; to train on "
            f"the new text, start from this model with --init-from {model}"
        )
    return prepared


def absolute(name: str) -> str:
    """Return an input's name as it can be used from any folder."""
    return name if name == "-" or name.startswith("hf:") else str(Path(name).absolute())
