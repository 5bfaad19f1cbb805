"""The translator: an encoder over the source, a bridge, a decoder with attention, an output layer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textrnn.nn.attention import Keys
from textrnn.nn.bidirectional import BidirectionalStack
from textrnn.nn.dropout import MaskSource, drop
from textrnn.nn.embedding import TokenEmbedding
from textrnn.nn.pooling import Pooling
from textrnn.nn.settings import ngram_dropout_of
from textrnn.nn.smoothed import smoothed_nats
from textrnn.nn.weights import copy_weights
from textrnn.tokenizers.base import PAD_ID
from textrnn.translator.decoder import Decoder, DecoderState
from textrnn.translator.settings import TranslatorSettings

__all__ = ["Encoded", "EncoderDecoder"]

EMBEDDING_STD = 0.1


@dataclass(frozen=True)
class Encoded:
    """Sources as the decoder meets them.

    Attributes:
        keys: The encoder's outputs, ready to be attended to.
        first: The decoder's first state, (batch, states * hidden_size); None for zeros.
    """

    keys: Keys
    first: Tensor | None


class EncoderDecoder(nn.Module):
    """Says which target token may follow those before it, given the source (Bahdanau et al. 2015).

    Args:
        settings: Resolved settings: none of the sizes is None.
        src_vocab_size: Ids of the source's tokenizer.
        tgt_vocab_size: Ids of the target's; the same tokenizer's with ``joint_vocabulary``.

    Raises:
        ValueError: sizes are missing or do not fit each other.
    """

    def __init__(
        self, settings: TranslatorSettings, src_vocab_size: int, tgt_vocab_size: int
    ) -> None:
        super().__init__()
        s = settings
        if not (
            s.hidden_size
            and s.embedding_dim
            and s.num_layers
            and s.encoder_layers
            and s.ngram_order
        ):
            raise ValueError("the settings are not resolved: a size is missing")
        directions = 2 if s.bidirectional else 1
        if s.hidden_size % directions:
            raise ValueError(f"hidden_size {s.hidden_size} is odd: each direction has half of it")

        def embedding(vocab_size: int) -> TokenEmbedding:
            return TokenEmbedding(
                vocab_size,
                s.embedding_dim or 0,
                ngram_order=s.ngram_order or 1,
                ngram_rows=s.ngram_rows,
                ngram_dropout=ngram_dropout_of(s),
                input_dropout=s.input_dropout,
                locked_dropout=s.locked_dropout,
            )

        self.embedding = embedding(src_vocab_size)
        self.encoder = BidirectionalStack(
            s.rnn_type,
            s.embedding_dim,
            s.hidden_size // directions,
            s.encoder_layers,
            bidirectional=s.bidirectional,
            layer_norm=s.layer_norm,
            dropout=s.dropout or 0.0,
            locked_dropout=s.locked_dropout,
            weight_drop=s.weight_drop,
        )
        memory_size = self.encoder.output_size
        shared = self.embedding if s.joint_vocabulary else embedding(tgt_vocab_size)
        self.decoder = Decoder(s, shared, memory_size)
        self.pooling: Pooling | None = None
        self.bridge: nn.Linear | None = None
        if s.bridge != "none":
            self.pooling = Pooling(s.bridge, memory_size, directions)
            states = len(self.decoder.state_names)
            self.bridge = nn.Linear(memory_size, states * s.hidden_size)
        self.output = nn.Linear(s.embedding_dim, tgt_vocab_size)
        if s.tie_weights:
            self.output.weight = shared.weight
            shared.is_tied = True
        self.dropout = s.dropout or 0.0
        self.locked_dropout = s.locked_dropout

    @property
    def blocks(self) -> dict[str, int]:
        """Of how many matrices the bridge is a pile: one for each state that it makes."""
        return {} if self.bridge is None else {"bridge.weight": len(self.decoder.state_names)}

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all starting weights."""
        with torch.no_grad():
            bound = self.output.in_features**-0.5
            self.output.weight.uniform_(-bound, bound, generator=generator)
            self.output.bias.zero_()
            if self.bridge is not None:
                bound = math.sqrt(3 / self.bridge.in_features)
                self.bridge.weight.uniform_(-bound, bound, generator=generator)
                self.bridge.bias.zero_()
        self.embedding.reset_parameters(generator, EMBEDDING_STD)
        if self.decoder.embedding is not self.embedding:
            self.decoder.embedding.reset_parameters(generator, EMBEDDING_STD)
        self.encoder.reset_parameters(generator)
        self.decoder.reset_parameters(generator)

    def encode(self, src: Tensor, lengths: Tensor, masks: MaskSource | None = None) -> Encoded:
        """Read the sources.

        Args:
            src: Padded token ids, (batch, time), int64.
            lengths: Real tokens of each source, (batch,), int64, at least 1.
            masks: Source of dropout masks; None for evaluation.
        """
        ids = src.t()
        history = self.embedding.start(ids.shape[1], ids.device).get("history")
        embedded, _ = self.embedding(ids, history, masks)
        memory = self.encoder(embedded, embedded, lengths, masks)
        first = None
        if self.bridge is not None and self.pooling is not None:
            pooled = drop(self.pooling(memory, lengths), self.dropout, masks)
            first = torch.tanh(self.bridge(pooled)).float()
        memory = drop(memory, self.dropout, masks, locked=self.locked_dropout)
        inside = torch.arange(len(ids), device=ids.device).unsqueeze(1) < lengths
        return Encoded(self.decoder.attention.prepare(memory, inside), first)

    def decode(
        self, tgt_in: Tensor, encoded: Encoded, masks: MaskSource | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return what may follow each token of given targets, all steps at once.

        Args:
            tgt_in: Padded token ids from ``<bos>`` on, (batch, time), int64.
            encoded: As :meth:`encode` returned it for as many sources.
            masks: Source of dropout masks; None for evaluation.

        Returns:
            Logits, (time, batch, vocab), and attention weights, (time, batch, src_time).
        """
        state = self.decoder.start(encoded.keys, encoded.first)
        features, weights = self.decoder(tgt_in.t(), state, masks)
        return self.output(features), weights

    def nats(
        self,
        tgt_in: Tensor,
        tgt_out: Tensor,
        encoded: Encoded,
        masks: MaskSource | None = None,
        smoothing: float = 0.0,
    ) -> Tensor:
        """Return the surprise of given targets, summed over their real tokens, in nats.

        Args:
            tgt_in: As for :meth:`decode`.
            tgt_out: The tokens that follow, likewise.
            encoded: As :meth:`encode` returned it for as many sources.
            masks: Source of dropout masks; None for evaluation.
            smoothing: Share of certainty taken from each target and spread over all ids.
        """
        state = self.decoder.start(encoded.keys, encoded.first)
        features, _ = self.decoder(tgt_in.t(), state, masks)
        return smoothed_nats(
            features.flatten(0, 1),
            self.output.weight,
            self.output.bias,
            tgt_out.t().reshape(-1),
            smoothing=smoothing,
            ignored=PAD_ID,
        )

    def start(self, encoded: Encoded) -> DecoderState:
        """Return the state before the first token, one row for each source, in their order."""
        return self.decoder.start(encoded.keys, encoded.first)

    def step(self, ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState, Tensor]:
        """Read one token for each row and say what may follow; the first one is ``<bos>``.

        Args:
            ids: (rows,), int64.
            state: The state before it, which stays as it is.

        Returns:
            Logits, (rows, vocab), float32, the new state, and attention weights, (rows, src_time).
        """
        features, new, weights = self.decoder.step(ids, state)
        return self.output(features).float(), new, weights

    def reorder(self, state: DecoderState, index: Tensor) -> DecoderState:
        """Return the state of the rows ``index``, (new rows,), int64, on the CPU.

        Rows may be dropped, repeated and in any order; it is fastest where each source keeps equally
        many rows side by side.
        """
        return state.reordered(index)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the weights by name as they are saved, shared ones once."""
        return {name: parameter.detach() for name, parameter in self.named_parameters()}

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the weights that :meth:`tensors` returned.

        Raises:
            ValueError: names or shapes differ.
        """
        copy_weights(tensors, self.tensors())
