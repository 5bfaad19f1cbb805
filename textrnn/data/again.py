"""The data of a run that is taken up: prepared again, or found in the cache where they have gone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from textrnn.data.prepared import SourceRecord
from textrnn.data.sources import Report, is_data_set
from textrnn.errors import DataError, ModelError

__all__ = ["data_record", "prepared_again", "recorded_data"]


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
        if found is not None:
            report(f"{', '.join(gone[:3])}: no longer there, found in the cache")
            return found
        if not all(map(is_data_set, gone)):
            raise DataError(
                f"{', '.join(gone[:3])}: the text that {model} was trained on is neither there nor in the "
                f"cache ({cache}), so the run cannot be resumed; put it back, or train on another text "
                f"from this model with --init-from {model}"
            )
    prepared = prepare()
    if prepared.digest != data["digest"]:
        raise DataError(
            f"the text has changed since {model} was trained, so its run cannot be resumed; to train on "
            f"the new text, start from this model with --init-from {model}"
        )
    return prepared


def data_record(
    digest: str,
    inputs: Mapping[str, Sequence[str]],
    sources: Mapping[str, Sequence[SourceRecord]],
    **figures: Any,
) -> dict[str, Any]:
    """Return what ``config.json`` says of the data, which :func:`recorded_data` reads.

    Args:
        digest: What tells them from others.
        inputs: The lists of inputs by name, as they were given; recorded so that they can be used from
            any folder.
        sources: What they were read from, by names that end in ``sources``.
        **figures: What else there is to say.
    """
    return {
        "digest": digest,
        **{name: list(map(_absolute, names)) for name, names in inputs.items()},
        **{name: [dataclasses.asdict(source) for source in some] for name, some in sources.items()},
        **figures,
    }


def recorded_data(
    model: Path, head: Mapping[str, Any], names: Collection[str]
) -> Mapping[str, Any]:
    """Return what ``config.json`` records of the data, once it is such as training writes.

    Args:
        model: The model directory, for messages.
        head: What ``config.json`` holds.
        names: Entries that list inputs.

    Raises:
        ModelError: something is missing or of another type.
    """
    data = head.get("data")
    data = data if isinstance(data, dict) else {}
    wrong = [name for name in names if not _are_texts(data.get(name))]
    wrong += [
        name
        for name, some in data.items()
        if name.endswith("sources") and not (isinstance(some, list) and all(map(_is_source, some)))
    ]
    if not isinstance(data.get("digest"), str):
        wrong.append("digest")
    if wrong:
        raise ModelError(
            f"{model}: what it records of its data is damaged ({', '.join(wrong):.200}), so its run cannot "
            f"be resumed; to train it further, start from it with --init-from {model}"
        )
    return data


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_source(value: object) -> bool:
    """Return whether a record names a source and where it lay."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return False
    return value.get("path", "") is None or isinstance(value.get("path"), str)


def _absolute(name: str) -> str:
    """Return an input's name as it can be used from any folder."""
    return name if name == "-" or is_data_set(name) else str(Path(name).absolute())
