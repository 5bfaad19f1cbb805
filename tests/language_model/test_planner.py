import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from textrnn.errors import DataError, UsageError
from textrnn.language_model.facts import CorpusFacts
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.planner import plan_language_model
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.sizes import (
    evaluation_ratio,
    model_parameters,
    product_weights,
    update_operations,
    updated_numbers,
)
from textrnn.nn.settings import NGRAM_DROPOUT
from textrnn.training.device import DeviceFacts
from textrnn.training.plan import PlannerAnswer

CPU = DeviceFacts("cpu", "a laptop", 16 << 30, 2, "bf16")
BOOK = CorpusFacts(train_tokens=1_000_000, valid_tokens=110_000, vocab_size=70, documents=1)


def no_measurement(settings: LanguageModelSettings) -> float:
    raise AssertionError("only a budget in minutes may measure")


def at(rate: float, corpus: CorpusFacts = BOOK):
    """A machine of ``rate`` FLOP/s."""

    def measure(s: LanguageModelSettings) -> float:
        weights = product_weights(s, corpus.vocab_size)
        return 6 * weights * s.batch_size * s.seq_len / rate

    return measure


def plan(
    corpus: CorpusFacts = BOOK, measure=no_measurement, **settings: object
) -> PlannerAnswer[LanguageModelSettings]:
    return plan_language_model(LanguageModelSettings(**settings), corpus, CPU, measure)


def test_the_same_facts_give_the_same_plan():
    assert plan(measure=at(2e11), minutes=3) == plan(measure=at(2e11), minutes=3)


def test_every_setting_is_resolved():
    s = plan(measure=at(2e11), minutes=3).settings
    for name in ("hidden_size", "num_layers", "embedding_dim", "ngram_order", "dropout", "batch_size",
                 "seq_len", "sampled_words", "learning_rate", "weight_decay", "warmup_steps",
                 "patience"):  # fmt: skip
        assert getattr(s, name) is not None, name


def test_no_budget_takes_a_default_and_says_so():
    planned = plan(measure=at(2e11))
    assert planned.plan.budget_s == 300
    assert "--minutes" in planned.reasons[0]


