"""Adam and AdamW by rows: a step works on the rows of a table that it has looked up, on no others.

Both optimisers move every weight in every step, by what is left of its momentum and by its decay. Of a table
of embeddings nearly all rows have no gradient in a step, and passing over them all took up to half of its
time (``benchmarks/README.md``). What a row misses while nobody looks at it follows from its momentum and the
steps' rates alone, so it is made up for when the row is next asked for: the results are those of the whole
table, to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from textrnn.nn.lookup import keep_by_rows
from textrnn.training.rules import ADAM_EPS, AdamRule, Kept

__all__ = ["RowTable", "shapes_of_rows"]

MOST_MISSED = 512
"""After so many updates all rows are brought up to date, whoever asks for them."""
_AT_ONCE = 4096
"""Rows of a table that are brought up to date at a time."""
_KEYS = ("noted", "seen", "missed")


def shapes_of_rows(table: Tensor) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what :meth:`RowTable.tensors` returns beside what the rule keeps."""
    return dict(zip(_KEYS, ((), (len(table),), (2, MOST_MISSED + 1)), strict=True))


class _Missed:
    """What a row without a gradient misses in so many updates, the latest ones.

    With zero gradients its averages m and v shrink by beta1 and beta2 in each update, so m / sqrt(v) by their
    quotient ``beta1 / sqrt(beta2)``, and what the updates take off the row is m / sqrt(v) times a number that
    follows from their rates.

    Attributes:
        count: Updates that have been noted.
        kept: What decay leaves of the weights, (MOST_MISSED + 1,), by the number of updates missed.
        moved: What they move by, in units of m / sqrt(v), likewise.
    """

    def __init__(self, betas: tuple[float, float]) -> None:
        beta1, beta2 = betas
        missed = torch.arange(MOST_MISSED + 1, dtype=torch.float64)
        self._betas = betas
        self._first, self._second = (beta1**missed).float(), (beta2**missed).float()
        self._shrunk = ((beta1 / beta2**0.5) ** missed).float()
        self.count = 0
        self.kept = torch.ones(MOST_MISSED + 1)
        self.moved = torch.zeros(MOST_MISSED + 1)

    def note(self, rate: float, decay: float, step: int) -> None:
        """Take in an update, the run's ``step``th of this table, counted from 1."""
        beta1, beta2 = self._betas
        left = 1 - rate * decay
        size = rate * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
        self.kept[1:] = self.kept[:-1] * left
        self.moved[1:] = self.moved[:-1] * left + size * self._shrunk[1:]
        self.count += 1

    def forget(self) -> None:
        """Begin anew, where no row is behind."""
        self.count = 0
        self.kept.fill_(1)
        self.moved.zero_()

    def make_up(self, weights: Tensor, first: Tensor, second: Tensor, missed: Tensor) -> None:
        """Bring rows up to date in place.

        Args:
            weights: (rows, dim).
            first: Averages of their gradients, likewise.
            second: Averages of the squares, likewise.
            missed: Updates that each row has missed, (rows,), int64.
        """
        ratio = first / second.sqrt().add_(ADAM_EPS)
        weights.mul_(self.kept[missed].unsqueeze(1))
        weights.addcmul_(ratio, self.moved[missed].unsqueeze(1), value=-1)
        first.mul_(self._first[missed].unsqueeze(1))
        second.mul_(self._second[missed].unsqueeze(1))


class _Fetched:
    """Rows of the table, brought up to date, that somebody has asked for.

    Attributes:
        rows: Their numbers, (n,), int64.
        weights: (n, dim), a leaf that a gradient can reach.
        first: Averages of their gradients.
        second: Averages of the squares.
    """

    def __init__(self, rows: Tensor, weights: Tensor, first: Tensor, second: Tensor) -> None:
        self.rows = rows
        self.weights = weights.requires_grad_()
        self.first = first
        self.second = second


