"""Sizes of a translator, counted without building it, and of what it may say."""

from __future__ import annotations

from textrnn.nn.sizes import GATES, embedding_parameters
from textrnn.translator.settings import TranslatorSettings

__all__ = ["length_limit", "model_parameters", "training_memory_bytes"]

_TIMES, _MORE = 2, 20


def length_limit(tokens: int, max_length: int) -> int:
    """Return after how many tokens a translation is ended while training: it is far too long by then.

    Args:
        tokens: Tokens of the source or of the reference, whichever are more, ``<eos>`` not counted.
        max_length: Most tokens of a side in training.
    """
    return min(max_length, _TIMES * tokens + _MORE)


def model_parameters(settings: TranslatorSettings, src_vocab_size: int, tgt_vocab_size: int) -> int:
    """Return the number of parameters of a translator.

    Args:
        settings: Resolved settings.
        src_vocab_size: Ids of the source's tokenizer.
        tgt_vocab_size: Ids of the target's.
    """
    s = settings
    dim = s.embedding_dim or 0
    embeddings = embedding_parameters(s, src_vocab_size)
    if not s.joint_vocabulary:
        embeddings += embedding_parameters(s, tgt_vocab_size)
    output = tgt_vocab_size + (0 if s.tie_weights else tgt_vocab_size * dim)
    return embeddings + _encoder(s) + _decoder(s) + output


def training_memory_bytes(
    settings: TranslatorSettings,
    src_vocab_size: int,
    tgt_vocab_size: int,
    src_per_tgt: float,
    longest: int,
) -> int:
    """Return roughly what training takes: weights with their optimiser state, and activations.

    Args:
        settings: Resolved settings.
        src_vocab_size: Ids of the source's tokenizer.
        tgt_vocab_size: Ids of the target's.
        src_per_tgt: Source tokens for each target token.
        longest: Tokens of the longest side of a pair.
    """
    s = settings
    hidden, dim = s.hidden_size or 0, s.embedding_dim or 0
    # A batch holds at least one pair, however long.
    tokens = max(longest, -(-(s.batch_tokens or 1) // s.accumulation))
    layers = (s.num_layers or 0) + src_per_tgt * (s.encoder_layers or 0)
    per_token = 4 * (3 * dim * (1 + src_per_tgt) + 12 * hidden * layers)
    # Logits, their logarithms and their gradient.
    per_token += 12 * tgt_vocab_size
    per_pair = longest * src_per_tgt * (hidden if s.attention == "additive" else 3)
    weights = 16 * model_parameters(s, src_vocab_size, tgt_vocab_size)
    return weights + round(tokens * (per_token + 4 * per_pair))


def _encoder(settings: TranslatorSettings) -> int:
    """Return the parameters of the encoder's recurrent layers: every direction has its share of units."""
    s = settings
    directions = 2 if s.bidirectional else 1
    size = (s.hidden_size or 0) // directions
    rows = GATES[s.rnn_type] * size
    total = 0
    for layer in range(s.encoder_layers or 0):
        below = directions * size if layer else s.embedding_dim or 0
        total += directions * (rows * (below + size + 2) + 2 * size * s.layer_norm)
    return total


def _decoder(settings: TranslatorSettings) -> int:
    """Return the parameters of bridge, recurrent layers, attention and readout."""
    s = settings
    hidden, dim, layers = s.hidden_size or 0, s.embedding_dim or 0, s.num_layers or 0
    rows = GATES[s.rnn_type] * hidden
    total = 0
    for layer in range(layers):
        # Above the attention, what was found comes beside the bottom layer's outputs.
        below = hidden * (2 if layer == 1 else 1) if layer else dim * (1 + s.input_feeding)
        total += rows * (below + hidden + 2) + 2 * hidden * s.layer_norm
    square = hidden * hidden
    matrices = {"dot": 0, "general": square, "scaled": 2 * square}
    total += matrices.get(s.attention, 2 * square + 2 * hidden)
    if s.bridge != "none":
        states = layers * (2 if s.rnn_type == "lstm" else 1) * hidden
        total += (hidden + 1) * states
    return total + (2 * hidden + 1) * dim
