"""What trained models of every job share where they answer: whether in torch, batches, memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from textrnn.errors import DeviceError

if TYPE_CHECKING:
    import torch

__all__ = ["LightFirst", "checked_texts", "halving", "like_lengths"]

ItemT = TypeVar("ItemT")
AnswerT = TypeVar("AnswerT")

_LOADING_S = 1.5
"""What torch takes to load."""


class _Placed(Protocol):
    @property
    def device(self) -> str:
        """Where it computes: a torch device's name."""


EngineT = TypeVar("EngineT", bound=_Placed)


class LightFirst(Generic[EngineT]):
    """Chooses between a network without torch, on a CPU, and the same one in torch.

    A few texts at a time are answered without torch, where that is as fast. Of more, so many are as take as
    long as torch takes to load; from then on torch answers them. What has gone to a GPU stays there.

    Args:
        light: Makes what runs without torch.
        heavy: Loads torch and the network in it.
        few: Up to so many texts at a time torch is hardly faster, even once it is loaded.
    """

    def __init__(
        self, light: Callable[[], EngineT], heavy: Callable[[], EngineT], few: int
    ) -> None:
        self._make_light = light
        self._make_heavy = heavy
        self._few = few
        self._light: EngineT | None = None
        self._heavy: EngineT | None = None
        self._light_s = 0.0
        self._loading = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of: it loads by itself."""
        return {**self.__dict__, "_light": None, "_heavy": None, "_loading": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`__getstate__` returned."""
        self.__dict__.update(state, _loading=threading.Lock())

    @property
    def device(self) -> str:
        """Where it computes; ``cpu`` before torch is needed."""
        return "cpu" if self._heavy is None else self._heavy.device

    def chosen(self, needed_s: float, texts: int) -> EngineT:
        """Return what is to do something.

        Args:
            needed_s: Seconds that it would take without torch, roughly.
            texts: Of how many.
        """
        is_soon_done = texts <= self._few and needed_s <= _LOADING_S
        light = self._light
        if is_soon_done and light is not None and self.device == "cpu":
            # Without waiting for another thread that loads torch.
            return light
        with self._loading:
            if is_soon_done and self.device == "cpu":
                return self._without_torch()
            self._light_s += needed_s
            if self._heavy is None and self._light_s > _LOADING_S:
                self._heavy = self._make_heavy()
                if self._heavy.device != "cpu":
                    self._light = None
            return self._heavy or self._without_torch()

    def _without_torch(self) -> EngineT:
        if self._light is None:
            self._light = self._make_light()
        return self._light


def checked_texts(texts: Iterable[str]) -> list[str]:
    """Return texts as a list.

    Raises:
        TypeError: they are one string, or hold something else than strings.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError("expected a list of texts, not one text; put it into a list: [text]")
    given = list(texts)
    for number, text in enumerate(given):
        if not isinstance(text, str):
            raise TypeError(f"text number {number} is a {type(text).__name__}, not a str")
    return given


def like_lengths(
    lengths: npt.NDArray[np.int64], tokens: int, most: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the places of texts of like length, the longest first.

    Args:
        lengths: Of the texts, at least 1 each.
        tokens: Padded tokens of a batch, at most; a single text may have more.
        most: Texts of a batch, at most.
    """
    order = np.argsort(-lengths, kind="stable")
    at = 0
    while at < len(order):
        fitting = max(1, tokens // int(lengths[order[at]]))
        places = order[at : at + min(fitting, most)]
        yield places
        at += len(places)


def halving(
    compute: Callable[[Sequence[ItemT]], list[AnswerT]],
    items: Sequence[ItemT],
    device: torch.device,
    size: Callable[[ItemT], int],
) -> list[AnswerT]:
    """Return what is computed of a batch; one that memory has no room for is halved.

    Args:
        compute: Returns one answer for each item.
        items: At least one.
        device: Where it computes.
        size: Tells an item's tokens.

    Raises:
        DeviceError: there is no room for a single one.
    """
    try:
        return compute(items)
    except (RuntimeError, MemoryError) as error:
        from textrnn.training.device import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        if len(items) == 1:
            raise DeviceError(
                f"{device}: out of memory reading a text of {size(items[0]):,} tokens; free some, or "
                "use --device cpu"
            ) from None
    # Outside the handler, whose error would keep what took the memory.
    half = len(items) // 2
    return halving(compute, items[:half], device, size) + halving(
        compute, items[half:], device, size
    )
