"""Classification as a task: loss, figures, calibration, groups of parameters, invariance to batches."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from other_device import DEVICE, train_elsewhere

from textrnn.classifier.batches import ExampleBatch, padded
from textrnn.classifier.model import TextClassifier, combined
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.task import ClassifierTask, class_weights, training_loss
from textrnn.data.examples import ExampleCorpus, ExampleStore, Findings
from textrnn.data.store import TokenStore
from textrnn.nn.dropout import MaskSource
from textrnn.tokenizers import WordTokenizer

WORDS = [f"w{number}" for number in range(30)]
TOKENIZER = WordTokenizer(WORDS, spaces=False)
SETTINGS = ClassifierSettings(
    hidden_size=8,
    embedding_dim=6,
    num_layers=2,
    ngram_order=2,
    ngram_rows=64,
    spelling_rows=32,
    bag_order=2,
    bag_rows=128,
    pooling="concat",
    max_length=12,
    batch_size=4,
    dropout=0.3,
    token_dropout=0.2,
    optimizer="muon",
    learning_rate=0.01,
)


def part(rows: int, seed: int) -> ExampleStore:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 30, rows)
    ids = rng.integers(4, 34, int(lengths.sum())).astype(np.int32)
    starts = (np.cumsum(lengths) - lengths).astype(np.int64)
    labels = rng.integers(0, 3, rows).astype(np.int32)
    return ExampleStore(TokenStore(ids, starts, characters=0, unknown=0), labels)


def corpus(valid: int = 20, test: int = 10) -> ExampleCorpus:
    return ExampleCorpus(
        tokenizer=TOKENIZER,
        labels=("bad", "fair", "good"),
        train=part(40, 0),
        valid=part(valid, 1),
        test=part(test, 2),
        digest="",
        sources=(),
        valid_sources=(),
        test_sources=(),
        findings=Findings.__new__(Findings),
    )


def make_task(settings: ClassifierSettings = SETTINGS, **options: object) -> ClassifierTask:
    model = TextClassifier(settings, TOKENIZER, 3)
    model.reset_parameters(torch.Generator().manual_seed(0))
    with torch.no_grad():
        if model.bag is not None:
            model.bag.ratios.normal_(generator=torch.Generator().manual_seed(1))
            model.bag.weight.normal_(generator=torch.Generator().manual_seed(2))
        for tensor in (model.embedding.weight, model.embedding.ngrams, model.embedding.spelled):
            tensor.mul_(10)
    data = options.pop("data", None) or corpus()
    return ClassifierTask(model, settings, data, **options)


def texts(seed: int = 3, count: int = 6) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(4, 34, rng.integers(1, 20)) for _ in range(count)]


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention", "concat"])
@pytest.mark.parametrize("rnn_type", ["lstm", "gru"])
def test_padding_and_batch_mates_change_no_probability(pooling: str, rnn_type: str):
    model = make_task(dataclasses.replace(SETTINGS, pooling=pooling, rnn_type=rnn_type)).model
    rows = texts()
    with torch.no_grad():
        together = model.logits(*padded(rows)).softmax(-1)
        ids, lengths = padded(rows)
        wider = torch.nn.functional.pad(ids, (0, 40))
        padded_more = model.logits(wider, lengths).softmax(-1)
        alone = torch.cat([model.logits(*padded([row])) for row in rows]).softmax(-1)
    assert (together - alone).abs().max() < 1e-5
    assert (together - padded_more).abs().max() < 1e-5
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_padding_changes_neither_probabilities_nor_gradients():
    texts = [np.arange(4, 4 + length) for length in (3, 5, 11)]
    found = []
    for time in (0, 16):
        model = make_task().model
        ids, lengths = padded(texts, time)
        scores = model.logits(ids, lengths)
        scores.log_softmax(-1)[:, 1].sum().backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        found.append((ids.shape[1], scores.softmax(-1), gradients))
    (short, few, few_grads), (long, many, many_grads) = found
    assert (short, long) == (11, 16)
    torch.testing.assert_close(few, many, atol=1e-6, rtol=0)
    for a, b in zip(few_grads, many_grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def still(**changes: object) -> ClassifierSettings:
    """Settings without any dropout."""
    none = {"dropout": 0.0, "token_dropout": 0.0, "ngram_dropout": 0.0, "input_dropout": 0.0}
    return dataclasses.replace(SETTINGS, **none, **changes)


def test_the_loss_is_the_mean_of_what_each_expert_pays():
    settings = still(label_smoothing=0.3)
    model = make_task(settings).model
    ids, lengths = padded(texts())
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    weights = torch.tensor([0.5, 1.0, 1.5])
    masks = MaskSource(0, (1,), torch.device("cpu"))
    loss, right = training_loss(model, settings, ids, lengths, labels, masks, weights)
    expected = 0.0
    for scores in model.experts(ids, lengths):
        logs = scores.log_softmax(-1)
        for row, label in enumerate(labels.tolist()):
            # A share of 0.3 is spread over the three labels; the row weighs as its label does.
            expected -= weights[label] * (0.7 * logs[row, label] + 0.1 * logs[row].sum())
    torch.testing.assert_close(loss, expected / 2)
    answers = model.logits(ids, lengths).argmax(-1)
    assert int(right) == int((answers == labels).sum())


def test_experts_together_are_the_mean_of_their_log_probabilities():
    a, b = torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 0.0]])
    both = combined([a, b]).softmax(-1)
    product = (a.softmax(-1) * b.softmax(-1)).sqrt()
    torch.testing.assert_close(both, product / product.sum())
    assert combined([a]) is a
    assert combined([a], 0.9) is a
    mostly_bag = combined([a, b], 0.75).softmax(-1)
    product = a.softmax(-1) ** 0.25 * b.softmax(-1) ** 0.75
    torch.testing.assert_close(mostly_bag, product / product.sum())


def test_balanced_weights_make_all_labels_weigh_alike():
    data = corpus()
    counts = np.bincount(data.train.labels, minlength=3)
    weights = np.array(class_weights(data, "balanced"))
    assert np.ptp(weights * counts) < 1e-9
    assert (weights * counts).sum() == pytest.approx(counts.sum())
    assert class_weights(data, "none") is None


def test_the_step_weighs_labels_as_the_settings_ask():
    settings = still(class_weights="balanced")
    task = make_task(settings)
    batch = ExampleBatch(*padded(texts()), torch.tensor([0, 1, 2, 0, 1, 2]))
    masks = MaskSource(0, (1,), torch.device("cpu"))
    weights = torch.tensor(class_weights(corpus(), "balanced"))
    found = task.step(batch, None, masks).loss
    arguments = (batch.ids, batch.lengths, batch.labels, masks)
    weighed, _ = training_loss(task.model, settings, *arguments, weights)
    plain, _ = training_loss(task.model, settings, *arguments)
    torch.testing.assert_close(found, weighed)
    assert not torch.allclose(found, plain)


def test_every_epoch_has_an_order_of_its_own():
    task = make_task()
    orders = [[b.labels.tolist() for b in task.batches(epoch, 0)] for epoch in (0, 1, 0)]
    assert orders[0] == orders[2] != orders[1]
    assert len(orders[0]) == task.batches_per_epoch()


def test_parts_of_a_batch_make_up_the_batch():
    task = make_task(still())
    batch = ExampleBatch(*padded(texts()), torch.tensor([0, 1, 2, 0, 1, 2]))
    masks = MaskSource(0, (1,), torch.device("cpu"))
    whole = task.step(batch, None, masks)
    parts = [task.step(piece, None, masks) for piece, _ in task.split(batch, None, 4)]
    assert len(parts) == 4
    torch.testing.assert_close(sum(out.loss for out in parts), whole.loss)
    assert sum(int(out.totals["right"]) for out in parts) == int(whole.totals["right"])


def test_an_evaluation_gives_the_figures_of_all_texts_however_they_are_batched(monkeypatch):
    task = make_task()
    with torch.no_grad():
        figures = task.evaluate(None)
        monkeypatch.setattr("textrnn.classifier.batches._TOKENS_AT_ONCE", 1)
        one_by_one = task.evaluate(None)
    assert figures.keys() == one_by_one.keys()
    for name, value in figures.items():
        assert value == pytest.approx(one_by_one[name], abs=1e-4), name
    assert 0 < figures["valid_accuracy"] < 1
    assert abs(figures["temperature"] - 1) > 0.05
    assert 0 <= figures["bag_share"] <= 1
    assert figures["valid_loss"] > 0.5


def test_without_validation_there_are_no_figures_and_the_test_is_looked_at_only_at_the_end():
    task = make_task(data=corpus(valid=0))
    assert set(task.evaluate(None).values()) == {None}
    assert task.fault(task.evaluate(None)) is None
    plain, cool = task.conclude({}), task.conclude({"temperature": 0.1})
    assert set(plain) == {"test_loss", "test_accuracy", "test_macro_f1", "test_ece"}
    assert plain["test_accuracy"] == cool["test_accuracy"]
    assert plain["test_loss"] < cool["test_loss"]
    assert task.conclude({"bag_share": 0.5}) == plain
    assert task.conclude({"bag_share": 1.0})["test_loss"] != plain["test_loss"]
    assert make_task(data=corpus(test=0)).conclude({}) == {}


def test_faults_are_told():
    task = make_task()
    assert "not finite" in task.fault({"valid_loss": math.nan})
    assert "exploded" in task.fault({"valid_loss": 100.0})
    assert task.fault({"valid_loss": 3.0}) is None


def test_layers_that_came_from_a_language_model_join_in_from_the_top():
    settings = dataclasses.replace(still(), unfreeze_share=0.3, layer_decay=0.4)
    task = make_task(settings, is_transferred=True)
    depths = {name: task.group(name) for name, _ in task.model.named_parameters()}
    assert depths["output.weight"] == depths["bag.weight"] == "0"
    assert (
        depths["recurrent.forwards.1.weight_ih"] == depths["recurrent.backwards.1.bias_ih"] == "1"
    )
    assert depths["recurrent.forwards.0.weight_hh"] == "2"
    assert depths["embedding.weight"] == depths["embedding.ngrams"] == "3"
    shares = [[task.rate_share(str(depth), at) for depth in range(4)] for at in (0.0, 0.15, 0.9)]
    assert shares[0] == [1.0, 0.0, 0.0, 0.0]
    assert shares[1] == pytest.approx([1.0, 0.4, 0.0, 0.0])
    assert shares[2] == pytest.approx([1.0, 0.4, 0.16, 0.064])
    whole = make_task(is_transferred=True)
    assert [whole.rate_share(str(depth), 0.0) for depth in range(4)] == [1.0] * 4
    plain = make_task()
    assert {plain.group(name) for name in depths} == {""}
    assert plain.rate_share("", 0.0) == 1.0


def test_hidden_tokens_are_drawn_from_the_masks():
    task = make_task(still(bag_order=0))
    hiding = make_task(dataclasses.replace(still(bag_order=0), token_dropout=0.9))
    ids, lengths = padded(texts())

    def scores(model: TextClassifier, step: int | None) -> torch.Tensor:
        masks = None if step is None else MaskSource(0, (step,), torch.device("cpu"))
        return model.experts(ids, lengths, masks)[0]

    torch.testing.assert_close(scores(task.model, 1), scores(task.model, None))
    assert not torch.allclose(scores(hiding.model, 1), scores(hiding.model, None))
    torch.testing.assert_close(scores(hiding.model, None), scores(task.model, None))
    # The bag reads all tokens: hidden ones would be n-grams that no text holds.
    bagged = make_task(dataclasses.replace(still(), token_dropout=0.9)).model
    masks = MaskSource(0, (1,), torch.device("cpu"))
    hidden, seen = (bagged.experts(ids, lengths, m)[1] for m in (masks, None))
    torch.testing.assert_close(hidden, seen)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adamw", "pooling": "attention", "rnn_type": "gru", "accumulation": 2},
        {"bag_order": 0, "spelling_rows": 0, "class_weights": "balanced", "weight_drop": 0.2},
    ],
    ids=str,
)
def test_updates_on_a_gpu_wait_for_no_number_and_mix_no_devices(changes: dict[str, object]):
    settings = dataclasses.replace(SETTINGS, **changes)
    model = TextClassifier(settings, TOKENIZER, 3)
    model.to(DEVICE)
    train_elsewhere(ClassifierTask(model, settings, corpus()), settings)
