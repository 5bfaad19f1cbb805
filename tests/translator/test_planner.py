"""The planner: what it chooses follows from pairs, machine and budget alone."""

import dataclasses

import pytest

from textrnn.errors import UsageError
from textrnn.training.device import DeviceFacts
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.planner import (
    DEFAULT_MINUTES,
    PairFacts,
    plan_translator,
    with_max_length,
)
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.sizes import length_limit, model_parameters, training_memory_bytes

LAPTOP = DeviceFacts("cpu", "a laptop", 16 << 30, 2, "float32")
CAPTIONS = PairFacts(
    train_pairs=29_000,
    train_src_tokens=464_000,
    train_targets=435_000,
    valid_pairs=1_000,
    valid_targets=15_000,
    longest=60,
    left_out=0,
    src_vocab_size=6_000,
    tgt_vocab_size=6_000,
)


def planned(facts: PairFacts = CAPTIONS, step_s: float = 0.1, **changes: object):
    settings = with_max_length(TranslatorSettings(**changes))
    return plan_translator(settings, facts, LAPTOP, lambda settings: step_s)


def test_nothing_is_left_open():
    chosen = planned().settings
    left = {"max_length", "hidden_size", "num_layers", "encoder_layers", "embedding_dim"}
    left |= {"batch_size", "batch_tokens", "learning_rate", "weight_decay", "dropout", "optimizer"}
    left |= {"ngram_order", "warmup_steps", "patience"}
    assert not [name for name in left if getattr(chosen, name) is None]


@pytest.mark.parametrize(
    "given",
    [
        {"hidden_size": 8, "embedding_dim": 9, "num_layers": 1, "encoder_layers": 4},
        {
            "dropout": 0.0,
            "token_dropout": 0.0,
            "weight_decay": 0.0,
            "learning_rate": 0.5,
            "batch_size": 3,
        },
        {"max_length": 17, "optimizer": "sgd", "ngram_order": 2},
        {"warmup_steps": 0, "patience": 3, "eval_every": 5, "max_steps": 12},
        {"batch_tokens": 1234},
        {"hidden_size": 7, "bidirectional": False},
    ],
)
def test_what_is_given_stays(given: dict[str, object]):
    found = planned(**given)
    assert {name: getattr(found.settings, name) for name in given} == given


def test_batches_are_as_large_in_pairs_as_in_tokens():
    assert planned(batch_size=20).settings.batch_tokens == 300
    assert planned(batch_tokens=300).settings.batch_size == 20
    # As a record of all settings has them.
    assert planned(batch_size=20, batch_tokens=300).settings.batch_tokens == 300
    with pytest.raises(UsageError, match="--batch-tokens 400"):
        planned(batch_size=20, batch_tokens=400)
    few = dataclasses.replace(CAPTIONS, train_pairs=600, train_targets=9_000)
    assert planned(few).settings.batch_size < planned().settings.batch_size
    one = dataclasses.replace(CAPTIONS, train_pairs=1, train_targets=15, train_src_tokens=16)
    assert planned(one).settings.batch_size == 1


def test_a_time_budget_bounds_the_steps_and_passes_bound_the_time():
    short = planned(minutes=1.0, step_s=1.0).plan
    assert short.max_steps == int(0.93 * 60)
    assert short.budget_s == 60.0
    long = planned(minutes=10_000.0, step_s=0.001).plan
    assert long.max_steps == long.most_steps
    assert planned().plan.budget_s == 60 * DEFAULT_MINUTES
    assert planned(max_steps=7).plan.max_steps == 7
    assert planned(max_steps=7).plan.budget_s is None


def test_few_pairs_are_passed_over_more_often():
    few = dataclasses.replace(CAPTIONS, train_pairs=2_900, train_targets=43_500)
    passes = [
        found.plan.most_steps * found.settings.batch_tokens / facts.train_targets
        for found, facts in ((planned(few), few), (planned(), CAPTIONS))
    ]
    assert passes[0] > 2 * passes[1]


def test_what_is_seen_more_often_is_dropped_more():
    rates = [planned(epochs=epochs).settings for epochs in (1.0, 5.0, 20.0)]
    dropouts = [chosen.dropout for chosen in rates]
    assert dropouts == sorted(set(dropouts))
    assert any("passes over the pairs" in reason for reason in planned(epochs=5.0).reasons)
    assert planned(epochs=20.0, dropout=0.0).settings.dropout == 0.0


def test_evaluations_take_a_small_share_of_the_time():
    many = dataclasses.replace(CAPTIONS, valid_pairs=20_000, valid_targets=300_000)
    found = planned(many)
    evaluations = found.plan.max_steps / found.plan.eval_every
    assert found.plan.eval_targets is not None
    trained = found.plan.max_steps * found.settings.batch_tokens
    # An evaluation's target costs about what one of training does: a forward pass, and a translation.
    assert found.plan.eval_targets * evaluations < 0.1 * trained
    assert found.plan.final_targets is None
    assert planned().plan.eval_targets is None or planned().plan.eval_targets <= 15_000


def test_what_is_left_out_is_told():
    assert not any("--max-length" in reason for reason in planned().reasons)
    longer = dataclasses.replace(CAPTIONS, left_out=12)
    (told,) = [reason for reason in planned(longer).reasons if "--max-length" in reason]
    assert "12 pairs with more than 200 tokens" in told
    assert with_max_length(TranslatorSettings(tokenizer="char")).max_length > 200


def test_memory_bounds_the_batch_and_what_cannot_fit_is_refused():
    tight = DeviceFacts("cpu", "a toy", 400 << 20, 2, "float32")
    settings = with_max_length(TranslatorSettings(batch_size=256, max_steps=1))
    found = plan_translator(settings, CAPTIONS, tight, lambda _: 1.0)
    assert found.settings.accumulation > 1
    needed = training_memory_bytes(found.settings, 6_000, 6_000, CAPTIONS.src_per_tgt, 60)
    assert needed <= 0.8 * tight.memory_bytes
    huge = with_max_length(TranslatorSettings(hidden_size=30_000, max_steps=1))
    with pytest.raises(UsageError, match=r"a toy has 0\.4 GB"):
        plan_translator(huge, CAPTIONS, tight, lambda _: 1.0)


def test_odd_sizes_are_refused_with_a_way_out():
    with pytest.raises(UsageError, match="--no-bidirectional"):
        planned(hidden_size=7)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attention": "additive", "num_layers": 3, "layer_norm": True, "ngram_order": 3},
        {"attention": "dot", "bidirectional": False, "rnn_type": "gru", "bridge": "none"},
        {"attention": "scaled", "input_feeding": True, "num_layers": 1, "tie_weights": False},
        {"joint_vocabulary": True, "encoder_layers": 3, "rnn_type": "rnn_tanh"},
    ],
    ids=str,
)
def test_parameters_are_counted_without_building_the_model(changes: dict[str, object]):
    small = {"hidden_size": 6, "embedding_dim": 5, "ngram_rows": 32, "max_steps": 1}
    settings = planned(**{**small, **changes}).settings
    sizes = (20, 20) if settings.joint_vocabulary else (20, 23)
    model = EncoderDecoder(settings, *sizes)
    counted = sum(tensor.numel() for tensor in model.tensors().values())
    assert model_parameters(settings, *sizes) == counted


def test_translations_are_bounded_by_their_sources_and_by_training():
    assert length_limit(0, 200) >= 10
    assert length_limit(10, 200) > 20
    assert length_limit(10_000, 200) == 200
