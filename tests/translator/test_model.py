"""The network: whole sequences equal single steps, padding and batch mates change nothing."""

import dataclasses

import pytest
import torch

from textrnn.nn.dropout import MaskSource
from textrnn.tokenizers.base import BOS_ID
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.settings import TranslatorSettings

SETTINGS = TranslatorSettings(
    hidden_size=8,
    embedding_dim=6,
    num_layers=2,
    encoder_layers=2,
    ngram_order=1,
    dropout=0.0,
)
SRC_LENGTHS = torch.tensor([5, 2, 7, 1])

VARIANTS = [
    {},
    {"attention": "additive", "rnn_type": "gru"},
    {"attention": "dot", "bridge": "mean", "num_layers": 1},
    {"attention": "scaled", "bridge": "none", "num_layers": 3, "layer_norm": True},
    {"input_feeding": True},
    {"input_feeding": True, "rnn_type": "rnn_relu", "num_layers": 1, "layer_norm": True},
    {"bidirectional": False, "tie_weights": False, "rnn_type": "rnn_tanh"},
    {"ngram_order": 3, "ngram_rows": 32, "joint_vocabulary": True},
]


def make_model(**changes: object) -> EncoderDecoder:
    settings = dataclasses.replace(SETTINGS, **changes)
    model = EncoderDecoder(settings, 20, 20)
    model.reset_parameters(torch.Generator().manual_seed(0))
    with torch.no_grad():
        # Far from the small starting values, so that a difference shows.
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    src = torch.randint(4, 20, (4, 7), generator=generator)
    tgt = torch.randint(4, 20, (4, 6), generator=generator)
    tgt[:, 0] = BOS_ID
    return src, tgt


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_whole_sequences_equal_single_steps(changes: dict[str, object]):
    model = make_model(**changes)
    src, tgt = batch()
    with torch.no_grad():
        encoded = model.encode(src, SRC_LENGTHS)
        whole, whole_weights = model.decode(tgt, encoded)
        state = model.start(encoded)
        for time in range(tgt.shape[1]):
            logits, state, weights = model.step(tgt[:, time], state)
            torch.testing.assert_close(logits, whole[time], atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(weights, whole_weights[time], atol=1e-5, rtol=1e-4)
    assert whole.std() > 0.1


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_padding_and_batch_mates_change_nothing(changes: dict[str, object]):
    model = make_model(**changes)
    src, tgt = batch()
    with torch.no_grad():
        together, weights = model.decode(tgt, model.encode(src, SRC_LENGTHS))
        other = src.clone()
        for row, length in enumerate(SRC_LENGTHS.tolist()):
            other[row, length:] = 7
            assert (weights[:, row, length:] == 0).all()
            torch.testing.assert_close(weights[:, row].sum(-1), torch.ones(tgt.shape[1]))
            alone, _ = model.decode(
                tgt[row : row + 1],
                model.encode(src[row : row + 1, :length], torch.tensor([length])),
            )
            torch.testing.assert_close(alone[:, 0], together[:, row], atol=1e-4, rtol=1e-4)
        changed, _ = model.decode(tgt, model.encode(other, SRC_LENGTHS))
    torch.testing.assert_close(changed, together, atol=1e-5, rtol=1e-5)
    assert (together[:, 0] - together[:, 1]).abs().max() > 1e-2


@pytest.mark.parametrize("changes", [{}, {"input_feeding": True}, {"ngram_order": 2}], ids=str)
@pytest.mark.parametrize(
    "index",
    [
        [0, 0, 1, 1, 2, 2, 3, 3],
        [3, 1],
        [2, 2, 2, 0, 1],
        [0, 1, 0, 1],
        [3, 2, 1, 0],
        [1],
        [],
    ],
    ids=str,
)
def test_reordered_rows_go_on_as_they_would_have(changes: dict[str, object], index: list[int]):
    model = make_model(**changes)
    src, tgt = batch()
    with torch.no_grad():
        _, state, _ = model.step(tgt[:, 0], model.start(model.encode(src, SRC_LENGTHS)))
        expected, _, expected_weights = model.step(tgt[:, 1], state)
        chosen = torch.tensor(index, dtype=torch.int64)
        moved = model.reorder(state, chosen)
        assert moved.rows == len(index)
        logits, _, weights = model.step(tgt[chosen, 1], moved)
        torch.testing.assert_close(logits, expected[chosen], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(weights, expected_weights[chosen])
        # And once more, from a state that has been reordered already.
        back = torch.arange(len(index) - 1, -1, -1)
        again, _, _ = model.step(tgt[chosen[back], 1], model.reorder(moved, back))
        torch.testing.assert_close(again, expected[chosen[back]], atol=1e-5, rtol=1e-5)
        # What was given stays as it was.
        same, _, _ = model.step(tgt[:, 1], state)
        torch.testing.assert_close(same, expected)


def test_hypotheses_of_a_source_share_its_keys():
    model = make_model()
    src, _ = batch()
    state = model.start(model.encode(src, SRC_LENGTHS))
    wide = model.reorder(state, torch.arange(4).repeat_interleave(5))
    assert (wide.width, wide.rows) == (5, 20)
    assert wide.keys.values.data_ptr() == state.keys.values.data_ptr()
    crossed = model.reorder(wide, torch.tensor([4, 4, 0, 1, 2, 15, 16, 15, 16, 19]))
    assert (crossed.width, len(crossed.keys.values)) == (5, 2)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_every_weight_learns_and_comes_back(changes: dict[str, object]):
    model = make_model(**changes)
    src, tgt = batch()
    logits, _ = model.decode(tgt, model.encode(src, SRC_LENGTHS))
    logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if not (name.endswith("bias_ih") or "query.bias" in name):
            assert parameter.grad.abs().max() > 0, name
    other = EncoderDecoder(dataclasses.replace(SETTINGS, **changes), 20, 20)
    other.load_tensors(model.tensors())
    with torch.no_grad():
        same, _ = other.decode(tgt, other.encode(src, SRC_LENGTHS))
    torch.testing.assert_close(same, logits)


def test_shared_embeddings_are_saved_once():
    def names(**changes: object) -> set[str]:
        return {name for name in make_model(**changes).tensors() if name.endswith("weight")} & {
            "embedding.weight",
            "decoder.embedding.weight",
            "output.weight",
        }

    assert names() == {"embedding.weight", "decoder.embedding.weight"}
    assert names(joint_vocabulary=True) == {"embedding.weight"}
    assert len(names(tie_weights=False)) == 3


@pytest.mark.parametrize("locked", [False, True])
def test_with_input_feeding_masks_are_drawn_as_for_whole_sequences(locked: bool):
    model = make_model(
        input_feeding=True, dropout=0.5, weight_drop=0.5, locked_dropout=locked, ngram_order=2
    )
    src, tgt = batch()
    masks = MaskSource(0, (1,), torch.device("cpu"))
    encoded = model.encode(src, SRC_LENGTHS)
    features, _ = model.decoder(tgt.t(), model.start(encoded), masks)
    dropped = features == 0
    assert 0.3 < dropped.float().mean() < 0.7
    assert bool((dropped == dropped[0]).all()) is locked


def test_odd_sizes_are_refused():
    with pytest.raises(ValueError, match="odd"):
        make_model(hidden_size=7)
    with pytest.raises(ValueError, match="not resolved"):
        make_model(encoder_layers=None)


@pytest.mark.parametrize("rnn_type", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
@pytest.mark.parametrize("feeding", [False, True])
def test_bf16_is_near_float32(rnn_type: str, feeding: bool):
    settings = dataclasses.replace(SETTINGS, rnn_type=rnn_type, input_feeding=feeding)
    model = EncoderDecoder(settings, 20, 20)
    model.reset_parameters(torch.Generator().manual_seed(0))
    src, tgt = batch()
    exact, _ = model.decode(tgt, model.encode(src, SRC_LENGTHS))
    with torch.autocast("cpu", torch.bfloat16):
        encoded = model.encode(src, SRC_LENGTHS)
        half, weights = model.decode(tgt, encoded)
        stepped, _, _ = model.step(tgt[:, 0], model.start(encoded))
    half.float().sum().backward()
    assert weights.dtype == torch.float32
    assert (weights[:, 1, 2:] == 0).all()
    torch.testing.assert_close(half.float(), exact, atol=0.05, rtol=0.05)
    torch.testing.assert_close(stepped, exact[0], atol=0.05, rtol=0.05)
