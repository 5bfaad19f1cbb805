"""Sizes of a translator and of its weights, known without building it, and of what it may say."""

from __future__ import annotations

from textrnn.nn.sizes import GATES, Shapes, embedding_parameters, embedding_shapes, layer_shapes
from textrnn.translator.settings import TranslatorSettings

__all__ = [
    "length_limit",
    "model_parameters",
    "multiplied_weights",
    "training_memory_bytes",
    "weight_shapes",
]


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


def multiplied_weights(settings: TranslatorSettings, tgt_vocab_size: int) -> int:
    """Return how many weights are multiplied to translate a token: all but tables that are read by rows.

    Args:
        settings: Resolved settings.
        tgt_vocab_size: Ids of the target's.
    """
    output = tgt_vocab_size * (settings.embedding_dim or 0)
    return output + _encoder(settings) + _decoder(settings)


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


def weight_shapes(settings: TranslatorSettings, src_vocab_size: int, tgt_vocab_size: int) -> Shapes:
    """Return the shapes of ``EncoderDecoder``'s weights by name, shared ones once.

    Args:
        settings: Resolved settings.
        src_vocab_size: Ids of the source's tokenizer.
        tgt_vocab_size: Ids of the target's.

    Raises:
        ValueError: a size is missing, or sizes do not fit each other.
    """
    s = settings
    if not (
        s.hidden_size and s.embedding_dim and s.num_layers and s.encoder_layers and s.ngram_order
    ):
        raise ValueError("the settings are not resolved: a size is missing")
    hidden, dim = s.hidden_size, s.embedding_dim
    directions = 2 if s.bidirectional else 1
    if hidden % directions:
        raise ValueError(f"hidden_size {hidden} is odd: each direction has half of it")
    if s.joint_vocabulary and src_vocab_size != tgt_vocab_size:
        raise ValueError(f"one vocabulary of {src_vocab_size} ids and of {tgt_vocab_size}")
    shapes = embedding_shapes(s, "embedding", src_vocab_size)
    if not s.joint_vocabulary:
        shapes |= embedding_shapes(s, "decoder.embedding", tgt_vocab_size)
    for direction in ("forward", "backward")[:directions]:
        for layer in range(s.encoder_layers):
            names = f"encoder.{direction}s.{layer}", f"encoder.{direction}_norms.{layer}"
            shapes |= layer_shapes(s, *names, hidden if layer else dim, hidden // directions)
    for layer in range(s.num_layers):
        # Above the attention, what was found comes beside the bottom layer's outputs.
        below = hidden * (2 if layer == 1 else 1) if layer else dim * (1 + s.input_feeding)
        stack, place = ("decoder.upper", layer - 1) if layer else ("decoder.bottom", 0)
        names = f"{stack}.layers.{place}", f"{stack}.norms.{place}"
        shapes |= layer_shapes(s, *names, below, hidden)
    shapes |= _attention_shapes(s.attention, hidden)
    shapes |= {"decoder.readout.weight": (dim, 2 * hidden), "decoder.readout.bias": (dim,)}
    if s.bridge != "none":
        states = s.num_layers * (2 if s.rnn_type == "lstm" else 1) * hidden
        shapes |= {"bridge.weight": (states, hidden), "bridge.bias": (states,)}
    if not s.tie_weights:
        shapes["output.weight"] = (tgt_vocab_size, dim)
    return {**shapes, "output.bias": (tgt_vocab_size,)}


def _attention_shapes(kind: str, hidden: int) -> Shapes:
    """Return the shapes of the attention's weights; keys have as many features as queries."""
    shapes: Shapes = {}
    if kind in ("additive", "scaled"):
        shapes["decoder.attention.query.weight"] = (hidden, hidden)
    if kind != "dot":
        shapes["decoder.attention.key.weight"] = (hidden, hidden)
    if kind == "additive":
        shapes |= dict.fromkeys(
            ("decoder.attention.query.bias", "decoder.attention.score"), (hidden,)
        )
    return shapes


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
