"""A linear classifier over the bag of a text's hashed n-grams: strong where single phrases decide."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from textrnn.nn.ngrams import BAG_SCALE, ngram_rows

__all__ = ["NgramBag", "log_count_ratios"]


class NgramBag(nn.Module):
    """Scores labels by the n-grams of tokens that a text holds, wherever and however often they stand.

    Each n-gram counts once, with a learned weight times its log-count ratio for the label, as in the
    linear models with naive Bayes features of Wang and Manning (2012, section 2.3); the sum is divided by
    the square root of the text's length, and n-grams are hashed into a table (Weinberger et al. 2009).
    Weights start at 0: the ratios are of the very texts that are learnt from, and would seem to explain
    them all.

    Args:
        order: Longest n-gram, at least 1.
        rows: Rows of an order's block in the table.
        num_labels: Number of labels.
    """

    ratios: Tensor

    def __init__(self, order: int, rows: int, num_labels: int) -> None:
        super().__init__()
        self.order = order
        self.rows = rows
        self.weight = nn.Parameter(torch.zeros(order * rows, num_labels))
        self.bias = nn.Parameter(torch.zeros(num_labels))
        self.register_buffer("ratios", torch.zeros(order * rows, num_labels))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the score of every label, (batch, labels), float32.

        Args:
            ids: Token ids, (time, batch), int64.
            lengths: Real tokens of each text, (batch,), int64.
        """
        found, counts = self.found(ids, lengths)
        learned = functional.embedding(found, self.weight)
        known = functional.embedding(found, self.ratios)
        summed = (learned * known * counts.unsqueeze(-1)).sum(1)
        scores: Tensor = BAG_SCALE * summed / lengths.unsqueeze(-1).sqrt() + self.bias
        return scores

    def found(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the table rows of a batch's n-grams, and which of them count: each once, none of padding.

        Args:
            ids: (time, batch), int64.
            lengths: (batch,), int64.

        Returns:
            Rows, (batch, time * order), int64, sorted in each text, and a mask of their shape.
        """
        time, batch = ids.shape
        rows = [(ids % self.rows).unsqueeze(-1)]
        if self.order > 1:
            before = ids.new_zeros(self.order - 1, batch)
            rows.append(ngram_rows(torch.cat([before, ids]), self.order, self.rows) + self.rows)
        every = torch.cat(rows, -1).transpose(0, 1)
        inside = torch.arange(time, device=ids.device) < lengths.unsqueeze(-1)
        # What stands at padding sorts to the end, as one row too many.
        none = self.order * self.rows
        flat = every.masked_fill(~inside.unsqueeze(-1), none).reshape(batch, -1).sort(-1).values
        first = functional.pad(flat[:, 1:] != flat[:, :-1], (1, 0), value=True)
        counts = first & (flat != none)
        return flat.masked_fill(~counts, 0), counts


def log_count_ratios(bag: NgramBag, batches: Iterable[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Return, for each n-gram and label, how much likelier the n-gram is under the label than elsewhere.

    Equation 1 of Wang and Manning 2012 with one label against all others and a smoothing of 1, in natural
    logarithms.

    Args:
        bag: Knows the table's rows.
        batches: Token ids, (time, batch), lengths, (batch,), and labels, (batch,), all int64.

    Returns:
        (order * rows, labels), float32.
    """
    rows, labels = bag.ratios.shape
    # Whole numbers, exact in float32 up to 16 million texts.
    counts = torch.zeros(rows * labels)
    for ids, lengths, wanted in batches:
        found, counted = bag.found(ids, lengths)
        places = (found * labels + wanted.unsqueeze(-1))[counted]
        # Only what occurs is touched, however large the table is.
        counts.index_add_(0, places, torch.ones(len(places)))
    of_label = counts.view(rows, labels)
    elsewhere = of_label.sum(-1, keepdim=True) - of_label
    shares = [(part + 1) / (part + 1).sum(0) for part in (of_label, elsewhere)]
    return (shares[0] / shares[1]).log()
