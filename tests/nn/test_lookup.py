"""Tables that are read by rows: what readers find, and which parameters are such tables."""

from __future__ import annotations

import pickle
import weakref

import pytest
import torch
from torch import Tensor

from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.nn.dropout import MaskSource
from textrnn.nn.embedding import TokenEmbedding
from textrnn.nn.lookup import keep_by_rows, looked_up
from textrnn.nn.ngrams import ngram_rows
from textrnn.nn.parts import parts_of

CPU = torch.device("cpu")


class Fetching:
    """Hands out the distinct rows of a table as leaves, as an optimiser does."""

    def __init__(self, table: torch.nn.Parameter) -> None:
        self.table = table
        self.found: list[tuple[Tensor, Tensor]] = []
        keep_by_rows(table, self.fetch)

    def fetch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        distinct, places = torch.unique(rows, return_inverse=True)
        leaf = self.table.detach()[distinct].requires_grad_()
        self.found.append((distinct, leaf))
        return leaf, places

    def gradient(self) -> Tensor:
        """Return the gradient of the whole table."""
        whole = torch.zeros_like(self.table)
        for rows, leaf in self.found:
            assert leaf.grad is not None
            whole.index_add_(0, rows, leaf.grad)
        return whole


def test_a_plain_table_is_handed_out_as_it_is():
    table, rows = torch.nn.Parameter(torch.randn(5, 2)), torch.tensor([[3, 1], [1, 1]])
    assert looked_up(table, rows) == (table, rows)
    fetching = Fetching(table)
    part, places = looked_up(table, rows)
    assert part.shape == (2, 2)
    assert torch.equal(part[places], table[rows])
    with torch.no_grad():
        assert looked_up(table, rows)[0] is table
    assert len(fetching.found) == 1
    keep_by_rows(table, None)
    assert looked_up(table, rows)[0] is table


def test_a_table_keeps_nobody_alive_and_neither_does_a_copy():
    table, rows = torch.nn.Parameter(torch.randn(5, 2)), torch.tensor([1])
    fetching = Fetching(table)
    copy = pickle.loads(pickle.dumps(table))
    assert looked_up(copy, rows)[0] is copy
    there = weakref.ref(fetching)
    assert looked_up(table, rows)[0] is not table
    del fetching
    assert there() is None
    assert looked_up(table, rows)[0] is table


@pytest.mark.parametrize("dropout", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("shape", [(7, 3), (1, 1)])
def test_n_grams_are_summed_but_for_those_dropped(dropout: float, shape: tuple[int, int]):
    made = TokenEmbedding(9, 4, ngram_order=4, ngram_rows=16, ngram_dropout=dropout)
    made.reset_parameters(torch.Generator().manual_seed(0), 1.0)
    assert made.ngrams is not None
    ids = torch.randint(9, shape, generator=torch.Generator().manual_seed(1))
    history = torch.zeros(shape[1], 3, dtype=torch.int64)
    found, _ = made(ids, history, MaskSource(0, (1,), CPU))
    rows = ngram_rows(torch.cat([history.t(), ids]), 4, 16)
    kept = torch.ones(rows.shape)
    if dropout:
        kept = MaskSource(0, (1,), CPU).mask(rows.shape, dropout, torch.float32)
    expected = made.weight[ids] + (made.ngrams[rows] * kept.unsqueeze(-1)).sum(-2)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(2))
    (expected * weights).sum().backward()
    whole = {name: parameter.grad.clone() for name, parameter in made.named_parameters()}
    made.zero_grad()
    tables = {name: Fetching(getattr(made, name)) for name in made.tables}
    again, _ = made(ids, history, MaskSource(0, (1,), CPU))
    assert torch.equal(again, found)
    (again * weights).sum().backward()
    assert all(parameter.grad is None for parameter in made.parameters())
    for name, table in tables.items():
        torch.testing.assert_close(table.gradient(), whole[name])


@pytest.mark.parametrize("shortest", [1, 3])
def test_spellings_are_looked_up_whether_padded_or_not(shortest: int):
    spellings = torch.tensor([[0, 0, 0], [1, 2, 0], [3, 5, 6], [1, 4, 3]], dtype=torch.int32)
    made = TokenEmbedding(4, 5, spellings=spellings, spelling_rows=7)
    made.reset_parameters(torch.Generator().manual_seed(0), 1.0)
    ids = torch.tensor([[2, 3], [3, 1 if shortest == 1 else 2]])
    weights = torch.randn(2, 2, 5, generator=torch.Generator().manual_seed(2))
    expected, _ = made(ids, None, None)
    (expected * weights).sum().backward()
    whole = {name: parameter.grad.clone() for name, parameter in made.named_parameters()}
    made.zero_grad()
    tables = {name: Fetching(getattr(made, name)) for name in made.tables}
    assert tables.keys() == {"weight", "spelled"}
    found, _ = made(ids, None, None)
    torch.testing.assert_close(found, expected)
    (found * weights).sum().backward()
    for name, table in tables.items():
        torch.testing.assert_close(table.gradient(), whole[name])


@pytest.mark.parametrize("sampled_words", [0, 16])
def test_language_models_learn_the_same_from_rows(sampled_words: int):
    settings = LanguageModelSettings(
        hidden_size=8, embedding_dim=6, num_layers=1, ngram_order=3, ngram_rows=32, dropout=0.2,
        sampled_words=sampled_words,
    )  # fmt: skip
    model = RecurrentLanguageModel(settings, 40)
    model.reset_parameters(torch.Generator().manual_seed(0))
    ids = torch.randint(40, (3, 9), generator=torch.Generator().manual_seed(1))

    def loss() -> Tensor:
        masks = MaskSource(0, (1,), CPU)
        return model.loss(ids[:, :-1], ids[:, 1:], None, model.start(3), masks)[0]

    expected = loss()
    expected.backward()
    named = dict(model.named_parameters())
    whole = {name: parameter.grad.clone() for name, parameter in named.items()}
    model.zero_grad()
    names = parts_of(model).tables
    assert names == {"embedding.weight", "embedding.ngrams"} | (
        {"output.weight"} if sampled_words else set()
    )
    tables = {name: Fetching(named[name]) for name in names}
    found = loss()
    torch.testing.assert_close(found, expected)
    found.backward()
    for name, gradient in whole.items():
        own = tables[name].gradient() if name in tables else named[name].grad
        torch.testing.assert_close(own, gradient, msg=name)


def test_a_matrix_that_the_output_layer_shares_is_no_such_table():
    settings = LanguageModelSettings(
        hidden_size=8, embedding_dim=8, num_layers=1, ngram_order=1, sampled_words=16,
        tie_weights=True,
    )  # fmt: skip
    assert parts_of(RecurrentLanguageModel(settings, 40)).tables == frozenset()