class RowTable:
    """A parameter of which an update touches only the rows that were looked up for it.

    Between updates the parameter itself is behind in most rows: :meth:`settled` tells what it stands for.

    Args:
        table: (rows, dim), on a CPU; ``textrnn.nn.lookup`` tells of all who read it.
        rule: How it is updated.
    """

    def __init__(self, table: torch.nn.Parameter, rule: AdamRule) -> None:
        self._table = table
        self._rule = rule
        self._missed = _Missed(rule.betas)
        self._kept: Kept | None = None
        self._seen = torch.zeros(len(table), dtype=torch.int64)
        self._fetched: list[_Fetched] = []
        keep_by_rows(table, self._fetch)

    def leaf(self) -> Tensor | None:
        """Return a tensor whose gradient is that of all rows looked up since the last update, if any."""
        found = [one for one in self._fetched if one.weights.grad is not None]
        if len(found) > 1:
            found = [self._joined(found)]
        self._fetched = found
        return found[0].weights if found else None

    def close(self) -> Kept:
        """Let the table be a plain parameter again, all rows up to date; return what the rule keeps of it."""
        self.settle()
        keep_by_rows(self._table, None)
        return self._begun()

    def forget(self) -> None:
        """Let go of what was looked up."""
        self._fetched = []

    @torch.no_grad()
    def update(self, rate: float, decay: float) -> None:
        """Update the rows looked up, if a gradient has reached any.

        Args:
            rate: Learning rate.
            decay: Weight decay.
        """
        leaf, kept = self.leaf(), self._begun()
        if leaf is None:
            return
        fetched, gradient = self._fetched[0], leaf.grad
        assert gradient is not None  # noqa: S101  (an invariant of this class)
        state = {"step": kept["step"], "exp_avg": fetched.first, "exp_avg_sq": fetched.second}
        self._rule.apply([fetched.weights], [gradient], [state], rate, decay)
        self._missed.note(rate, decay, round(float(kept["step"])))
        self._put(fetched)
        self._seen[fetched.rows] = self._missed.count
        self._fetched = []
        if self._missed.count == MOST_MISSED:
            self.settle()

    def settled(self) -> Tensor:
        """Return the whole table, all rows up to date; a copy."""
        whole = self._table.detach().clone()
        if self._missed.count:
            for part in self._parts():
                whole[part] = self._up_to_date(part).weights.detach()
        return whole

    def tensors(self) -> Kept:
        """Return what is kept; nothing before the first update.

        Beside what the rule keeps of a parameter, that is how many updates there have been since all rows
        were up to date, ``noted``, after how many of them each row was last updated, ``seen``, and what the
        latest ones make a row miss, ``missed``: what decay leaves and what moves, by the number of updates.
        """
        if self._kept is None:
            return {}
        return {
            **self._kept,
            "noted": torch.tensor(float(self._missed.count)),
            "seen": self._seen.float(),
            "missed": torch.stack([self._missed.kept, self._missed.moved]),
        }

    def load(self, kept: Kept) -> None:
        """Keep what :meth:`tensors` returned, or what the rule keeps of a table that is up to date."""
        own = dict(kept)
        noted, seen, missed = (own.pop(key, None) for key in _KEYS)
        self._kept = own or None
        self._missed.forget()
        self._seen.zero_()
        if noted is not None and seen is not None and missed is not None:
            # Damaged numbers must not reach beyond what is noted.
            self._missed.count = min(max(0, int(noted)), MOST_MISSED - 1)
            self._missed.kept, self._missed.moved = missed[0].clone(), missed[1].clone()
            self._seen = seen.long().clamp_(0, self._missed.count)

    def settle(self) -> None:
        """Bring all rows up to date."""
        for part in self._parts():
            found = self._up_to_date(part)
            self._put(found)
        self._missed.forget()
        self._seen.zero_()

    def _begun(self) -> Kept:
        if self._kept is None:
            self._kept = self._rule.begin(self._table)
        return self._kept

    def _fetch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Look rows up, as ``textrnn.nn.lookup.Fetch`` says."""
        distinct, places = torch.unique(rows, return_inverse=True)
        fetched = self._up_to_date(distinct)
        self._fetched.append(fetched)
        return fetched.weights, places

    @torch.no_grad()
    def _up_to_date(self, rows: Tensor) -> _Fetched:
        kept = self._begun()
        weights, first, second = (
            tensor.index_select(0, rows)
            for tensor in (self._table.detach(), kept["exp_avg"], kept["exp_avg_sq"])
        )
        if self._missed.count:
            self._missed.make_up(weights, first, second, self._missed.count - self._seen[rows])
        return _Fetched(rows, weights, first, second)

    def _joined(self, parts: list[_Fetched]) -> _Fetched:
        """Return one for several, their gradients added up."""
        rows, places = torch.unique(torch.cat([one.rows for one in parts]), return_inverse=True)
        whole = self._up_to_date(rows)
        gradient = torch.zeros_like(whole.weights)
        gradients = [one.weights.grad for one in parts if one.weights.grad is not None]
        gradient.index_add_(0, places, torch.cat(gradients))
        whole.weights.grad = gradient
        return whole

    def _put(self, found: _Fetched) -> None:
        """Write rows back."""
        kept = self._begun()
        with torch.no_grad():
            self._table.index_copy_(0, found.rows, found.weights)
            kept["exp_avg"].index_copy_(0, found.rows, found.first)
            kept["exp_avg_sq"].index_copy_(0, found.rows, found.second)

    def _parts(self) -> Iterator[Tensor]:
        """Yield the numbers of all rows, so many at a time as fit a cache."""
        every = torch.arange(len(self._table))
        return (every[low : low + _AT_ONCE] for low in range(0, len(every), _AT_ONCE))
