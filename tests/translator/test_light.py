"""The translator without torch says what the one in torch does, in every form that settings give it."""

import numpy as np
import pytest
import torch

from textrnn.config import make
from textrnn.decoding.candidates import NEVER, best_candidates
from textrnn.nn.attention import ATTENTIONS
from textrnn.nn.sizes import GATES
from textrnn.nn.weights import shapes_of
from textrnn.tokenizers.base import EOS_ID
from textrnn.translator import light as module
from textrnn.translator.engine import TorchEngine
from textrnn.translator.engines import LightEngine
from textrnn.translator.light import LightTranslator
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.protocol import Source
from textrnn.translator.search import SearchSettings
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.sizes import model_parameters, multiplied_weights, weight_shapes

VOCABS = 20, 17
SIZES = {
    "hidden_size": 8,
    "num_layers": 1,
    "encoder_layers": 1,
    "embedding_dim": 6,
    "ngram_order": 1,
    "dropout": 0.0,
    "max_length": 40,
}
CHANGES = [
    *({"rnn_type": cell, "num_layers": 3, "encoder_layers": 2} for cell in GATES),
    *({"attention": kind, "num_layers": 2} for kind in ATTENTIONS),
    {"bridge": "none", "rnn_type": "gru"},
    {"bridge": "mean", "bidirectional": False},
    {"bridge": "last", "bidirectional": False, "encoder_layers": 2, "attention": "dot"},
    {"input_feeding": True, "num_layers": 2, "layer_norm": True, "attention": "additive"},
    {"layer_norm": True, "num_layers": 3, "encoder_layers": 2, "rnn_type": "rnn_tanh"},
    {"ngram_order": 3, "ngram_rows": 16, "input_feeding": True},
    {"joint_vocabulary": True, "ngram_order": 2, "ngram_rows": 32},
    {"joint_vocabulary": True, "tie_weights": False},
    {"tie_weights": False},
]
FED = {"input_feeding": True, "num_layers": 2, "attention": "additive"}
SOURCES = [
    Source(
        f"text {length}", np.append(np.random.default_rng(length).integers(1, 17, length), EOS_ID)
    )
    for length in (0, 1, 4, 11)
]


def both(changes: dict[str, object]) -> tuple[EncoderDecoder, LightTranslator]:
    settings = make(TranslatorSettings, {**SIZES, **changes})
    vocabs = (VOCABS[1],) * 2 if settings.joint_vocabulary else VOCABS
    model = EncoderDecoder(settings, *vocabs)
    draws = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor in model.tensors().values():
            tensor.normal_(0, 0.6, generator=draws)
        model.output.bias[EOS_ID] += 0.8  # so that some texts come to their end
    arrays = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    return model.eval(), LightTranslator(arrays, settings)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_shapes_are_known_without_the_network(changes):
    settings = make(TranslatorSettings, {**SIZES, **changes})
    model = EncoderDecoder(settings, *VOCABS)
    if not settings.joint_vocabulary:
        assert weight_shapes(settings, *VOCABS) == shapes_of(model.tensors())
    model = EncoderDecoder(settings, 20, 20)
    shapes = weight_shapes(settings, 20, 20)
    assert shapes == shapes_of(model.tensors())
    assert sum(map(np.prod, shapes.values())) == model_parameters(settings, 20, 20)
    # All but tables, of which the output layer may multiply one, and its bias.
    tables = [name for name in shapes if "embedding" in name]
    output = 20 * 6 if settings.tie_weights else 0
    read = sum(np.prod(shapes[name]) for name in tables) - output + 20
    assert multiplied_weights(settings, 20) == sum(map(np.prod, shapes.values())) - read


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hidden_size": 7}, "odd"),
        ({"encoder_layers": None}, "missing"),
        ({"ngram_order": None}, "missing"),
    ],
)
def test_sizes_that_fit_nothing_have_no_shapes(changes, told):
    with pytest.raises(ValueError, match=told):
        weight_shapes(make(TranslatorSettings, {**SIZES, **changes}), *VOCABS)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_steps_are_those_of_torch(changes):
    model, light = both(changes)
    rng = np.random.default_rng(1)
    for source in SOURCES:
        ids = torch.from_numpy(source.ids)[None]
        with torch.no_grad():
            expected = model.start(model.encode(ids, torch.tensor([ids.shape[1]])))
        state = light.start(source.ids)
        for rows in ([0], [0, 0, 0], [2, 0], [1, 1, 0, 1, 0, 0, 1], [3]):
            index = np.array(rows)
            expected = model.reorder(expected, torch.from_numpy(index))
            state = light.reorder(state, index)
            tokens = rng.integers(0, VOCABS[1], len(rows))
            with torch.no_grad():
                logits, expected, _ = model.step(torch.from_numpy(tokens), expected)
            found, following = light.step(tokens, state)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, logits.numpy(), atol=5e-5)
            # The state that was given is as it was.
            assert np.array_equal(light.step(tokens, state)[0], found)
            state = following


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_given_targets_are_as_probable(changes, monkeypatch):
    # Longer targets than are looked at at a time.
    monkeypatch.setattr(module, "_SUMS_AT_ONCE", 100)
    monkeypatch.setattr(module, "_LOGITS_AT_ONCE", 3 * VOCABS[1])
    model, light = both(changes)
    rng = np.random.default_rng(2)
    pairs = [(source.ids, rng.integers(1, VOCABS[1], n)) for source in SOURCES for n in (0, 1, 8)]
    heavy = TorchEngine(model, VOCABS[1], NEVER, "float32")
    found = LightEngine(light).forced(pairs, attention=True)
    for one, other in zip(found, heavy.forced(pairs, attention=True), strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, rel=1e-5, abs=1e-4)
        np.testing.assert_allclose(one.weights, other.weights, atol=2e-5)
        np.testing.assert_allclose(one.weights.sum(1), 1, atol=1e-5)
    assert all(each.weights is None for each in LightEngine(light).forced(pairs))


