import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.data.store import TokenStore
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.task import surprise
from textrnn.language_model.windows import (
    Window,
    document_windows,
    evaluation_windows,
    num_windows,
    stream_windows,
)
from textrnn.tokenizers.base import BOS_ID

VOCAB = 20

documents = st.lists(st.integers(0, 12), min_size=1, max_size=12)


def make_store(lengths: list[int], seed: int = 0) -> TokenStore:
    """A store of documents of the given numbers of targets."""
    rng = np.random.default_rng(seed)
    parts = [np.append(BOS_ID, rng.integers(4, 20, length)) for length in lengths]
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    ids = np.concatenate(parts).astype(np.uint8)
    return TokenStore(ids=ids, starts=starts, characters=sum(lengths), unknown=0)


def counted(windows: list[Window]) -> list[tuple[int, int, int]]:
    """(place, input, target) of every target that counts, sorted."""
    found = []
    for window in windows:
        mask = np.ones(window.ids.shape) if window.weights is None else window.weights.numpy()
        assert int(mask.sum()) == window.num_targets
        for row, column in zip(*np.nonzero(mask), strict=True):
            place = int(window.places[row, column])
            found.append((place, int(window.ids[row, column]), int(window.targets[row, column])))
    return sorted(found)


def expected(store: TokenStore) -> list[tuple[int, int, int]]:
    """Every id but the documents' first, after the id before it."""
    starts = set(store.starts.tolist())
    ids = store.ids
    return [(i, int(ids[i - 1]), int(ids[i])) for i in range(len(ids)) if i not in starts]


@given(documents)
def test_evaluation_counts_every_target_exactly_once(lengths: list[int]):
    store = make_store(lengths)
    assert counted(list(evaluation_windows(store, VOCAB))) == expected(store)


def test_evaluation_of_long_documents_counts_every_target_exactly_once(monkeypatch):
    monkeypatch.setattr("textrnn.language_model.windows.SEGMENT", 10)
    monkeypatch.setattr("textrnn.language_model.windows.BURN_IN", 3)
    monkeypatch.setattr("textrnn.language_model.windows.EVALUATION_TIME", 4)
    monkeypatch.setattr("textrnn.language_model.windows.EVALUATION_ROWS", 5)
    store = make_store([57, 1, 10, 11, 0, 99])
    assert counted(list(evaluation_windows(store, VOCAB))) == expected(store)


@given(documents, st.integers(1, 5), st.integers(1, 6), st.integers(0, 9))
def test_documents_are_all_read_once_an_epoch(lengths, batch_size, seq_len, seed):
    store = make_store(lengths)
    windows = list(document_windows(store, batch_size, seq_len, np.random.default_rng(seed)))
    assert counted(windows) == expected(store)


