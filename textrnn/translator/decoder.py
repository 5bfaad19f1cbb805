"""The decoder: a layer over the target, attention to the source, layers over what was found.

Two forms of one network. The whole-sequence form runs the bottom layer over all of the target, attends for
all steps at once and runs the upper layers over the bottom's outputs and the contexts, so that training has
no loop over time. The step form makes one token at a time. Tests hold the two equal.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textrnn.nn.attention import Attention, Keys
from textrnn.nn.dropout import MaskSource, drop
from textrnn.nn.embedding import TokenEmbedding
from textrnn.nn.recurrent import RecurrentStack
from textrnn.nn.stepping import ReplayedMasks, step_stack
from textrnn.translator.settings import TranslatorSettings

__all__ = ["Decoder", "DecoderState"]


@dataclass(frozen=True)
class DecoderState:
    """The state of rows in the making: for each source, equally many rows side by side.

    Attributes:
        keys: What the rows attend to, once for each source.
        width: Rows for each source; row ``r`` attends to source ``r // width``.
        tensors: State by name, each with the rows first.
    """

    keys: Keys
    width: int
    tensors: Mapping[str, Tensor]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.keys.mask) * self.width

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with a prefix, without it."""
        start = prefix + "."
        return {n.removeprefix(start): t for n, t in self.tensors.items() if n.startswith(start)}

    def reordered(self, index: Tensor) -> DecoderState:
        """Return the state of the rows ``index``.

        Rows may be dropped, repeated and in any order. Where each source keeps equally many rows side by
        side, its keys are not copied for each of them.

        Args:
            index: (new rows,), int64, on the CPU.
        """
        device = self.keys.mask.device
        there = index.to(device)
        tensors = {name: tensor.index_select(0, there) for name, tensor in self.tensors.items()}
        sources, counts = torch.unique_consecutive(index // self.width, return_counts=True)
        width = int(counts[0]) if len(counts) else 1
        if bool((counts != width).any()):
            sources, width = index // self.width, 1
        keys = self.keys
        if not torch.equal(sources, torch.arange(len(keys.mask))):
            keys = keys.rows(sources.to(device))
        return DecoderState(keys, width, tensors)


class Decoder(nn.Module):
    """Makes each target token's features from those before it and from the source.

    With one layer this is the global attention of Luong et al. 2015, section 3.1. The layers above the
    attention are fed with the bottom layer's outputs beside the contexts, as the bottom layer of Wu et
    al. 2016, section 3, feeds theirs. With ``input_feeding`` the features go into the next step
    (Luong et al. 2015, section 3.3), which leaves no other way than a loop over time.

    Args:
        settings: Resolved settings: none of the sizes is None.
        embedding: Of the target's tokens.
        memory_size: Features of the encoder's outputs.
    """

    def __init__(
        self, settings: TranslatorSettings, embedding: TokenEmbedding, memory_size: int
    ) -> None:
        super().__init__()
        s = settings
        size, dim, layers = s.hidden_size or 0, s.embedding_dim or 0, s.num_layers or 0

        def stack(input_size: int, count: int) -> RecurrentStack:
            return RecurrentStack(
                s.rnn_type,
                input_size,
                size,
                count,
                layer_norm=s.layer_norm,
                dropout=s.dropout or 0.0,
                locked_dropout=s.locked_dropout,
                weight_drop=s.weight_drop,
            )

        self.embedding = embedding
        self.bottom = stack(dim * (2 if s.input_feeding else 1), 1)
        self.attention = Attention(s.attention, size, memory_size)
        self.upper = stack(size + memory_size, layers - 1) if layers > 1 else None
        self.readout = nn.Linear(size + memory_size, dim)
        self.state_names = [
            f"{stack}.{layer}.{part}"
            for stack, count in (("bottom", 1), ("upper", layers - 1))
            for layer in range(count)
            for part in ("h", "c")[: 2 if s.rnn_type == "lstm" else 1]
        ]
        self.input_feeding = s.input_feeding
        self.dropout = s.dropout or 0.0
        self.locked_dropout = s.locked_dropout

    @property
    def blocks(self) -> dict[str, int]:
        """The matrix that makes the features, a single one."""
        return {"readout.weight": 1}

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the starting weights, those of the embedding apart."""
        self.bottom.reset_parameters(generator)
        self.attention.reset_parameters(generator)
        if self.upper is not None:
            self.upper.reset_parameters(generator)
        with torch.no_grad():
            bound = math.sqrt(6 / (self.readout.in_features + self.readout.out_features))
            self.readout.weight.uniform_(-bound, bound, generator=generator)
            self.readout.bias.zero_()

    def start(self, keys: Keys, first: Tensor | None) -> DecoderState:
        """Return the state before the first token, one row for each source.

        Args:
            keys: What is attended to.
            first: The first state of all layers side by side, (batch, states * hidden_size), in the order
                of ``state_names``; None for zeros.
        """
        batch, size = len(keys.mask), self.bottom.hidden_size
        if first is None:
            first = self.readout.bias.new_zeros(batch, len(self.state_names) * size)
        tensors = dict(zip(self.state_names, torch.split(first, size, -1), strict=True))
        history = self.embedding.start(batch, first.device)
        if self.input_feeding:
            tensors["fed"] = first.new_zeros(batch, self.readout.out_features)
        return DecoderState(keys, 1, {**tensors, **history})

    def forward(
        self, ids: Tensor, state: DecoderState, masks: MaskSource | None
    ) -> tuple[Tensor, Tensor]:
        """Return the features of all steps.

        Args:
            ids: Target tokens from ``<bos>`` on, (time, batch), int64.
            state: As :meth:`start` returned it.
            masks: Source of dropout masks; None for evaluation.

        Returns:
            Features, (time, batch, embedding_dim), and attention weights, (time, batch, src_time).
        """
        embedded, _ = self.embedding(ids, state.tensors.get("history"), masks)
        if self.input_feeding:
            return self._looped(embedded, state, masks)
        bottom, _ = self.bottom(embedded, state.part("bottom"), masks)
        context, weights = self.attention.attend(bottom, state.keys)
        top = bottom
        if self.upper is not None:
            found = torch.cat([bottom, context.to(bottom.dtype)], -1)
            top, _ = self.upper(found, state.part("upper"), masks)
        return self._features(top, context, masks), weights

    def step(self, ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState, Tensor]:
        """Read one token for each row.

        Args:
            ids: (rows,), int64.
            state: The state before it.

        Returns:
            Features, (rows, embedding_dim), the new state, and attention weights, (rows, src_time).
        """
        embedded, history = self.embedding(ids.unsqueeze(0), state.tensors.get("history"), None)
        features, new, weights = self._advance(embedded[0], state, None)
        return features, dataclasses.replace(new, tensors={**new.tensors, **history}), weights

    def _looped(
        self, embedded: Tensor, state: DecoderState, masks: MaskSource | None
    ) -> tuple[Tensor, Tensor]:
        """Return what :meth:`forward` does, step by step."""
        replayed = None
        if masks is not None:
            replayed = ReplayedMasks(masks, locked=self.locked_dropout)
        features, weights = [], []
        for x in embedded:
            if replayed is not None:
                replayed.next_step()
            found, state, weight = self._advance(x, state, replayed)
            features.append(found)
            weights.append(weight)
        return torch.stack(features), torch.stack(weights)

    def _advance(
        self, x: Tensor, state: DecoderState, masks: MaskSource | None
    ) -> tuple[Tensor, DecoderState, Tensor]:
        """Advance one step from embedded tokens, (rows, embedding_dim); see :meth:`step`."""
        if self.input_feeding:
            x = torch.cat([x, state.tensors["fed"].to(x.dtype)], -1)
        bottom, below = step_stack(self.bottom, x, state.part("bottom"), masks)
        # A source's rows are to the attention what steps are: several queries for the same keys.
        queries = bottom.view(-1, state.width, bottom.shape[-1]).transpose(0, 1)
        found, shares = self.attention.attend(queries, state.keys)
        context = found.transpose(0, 1).flatten(0, 1)
        tensors = {f"bottom.{name}": tensor for name, tensor in below.items()}
        top = bottom
        if self.upper is not None:
            both = torch.cat([bottom, context.to(bottom.dtype)], -1)
            top, above = step_stack(self.upper, both, state.part("upper"), masks)
            tensors |= {f"upper.{name}": tensor for name, tensor in above.items()}
        features = self._features(top.unsqueeze(0), context.unsqueeze(0), masks).squeeze(0)
        if self.input_feeding:
            tensors["fed"] = features
        weights = shares.transpose(0, 1).flatten(0, 1)
        return features, DecoderState(state.keys, state.width, tensors), weights

    def _features(self, top: Tensor, context: Tensor, masks: MaskSource | None) -> Tensor:
        """Return what the output layer reads, (time, batch, embedding_dim)."""
        joined = torch.cat([top, context.to(top.dtype)], -1)
        return drop(
            torch.tanh(self.readout(joined)), self.dropout, masks, locked=self.locked_dropout
        )
