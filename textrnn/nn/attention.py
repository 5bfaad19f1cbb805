"""Attention: for each query a mean of a sequence's values, weighted by how well each of them fits."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["ATTENTIONS", "Attention", "Keys"]

ATTENTIONS = ("additive", "dot", "general", "scaled")

_SUMS_AT_ONCE = 1 << 23
"""Features of sums of queries and keys that stand in memory together where no gradient needs all of them."""


class Keys(NamedTuple):
    """What is attended to, made ready once for any number of queries.

    Attributes:
        values: (batch, src_time, key_size), zeros at padding.
        scored: What queries are held against, (batch, src_time, size).
        mask: True where there is a real token, (batch, src_time).
    """

    values: Tensor
    scored: Tensor
    mask: Tensor

    def rows(self, index: Tensor) -> Keys:
        """Return the keys of the sequences ``index``, (new batch,), int64, on their device."""
        return Keys(*(tensor.index_select(0, index) for tensor in self))


class Attention(nn.Module):
    """Scores every query against every key; the softmax of the scores weights the values.

    ``additive`` is v tanh(W q + U k) (Bahdanau et al. 2015, section A.1.2); ``dot`` is q k and ``general``
    q W k (Luong et al. 2015, section 3.1); ``scaled`` is (W q)(U k) over the root of their size (Vaswani
    et al. 2017, section 3.2.1, with one head). The values are the keys as they come.

    Args:
        kind: One of ``ATTENTIONS``.
        query_size: Features of a query.
        key_size: Features of a key; those of a query for ``dot``.

    Raises:
        ValueError: an unknown kind, or sizes that do not fit it.
    """

    def __init__(self, kind: str, query_size: int, key_size: int) -> None:
        super().__init__()
        if kind not in ATTENTIONS:
            raise ValueError(f"{kind!r} is none of {', '.join(ATTENTIONS)}")
        if kind == "dot" and query_size != key_size:
            raise ValueError(f"dot attention needs equal sizes, not {query_size} and {key_size}")
        self.kind = kind
        self.query: nn.Linear | None = None
        self.key: nn.Linear | None = None
        self.score: nn.Parameter | None = None
        if kind in ("additive", "scaled"):
            self.query = nn.Linear(query_size, query_size, bias=kind == "additive")
        if kind != "dot":
            self.key = nn.Linear(key_size, query_size, bias=False)
        if kind == "additive":
            self.score = nn.Parameter(torch.empty(query_size))
        self._scale = query_size**-0.5 if kind == "scaled" else 1.0

    @property
    def blocks(self) -> dict[str, int]:
        """Its matrices, each a single one."""
        linears = {"query": self.query, "key": self.key}
        return {f"{name}.weight": 1 for name, linear in linears.items() if linear is not None}

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the starting weights (Glorot and Bengio 2010)."""
        with torch.no_grad():
            for linear in (self.query, self.key):
                if linear is None:
                    continue
                bound = math.sqrt(6 / (linear.in_features + linear.out_features))
                linear.weight.uniform_(-bound, bound, generator=generator)
                if linear.bias is not None:
                    linear.bias.zero_()
            if self.score is not None:
                bound = math.sqrt(3 / len(self.score))
                self.score.uniform_(-bound, bound, generator=generator)

    def prepare(self, keys: Tensor, mask: Tensor) -> Keys:
        """Make keys ready for queries.

        Args:
            keys: (src_time, batch, key_size); what stands at padding may be anything.
            mask: True where there is a real token, (src_time, batch); at least one for each sequence.
        """
        inside = mask.t()
        # Zeros, since 0 times what stands at padding might not be 0.
        values = keys.transpose(0, 1).masked_fill(~inside.unsqueeze(-1), 0)
        return Keys(values, values if self.key is None else self.key(values), inside)

    def attend(self, queries: Tensor, keys: Keys) -> tuple[Tensor, Tensor]:
        """Return what every query finds.

        Args:
            queries: (tgt_time, batch, query_size).
            keys: As :meth:`prepare` returned them.

        Returns:
            Contexts, (tgt_time, batch, key_size), and weights, (tgt_time, batch, src_time), float32,
            exactly 0 at padding, with a sum of 1 over the real tokens.
        """
        scores = self._scores(queries.transpose(0, 1), keys.scored).float() * self._scale
        weights = scores.masked_fill(~keys.mask.unsqueeze(1), -torch.inf).softmax(-1)
        context = torch.bmm(weights.to(keys.values.dtype), keys.values)
        return context.transpose(0, 1), weights.transpose(0, 1)

    def forward(self, queries: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Make keys ready and return what every query finds; see :meth:`prepare`, :meth:`attend`."""
        return self.attend(queries, self.prepare(keys, mask))

    def _scores(self, queries: Tensor, scored: Tensor) -> Tensor:
        """Return (batch, tgt_time, src_time) from (batch, tgt_time, query_size)."""
        if self.query is not None:
            queries = self.query(queries)
        if self.score is None:
            return torch.bmm(queries.to(scored.dtype), scored.transpose(1, 2))
        # Every query meets every key in all features: some queries at a time, or long texts take gigabytes.
        step = queries.shape[1]
        if not torch.is_grad_enabled():
            step = max(1, min(step, _SUMS_AT_ONCE // max(1, scored.numel())))
        score = self.score.to(scored.dtype)
        parts = [
            torch.tanh(some.unsqueeze(2) + scored.unsqueeze(1)) @ score
            for some in torch.split(queries, max(1, step), 1)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)
