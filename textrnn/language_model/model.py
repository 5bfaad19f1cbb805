"""The recurrent language model: embeddings, recurrent layers, an output layer over the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from textrnn.language_model.settings import LanguageModelSettings
from textrnn.nn.dropout import MaskSource
from textrnn.nn.embedding import TokenEmbedding
from textrnn.nn.recurrent import RecurrentStack, State
from textrnn.nn.sampled import expected_counts, sampled_nats
from textrnn.nn.settings import ngram_dropout_of
from textrnn.nn.smoothed import each_nats, smoothed_nats
from textrnn.nn.weights import copy_weights

__all__ = ["Pricing", "RecurrentLanguageModel"]

EMBEDDING_STD = 0.1
_IGNORED = -100
"""Stands for a target that does not count."""


class Pricing(Protocol):
    """What says what each token of a text costs, window by window: all that evaluation asks of a model."""

    @property
    def device(self) -> torch.device:
        """Where ids and targets have to lie."""

    def start(self, batch_size: int) -> dict[str, Tensor]:
        """Return the state at a document's start, each tensor with the batch first."""

    def nats(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the surprise of each target in nats, shape (batch, time), and the state behind them."""


class RecurrentLanguageModel(nn.Module):
    """Predicts each token from those before it (Mikolov et al. 2010; Graves 2013).

    Args:
        settings: Resolved settings: none of the sizes is None.
        vocab_size: Number of ids.
    """

    def __init__(self, settings: LanguageModelSettings, vocab_size: int) -> None:
        super().__init__()
        s = settings
        if not (s.hidden_size and s.embedding_dim and s.num_layers and s.ngram_order):
            raise ValueError("the settings are not resolved: a size is missing")
        self.embedding = TokenEmbedding(
            vocab_size,
            s.embedding_dim,
            ngram_order=s.ngram_order,
            ngram_rows=s.ngram_rows,
            ngram_dropout=ngram_dropout_of(s),
            input_dropout=s.input_dropout,
            locked_dropout=s.locked_dropout,
        )
        self.recurrent = RecurrentStack(
            s.rnn_type,
            s.embedding_dim,
            s.hidden_size,
            s.num_layers,
            layer_norm=s.layer_norm,
            dropout=s.dropout or 0.0,
            locked_dropout=s.locked_dropout,
            weight_drop=s.weight_drop,
        )
        self.output = nn.Linear(s.hidden_size, vocab_size)
        self.sampled_words = s.sampled_words or 0
        if s.tie_weights:
            self.output.weight = self.embedding.weight
            self.embedding.is_tied = True

    @property
    def tables(self) -> list[str]:
        """Names of the matrices that training reads by rows alone."""
        is_sampled = self.sampled_words and not self.embedding.is_tied
        return ["output.weight"] if is_sampled else []

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all starting weights."""
        with torch.no_grad():
            bound = self.output.in_features**-0.5
            self.output.weight.uniform_(-bound, bound, generator=generator)
            self.output.bias.zero_()
            if self.sampled_words:
                # Words start as probable as they are likely to be drawn: no sampled word then weighs more
                # than another, where from 0 a rare one's few draws would drown all others.
                vocab_size = len(self.output.bias)
                every = torch.arange(vocab_size, device=self.output.bias.device)
                self.output.bias.copy_(expected_counts(every, 1, vocab_size).log())
        self.embedding.reset_parameters(generator, EMBEDDING_STD)
        self.recurrent.reset_parameters(generator)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.output.bias.device

    def start(self, batch_size: int) -> dict[str, Tensor]:
        """Return the state at a document's start, each tensor with the batch first."""
        like = self.output.bias
        embedding = self.embedding.start(batch_size, like.device)
        return {**self.recurrent.start(batch_size, like), **embedding}

    def forward(
        self, ids: Tensor, state: State, masks: MaskSource | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the logits of every next token.

        Args:
            ids: (batch, time), int64.
            state: As :meth:`start` or an earlier call returned it.
            masks: Source of dropout masks; None for evaluation.

        Returns:
            Logits, (time, batch, vocab), and the new state.
        """
        hidden, new = self.hidden(ids, state, masks)
        return self.output(hidden), new

    def hidden(
        self, ids: Tensor, state: State, masks: MaskSource | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the last layer's outputs, (time, batch, hidden_size), and the new state."""
        embedded, history = self.embedding(ids.t(), state.get("history"), masks)
        hidden, new = self.recurrent(embedded, state, masks)
        return hidden, {**new, **history}

    def nats(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the surprise of each target in nats, in float32, as evaluation counts it; no gradient.

        Args:
            ids: (batch, time), int64.
            targets: The tokens that follow, likewise.
            state: As :meth:`start` or an earlier call returned it.

        Returns:
            Surprises, (batch, time), and the new state.
        """
        hidden, new = self.hidden(ids, state, None)
        wanted = targets.t()
        each = each_nats(
            hidden.flatten(0, 1), self.output.weight, self.output.bias, wanted.reshape(-1)
        )
        return each.view(wanted.shape).t(), new

    def loss(
        self,
        ids: Tensor,
        targets: Tensor,
        weights: Tensor | None,
        state: State,
        masks: MaskSource,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what training minimises: the surprise of the targets that count, summed, in nats.

        With ``sampled_words`` targets are held against words that are drawn, not against all.

        Args:
            ids: (batch, time), int64.
            targets: The tokens that follow, likewise.
            weights: 1 where a target counts and 0 where not, likewise; None counts all.
            state: As :meth:`start` or an earlier call returned it.
            masks: Source of dropout masks.

        Returns:
            The sum, and the new state.
        """
        hidden, new = self.hidden(ids, state, masks)
        features, wanted = hidden.flatten(0, 1), targets.t().reshape(-1)
        counted = None if weights is None else weights.t().reshape(-1)
        output = self.output.weight, self.output.bias
        if self.sampled_words:
            found = sampled_nats(features, wanted, *output, self.sampled_words, masks, counted)
            return found, new
        if counted is not None:
            wanted = wanted.masked_fill(counted == 0, _IGNORED)
        return smoothed_nats(features, *output, wanted, ignored=_IGNORED), new

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the weights by name as they are saved, tied ones once."""
        named = self.state_dict()
        if self.output.weight is self.embedding.weight:
            named.pop("output.weight")
        return named

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the weights that :meth:`tensors` returned.

        Raises:
            ValueError: names or shapes differ.
        """
        copy_weights(tensors, self.tensors())
