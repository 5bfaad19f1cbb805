"""Token embeddings, with embeddings of hashed n-grams added to them on request."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from textrnn.nn.dropout import MaskSource, drop
from textrnn.nn.lookup import looked_up
from textrnn.nn.ngrams import ngram_rows

__all__ = ["TokenEmbedding"]


class TokenEmbedding(nn.Module):
    """Embeds token ids; optionally adds embeddings of the n-grams that end at each token.

    The n-grams of orders 2 to ``ngram_order`` are hashed into ``ngram_rows`` rows per order, as fastText
    hashes subwords (Bojanowski et al. 2017, section 3.2); here the units are tokens and the sum feeds a
    recurrence. The rows tell a small model at once what it would have to spell out of its state. Since
    rare n-grams invite memorising, a share of them is dropped in training.

    Args:
        vocab_size: Number of ids.
        dim: Size of an embedding.
        ngram_order: Longest n-gram; 1 adds none.
        ngram_rows: Rows per order.
        ngram_dropout: Share of n-gram embeddings dropped in training.
        input_dropout: Dropout on the sum.
        locked_dropout: One input mask per sequence and window.
        spellings: Rows of each token's character n-grams (``textrnn.nn.spelling``), (vocab_size, n),
            integers; the mean of their embeddings is added to the token's own. None adds nothing.
        spelling_rows: Rows of the table of character n-grams.

    Attributes:
        is_tied: Whether the tokens' matrix is an output layer's too.
    """

    spellings: Tensor | None

    def __init__(
        self,
        vocab_size: int,
        dim: int,
        *,
        ngram_order: int = 1,
        ngram_rows: int = 8192,
        ngram_dropout: float = 0.0,
        input_dropout: float = 0.0,
        locked_dropout: bool = False,
        spellings: Tensor | None = None,
        spelling_rows: int = 0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocab_size, dim))
        self.ngram_order = ngram_order
        self.rows_per_order = ngram_rows
        self.ngram_dropout = ngram_dropout
        self.input_dropout = input_dropout
        self.locked_dropout = locked_dropout
        self.ngrams: nn.Parameter | None = None
        self.spelled: nn.Parameter | None = None
        self.is_tied = False
        # Made from the tokenizer's pieces whenever a model is built: no part of its weights.
        self.register_buffer("spellings", spellings, persistent=False)
        if spellings is not None:
            self.spelled = nn.Parameter(torch.empty(spelling_rows, dim))
        if ngram_order > 1:
            self.ngrams = nn.Parameter(torch.empty((ngram_order - 1) * ngram_rows, dim))

    @property
    def tables(self) -> list[str]:
        """Names of the matrices that are read by rows alone."""
        names = [name for name in ("ngrams", "spelled") if getattr(self, name) is not None]
        return names if self.is_tied else ["weight", *names]

    def reset_parameters(self, generator: torch.Generator, std: float) -> None:
        """Draw the starting weights from a normal distribution."""
        with torch.no_grad():
            self.weight.normal_(0, std, generator=generator)
            if self.ngrams is not None:
                # The sum over the orders starts no larger than the token's own embedding.
                self.ngrams.normal_(0, std / (self.ngram_order - 1) ** 0.5, generator=generator)
            if self.spelled is not None:
                self.spelled.normal_(0, std, generator=generator)

    def start(self, batch_size: int, device: torch.device) -> dict[str, Tensor]:
        """Return the state at a document's start: the ids before it, all 0, (batch, order - 1)."""
        if self.ngrams is None:
            return {}
        shape = (batch_size, self.ngram_order - 1)
        return {"history": torch.zeros(shape, dtype=torch.int64, device=device)}

    def forward(
        self, ids: Tensor, history: Tensor | None, masks: MaskSource | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Embed a window.

        Args:
            ids: Token ids, (time, batch), int64.
            history: The ids before the window as :meth:`start` or an earlier call returned them.
            masks: Source of dropout masks; None for evaluation.

        Returns:
            Embeddings, (time, batch, dim), and the new state.
        """
        embedded = self._tokens(ids)
        state: dict[str, Tensor] = {}
        if self.ngrams is not None:
            assert history is not None  # noqa: S101  (an invariant of the model's own code)
            seen = torch.cat([history.t(), ids])
            rows = ngram_rows(seen, self.ngram_order, self.rows_per_order)
            embedded = embedded + self._ngrams(rows, self.ngrams, masks)
            state = {"history": seen[len(ids) :].t()}
        return drop(embedded, self.input_dropout, masks, locked=self.locked_dropout), state

    def _ngrams(self, rows: Tensor, table: Tensor, masks: MaskSource | None) -> Tensor:
        """Return the sum of the n-grams' embeddings at each place, (time, batch, dim).

        Args:
            rows: (time, batch, orders).
            table: (rows, dim).
            masks: Source of dropout masks; None drops none.
        """
        kept: Tensor | None = None
        if masks is not None and self.ngram_dropout:
            kept = masks.mask(rows.shape, self.ngram_dropout, torch.float32)
        if rows.device.type != "cpu":
            # How many are kept, a GPU could only tell by stopping.
            vectors = functional.embedding(rows, table)
            return (vectors if kept is None else vectors * kept.unsqueeze(-1)).sum(-2)
        shape = (*rows.shape[:-1], table.shape[1])
        if kept is None:
            table, places = looked_up(table, rows.flatten(0, -2))
            return functional.embedding_bag(places, table, mode="sum").view(shape)
        # What is dropped is not looked up at all.
        is_kept = kept != 0
        numbers = is_kept.sum(-1).flatten()
        table, places = looked_up(table, rows[is_kept])
        summed = functional.embedding_bag(places, table, numbers.cumsum(0) - numbers, mode="sum")
        return (summed * kept.max()).view(shape)

    def _tokens(self, ids: Tensor) -> Tensor:
        """Return the tokens' own embeddings, with those of their spelling, (time, batch, dim)."""
        if self.spelled is None or self.spellings is None:
            weight, places = looked_up(self.weight, ids)
            return functional.embedding(places, weight)
        if ids.device.type != "cpu":
            # How many distinct tokens there are, a GPU could only tell by stopping.
            rows = self.spellings[ids.flatten()]
            spelt = functional.embedding_bag(rows, self.spelled, mode="mean", padding_idx=0)
            return functional.embedding(ids, self.weight) + spelt.view(*ids.shape, -1)
        # Each distinct token once: a batch repeats most of them.
        distinct, places = torch.unique(ids, return_inverse=True)
        pieces = self.spellings[distinct].long()
        spelled, rows = looked_up(self.spelled, pieces)
        # Row 0 is padding; of the rows asked for it is the first too, if it is among them.
        is_padded = spelled is self.spelled or bool((pieces == 0).any())
        padding = 0 if is_padded else None
        spelt = functional.embedding_bag(rows, spelled, mode="mean", padding_idx=padding)
        weight, rows = looked_up(self.weight, distinct)
        return functional.embedding(places, functional.embedding(rows, weight) + spelt)
