"""The classifier: embeddings, recurrent layers in both directions, pooling, an output layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from textrnn.classifier.calibration import EVEN_SHARE
from textrnn.classifier.settings import ClassifierSettings
from textrnn.nn.bag import NgramBag
from textrnn.nn.bidirectional import BidirectionalStack, reversal, reversed_within
from textrnn.nn.dropout import MaskSource, drop
from textrnn.nn.embedding import TokenEmbedding
from textrnn.nn.pooling import Pooling
from textrnn.nn.settings import ngram_dropout_of
from textrnn.nn.spelling import spelling_rows
from textrnn.nn.weights import copy_weights
from textrnn.tokenizers import Tokenizer
from textrnn.tokenizers.base import NUM_SPECIAL, UNK_ID

__all__ = ["EMBEDDING_STD", "TextClassifier", "combined"]

EMBEDDING_STD = 0.1


class TextClassifier(nn.Module):
    """Scores a text's labels.

    With ``bag_order`` a linear classifier over the bag of the text's n-grams answers beside the network;
    each learns to answer on its own, and the mean of their log-probabilities counts (a product of
    experts: Hinton 2002), since they go wrong in different places.

    Args:
        settings: Resolved settings: none of the sizes is None.
        tokenizer: What makes the ids.
        num_labels: Number of labels.
        backward_embedding: Whether the backward direction has embeddings of its own, as it has where it
            comes from a model of its own.
    """

    def __init__(
        self,
        settings: ClassifierSettings,
        tokenizer: Tokenizer,
        num_labels: int,
        *,
        backward_embedding: bool = False,
    ) -> None:
        super().__init__()
        s = settings
        if not (s.hidden_size and s.embedding_dim and s.num_layers and s.ngram_order and s.pooling):
            raise ValueError("the settings are not resolved: a size is missing")
        vocab_size = tokenizer.vocab_size

        def embedding() -> TokenEmbedding:
            return TokenEmbedding(
                vocab_size,
                s.embedding_dim or 0,
                ngram_order=s.ngram_order or 1,
                ngram_rows=s.ngram_rows,
                ngram_dropout=ngram_dropout_of(s),
                input_dropout=s.input_dropout,
                locked_dropout=s.locked_dropout,
                spellings=_spellings(tokenizer, s.spelling_rows or 0),
                spelling_rows=s.spelling_rows or 0,
            )

        self.embedding = embedding()
        self.backward_embedding = embedding() if backward_embedding else None
        self.recurrent = BidirectionalStack(
            s.rnn_type,
            s.embedding_dim,
            s.hidden_size,
            s.num_layers,
            bidirectional=s.bidirectional,
            join_directions=s.join_directions,
            layer_norm=s.layer_norm,
            dropout=s.dropout or 0.0,
            locked_dropout=s.locked_dropout,
            weight_drop=s.weight_drop,
        )
        stack = self.recurrent
        self.pooling = Pooling(s.pooling, stack.output_size, stack.num_directions)
        self.output = nn.Linear(self.pooling.output_size, num_labels)
        self.bag: NgramBag | None = None
        if s.bag_order and s.bag_rows:
            self.bag = NgramBag(s.bag_order, s.bag_rows, num_labels)
        self.dropout = s.dropout or 0.0
        self.token_dropout = s.token_dropout or 0.0

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all starting weights."""
        with torch.no_grad():
            bound = self.output.in_features**-0.5
            self.output.weight.uniform_(-bound, bound, generator=generator)
            self.output.bias.zero_()
        self.embedding.reset_parameters(generator, EMBEDDING_STD)
        if self.backward_embedding is not None:
            self.backward_embedding.reset_parameters(generator, EMBEDDING_STD)
        self.recurrent.reset_parameters(generator)
        self.pooling.reset_parameters(generator)

    def logits(self, ids: Tensor, lengths: Tensor, bag_share: float = EVEN_SHARE) -> Tensor:
        """Return the score of every label, all experts taken together.

        Args:
            ids: Padded token ids, (batch, time), int64.
            lengths: Real tokens of each text, (batch,), int64, at least 1.
            bag_share: See :func:`combined`.

        Returns:
            Logits, (batch, labels), float32.
        """
        return combined(self.experts(ids, lengths), bag_share)

    def experts(
        self, ids: Tensor, lengths: Tensor, masks: MaskSource | None = None
    ) -> list[Tensor]:
        """Return the score of every label by each expert: the network and, if there is one, the bag.

        Args:
            ids: Padded token ids, (batch, time), int64.
            lengths: Real tokens of each text, (batch,), int64, at least 1.
            masks: Source of dropout masks; None for evaluation.

        Returns:
            Logits of each, (batch, labels), float32.
        """
        tokens = ids.t()
        if masks is not None and self.token_dropout:
            hidden = masks.mask(tokens.shape, self.token_dropout, torch.float32) == 0
            tokens = tokens.masked_fill(hidden, UNK_ID)
        ahead = self._embedded(self.embedding, tokens, masks)
        back = ahead
        if self.backward_embedding is not None:
            # N-grams end at the token that is read last: for this direction, the first of the text.
            places = reversal(lengths, len(tokens))
            turned = reversed_within(tokens.unsqueeze(-1), places).squeeze(-1)
            back = reversed_within(self._embedded(self.backward_embedding, turned, masks), places)
        outputs = self.recurrent(ahead, back, lengths, masks)
        pooled = drop(self.pooling(outputs, lengths), self.dropout, masks)
        scores = [self.output(pooled).float()]
        if self.bag is not None:
            scores.append(self.bag(ids.t(), lengths).float())
        return scores

    def _embedded(
        self, embedding: TokenEmbedding, tokens: Tensor, masks: MaskSource | None
    ) -> Tensor:
        history = embedding.start(tokens.shape[1], tokens.device).get("history")
        embedded: Tensor = embedding(tokens, history, masks)[0]
        return embedded

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the weights by name as they are saved."""
        return self.state_dict()

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the weights that :meth:`tensors` returned.

        Raises:
            ValueError: names or shapes differ.
        """
        copy_weights(tensors, self.tensors())


def combined(experts: Sequence[Tensor], bag_share: float = EVEN_SHARE) -> Tensor:
    """Return the logits of the experts taken together: the weighted mean of their log-probabilities.

    Args:
        experts: Logits, (batch, labels), of the network and the bag; a single one's come back as they are.
        bag_share: The bag's weight, from 0 to 1.
    """
    if len(experts) == 1:
        return experts[0]
    network, bag = (scores.log_softmax(-1) for scores in experts)
    return (1 - bag_share) * network + bag_share * bag


def _spellings(tokenizer: Tokenizer, rows: int) -> Tensor | None:
    """Return the rows of the character n-grams of every token; None where there is no table."""
    if not rows:
        return None
    # Decoded, not as a person may read them, which depends on the Unicode version of the machine.
    pieces = [tokenizer.decode([token_id]) for token_id in range(NUM_SPECIAL, tokenizer.vocab_size)]
    # The special ones are spelt with nothing.
    table = spelling_rows(pieces, rows)
    return torch.from_numpy(
        np.concatenate([np.zeros_like(table[:1]).repeat(NUM_SPECIAL, 0), table])
    )
