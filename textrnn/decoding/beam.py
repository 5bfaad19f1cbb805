"""Beam search: the likeliest texts, several of each sentence's beginnings followed at a time.

All sentences of a batch and all their hypotheses go through the model together, as rows: those of a
sentence in a row, the best first. The search is the usual one (Sutskever et al. 2014, section 3.2;
Wu et al. 2016, section 7): at each step every hypothesis is extended by its likeliest tokens, and of all
extensions of a sentence the ``beam_size`` likeliest stay. An extension by ``<eos>`` that is among them is
finished and makes room for another. A sentence is done when ``n_best`` are finished that no other could
still surpass within the limit; or when ``beam_size`` are finished and ``n_best`` of them score no less than
the best of the others does so far. (To ask no more than that ``beam_size`` are finished would let unlikely
short texts shut out a likely long one.)
With ``beam_size`` 1 this is greedy search: the likeliest token at every step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from textrnn.config import setting
from textrnn.decoding.protocol import Banned, BeamModel, Candidates, Ids64
from textrnn.decoding.repeats import repeating
from textrnn.errors import ModelError, UsageError
from textrnn.tokenizers.base import BOS_ID, EOS_ID

__all__ = ["BeamSettings", "Hypothesis", "beam_search", "length_norm"]

StateT = TypeVar("StateT")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BeamSettings:
    """How the likeliest text is looked for."""

    beam_size: int = setting(
        5,
        "Hypotheses followed at a time; 1 takes the likeliest token at every step (greedy).",
        section="search",
        minimum=1,
        maximum=1024,
    )
    length_penalty: float = setting(
        1.0,
        "How much long texts are favoured: scores are divided by ((5 + length) / 6) to this power (Wu et "
        "al. 2016); 0 compares the probabilities themselves.",
        section="search",
        minimum=0,
        maximum=10,
    )
    n_best: int = setting(
        1,
        "Hypotheses given for each text, the best first; at most beam_size.",
        section="search",
        minimum=1,
        maximum=1024,
    )
    no_repeat_ngram: int = setting(
        0,
        "Never say a run of so many tokens twice in a text; 0 allows it.",
        section="search",
        minimum=0,
        maximum=1000,
    )

    def __post_init__(self) -> None:
        if self.n_best > self.beam_size:
            raise UsageError(
                f"n_best is {self.n_best} and beam_size {self.beam_size}: there are no more hypotheses "
                f"than the beam is wide; give a beam_size of {self.n_best} or more"
            )


class Hypothesis(NamedTuple):
    """A text that was found.

    Attributes:
        ids: Its tokens, without ``<bos>`` and ``<eos>``, (length,), int64.
        log_prob: The log-probability of them and of ``<eos>`` after them, in nats.
        score: ``log_prob`` over :func:`length_norm`; what hypotheses are compared by.
    """

    ids: Ids64
    log_prob: float
    score: float


def length_norm(length: npt.ArrayLike, penalty: float) -> Floats:
    """Return what log-probabilities are divided by (Wu et al. 2016, equation 14).

    Args:
        length: Tokens, ``<eos>`` included.
        penalty: The power; 0 gives 1.
    """
    norm: Floats = ((5.0 + np.asarray(length, np.float64)) / 6.0) ** penalty
    return norm


def beam_search(
    model: BeamModel[StateT], state: StateT, limits: Ids64, settings: BeamSettings
) -> list[list[Hypothesis]]:
    """Return the best hypotheses of every sentence.

    Of equals, the extension of the better hypothesis comes first, then the lower id: the same logits give
    the same texts. A hypothesis that reaches its limit is ended there, at the price of ``<eos>``.

    Args:
        model: What says which tokens may follow.
        state: The model's state before ``<bos>``, a row for each sentence.
        limits: Greatest number of tokens of each sentence, ``<eos>`` not counted, (sentences,), int64, at
            least 0.
        settings: How to search.

    Returns:
        For each sentence the hypotheses that were finished, the best first: ``n_best`` or more, fewer only
        where no more can be said within the limit.

    Raises:
        ModelError: the model gives no number as a log-probability, or none to the end of any text.
    """
    search = _Search(model, state, limits, settings)
    while len(search.active):
        search.step()
    if not all(search.finished):
        raise ModelError("the model's weights let no text end; train it again")
    return [sorted(found, key=lambda each: -each.score) for found in search.finished]


@dataclass
class _Choice:
    """Extensions of the hypotheses of some sentences.

    Attributes:
        parents: Which hypothesis each extends, (sentences, width).
        ids: By which token, (sentences, width).
        totals: Their log-probabilities, (sentences, width); -inf where there is none.
    """

    parents: Ids64
    ids: Ids64
    totals: Floats

    def taken(self, places: Ids64) -> _Choice:
        """Return those at each sentence's places, (sentences, new width)."""
        return _Choice(
            np.take_along_axis(self.parents, places, axis=1),
            np.take_along_axis(self.ids, places, axis=1),
            np.take_along_axis(self.totals, places, axis=1),
        )


