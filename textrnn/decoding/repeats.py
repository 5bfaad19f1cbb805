"""Which tokens would say something a second time."""

from __future__ import annotations

import numpy as np

from textrnn.decoding.protocol import Banned, Ids64

__all__ = ["repeating"]


def repeating(histories: Ids64, size: int) -> Banned | None:
    """Return the ids that would complete a run of ``size`` ids which its row holds already.

    Paulus et al. (2018, section 2.5) never let a summary repeat a trigram.

    Args:
        histories: What each row has said, (rows, length), int64.
        size: At least 1.

    Returns:
        Rows and ids, or None where nothing can be repeated yet.
    """
    length = histories.shape[1]
    if length < size:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(histories, size, axis=1)
    begun = histories[:, length - size + 1 :]
    rows, places = np.nonzero((windows[:, :, :-1] == begun[:, None, :]).all(axis=2))
    return rows, windows[rows, places, -1]
