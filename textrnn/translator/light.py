"""The translator without torch, of one source at a time: it has said a sentence before torch is loaded.

``textrnn.translator.model`` is the same network in torch; tests hold the two equal. Arrays are feature-major,
(features, rows), as ``textrnn.nn.cells`` wants them. All rows are translations of one source: its keys are
there once, and what all rows attend to are two small products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from textrnn.decoding.candidates import NEVER, best_candidates
from textrnn.decoding.protocol import Banned, Candidates, Ids64, Logits
from textrnn.nn.blas import blocked_product
from textrnn.nn.cells import Array, CellState
from textrnn.nn.light import LightEmbedding, LightLayers, LightStack, light_pooled, log_softmax
from textrnn.tokenizers.base import BOS_ID, EOS_ID
from textrnn.translator.protocol import Forced, Ids
from textrnn.translator.settings import TranslatorSettings

__all__ = ["LightKeys", "LightState", "LightTranslator"]

_SUMS_AT_ONCE = 1 << 20
"""Features of sums of queries and keys that stand in memory together."""
_LOGITS_AT_ONCE = 1 << 22

Tensors = Mapping[str, Array]


class LightKeys(NamedTuple):
    """What is attended to, made ready once for any number of queries.

    Attributes:
        scored: What queries are held against, (src_time, query_size).
        values: The encoder's outputs, (key_size, src_time).
    """

    scored: Array
    values: Array


class LightState(NamedTuple):
    """Rows in the making, all of one source.

    Attributes:
        keys: What they attend to.
        layers: The decoder's recurrent layers, the one under the attention first.
        fed: What the step before has made, (embedding_dim, rows).
        history: The ids before the next one, (ngram_order - 1, rows).
    """

    keys: LightKeys
    layers: tuple[CellState, ...]
    fed: Array
    history: Ids64


class LightTranslator:
    """Reads a source and says what may follow each beginning of a translation, in float32.

    It is a ``textrnn.decoding.protocol.RowModel`` for sampling and a ``BeamModel`` for beam search.

    Args:
        tensors: Weights by name, float32, of the shapes that ``weight_shapes`` says.
        settings: Resolved settings.
        never: Ids that are never said.
    """

    def __init__(
        self, tensors: Tensors, settings: TranslatorSettings, never: Sequence[int] = NEVER
    ) -> None:
        s = settings
        self._tensors = tensors
        self._settings = s
        self._never = tuple(never)

        def embedding(name: str) -> LightEmbedding:
            order = s.ngram_order or 1
            return LightEmbedding(tensors, name, ngram_order=order, ngram_rows=s.ngram_rows)

        def layers(name: str, count: int) -> LightLayers:
            return LightLayers(tensors, name, s.rnn_type, count)

        self._src_embedding = embedding("embedding")
        self._encoder = LightStack(
            tensors,
            "encoder",
            s.rnn_type,
            s.encoder_layers or 0,
            bidirectional=s.bidirectional,
        )
        target = "embedding" if s.joint_vocabulary else "decoder.embedding"
        self._tgt_embedding = embedding(target)
        self._bottom = layers("decoder.bottom", 1)
        self._attention = _Attention(tensors, s.attention)
        self._upper = layers("decoder.upper", (s.num_layers or 1) - 1)
        self._readout = tensors["decoder.readout.weight"]
        self._readout_bias = tensors["decoder.readout.bias"][:, None]
        self._output = tensors[f"{target}.weight" if s.tie_weights else "output.weight"]
        self._output_bias = tensors["output.bias"]

    def start(self, src: Ids) -> LightState:
        """Read a source and return the state before the first token, of one row.

        Args:
            src: Its tokens, ``<eos>`` last, (tokens,).
        """
        s = self._settings
        embedded = self._src_embedding(np.asarray(src, np.int64))
        memory = self._encoder(embedded, embedded[::-1])
        size, states = s.hidden_size or 0, 2 if s.rnn_type == "lstm" else 1
        first = np.zeros((s.num_layers or 0, states, size, 1), np.float32)
        if s.bridge != "none":
            pooled = light_pooled(
                self._tensors, "pooling", s.bridge, memory, bidirectional=s.bidirectional
            )
            made = self._tensors["bridge.weight"] @ pooled + self._tensors["bridge.bias"]
            first = np.tanh(made).reshape(first.shape)
        return LightState(
            keys=self._attention.prepare(memory),
            layers=tuple(tuple(layer) for layer in first),
            fed=np.zeros((s.embedding_dim or 0, 1), np.float32),
            history=self._tgt_embedding.start(1),
        )

    def step(self, ids: Ids64, state: LightState) -> tuple[Logits, LightState]:
        """Read one token per row and say what may follow; see ``RowModel``."""
        features, state, _ = self._advance(ids, state)
        return self._logits(features), state

    def extend(
        self, ids: Ids64, state: LightState, count: int, banned: Banned | None
    ) -> tuple[Candidates, LightState]:
        """Read one token per row and name the likeliest that may follow; see ``BeamModel``."""
        logits, state = self.step(ids, state)
        return self._candidates(logits, count, banned), state

    def reorder(self, state: LightState, index: Ids64) -> LightState:
        """Return the state of the rows ``index``; see ``RowModel``."""
        if len(index) == 1 == state.fed.shape[1]:
            return state
        layers = tuple(tuple(part[:, index] for part in layer) for layer in state.layers)
        return LightState(state.keys, layers, state.fed[:, index], state.history[:, index])

    def forced(self, src: Ids, tgt: Ids) -> Forced:
        """Return how probable a given target is, and what each of its tokens looked at.

        Args:
            src: The source's tokens, ``<eos>`` last.
            tgt: The target's, without ``<bos>`` and ``<eos>``.
        """
        state = self.start(src)
        read, said = np.append(BOS_ID, tgt), np.append(tgt, EOS_ID)
        features, weights = self._looped(read, state)
        log_prob = 0.0
        at_once = max(1, _LOGITS_AT_ONCE // len(self._output))
        for low in range(0, len(said), at_once):
            logits = self._logits(features[:, low : low + at_once])
            some = said[low : low + at_once]
            every = log_softmax(logits)[np.arange(len(some)), some]
            log_prob += float(every.sum(dtype=np.float64))
        return Forced(log_prob, np.ascontiguousarray(weights.T))

    def _candidates(self, logits: Logits, count: int, banned: Banned | None) -> Candidates:
        """Return what ``best_candidates`` does, in float32, and sooner where no two are equal."""
        out = [EOS_ID, *self._never]
        vocab = logits.shape[1]
        if count >= vocab - len(out):
            return best_candidates(logits, count, banned, self._never)
        largest = logits.max(axis=1, keepdims=True)
        whole = largest + np.log(np.exp(logits - largest).sum(axis=1, keepdims=True))
        ends = logits[:, EOS_ID] - whole[:, 0]
        allowed = logits.copy()
        allowed[:, out] = -np.inf
        if banned is not None:
            allowed[banned] = -np.inf
        if count == 1:
            ids: Ids64 = allowed.argmax(axis=1)[:, None]
            return Candidates(ids, np.take_along_axis(allowed, ids, axis=1) - whole, ends)
        # One more than is asked for: where it equals the last, the lowest ids are to be found.
        ids = np.argpartition(allowed, vocab - count - 1, axis=1)[:, vocab - count - 1 :]
        values = np.take_along_axis(allowed, ids, axis=1)
        order = np.lexsort((ids, -values), axis=1)
        ids, values = (np.take_along_axis(part, order, axis=1) for part in (ids, values))
        if (values[:, count] == values[:, count - 1]).any():
            return best_candidates(logits, count, banned, self._never)
        return Candidates(ids[:, :count], values[:, :count] - whole, ends)

    def _looped(self, ids: Ids64, state: LightState) -> tuple[Array, Array]:
        """Return the features of all steps, (embedding_dim, time), and their weights, (src_time, time)."""
        if self._settings.input_feeding:
            found = []
            for token in ids[:, None]:
                features, state, weights = self._advance(token, state)
                found.append((features, weights))
            every = zip(*found, strict=True)
            features, weights = (np.concatenate(parts, axis=1) for parts in every)
            return features, weights
        bottom = self._bottom(self._tgt_embedding(ids).T, state.layers[:1])
        context, weights = self._attention.attend(bottom, state.keys)
        top = bottom
        if len(state.layers) > 1:
            top = self._upper(np.concatenate((bottom, context)), state.layers[1:])
        return self._features(top, context), weights

    def _advance(self, ids: Ids64, state: LightState) -> tuple[Array, LightState, Array]:
        """Read one token per row.

        Returns:
            Features, (embedding_dim, rows), the new state, and attention weights, (src_time, rows).
        """
        embedded, history = self._tgt_embedding.step(ids, state.history)
        x = embedded.T
        if self._settings.input_feeding:
            x = np.concatenate((x, state.fed))
        bottom, below = self._bottom.step(x, state.layers[:1])
        context, weights = self._attention.attend(bottom, state.keys)
        top, above = bottom, list[CellState]()
        if len(state.layers) > 1:
            top, above = self._upper.step(np.concatenate((bottom, context)), state.layers[1:])
        features = self._features(top, context)
        return features, LightState(state.keys, (*below, *above), features, history), weights

    def _features(self, top: Array, context: Array) -> Array:
        """Return what the output layer reads, (embedding_dim, rows)."""
        features = blocked_product(self._readout, np.concatenate((top, context)))
        features += self._readout_bias
        return np.tanh(features, out=features)

    def _logits(self, features: Array) -> Logits:
        """Return what may follow, (rows, vocab)."""
        logits = np.ascontiguousarray(blocked_product(self._output, features).T)
        logits += self._output_bias
        return logits


class _Attention:
    """The attention of ``textrnn.nn.attention``, to one source.

    Args:
        tensors: Weights by name, float32.
        kind: One of ``textrnn.nn.attention.ATTENTIONS``.
    """

    def __init__(self, tensors: Tensors, kind: str) -> None:
        name = "decoder.attention"
        self._kind = kind
        self._query = tensors.get(f"{name}.query.weight")
        self._query_bias = tensors.get(f"{name}.query.bias")
        self._key = tensors.get(f"{name}.key.weight")
        self._score = tensors.get(f"{name}.score")

    def prepare(self, memory: Array) -> LightKeys:
        """Make the encoder's outputs, (src_time, key_size), ready for queries."""
        scored = memory if self._key is None else memory @ self._key.T
        if self._kind == "scaled" and self._query is not None:
            # (W q)(U k) is q (W' U k): a product for each key, once, instead of one for each query.
            scored = scored @ self._query * np.float32(len(self._query) ** -0.5)
        return LightKeys(np.ascontiguousarray(scored), np.ascontiguousarray(memory.T))

    def attend(self, queries: Array, keys: LightKeys) -> tuple[Array, Array]:
        """Return what every query finds.

        Args:
            queries: (query_size, n).
            keys: As :meth:`prepare` returned them.

        Returns:
            Contexts, (key_size, n), and weights, (src_time, n), each query's with a sum of 1.
        """
        weights = self._scores(queries, keys.scored)
        weights -= weights.max(axis=0)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=0)
        return keys.values.dot(weights), weights

    def _scores(self, queries: Array, scored: Array) -> Array:
        """Return how well each query fits each key, (src_time, n)."""
        if self._score is None or self._query is None or self._query_bias is None:
            fits: Array = scored.dot(queries)
            return fits
        moved = (blocked_product(self._query, queries) + self._query_bias[:, None]).T
        found = np.empty((len(scored), len(moved)), np.float32)
        # Every query meets every key in all features: some queries at a time.
        at_once = max(1, _SUMS_AT_ONCE // scored.size)
        for low in range(0, len(moved), at_once):
            sums = scored[:, None] + moved[None, low : low + at_once]
            found[:, low : low + at_once] = np.tanh(sums, out=sums).dot(self._score)
        return found
