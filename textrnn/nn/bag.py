"""A linear classifier over the bag of a text's hashed n-grams: strong where single phrases decide."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from textrnn.nn.dropout import MaskSource
from textrnn.nn.ngrams import ngram_rows

__all__ = ["NgramBag"]

_SCALE = 3.0
"""Brings the sum of some hundred n-grams' weights, over the root of their number, to the size of logits."""


class NgramBag(nn.Module):
    """Scores labels by the n-grams of tokens that a text holds, wherever they stand.

    Each n-gram has a weight for each label, as in a logistic regression over bigrams (Wang and Manning
    2012) with hashing (Weinberger et al. 2009); the sum is divided by the square root of the length.

    Args:
        order: Longest n-gram, at least 1.
        rows: Rows of an order's block in the table.
        num_labels: Number of labels.
        dropout: Share of n-grams dropped in training.
    """

    def __init__(self, order: int, rows: int, num_labels: int, *, dropout: float) -> None:
        super().__init__()
        self.order = order
        self.rows = rows
        self.dropout = dropout
        self.weight = nn.Parameter(torch.zeros(order * rows, num_labels))
        self.bias = nn.Parameter(torch.zeros(num_labels))

    def forward(self, ids: Tensor, lengths: Tensor, masks: MaskSource | None) -> Tensor:
        """Return the score of every label, (batch, labels), float32.

        Args:
            ids: Token ids, (time, batch), int64.
            lengths: Real tokens of each text, (batch,), int64.
            masks: Source of dropout masks; None for evaluation.
        """
        time, batch = ids.shape
        rows = [(ids % self.rows).unsqueeze(-1)]
        if self.order > 1:
            before = ids.new_zeros(self.order - 1, batch)
            rows.append(ngram_rows(torch.cat([before, ids]), self.order, self.rows) + self.rows)
        found = torch.cat(rows, -1)
        weights = (torch.arange(time, device=ids.device)[:, None] < lengths).float()
        weights = weights.unsqueeze(-1).expand(found.shape)
        if masks is not None and self.dropout:
            weights = weights * masks.mask(found.shape, self.dropout, torch.float32)
        flat = (batch, time * self.order)
        summed = functional.embedding_bag(
            found.transpose(0, 1).reshape(flat),
            self.weight,
            mode="sum",
            per_sample_weights=weights.transpose(0, 1).reshape(flat),
        )
        scores: Tensor = _SCALE * summed / lengths.unsqueeze(-1).sqrt() + self.bias
        return scores