def test_more_time_or_a_faster_machine_takes_a_larger_model():
    sizes = [plan(measure=at(2e11), minutes=m).settings.hidden_size for m in (0.1, 1, 3, 30)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    fast = plan(measure=at(2e13), minutes=1).settings.hidden_size
    assert fast > sizes[1]


def test_the_longer_the_text_the_smaller_the_network_that_leaves_some_of_it_unread():
    def chosen(tokens: int) -> tuple[int, float]:
        text = dataclasses.replace(BOOK, train_tokens=tokens)
        found = plan(text, at(2e11, text), minutes=1)
        s = found.settings
        return s.hidden_size, found.plan.max_steps * s.batch_size * s.seq_len / tokens

    sizes, passes = zip(*map(chosen, (500_000, 10_000_000, 1_000_000_000)), strict=True)
    assert sizes[0] > sizes[1] == sizes[2] > 64
    assert passes[0] > 1 > passes[2]


def test_a_gpu_takes_wider_batches_of_a_text_that_it_could_not_read_whole():
    gpu = DeviceFacts("cuda", "a card", 16 << 30, 2, "bf16")
    asked = []

    def chosen(measure, tokens=10_000_000_000, device=gpu, **settings: object):
        asked.clear()

        def measured(s: LanguageModelSettings) -> float:
            asked.append(s.batch_size)
            return measure(s)

        text = dataclasses.replace(BOOK, train_tokens=tokens)
        given = LanguageModelSettings(minutes=1, **settings)
        return plan_language_model(given, text, device, measured).settings.batch_size

    def same(s: LanguageModelSettings) -> float:
        return 0.01

    assert chosen(same) == 256
    assert asked == [32, 64, 128, 256]
    # Half again as long for every doubling: no gain to speak of.
    assert chosen(lambda s: 0.01 * (s.batch_size / 32) ** 0.6) == 32
    assert chosen(lambda s: 0.01 if s.batch_size < 100 else 0.1) == 64
    # A text that is read whole, rows that were asked for, a small memory, a CPU.
    assert chosen(same, tokens=1_000_000) == 32
    assert chosen(same, batch_size=32) == 32
    assert asked == [32]
    small = dataclasses.replace(gpu, memory_bytes=100 << 20)
    assert chosen(same, device=small, hidden_size=64) == 128
    assert chosen(same, device=CPU) == 32


def test_texts_that_are_read_many_times_lose_more_dropout_and_more_ngrams():
    few, many = (plan(epochs=epochs, hidden_size=32).settings for epochs in (2, 16))
    assert few.ngram_dropout == NGRAM_DROPOUT < many.ngram_dropout < 1
    assert few.dropout < many.dropout
    assert plan(epochs=16, hidden_size=32, ngram_dropout=0.1).settings.ngram_dropout == 0.1


def test_many_words_are_sampled_in_training_on_a_cpu_where_nobody_says_otherwise():
    words = dataclasses.replace(BOOK, vocab_size=33_000)
    found = plan(words, at(2e11, words), minutes=1)
    assert found.settings.sampled_words == 1024
    assert any("--sampled-words 0" in reason for reason in found.reasons)
    whole = plan(words, at(2e11, words), minutes=1, sampled_words=0)
    assert whole.settings.sampled_words == 0
    # What is saved goes into a larger network.
    assert found.settings.hidden_size > whole.settings.hidden_size
    assert plan(measure=at(2e11), minutes=1).settings.sampled_words == 0
    gpu = DeviceFacts("cuda", "a card", 16 << 30, 2, "bf16")
    chosen = plan_language_model(
        LanguageModelSettings(minutes=1), words, gpu, at(2e13, words)
    ).settings
    assert chosen.sampled_words == 0


def test_unequal_tied_sizes_are_told_before_anything_is_measured():
    with pytest.raises(UsageError, match="tie-weights"):
        plan(minutes=1, tie_weights=True, hidden_size=16, embedding_dim=8)


def test_a_time_budget_does_not_learn_a_small_text_by_heart():
    small = dataclasses.replace(BOOK, train_tokens=50_000, valid_tokens=5_000)
    planned = plan(small, at(2e11), minutes=30)
    s = planned.settings
    assert planned.plan.max_steps * s.batch_size * s.seq_len < 21 * 50_000
    assert planned.plan.most_steps == planned.plan.max_steps
    longer = plan(small, at(2e11), minutes=30, epochs=100).plan
    assert longer.max_steps > 4 * planned.plan.max_steps


def test_a_small_text_takes_a_small_model_however_long_it_trains():
    small = dataclasses.replace(BOOK, train_tokens=20_000, valid_tokens=2_000)
    assert plan(small, at(2e11), minutes=60).settings.hidden_size <= 128


@pytest.mark.parametrize("tokens", [2, 5, 30, 200, 2000])
def test_a_short_text_gets_windows_that_fit(tokens: int):
    short = dataclasses.replace(BOOK, train_tokens=tokens, valid_tokens=1)
    s = plan(short, max_steps=5).settings
    assert s.batch_size * s.seq_len <= tokens + 1


def test_a_text_of_one_token_is_refused_with_what_is_needed():
    with pytest.raises(DataError, match="at least 2"):
        plan(dataclasses.replace(BOOK, train_tokens=1), max_steps=5)


def test_what_does_not_fit_the_memory_is_done_in_parts_or_refused():
    large = {
        "max_steps": 5,
        "hidden_size": 2048,
        "num_layers": 2,
        "batch_size": 512,
        "seq_len": 512,
    }
    planned = plan(**large)
    assert planned.settings.accumulation > 1
    assert planned.settings.batch_size == 512
    assert any("parts" in reason for reason in planned.reasons)
    with pytest.raises(UsageError, match="--hidden-size"):
        plan(max_steps=5, hidden_size=65536)


def test_steps_and_epochs_need_no_measurement():
    assert plan(max_steps=123).plan.max_steps == 123
    two = plan(epochs=2)
    s = two.settings
    assert two.plan.max_steps * s.batch_size * s.seq_len == pytest.approx(2e6, rel=0.01)


def test_what_the_user_gave_stays():
    given = {"hidden_size": 77, "num_layers": 3, "embedding_dim": 11, "dropout": 0.11,
             "learning_rate": 0.5, "batch_size": 9, "seq_len": 13, "weight_decay": 0.01,
             "ngram_order": 1, "eval_every": 7, "warmup_steps": 2, "patience": 4}  # fmt: skip
    planned = plan(max_steps=50, **given)
    assert {name: getattr(planned.settings, name) for name in given} == given
    assert planned.plan.eval_every == 7


def test_tied_weights_need_equal_sizes():
    assert plan(max_steps=5, tie_weights=True, hidden_size=96).settings.embedding_dim == 96
    with pytest.raises(UsageError, match="equal"):
        plan(max_steps=5, tie_weights=True, hidden_size=96, embedding_dim=32)


@pytest.mark.parametrize(
    "changes", [{}, {"tie_weights": True}, {"layer_norm": True, "rnn_type": "gru"}]
)
def test_parameters_are_counted_as_the_model_has_them(changes: dict):
    s = plan(max_steps=5, num_layers=2, hidden_size=24, ngram_rows=50, **changes).settings
    model = RecurrentLanguageModel(s, BOOK.vocab_size)
    unique = {id(p): p.numel() for p in model.parameters()}
    assert model_parameters(s, BOOK.vocab_size) == sum(unique.values())


def test_an_update_by_rows_costs_what_is_looked_up():
    words = dataclasses.replace(BOOK, vocab_size=33_000)
    given = {"max_steps": 5, "hidden_size": 128}
    s = plan(words, **given).settings
    parameters = model_parameters(s, words.vocab_size)
    tables = 33_000 * 128 * 2
    dense = parameters - tables
    looked_up = 128 * (2048 + 2048 + 1024)
    assert updated_numbers(s, words.vocab_size, 2048) == dense + 3.5 * looked_up
    # Never more rows than there are, and whole tables where the rule must see them all.
    assert updated_numbers(s, words.vocab_size, 1e9) == dense + 3.5 * tables
    for other in ({"optimizer": "sgd"}, {"ema_decay": 0.9}):
        whole = plan(words, **given, **other).settings
        assert updated_numbers(whole, words.vocab_size, 2048) == parameters


def test_muon_costs_products_of_its_own():
    s = plan(max_steps=5, hidden_size=256, embedding_dim=128, num_layers=2).settings
    square, other = 3 * (6 * 256**3), 3 * (4 * 128**2 * 256 + 2 * 128**3)
    assert update_operations(s) == 4 * (3 * square + other)
    assert update_operations(dataclasses.replace(s, optimizer="adamw")) == 0


def many_words(vocab_size: int) -> CorpusFacts:
    return CorpusFacts(6_000_000, 660_000, vocab_size, documents=1)


def test_scoring_more_words_makes_evaluations_dearer():
    def ratio(vocab_size: int, **changes: object) -> float:
        s = plan(max_steps=5, hidden_size=512, embedding_dim=256, **changes).settings
        return evaluation_ratio(s, vocab_size)

    assert ratio(70) == pytest.approx(0.4, abs=0.01)
    assert ratio(70) < ratio(33_000) < 1 < ratio(33_000, sampled_words=1024)
    assert ratio(33_000, sampled_words=40_000) == ratio(33_000)


@given(
    vocab_size=st.integers(5, 200_000),
    sampled_words=st.sampled_from([0, 64, 1024, 8192]),
    max_steps=st.integers(1, 100_000),
    hidden_size=st.sampled_from([64, 256, 512]),
)
@example(vocab_size=5000, sampled_words=0, max_steps=77, hidden_size=64)
def test_evaluations_and_warm_up_keep_to_their_shares(
    vocab_size: int, sampled_words: int, max_steps: int, hidden_size: int
):
    planned = plan(
        many_words(vocab_size),
        max_steps=max_steps,
        hidden_size=hidden_size,
        sampled_words=sampled_words,
    )
    s, laid = planned.settings, planned.plan
    ratio = evaluation_ratio(s, vocab_size)
    trained = max_steps * s.batch_size * s.seq_len
    number = -(-max_steps // laid.eval_every)
    each = laid.eval_targets or laid.valid_targets
    # Beyond its share an evaluation has only the least that tells anything, which is less, the dearer.
    assert number * each * ratio <= 0.02 * trained + number * (1 << 14) * max(ratio / 4, 0.4)
    last = laid.final_targets or laid.valid_targets
    if laid.eval_targets is not None:
        assert last * ratio <= 0.01 * trained + max(0.4 * (1 << 20), ratio * (1 << 14))
        assert last >= laid.eval_targets
    assert 1 <= laid.warmup_steps <= max(1, max_steps / 3)
    if vocab_size > 1024:
        assert laid.warmup_steps >= min(20, max_steps // 3)


def test_a_short_run_with_many_words_is_not_mostly_evaluation():
    corpus = many_words(48_000)
    laid = plan(corpus, max_steps=30, sampled_words=1024, batch_size=128, hidden_size=512).plan
    assert laid.eval_every == 10
    assert laid.eval_targets == 4096
    assert 16_384 <= laid.final_targets < 100_000
    assert laid.warmup_steps == 10


def test_a_pass_over_lines_of_uneven_length_counts_the_rows_that_each_takes():
    # Of ten lines nine take one row of 64 and the tenth five: 1,400 rows, in batches of 16, twice.
    lengths = (*[10] * 9, 300)
    lines = CorpusFacts(39_000, 100, 500, documents=1000, lengths=lengths * 100)
    planned = plan(lines, lines=True, epochs=2.0, batch_size=16, seq_len=64)
    assert planned.plan.max_steps == pytest.approx(2 * 1400 / 16, rel=0.01)
