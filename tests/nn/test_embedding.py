"""Embeddings with spellings: the mean of a token's character n-grams is added, padding not counted."""

import torch

from textrnn.nn.embedding import TokenEmbedding

SPELLINGS = torch.tensor([[0, 0, 0], [1, 2, 0], [3, 0, 0], [1, 2, 3]], dtype=torch.int32)


def embedding() -> TokenEmbedding:
    made = TokenEmbedding(4, 5, spellings=SPELLINGS, spelling_rows=4)
    made.reset_parameters(torch.Generator().manual_seed(0), 1.0)
    return made


def test_golden():
    made = embedding()
    ids = torch.tensor([[1, 0], [3, 1], [2, 2]])
    found, _ = made(ids, None, None)
    spelt = made.spelled
    expected = {
        0: made.weight[0],
        1: made.weight[1] + (spelt[1] + spelt[2]) / 2,
        2: made.weight[2] + spelt[3],
        3: made.weight[3] + (spelt[1] + spelt[2] + spelt[3]) / 3,
    }
    for place, token in ((place, int(ids[place])) for place in ((0, 0), (0, 1), (1, 0), (2, 1))):
        torch.testing.assert_close(found[place], expected[token])


def test_gradients_reach_the_spellings_of_what_was_read_and_no_others():
    made = embedding()
    made(torch.tensor([[2], [2]]), None, None)[0].sum().backward()
    assert made.spelled.grad.abs().sum(-1).tolist() == [0.0, 0.0, 0.0, 10.0]


def test_spellings_are_no_part_of_the_weights():
    assert set(embedding().state_dict()) == {"weight", "spelled"}