@pytest.mark.parametrize(
    "options",
    [
        {"beam_size": 1},
        {"beam_size": 3, "n_best": 3, "length_penalty": 0.4},
        {"beam_size": 5, "no_repeat_ngram": 1, "n_best": 2},
        {"sample": True, "seed": 4, "n_best": 3, "temperature": 1.3},
    ],
    ids=str,
)
@pytest.mark.parametrize("changes", [{}, {"rnn_type": "gru"}, FED, CHANGES[-3]], ids=str)
def test_what_is_found_is_what_torch_finds(changes, options):
    model, light = both(changes)
    heavy = TorchEngine(model, VOCABS[1], NEVER, "float32")
    asked = SOURCES, SearchSettings(**options), [9, 3, 0, 14], 64
    found, expected = LightEngine(light).search(*asked), heavy.search(*asked)
    for several, others in zip(found, expected, strict=True):
        assert [each.ids.tolist() for each in several] == [each.ids.tolist() for each in others]
        for one, other in zip(several, others, strict=True):
            assert one.log_prob == pytest.approx(other.log_prob, rel=1e-4, abs=1e-4)
            assert one.score == pytest.approx(other.score, rel=1e-4, abs=1e-4)
    assert len({len(each.ids) for several in found for each in several}) > 1


@pytest.mark.parametrize("count", [1, 3, 7, 12, 13, 99])
@pytest.mark.parametrize("levels", [3, 1 << 30])
def test_candidates_are_those_of_whole_numbers(count, levels):
    """Equal logits too: of them the lowest ids come first."""
    _, light = both({})
    logits = np.random.default_rng(count).integers(0, levels, (4, VOCABS[1])).astype(np.float32)
    logits /= np.float32(levels / 4)
    for banned in (None, (np.array([0, 2, 2]), np.array([9, 5, 6]))):
        before = logits.copy()
        found = light._candidates(logits, count, banned)
        expected = best_candidates(logits, count, banned)
        # What is impossible is as impossible in one order as in another.
        possible = np.isfinite(expected.log_probs)
        assert found.ids.shape == expected.ids.shape
        assert (found.ids == expected.ids)[possible].all()
        np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-5)
        np.testing.assert_allclose(found.ends, expected.ends, atol=1e-5)
        assert np.array_equal(logits, before)
