"""The bag of n-grams: order of tokens matters only inside an n-gram, padding never."""

import math

import pytest
import torch

from textrnn.nn.bag import NgramBag, log_count_ratios


def bag(order: int = 2, rows: int = 997) -> NgramBag:
    made = NgramBag(order, rows, 3)
    with torch.no_grad():
        made.ratios.normal_(generator=torch.Generator().manual_seed(0))
        made.weight.normal_(generator=torch.Generator().manual_seed(1))
        made.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    return made


def scores(made: NgramBag, *texts: list[int], padding: int = 0, noise: int = 0) -> torch.Tensor:
    time = max(map(len, texts)) + padding
    ids = torch.full((time, len(texts)), noise)
    for column, text in enumerate(texts):
        ids[: len(text), column] = torch.tensor(text)
    return made(ids, torch.tensor([len(text) for text in texts]))


def test_golden_for_single_tokens_each_of_which_counts_once():
    made = bag(order=1, rows=10)
    weights = made.weight * made.ratios
    torch.testing.assert_close(
        scores(made, [4, 5, 4])[0], 5 * (weights[4] + weights[5]) / 3**0.5 + made.bias
    )


def test_log_count_ratios_golden():
    made = NgramBag(1, 8, 2)
    ids = torch.tensor([[4, 4, 5], [5, 6, 6], [4, 0, 6]])
    ratios = log_count_ratios(made, [(ids, torch.tensor([3, 2, 3]), torch.tensor([0, 0, 1]))])
    # Label 0 holds 4 twice, 5 and 6 once; label 1 holds 5 and 6 once; each of 8 rows has 1 more.
    zero, one = 4 + 8, 2 + 8
    expected = {4: (3 / zero) / (1 / one), 5: (2 / zero) / (2 / one), 7: (1 / zero) / (1 / one)}
    for row, ratio in expected.items():
        assert ratios[row].tolist() == pytest.approx([math.log(ratio), -math.log(ratio)])


def test_single_tokens_know_no_order_but_pairs_do():
    torch.testing.assert_close(scores(bag(1), [4, 5, 6]), scores(bag(1), [6, 4, 5]))
    assert not torch.allclose(scores(bag(2), [4, 5, 6]), scores(bag(2), [6, 4, 5]))


def test_padding_and_batch_mates_are_no_matter():
    made = bag(3)
    alone = scores(made, [4, 5, 6])
    beside = scores(made, [4, 5, 6], [7, 8, 9, 10, 11], padding=4, noise=77)
    torch.testing.assert_close(alone[0], beside[0])
