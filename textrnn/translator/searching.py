"""From sources that were read to translations: what is searched for, and what is drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from textrnn.decoding.beam import Hypothesis, beam_search, length_norm
from textrnn.decoding.drawing import draw
from textrnn.decoding.protocol import BeamModel, RowModel
from textrnn.decoding.randomness import row_key
from textrnn.decoding.sampling import Sampler
from textrnn.translator.protocol import Forced, Ids, Source
from textrnn.translator.search import SearchSettings

__all__ = ["SearchedModel", "searched"]

StateT = TypeVar("StateT")


class SearchedModel(RowModel[StateT], BeamModel[StateT], Protocol[StateT]):
    """A model that says what may follow, or names the likeliest of it."""


def searched(
    model: SearchedModel[StateT],
    state: StateT,
    sources: Sequence[Source],
    limits: Sequence[int],
    settings: SearchSettings,
    forced: Callable[[Sequence[tuple[Ids, Ids]]], list[Forced]],
) -> list[list[Hypothesis]]:
    """Return the hypotheses of every source, or ``n_best`` samples.

    Args:
        model: What says which tokens may follow.
        state: Its state before ``<bos>``, a row for each source.
        sources: They.
        limits: Most tokens of each one's translation.
        settings: How to search, with a seed where that is at random.
        forced: Tells how probable given targets are.
    """
    if not settings.sample:
        return beam_search(model, state, np.array(limits, np.int64), settings)
    num = settings.n_best
    state = model.reorder(state, np.repeat(np.arange(len(sources)), num))
    seed = settings.seed or 0
    keys = [row_key(seed, source.text, k) for source in sources for k in range(num)]
    sampler = Sampler(settings.sampling, allow_eos=True)
    most = np.repeat(np.array(limits, np.int64), num)
    drawn = draw(model, state, most, sampler, np.array(keys, np.uint64))
    # What was drawn is told with the probability that the model gives it, not with that of the draw.
    read = forced([(sources[i // num].ids, said) for i, said in enumerate(drawn)])
    scored = []
    for said, each in zip(drawn, read, strict=True):
        norm = float(length_norm(len(said) + 1, settings.length_penalty))
        scored.append(Hypothesis(said, each.log_prob, each.log_prob / norm))
    return [scored[low : low + num] for low in range(0, len(scored), num)]
