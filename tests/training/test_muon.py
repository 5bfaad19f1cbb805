"""Muon moves matrices of hidden layers in all directions alike."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.nn.parts import Parts, parts_of
from textrnn.training.muon import MuonRule, orthogonalized
from textrnn.training.optimizer import make_optimizer
from textrnn.training.rules import AdamRule

SETTINGS = LanguageModelSettings(optimizer="muon", learning_rate=0.02, weight_decay=0.1)


@pytest.mark.parametrize("shape", [(3, 20, 20), (2, 8, 30), (2, 30, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_singular_values_come_near_1_and_vectors_stay(shape, dtype):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonalized(matrices, dtype)
    assert found.dtype == torch.float32
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    turned = left.mT @ found @ right.mT
    values = turned.diagonal(dim1=1, dim2=2)
    assert values.min() > 0
    assert values.quantile(0.1) > 0.5
    assert values.max() < 1.3
    rest = turned - torch.diag_embed(values)
    assert rest.abs().max() < (1e-3 if dtype == torch.float32 else 0.1)


def test_a_matrix_without_gradient_stays_where_it_is():
    assert torch.equal(orthogonalized(torch.zeros(1, 4, 4), torch.float32), torch.zeros(1, 4, 4))


@pytest.mark.parametrize("shape", [(24, 24), (40, 12), (12, 40)])
def test_updates_go_where_torchs_go_and_as_far(shape):
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(shape, generator=generator)
    expected, weight = (torch.nn.Parameter(start.clone()) for _ in range(2))
    reference = torch.optim.Muon(
        [expected], lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    parts = Parts(frozenset(), {"w": 1})
    optimizer = make_optimizer(SETTINGS, [("w", weight)], parts=parts, product_type=torch.bfloat16)
    for _ in range(5):
        gradient = torch.randn(shape, generator=generator)
        expected.grad, weight.grad = gradient, gradient.clone()
        reference.step()
        optimizer.step()
    moved, own = ((found.detach() - start).flatten() for found in (expected, weight))
    # Both come near to the same matrix in their own ways.
    assert torch.cosine_similarity(moved, own, dim=0) > 0.98
    assert own.norm() == pytest.approx(float(moved.norm()), rel=0.1)


def test_each_gate_is_orthogonalised_on_its_own():
    weights = torch.nn.Parameter(torch.zeros(4 * 6, 6))
    gates = torch.randn(4, 6, 6, generator=torch.Generator().manual_seed(2))
    rule = MuonRule(4, torch.float32)
    state = rule.begin(weights)
    with torch.no_grad():
        # One gate's gradient is a thousand times another's; each moves as far.
        sizes = torch.tensor([1.0, 10.0, 100.0, 1000.0]).view(4, 1, 1)
        rule.apply([weights], [(gates * sizes).reshape(24, 6)], [state], 1.0, 0.0)
    moved = weights.detach().view(4, 6, 6)
    expected = -0.2 * 6**0.5 * orthogonalized(gates, torch.float32)
    torch.testing.assert_close(moved, expected, rtol=1e-3, atol=1e-4)


def test_hidden_matrices_learn_by_muon_and_all_else_by_adamw():
    settings = dataclasses.replace(
        SETTINGS, hidden_size=8, embedding_dim=6, num_layers=2, ngram_order=3, layer_norm=True
    )
    model = RecurrentLanguageModel(settings, 20)
    optimizer = make_optimizer(settings, model.named_parameters(), parts=parts_of(model))
    by_muon = {
        name: group.decay
        for group in optimizer.groups
        if isinstance(group.rule, MuonRule)
        for name in group.parameters
    }
    assert by_muon == {
        f"recurrent.layers.{layer}.weight_{kind}": 0.1 for layer in (0, 1) for kind in ("ih", "hh")
    }
    others = [group for group in optimizer.groups if not isinstance(group.rule, MuonRule)]
    assert all(isinstance(group.rule, AdamRule) for group in others)
    found = {name for group in optimizer.groups for name in group.parameters}
    assert found == {name for name, _ in model.named_parameters()}
