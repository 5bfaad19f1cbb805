"""Adam and AdamW by rows: a step works on the rows of a table that it has looked up, on no others.

Both optimisers move every weight in every step, by what is left of its momentum and by its decay. Of a table
of embeddings nearly all rows have no gradient in a step, and passing over them all took up to half of its
time (``benchmarks/README.md``). What a row misses while nobody looks at it follows from its momentum and the
rates of the steps, so it is made up for when the row is next asked for. The results are those of the whole
table to rounding, but where gradients are so small that Adam's epsilon tells: while a row is not looked at,
epsilon counts as if it shrank with the row's average. With gradients of 1e-6 weights come out where they
would to a hundredth of what they have moved by.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from textrnn.nn.lookup import keep_by_rows
from textrnn.training.rules import ADAM_EPS, AdamRule, Kept

__all__ = ["RowTable", "settled_state", "shapes_of_rows"]

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
        step: Updates that the table has had in all.
        kept: What decay leaves of the weights, (MOST_MISSED + 1,), by the number of updates missed.
        moved: What they move by, in units of m / sqrt(v), likewise.
    """

    def __init__(self, betas: tuple[float, float]) -> None:
        beta1, beta2 = betas
        missed = torch.arange(MOST_MISSED + 1, dtype=torch.float64)
        self._betas = betas
        self._first, self._second = (beta1**missed).float(), (beta2**missed).float()
        self._shrunk = ((beta1 / beta2**0.5) ** missed).float()
        self._missed = missed
        self.count = 0
        self.step = 0
        self.kept = torch.ones(MOST_MISSED + 1)
        self.moved = torch.zeros(MOST_MISSED + 1)

    def note(self, rate: float, decay: float, step: int) -> None:
        """Take in an update, the table's ``step``th in all, counted from 1."""
        beta1, beta2 = self._betas
        left = 1 - rate * decay
        size = rate * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
        self.kept[1:] = self.kept[:-1] * left
        self.moved[1:] = self.moved[:-1] * left + size * self._shrunk[1:]
        self.count += 1
        self.step = step

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
        # Epsilon is added to the average as corrected for the steps that it began with.
        since = (self.step + 1 - self._missed).clamp(min=1)
        eps = (ADAM_EPS * (1 - self._betas[1] ** since).sqrt()).float()
        ratio = first / second.sqrt().add_(eps[missed].unsqueeze(1))
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

    def joined(self) -> Tensor | None:
        """Make one of all rows looked up since the last update; return it, if a gradient has reached any."""
        found = [one for one in self._fetched if one.weights.grad is not None]
        if len(found) > 1:
            found = [self._join(found)]
        self._fetched = found
        return found[0].weights if found else None

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
        leaf = self.joined()
        if leaf is None or leaf.grad is None:
            return
        (fetched,), kept = self._fetched, self._begun()
        state = {"step": kept["step"], "exp_avg": fetched.first, "exp_avg_sq": fetched.second}
        self._rule.apply([leaf], [leaf.grad], [state], rate, decay)
        self._missed.note(rate, decay, round(float(kept["step"])))
        self._table.index_copy_(0, fetched.rows, leaf)
        for key in self._rule.like:
            kept[key].index_copy_(0, fetched.rows, state[key])
        self._seen[fetched.rows] = self._missed.count
        self._fetched = []
        if self._missed.count == MOST_MISSED:
            self.settle()

    def settled(self) -> Tensor:
        """Return the whole table, all rows up to date; a copy."""
        whole = self._table.detach().clone()
        self._settle_weights(whole)
        return whole

    def show(self) -> Tensor:
        """Bring all rows of the parameter up to date, and nothing else; return what they were."""
        own = self._table.detach().clone()
        self._settle_weights(self._table)
        return own

    def hide(self, own: Tensor) -> None:
        """Undo :meth:`show`."""
        with torch.no_grad():
            self._table.copy_(own)

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
        self._missed.step = round(float(own["step"])) if own else 0
        self._missed.forget()
        self._seen.zero_()
        if noted is not None and seen is not None and missed is not None:
            # Damaged numbers must not reach beyond what is noted.
            self._missed.count = min(max(0, int(noted)), MOST_MISSED - 1)
            self._missed.kept, self._missed.moved = missed[0].clone(), missed[1].clone()
            self._seen = seen.long().clamp_(0, self._missed.count)

    def settle(self) -> None:
        """Bring all rows up to date."""
        kept = self._begun()
        with torch.no_grad():
            for part in self._parts():
                self._missed.make_up(
                    self._table[part],
                    kept["exp_avg"][part],
                    kept["exp_avg_sq"][part],
                    self._missed.count - self._seen[part],
                )
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
        weights = self._table.detach().index_select(0, rows)
        if self._kept is None:
            return _Fetched(rows, weights, torch.zeros_like(weights), torch.zeros_like(weights))
        first, second = (self._kept[key].index_select(0, rows) for key in self._rule.like)
        if self._missed.count:
            self._missed.make_up(weights, first, second, self._missed.count - self._seen[rows])
        return _Fetched(rows, weights, first, second)

    def _join(self, parts: list[_Fetched]) -> _Fetched:
        """Return one for several, their gradients added up."""
        rows, places = torch.unique(torch.cat([one.rows for one in parts]), return_inverse=True)
        whole = self._up_to_date(rows)
        gradients = [one.weights.grad for one in parts if one.weights.grad is not None]
        whole.weights.grad = torch.zeros_like(whole.weights).index_add_(
            0, places, torch.cat(gradients)
        )
        return whole

    @torch.no_grad()
    def _settle_weights(self, weights: Tensor) -> None:
        """Bring a copy of the table up to date in place, or the table itself, and nothing else."""
        if self._kept is None or not self._missed.count:
            return
        for part in self._parts():
            first, second = (self._kept[key][part].clone() for key in self._rule.like)
            missed = self._missed.count - self._seen[part]
            self._missed.make_up(weights[part], first, second, missed)

    def _parts(self) -> Iterator[slice]:
        """Yield all rows, so many at a time as fit a cache."""
        return (slice(low, low + _AT_ONCE) for low in range(0, len(self._table), _AT_ONCE))


def settled_state(table: Tensor, rule: AdamRule, kept: Kept) -> Kept:
    """Bring a table up to date that was updated by rows and is so no longer.

    Args:
        table: (rows, dim), on any device.
        rule: How it was updated.
        kept: What was kept of it, as :meth:`RowTable.tensors` returned it; may be changed.

    Returns:
        What the rule keeps of it.
    """
    own = torch.nn.Parameter(table.detach().cpu().clone())
    rows = RowTable(own, rule)
    rows.load({key: tensor.cpu() for key, tensor in kept.items()})
    rows.settle()
    with torch.no_grad():
        table.copy_(own)
    return {
        key: tensor.to(table.device) for key, tensor in rows.tensors().items() if key not in _KEYS
    }
