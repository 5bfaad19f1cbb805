"""What training minimises is what evaluation counts."""

import pytest
import torch
from torch.nn import functional

from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.nn.dropout import MaskSource

VOCAB = 30


def model_of(**changes) -> RecurrentLanguageModel:
    sizes = {"hidden_size": 12, "num_layers": 2, "embedding_dim": 12, "ngram_order": 1}
    model = RecurrentLanguageModel(
        LanguageModelSettings(**{**sizes, "dropout": 0.0, **changes}), VOCAB
    )
    model.reset_parameters(torch.Generator().manual_seed(0))
    return model


@pytest.mark.parametrize("tie_weights", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_and_its_gradient_are_those_of_the_surprises(tie_weights, weighted):
    model = model_of(tie_weights=tie_weights)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(4, VOCAB, (3, 9), generator=generator)
    weights = torch.randint(2, (3, 8), generator=generator).float() if weighted else None
    masks = MaskSource(0, (0,), torch.device("cpu"))
    loss, new = model.loss(ids[:, :-1], ids[:, 1:], weights, model.start(3), masks)
    loss.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    counted = torch.ones(3, 8) if weights is None else weights
    logits, after = model(ids[:, :-1], model.start(3))
    each = functional.cross_entropy(logits.permute(1, 2, 0), ids[:, 1:], reduction="none")
    wanted = (each * counted).sum()
    wanted.backward()
    torch.testing.assert_close(loss, wanted)
    evaluated, _ = model.nats(ids[:, :-1], ids[:, 1:], model.start(3))
    torch.testing.assert_close(evaluated, each.detach())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, atol=1e-5, rtol=1e-4)
    for name, tensor in after.items():
        torch.testing.assert_close(new[name], tensor)


def test_words_that_are_drawn_count_no_padding():
    model = model_of(sampled_words=8)
    ids = torch.randint(4, VOCAB, (2, 7), generator=torch.Generator().manual_seed(1))
    weights = torch.tensor([[1.0] * 6, [1.0] * 2 + [0.0] * 4])
    other = ids.clone()
    other[1, 4:] = 5

    def loss(given: torch.Tensor) -> float:
        masks = MaskSource(0, (0,), torch.device("cpu"))
        return float(
            model.loss(given[:, :-1], ids[:, 1:], weights, model.start(2), masks)[0].detach()
        )

    assert loss(ids) == pytest.approx(loss(other), rel=1e-6)
    assert loss(ids) != pytest.approx(loss(ids.flip(0)), rel=1e-5)


def test_a_new_model_is_scored_by_a_few_words_as_by_all():
    # From biases of 0, a rare word that happens to be drawn stands for hundreds that are not.
    vocab_size = 3000
    settings = LanguageModelSettings(
        hidden_size=12, num_layers=1, embedding_dim=12, ngram_order=1, dropout=0.0, sampled_words=64
    )
    model = RecurrentLanguageModel(settings, vocab_size)
    model.reset_parameters(torch.Generator().manual_seed(0))
    ids = torch.randint(4, 100, (4, 21), generator=torch.Generator().manual_seed(1))
    whole = model.nats(ids[:, :-1], ids[:, 1:], model.start(4))[0].detach().mean()
    for step in range(10):
        masks = MaskSource(0, (step,), torch.device("cpu"))
        loss, _ = model.loss(ids[:, :-1], ids[:, 1:], None, model.start(4), masks)
        assert abs(loss.detach() / 80 - whole) < 0.1
