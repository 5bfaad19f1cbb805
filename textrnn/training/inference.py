"""What trained models of every job share where they answer: batches of like length, memory, exactness."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from textrnn.errors import DeviceError

if TYPE_CHECKING:
    import torch

__all__ = ["checked_texts", "exactly", "halving", "like_lengths"]

ItemT = TypeVar("ItemT")
AnswerT = TypeVar("AnswerT")


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


def exactly(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which GPUs compute float32 as such; cuDNN's layers would round to TF32."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    import torch

    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