@dataclass
class _Search(Generic[StateT]):
    """The hypotheses of a batch of sentences, some tokens long.

    Attributes:
        finished: Each sentence's finished hypotheses, in the order in which they were found.
        active: Numbers of the sentences that are not done.
        totals: Log-probabilities of the hypotheses, (active sentences, width).
        said: Their tokens, (active sentences, width, length).
    """

    model: BeamModel[StateT]
    state: StateT
    limits: Ids64
    settings: BeamSettings
    finished: list[list[Hypothesis]] = field(init=False)
    active: Ids64 = field(init=False)
    totals: Floats = field(init=False)
    said: Ids64 = field(init=False)

    def __post_init__(self) -> None:
        sentences = len(self.limits)
        self.finished = [[] for _ in range(sentences)]
        self.active = np.arange(sentences)
        self.totals = np.zeros((sentences, 1))
        self.said = np.empty((sentences, 1, 0), np.int64)

    def step(self) -> None:
        """Make every hypothesis one token longer, and finish those that end here."""
        sentences, width, length = self.said.shape
        last = self.said[:, :, -1] if length else np.full((sentences, 1), BOS_ID, np.int64)
        found, self.state = self.model.extend(
            last.ravel(), self.state, self.settings.beam_size, self._banned()
        )
        if np.isnan(found.ends).any():
            raise ModelError("the model's weights make no number of a text; train it again")
        is_last = self.limits[self.active] <= length
        choice = self._choose(found, is_last)
        kept = np.flatnonzero(~is_last & ~self._are_done(choice.totals, length + 1))
        self._keep(choice, kept, width)

    def _banned(self) -> Banned | None:
        """Return what would repeat a run of tokens."""
        size = self.settings.no_repeat_ngram
        if not size:
            return None
        sentences, width, length = self.said.shape
        return repeating(self.said.reshape(sentences * width, length), size)

    def _choose(self, found: Candidates, is_last: npt.NDArray[np.bool_]) -> _Choice:
        """Finish the extensions by ``<eos>`` that are good enough; return the best of the others."""
        sentences, width, _ = self.said.shape
        count = found.ids.shape[1]
        log_probs = found.log_probs.reshape(sentences, width, count).astype(np.float64)
        log_probs[is_last] = -np.inf
        ends = found.ends.reshape(sentences, width, 1).astype(np.float64)
        totals = np.concatenate([log_probs, ends], axis=2) + self.totals[:, :, None]
        ids = np.full(totals.shape, EOS_ID, np.int64)
        ids[:, :, :count] = found.ids.reshape(sentences, width, count)
        parents = np.empty(totals.shape, np.int64)
        parents[:] = np.arange(width)[:, None]
        # All extensions of a sentence, the best first.
        row = (sentences, -1)
        every = _Choice(parents.reshape(row), ids.reshape(row), totals.reshape(row))
        ranked = every.taken(np.lexsort((every.ids, every.parents, -every.totals), axis=1))
        beam = self.settings.beam_size
        self._finish(ranked.totals[:, :beam], ranked.ids[:, :beam], ranked.parents[:, :beam])
        # Those that end go behind the others, which keep their order.
        going = np.argsort(ranked.ids == EOS_ID, axis=1, kind="stable")
        return ranked.taken(going[:, : min(beam, width * count)])

    def _finish(self, totals: Floats, ids: Ids64, parents: Ids64) -> None:
        """Take down the extensions by ``<eos>``."""
        length = self.said.shape[2] + 1
        norm = float(length_norm(length, self.settings.length_penalty))
        for row, place in zip(*np.nonzero((ids == EOS_ID) & (totals > -np.inf)), strict=True):
            total = float(totals[row, place])
            said = self.said[row, parents[row, place]].copy()
            self.finished[self.active[row]].append(Hypothesis(said, total, total / norm))

    def _are_done(self, totals: Floats, length: int) -> npt.NDArray[np.bool_]:
        """Return which sentences need no longer be looked at, (active sentences,).

        Args:
            totals: Log-probabilities of what goes on, the best first, (active sentences, width).
            length: Tokens of it.
        """
        n_best, beam = self.settings.n_best, self.settings.beam_size
        penalty = self.settings.length_penalty
        best = totals[:, 0]
        now = best / length_norm(length, penalty)
        # What a hypothesis has lost it does not win back; only its length may still speak for it.
        at_most = best / length_norm(self.limits[self.active] + 1, penalty)
        done: npt.NDArray[np.bool_] = best == -np.inf
        for row, sentence in enumerate(self.active.tolist()):
            scores = [each.score for each in self.finished[sentence]]
            if len(scores) >= n_best:
                hope = now[row] if len(scores) >= beam else at_most[row]
                done[row] |= sorted(scores)[-n_best] >= hope
        return done

    def _keep(self, choice: _Choice, kept: Ids64, width: int) -> None:
        """Go on with what was chosen of these sentences."""
        self.active = self.active[kept]
        self.totals = choice.totals[kept]
        parents = choice.parents[kept]
        if len(kept):
            self.state = self.model.reorder(self.state, (kept[:, None] * width + parents).ravel())
        said = self.said[kept[:, None], parents]
        self.said = np.concatenate([said, choice.ids[kept][:, :, None]], axis=2)
