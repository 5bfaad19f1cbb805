"""A trained classifier in use."""

import gc
import json
import math
import pickle
import time
import weakref

import numpy as np
import pytest
import torch
from classifier_models import SMALL, WORDS, write_classifier
from hypothesis import given
from hypothesis import strategies as st

from textrnn import bundle, records
from textrnn.bundle import open_bundle
from textrnn.classifier import engine, predictor
from textrnn.classifier.engine import TorchEngine
from textrnn.classifier.engines import ChosenEngine
from textrnn.classifier.model import combined
from textrnn.classifier.predictor import UNSURE, Classifier
from textrnn.errors import DeviceError, ModelError, UsageError
from textrnn.nn.pooling import POOLINGS
from textrnn.tokenizers.byte import ByteTokenizer
from textrnn.tokenizers.char import CharTokenizer
from textrnn.training import inference
from textrnn.training.device import pick_device

TEXTS = ["the film was good", "bad", "a b c d e " * 30, "", "not very dull<br />and fine", " \t"]

texts = st.lists(
    st.lists(st.sampled_from([*WORDS, "?", "unheard"]), max_size=60).map(" ".join),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module", params=["light", "torch"])
def classifier(small, request):
    return of_kind(Classifier(small, "cpu", threads=1), request.param)


def test_wrong_numbers_are_refused_before_anything_is_loaded(small):
    with pytest.raises(UsageError, match="threads is -1; it must be at least 1"):
        Classifier(small, "cpu", threads=-1)
    with pytest.raises(UsageError, match="batch_size is 0; it must be at least 1"):
        Classifier(small, "cpu", batch_size=0)


def of_kind(classifier, kind):
    """Make a classifier answer all it is asked without torch, or all with it."""
    chosen = classifier._engine
    assert isinstance(chosen, ChosenEngine)
    classifier._engine = chosen._make_light() if kind == "light" else chosen._make_heavy()
    return classifier


def network(classifier):
    return classifier._engine._make_heavy()._model


def rewrite(path, **entries):
    """Change entries of ``config.json``, with a digest that fits."""
    record = json.loads((path / bundle.CONFIG).read_text())
    for name in ("format", "digest"):
        record.pop(name)
    records.write_record(path, bundle.CONFIG, {**record, **entries})


def test_probabilities_are_the_softmax_of_the_logits_over_the_temperature(tmp_path):
    path = write_classifier(tmp_path / "clf", metrics={"temperature": 2.5, "bag_share": 0.8})
    classifier = Classifier(open_bundle(path), "cpu", threads=1)
    ids = [2, *classifier.tokenizer.encode("the film\nwas good").tolist(), 3]
    experts = network(classifier).experts(torch.tensor([ids]), torch.tensor([len(ids)]))
    logits = combined(experts, 0.8)[0].tolist()
    whole = sum(math.exp(logit / 2.5) for logit in logits)
    by_hand = [math.exp(logit / 2.5) / whole for logit in logits]
    # White space around a text is none of it, and web pages' line breaks are line ends.
    found = classifier.probabilities(["  the film<br />was good\n"])
    assert found.shape == (1, 2)
    assert found[0].tolist() == pytest.approx(by_hand, abs=1e-6)
    assert classifier.temperature == 2.5


@given(texts)
def test_company_and_padding_change_nothing(classifier, given_texts):
    together = classifier.probabilities(given_texts)
    for row, text in zip(together, given_texts, strict=True):
        assert np.abs(classifier.probabilities([text])[0] - row).max() < 1e-5
    assert np.abs(together.sum(1) - 1).max() < 1e-5


@pytest.mark.parametrize("kind", ["light", "torch"])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("keep", ["head", "both"])
def test_company_changes_nothing_in_networks_of_every_kind(pooling, keep, kind, tmp_path):
    path = write_classifier(
        tmp_path / "clf",
        labels=("a", "b", "c"),
        tokenizer=ByteTokenizer(),
        pooling=pooling,
        keep=keep,
        num_layers=2,
        rnn_type="gru",
        ngram_order=2,
        ngram_rows=16,
        bag_order=2,
        bag_rows=64,
    )
    classifier = of_kind(Classifier(open_bundle(path), "cpu", threads=1), kind)
    found = classifier.probabilities(TEXTS)
    alone = np.concatenate([classifier.probabilities([text]) for text in TEXTS])
    assert np.abs(found - alone).max() < 1e-5
    assert np.ptp(found[:, 0]) > 0.01


def test_the_size_of_batches_changes_no_answer_and_no_order(classifier, small, monkeypatch):
    given_texts = TEXTS * 3
    expected = classifier.probabilities(given_texts)
    monkeypatch.setattr(engine, "_TOKENS_AT_ONCE", 50)
    monkeypatch.setattr(predictor, "_TEXTS_AT_ONCE", 7)
    for batch_size in (1, 2, 100):
        other = Classifier(small, "cpu", threads=1, batch_size=batch_size)
        assert np.abs(other.probabilities(given_texts) - expected).max() < 1e-5
    answers = classifier.classify(given_texts)
    assert [answer.text for answer in answers] == given_texts
    assert answers[0].probability == pytest.approx(float(expected[0].max()), abs=1e-5)


def test_batches_hold_texts_of_like_length_and_not_too_many_tokens(small, monkeypatch):
    classifier = of_kind(Classifier(small, "cpu", threads=1), "torch")
    monkeypatch.setattr(engine, "_TOKENS_AT_ONCE", 40)
    sizes = []
    model = classifier._engine._model

    class Watching:
        def logits(self, ids, lengths, bag_share):
            sizes.append(lengths.tolist())
            return model.logits(ids, lengths, bag_share)

    monkeypatch.setattr(classifier._engine, "_model", Watching())
    texts = [np.full(length, 6) for length in (3, 40, 4, 20, 3, 19)]
    classifier._engine.logits(texts, 0.5, 512)
    assert sizes == [[40], [20, 19], [4, 3, 3]]


def test_an_answer_holds_every_label_and_the_text(classifier):
    blank, answer, *rest = classifier.classify(["<br /> \n", "the film was good", "\u3000"])
    assert (blank.label, blank.probability, blank.probabilities) == (None, None, {})
    assert rest[0].label is None
    assert answer.text == "the film was good"
    assert list(answer.probabilities) == ["neg", "pos"]
    assert answer.probabilities[answer.label] == answer.probability
    assert answer.probability == max(answer.probabilities.values())
    assert classifier.classify([]) == []
    assert classifier.probabilities([]).shape == (0, 2)


def test_below_the_least_confidence_a_label_is_unsure(classifier):
    (sure,) = classifier.classify(["the film was good"])
    (at,) = classifier.classify(["the film was good"], sure.probability)
    (below,) = classifier.classify(["the film was good"], sure.probability + 1e-6)
    assert at == sure
    assert below.label == UNSURE
    assert (below.probability, below.probabilities) == (sure.probability, sure.probabilities)
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(UsageError, match="from 0 to 1"):
            classifier.classify(["a"], wrong)


def test_a_label_called_unsure_can_be_predicted_but_not_meant_otherwise(tmp_path):
    path = write_classifier(tmp_path / "clf", labels=("sure", UNSURE))
    classifier = Classifier(open_bundle(path), "cpu", threads=1)
    assert classifier.classify(["a"])[0].label in ("sure", UNSURE)
    with pytest.raises(UsageError, match="own labels"):
        classifier.classify(["a"], 0.5)


@pytest.mark.parametrize("wrong", ["one text", b"bytes", ["a", None], [b"a"]])
def test_texts_are_a_list_of_strings(wrong, classifier):
    for method in (classifier.classify, classifier.probabilities, classifier.explain):
        with pytest.raises(TypeError, match="text"):
            method(wrong)


@pytest.mark.parametrize("keep", ["head", "tail", "both"])
def test_of_huge_texts_the_ends_alone_are_encoded(keep, tmp_path, monkeypatch):
    path = write_classifier(tmp_path / "clf", keep=keep)
    classifier = Classifier(open_bundle(path), "cpu", threads=1)
    middle = "a b c d e " * 400_000
    text = "the film was good " * 20 + middle + "not very dull and bad " * 20
    begun = time.process_time()
    found = classifier.probabilities([text])
    assert time.process_time() - begun < 1
    # The same as if all of it had been encoded.
    monkeypatch.setattr(predictor, "CHARACTERS_PER_TOKEN", 1 << 20)
    short = "the film was good " * 20 + middle[:20_000] + "not very dull and bad " * 20
    assert np.abs(classifier.probabilities([short]) - found).max() < 1e-6


def test_a_huge_text_without_spaces_is_answered_too(tmp_path):
    tokenizer = CharTokenizer.train(["xyz"])
    path = write_classifier(tmp_path / "clf", tokenizer=tokenizer)
    (answer,) = Classifier(open_bundle(path), "cpu", threads=1).classify(["x" * 20_000_000])
    assert answer.label in ("neg", "pos")


def test_a_batch_that_memory_has_no_room_for_is_halved(small, monkeypatch):
    classifier = of_kind(Classifier(small, "cpu", threads=1), "torch")
    given_texts = ["a", "the film", "not very good", "bad", "e e e"]
    expected = classifier.probabilities(given_texts)
    model = classifier._engine._model
    sizes = []

    class Cramped:
        most = 2

        def logits(self, ids, lengths, bag_share):
            sizes.append(len(ids))
            if len(ids) > self.most:
                raise torch.OutOfMemoryError("no room")
            return model.logits(ids, lengths, bag_share)

    monkeypatch.setattr(classifier._engine, "_model", Cramped())
    assert np.abs(classifier.probabilities(given_texts) - expected).max() < 1e-5
    assert max(sizes) == 5
    Cramped.most = 0
    with pytest.raises(DeviceError, match="out of memory"):
        classifier.probabilities(["a"])


def test_other_faults_of_torch_are_not_hidden(small, monkeypatch):
    classifier = of_kind(Classifier(small, "cpu", threads=1), "torch")
    classifier.probabilities(["a"])

    class Broken:
        def logits(self, ids, lengths, bag_share):
            raise RuntimeError("something else")

    monkeypatch.setattr(classifier._engine, "_model", Broken())
    with pytest.raises(RuntimeError, match="something else"):
        classifier.probabilities(["a", "b"])


@pytest.mark.parametrize(
    ("entries", "part"),
    [
        ({"labels": None}, "labels"),
        ({"labels": ["a", "a"]}, "labels"),
        ({"labels": ["a", "b", "c"]}, "output"),
        ({"labels": [1, 2]}, "labels"),
        ({"training": {"metrics": {"temperature": 0}}}, "temperature"),
        ({"training": {"metrics": {"temperature": "hot"}}}, "temperature"),
        ({"training": {"metrics": {"bag_share": 1.5}}}, "share"),
        ({"training": {"metrics": {"bag_share": "half"}}}, "share"),
        ({"settings": {**SMALL, "hidden_size": 9}}, "shape"),
        ({"settings": {**SMALL, "num_layers": 2}}, "do not fit"),
        ({"settings": {**SMALL, "hidden_size": 65536, "embedding_dim": 65536}}, "shape"),
        ({"settings": {**SMALL, "max_length": None}}, "max_length"),
        ({"settings": {**SMALL, "hidden_size": None}}, "do not fit"),
        ({"settings": {**SMALL, "spelling_rows": 1}}, "do not fit"),
        ({"settings": {**SMALL, "flavour": "sweet"}}, "flavour"),
    ],
)
def test_a_model_whose_parts_do_not_fit_is_refused(entries, part, tmp_path):
    path = write_classifier(tmp_path / "clf")
    Classifier(open_bundle(path), "cpu", threads=1)
    rewrite(path, **entries)
    begun = time.process_time()
    with pytest.raises(ModelError, match=part):
        Classifier(open_bundle(path), "cpu", threads=1)
    # Nothing is made in sizes that a file merely names.
    assert time.process_time() - begun < 1


def test_weights_that_are_no_numbers_give_no_answer(tmp_path):
    def spoil(model):
        model.output.bias.data[0] = math.nan

    path = write_classifier(tmp_path / "clf", change=spoil)
    with pytest.raises(ModelError, match="not finite"):
        Classifier(open_bundle(path), "cpu", threads=1).classify(["a"])


def test_options_are_checked(small):
    for wrong in ({"precision": "int8"}, {"batch_size": 0}, {"device": "quantum"}):
        with pytest.raises(UsageError):
            Classifier(small, **{"device": "cpu", **wrong})


def test_bf16_is_taken_only_where_it_is_asked_for(classifier, small):
    half = Classifier(small, "cpu", "bf16", threads=1)
    assert half._engine._precision == "bf16"
    assert np.abs(half.probabilities(TEXTS) - classifier.probabilities(TEXTS)).max() < 0.05


@pytest.mark.parametrize("kind", ["light", "torch"])
def test_a_model_with_embeddings_of_its_own_for_each_direction(kind, tmp_path):
    path = write_classifier(tmp_path / "clf", backward_embedding=True)
    made = Classifier(open_bundle(path), "cpu", threads=1)
    weights = made._engine._make_light.__self__.weights
    made = of_kind(made, kind)
    found = made.probabilities(TEXTS)
    assert np.isfinite(found).all()
    weights["backward_embedding.weight"][:] *= 3
    assert not np.allclose(found, made.probabilities(TEXTS))


@pytest.mark.parametrize("options", [{"spelling_rows": 32}, {"bag_order": 2, "bag_rows": 16}, {}])
def test_weights_are_taken_up_as_training_takes_them_up(options, tmp_path):
    made = []
    path = write_classifier(tmp_path / "clf", change=made.append, num_layers=2, **options)
    classifier = Classifier(open_bundle(path), "cpu", threads=1)
    ids, lengths = torch.tensor([[2, 6, 9, 3], [2, 7, 3, 0]]), torch.tensor([4, 3])
    with torch.no_grad():
        expected = made[0].logits(ids, lengths)
        found = network(classifier).logits(ids, lengths)
    assert torch.allclose(found, expected, atol=1e-6)


def test_torch_is_loaded_for_many_texts_and_not_for_single_ones(small, monkeypatch):
    classifier = Classifier(small, "auto", threads=1)
    text = "the film was good"
    tokens = classifier.tokens(text) + 2
    monkeypatch.setattr(inference, "_LOADING_S", 30 * tokens * classifier._engine._token_s + 1e-9)
    (first,) = classifier.probabilities([text])
    for _ in range(40):
        classifier.probabilities([text])
    classifier.probabilities([text] * 21)
    assert classifier._engine._heavy is None
    assert classifier.device == "cpu"
    many = classifier.probabilities([text] * 10)
    assert classifier._engine._heavy is not None
    assert classifier.device == str(pick_device("auto"))
    assert np.abs(many - first).max() < 1e-5


def test_large_networks_load_torch_sooner(tmp_path):
    small, large = (
        Classifier(open_bundle(write_classifier(tmp_path / str(size), hidden_size=size)))
        for size in (8, 256)
    )
    assert large._engine._token_s > 3 * small._engine._token_s


def test_devices_and_precisions_that_only_torch_has_load_it_at_once(small):
    assert isinstance(Classifier(small, "cpu", "bf16", threads=1)._engine, TorchEngine)
    assert isinstance(Classifier(small, "cpu", threads=1)._engine, ChosenEngine)
    with pytest.raises(DeviceError):
        Classifier(small, "cuda:99")


def test_a_classifier_that_is_dropped_is_freed_and_copies_answer_alike(small):
    classifier = Classifier(small, "cpu", threads=1)
    expected = classifier.probabilities(TEXTS)
    copied = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(copied.probabilities(TEXTS), expected)
    dropped = weakref.ref(classifier)
    gc.disable()
    try:
        del classifier
        assert dropped() is None
    finally:
        gc.enable()