def test_padding_a_training_window_changes_neither_loss_nor_gradient(monkeypatch):
    found = []
    for rounded in (lambda longest: longest, lambda longest: -(-longest // 8) * 8):
        monkeypatch.setattr("textrnn.language_model.windows.padded_time", rounded)
        model, rng = tiny_model(), np.random.default_rng(0)
        total, state, times = torch.zeros(()), model.start(3), []
        for window in document_windows(make_store([3, 11, 13]), 3, 10, rng):
            nats, state = model.loss(window.ids, window.targets, window.weights, state, None)
            total = total + nats
            times.append(window.ids.shape[1])
        total.backward()
        found.append((total, [parameter.grad for parameter in model.parameters()], times))
    (few, few_grads, few_times), (many, many_grads, many_times) = found
    assert (few_times, many_times) == ([10, 3], [10, 8])
    torch.testing.assert_close(few, many, atol=1e-5, rtol=1e-6)
    for a, b in zip(few_grads, many_grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@given(documents, st.integers(1, 5), st.integers(1, 6), st.integers(0, 20))
def test_an_epoch_of_documents_goes_on_where_it_stopped(lengths, batch_size, seq_len, start):
    store = make_store(lengths)
    whole = list(document_windows(store, batch_size, seq_len, np.random.default_rng(1)))
    rest = list(document_windows(store, batch_size, seq_len, np.random.default_rng(1), start))
    assert len(rest) == max(0, len(whole) - start)
    for a, b in zip(whole[start:], rest, strict=True):
        assert torch.equal(a.ids, b.ids)


@given(st.integers(2, 200), st.integers(1, 5), st.integers(1, 9), st.integers(0, 9))
def test_streams_run_on_from_window_to_window(length, batch_size, seq_len, seed):
    store = make_store([length - 1])
    windows = list(stream_windows(store, batch_size, seq_len, np.random.default_rng(seed)))
    assert len(windows) == num_windows(length, batch_size, seq_len)
    assert [window.fresh for window in windows] == [i == 0 for i in range(len(windows))]
    for a, b in itertools.pairwise(windows):
        assert torch.equal(a.targets[:, -1], b.ids[:, 0])
    places = [int(p) for window in windows for p in window.places.ravel()]
    assert len(set(places)) == len(places)
    for window in windows:
        assert not (window.targets == BOS_ID)[
            window.weights.bool() if window.weights is not None else slice(None)
        ].any()


def test_streams_begin_elsewhere_every_epoch():
    store = make_store([500])
    first = {
        int(next(stream_windows(store, 2, 10, np.random.default_rng([0, epoch]))).places[0, 0])
        for epoch in range(10)
    }
    assert len(first) > 5


def tiny_model(**changes: object) -> RecurrentLanguageModel:
    given = {"hidden_size": 12, "num_layers": 2, "embedding_dim": 5, "ngram_order": 3}
    model = RecurrentLanguageModel(LanguageModelSettings(**{**given, **changes}), 20)
    model.reset_parameters(torch.Generator().manual_seed(1))
    with torch.no_grad():
        for parameter in model.parameters():
            # Larger than at the start, so that the state matters; an Elman net would turn chaotic.
            parameter.mul_(0.9 if model.recurrent.rnn_type.startswith("rnn") else 2.0)
    return model


@pytest.mark.parametrize("rnn_type", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
def test_windows_with_carried_state_equal_one_long_window(rnn_type: str):
    model = tiny_model(rnn_type=rnn_type)
    ids = torch.randint(4, 20, (3, 41), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole, end = model.nats(ids[:, :-1], ids[:, 1:], model.start(3))
        parts, state = [], model.start(3)
        for low, high in [(0, 1), (1, 8), (8, 9), (9, 40)]:
            nats, state = model.nats(ids[:, low:high], ids[:, low + 1 : high + 1], state)
            parts.append(nats)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)
    for name, tensor in end.items():
        torch.testing.assert_close(state[name], tensor, atol=1e-5, rtol=1e-5)


@settings(deadline=None, max_examples=30)
@given(documents.filter(lambda lengths: sum(lengths) > 0))
def test_padding_and_batch_mates_change_no_loss(lengths: list[int]):
    model, store = tiny_model(), make_store(lengths)
    with torch.no_grad():
        together = surprise(model, evaluation_windows(store, VOCAB))
        alone = 0.0
        for start, length in zip(store.starts, lengths, strict=True):
            if length:
                ids = torch.from_numpy(store.ids[start : start + length + 1].astype(np.int64))[None]
                alone += float(model.nats(ids[:, :-1], ids[:, 1:], model.start(1))[0].sum())
    assert together.targets == sum(lengths)
    assert together.nats == pytest.approx(alone, rel=1e-5)


def test_cutting_a_long_document_changes_the_loss_by_less_than_its_last_digit():
    model, store = tiny_model(), make_store([9000])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)  # as at the start of training
        cut = surprise(model, evaluation_windows(store, VOCAB))
        ids = torch.from_numpy(store.ids.astype(np.int64))[None]
        whole = float(model.nats(ids[:, :-1], ids[:, 1:], model.start(1))[0].double().sum())
    assert cut.targets == 9000
    assert cut.nats / 9000 == pytest.approx(whole / 9000, abs=5e-5)


def test_a_part_of_the_data_is_the_same_part_every_time():
    store = make_store([30000])
    part = [counted(list(evaluation_windows(store, VOCAB, 8192))) for _ in range(2)]
    assert part[0] == part[1]
    assert 6000 < len(part[0]) < 10000
