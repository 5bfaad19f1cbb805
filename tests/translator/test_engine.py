"""The network at work: greedy search against whole sequences, samples, attention that is known."""

import dataclasses

import numpy as np
import pytest
import torch

from textrnn.decoding.beam import length_norm
from textrnn.decoding.candidates import NEVER
from textrnn.tokenizers.base import BOS_ID, EOS_ID, PAD_ID
from textrnn.translator.engine import TorchEngine
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.protocol import Source
from textrnn.translator.search import SearchSettings
from textrnn.translator.settings import TranslatorSettings

SETTINGS = TranslatorSettings(
    hidden_size=8, embedding_dim=6, num_layers=2, encoder_layers=1, ngram_order=1, dropout=0.0
)
LENGTHS = [5, 2, 7, 1, 3, 6, 4, 8, 9, 2, 6, 6, 3, 9, 4, 5, 7, 8, 2, 5]
VOCAB = 12


def make_model(**changes: object) -> EncoderDecoder:
    model = EncoderDecoder(dataclasses.replace(SETTINGS, **changes), 20, VOCAB)
    model.reset_parameters(torch.Generator().manual_seed(3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
        model.output.bias[EOS_ID] += 0.3  # so that some texts come to their end
    return model


def sources_of(lengths: list[int]) -> list[Source]:
    rng = np.random.default_rng(0)
    return [
        Source(f"text {number}", np.append(rng.integers(4, 20, length - 1), EOS_ID))
        for number, length in enumerate(lengths)
    ]


def engine_of(model: EncoderDecoder) -> TorchEngine:
    return TorchEngine(model, VOCAB, NEVER, "float32")


def argmax_by_whole_sequences(model: EncoderDecoder, source: Source, limit: int) -> list[int]:
    """Decode one source by running all of the target through the network at every step."""
    said: list[int] = []
    ids = torch.from_numpy(source.ids)[None]
    encoded = model.encode(ids, torch.tensor([ids.shape[1]]))
    while len(said) < limit:
        logits = model.decode(torch.tensor([[BOS_ID, *said]]), encoded)[0][-1, 0]
        logits[[PAD_ID, BOS_ID]] = -torch.inf
        best = int(logits.argmax())
        if best == EOS_ID:
            break
        said.append(best)
    return said


@pytest.mark.parametrize("changes", [{}, {"input_feeding": True}, {"ngram_order": 2}], ids=str)
def test_a_beam_of_one_is_the_argmax_of_whole_sequences(changes: dict[str, object]):
    model = make_model(**changes)
    sources, limits = sources_of(LENGTHS), [9, 3, 12, 0, 30] * 4
    with torch.no_grad():
        expected = [
            argmax_by_whole_sequences(model, source, limit)
            for source, limit in zip(sources, limits, strict=True)
        ]
    found = engine_of(model).search(sources, SearchSettings(beam_size=1), limits, 9)
    said = [each[0].ids.tolist() for each in found]
    assert said == expected
    assert said[3] == []
    assert len({len(ids) for ids in said}) > 2
    assert any(0 < len(ids) < limit for ids, limit in zip(said, limits, strict=True))


def test_a_sample_has_the_score_that_the_model_gives_it():
    """Beside its own source, with the end counted, whatever it was drawn with."""
    engine, sources = engine_of(make_model()), sources_of(LENGTHS)
    settings = SearchSettings(
        sample=True, n_best=3, seed=1, temperature=0.7, top_k=4, length_penalty=0.6
    )
    found = engine.search(sources, settings, [8] * len(sources), 9)
    assert len({tuple(each.ids.tolist()) for several in found for each in several}) > 8
    for source, several in zip(sources, found, strict=True):
        assert len(several) == 3
        for each in several:
            (alone,) = engine.forced([(source.ids, each.ids)])
            assert each.log_prob == pytest.approx(alone.log_prob, rel=1e-4)
            norm = float(length_norm(len(each.ids) + 1, 0.6))
            assert each.score == pytest.approx(each.log_prob / norm)


def test_what_was_fed_is_what_the_step_before_made():
    """In both forms: zeros before the first step, then the features of the one before."""
    model = make_model(input_feeding=True)
    (source,) = sources_of([5])
    ids, target = torch.from_numpy(source.ids)[None], torch.tensor([[BOS_ID, 7, 5, 9]])
    seen: list[torch.Tensor] = []
    made: list[torch.Tensor] = []
    plain = model.decoder._features

    def watched(*arguments: object) -> torch.Tensor:
        features = plain(*arguments)
        made.append(features[0])
        return features

    model.decoder._features = watched
    advance = model.decoder._advance

    def entered(x, state, masks):
        seen.append(state.tensors["fed"])
        return advance(x, state, masks)

    model.decoder._advance = entered
    with torch.no_grad():
        encoded = model.encode(ids, torch.tensor([5]))
        model.decode(target, encoded)
        state = model.start(encoded)
        for token in target[0]:
            _, state, _ = model.step(token[None], state)
    assert len(seen) == len(made) == 8
    for place in range(8):
        expected = torch.zeros(1, 6) if place % 4 == 0 else made[place - 1]
        assert torch.equal(seen[place], expected)
    assert float(made[0].abs().sum()) > 0
    # And it counts: without it, something else is said.
    with torch.no_grad():
        logits, _ = model.decode(target, encoded)
        starting = model.start(encoded)
        deaf = dataclasses.replace(
            starting, tensors={**starting.tensors, "fed": torch.ones_like(starting.tensors["fed"])}
        )
        heard, _, _ = model.step(target[0, :1], deaf)
    assert not torch.allclose(heard[0], logits[0, 0])


def test_attention_is_told_at_the_step_that_paid_it():
    """The weights of whole sequences are those of single steps, in their order."""
    model = make_model(attention="dot", hidden_size=8)
    (source,) = sources_of([6])
    said = np.array([7, 5, 9, 4, 11])
    (forced,) = engine_of(model).forced([(source.ids, said)], attention=True)
    with torch.no_grad():
        state = model.start(
            model.encode(torch.from_numpy(source.ids)[None], torch.tensor([len(source.ids)]))
        )
        for place, token in enumerate([BOS_ID, *said.tolist()]):
            _, state, weights = model.step(torch.tensor([token]), state)
            np.testing.assert_allclose(forced.weights[place], weights[0].numpy(), atol=1e-4)
    assert forced.weights.shape == (6, 6)
    # Not alike, or a weight that stands a step late would not be seen.
    assert np.abs(np.diff(forced.weights, axis=0)).max(1).min() > 1e-3
