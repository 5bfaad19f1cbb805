"""The planner: what it chooses follows from examples, machine and budget alone."""

import pytest
import torch

from textrnn.classifier.model import TextClassifier
from textrnn.classifier.planner import (
    DEFAULT_MINUTES,
    LONGEST,
    ExampleFacts,
    model_parameters,
    plan_classifier,
    training_memory_bytes,
    with_tokens,
)
from textrnn.classifier.settings import ClassifierSettings
from textrnn.errors import UsageError
from textrnn.tokenizers import WordTokenizer
from textrnn.training.device import DeviceFacts

LAPTOP = DeviceFacts("cpu", "a laptop", 16 << 30, 2, "float32")
REVIEWS = ExampleFacts(20_000, 2_000, 0, 2, 20_000, mean_length=260.0, longest=2_500)
SENTENCES = ExampleFacts(60_000, 900, 0, 2, 13_000, mean_length=11.0, longest=58)


def planned(facts: ExampleFacts = SENTENCES, step_s: float = 0.02, **changes: object):
    settings = ClassifierSettings(**changes)
    return plan_classifier(settings, facts, LAPTOP, lambda settings, length: step_s)


def test_nothing_is_left_open():
    chosen = planned().settings
    left = {"max_length", "hidden_size", "num_layers", "embedding_dim", "ngram_order", "pooling"}
    left |= {"batch_size", "learning_rate", "weight_decay", "dropout", "token_dropout", "optimizer"}
    left |= {"spelling_rows", "bag_order", "warmup_steps", "patience"}
    assert not [name for name in left if getattr(chosen, name) is None]


@pytest.mark.parametrize(
    "given",
    [
        {"hidden_size": 7, "embedding_dim": 9, "pooling": "last", "batch_size": 3},
        {"dropout": 0.0, "token_dropout": 0.0, "weight_decay": 0.0, "learning_rate": 0.5},
        {"spelling_rows": 0, "bag_order": 0, "max_length": 17, "optimizer": "sgd"},
        {"warmup_steps": 0, "patience": 3, "eval_every": 5, "max_steps": 12},
    ],
)
def test_what_is_given_stays(given: dict[str, object]):
    found = planned(**given)
    assert {name: getattr(found.settings, name) for name in given} == given


def test_long_texts_are_cut_and_it_is_said():
    found = planned(REVIEWS)
    assert found.settings.max_length == LONGEST
    assert any("--max-length" in reason for reason in found.reasons)
    assert planned().settings.max_length == 58


def test_a_time_budget_bounds_the_steps_and_passes_bound_the_time():
    short = planned(minutes=1.0, step_s=1.0).plan
    assert short.max_steps == int(0.93 * 60)
    assert short.budget_s == 60.0
    long = planned(minutes=1000.0, step_s=0.001).plan
    assert long.max_steps == long.most_steps
    assert planned().plan.budget_s == 60 * DEFAULT_MINUTES
    assert planned(max_steps=7).plan.max_steps == 7
    assert planned(max_steps=7).plan.budget_s is None


def test_few_examples_are_passed_over_more_often_in_smaller_batches():
    few = ExampleFacts(500, 50, 0, 2, 2_000, 20.0, 60)
    small, large = planned(few), planned()
    passes = [
        p.plan.max_steps * p.settings.batch_size / facts.train_examples
        for p, facts in ((small, few), (large, SENTENCES))
    ]
    assert passes[0] > 2 * passes[1]
    assert small.settings.batch_size < large.settings.batch_size
    one = ExampleFacts(1, 0, 0, 2, 10, 3.0, 3)
    assert planned(one).settings.batch_size == 1


def test_many_labels_have_no_bag_and_other_tokens_no_spelling():
    topics = ExampleFacts(60_000, 900, 0, 150, 13_000, 11.0, 58)
    assert planned(topics).settings.bag_order == 0
    assert planned().settings.bag_order > 0
    assert planned(tokenizer="char").settings.spelling_rows == 0


def test_evaluations_take_a_small_share_of_the_time():
    many = ExampleFacts(20_000, 10_000, 0, 2, 20_000, 260.0, 2_500)
    plan = planned(many).plan
    evaluations = plan.max_steps / plan.eval_every
    assert plan.eval_targets is not None
    assert (
        plan.eval_targets * evaluations < 0.2 * plan.max_steps * planned(many).settings.batch_size
    )
    assert plan.final_targets is None


def test_memory_bounds_the_batch_and_what_cannot_fit_is_refused():
    tight = DeviceFacts("cpu", "a toy", 400 << 20, 2, "float32")
    settings = ClassifierSettings(batch_size=256, hidden_size=256, max_steps=1)
    found = plan_classifier(settings, REVIEWS, tight, lambda *_: 1.0)
    assert found.settings.accumulation > 1
    assert training_memory_bytes(found.settings, REVIEWS) <= 0.8 * tight.memory_bytes
    huge = ClassifierSettings(hidden_size=30_000, max_steps=1)
    with pytest.raises(UsageError, match=r"a toy has 0\.4 GB"):
        plan_classifier(huge, REVIEWS, tight, lambda *_: 1.0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pooling": "attention", "num_layers": 2, "layer_norm": True, "ngram_order": 3},
        {"bidirectional": False, "rnn_type": "gru", "spelling_rows": 0, "bag_order": 0},
        {"num_layers": 3, "join_directions": False, "pooling": "max"},
    ],
)
def test_parameters_are_counted_without_building_the_model(changes: dict[str, object]):
    tokenizer = WordTokenizer([f"w{i}" for i in range(50)], spaces=False)
    facts = ExampleFacts(100, 10, 0, 3, tokenizer.vocab_size, 5.0, 9)
    small = {"hidden_size": 6, "embedding_dim": 5, "ngram_rows": 32, "bag_rows": 64, "max_steps": 1}
    settings = planned(facts, **{**small, **changes}).settings
    model = TextClassifier(settings, tokenizer, 3)
    model.reset_parameters(torch.Generator().manual_seed(0))
    counted = sum(tensor.numel() for tensor in model.tensors().values())
    assert model_parameters(settings, facts) == counted


def test_words_are_cut_without_case_and_spaces_unless_asked_for():
    chosen = with_tokens(ClassifierSettings())
    assert (chosen.normalization, chosen.spaces) == ("nfkc_cf", False)
    kept = with_tokens(ClassifierSettings(normalization="identity", spaces=True))
    assert (kept.normalization, kept.spaces) == ("identity", True)
    chars = with_tokens(ClassifierSettings(tokenizer="char"))
    assert (chars.normalization, chars.spaces) == (None, None)
