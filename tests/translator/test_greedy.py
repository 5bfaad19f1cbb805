"""Greedy translation while training: equal to the argmax of whole sequences, rows apart."""

import dataclasses

import pytest
import torch

from textrnn.tokenizers.base import BOS_ID, EOS_ID, PAD_ID
from textrnn.translator.greedy import greedy
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.settings import TranslatorSettings

SETTINGS = TranslatorSettings(
    hidden_size=8, embedding_dim=6, num_layers=2, encoder_layers=1, ngram_order=1, dropout=0.0
)
LENGTHS = torch.tensor([5, 2, 7, 1, 3])


def make_model(**changes: object) -> EncoderDecoder:
    model = EncoderDecoder(dataclasses.replace(SETTINGS, **changes), 20, 12)
    model.reset_parameters(torch.Generator().manual_seed(3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


def argmax_by_whole_sequences(
    model: EncoderDecoder, src: torch.Tensor, length: int, limit: int
) -> list[int]:
    """Decode one source by running all of the target through the network at every step."""
    said: list[int] = []
    encoded = model.encode(src[None, :length], torch.tensor([length]))
    while len(said) < limit:
        logits = model.decode(torch.tensor([[BOS_ID, *said]]), encoded)[0][-1, 0]
        logits[[PAD_ID, BOS_ID]] = -torch.inf
        best = int(logits.argmax())
        if best == EOS_ID:
            break
        said.append(best)
    return said


@pytest.mark.parametrize("changes", [{}, {"input_feeding": True}, {"ngram_order": 2}], ids=str)
def test_it_is_the_argmax_of_whole_sequences(changes: dict[str, object]):
    model = make_model(**changes)
    src = torch.randint(4, 20, (5, 7), generator=torch.Generator().manual_seed(0))
    limits = torch.tensor([9, 3, 12, 0, 30])
    with torch.no_grad():
        expected = [
            argmax_by_whole_sequences(model, src[row], int(LENGTHS[row]), int(limits[row]))
            for row in range(5)
        ]
    found = greedy(model, src, LENGTHS, limits)
    assert found == expected
    assert found[3] == []
    lengths = {len(ids) for ids in found}
    assert len(lengths) > 2
    assert any(0 < len(ids) < limit for ids, limit in zip(found, limits.tolist(), strict=True))
