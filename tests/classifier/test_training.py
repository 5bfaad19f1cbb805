"""Training a classifier end to end: it learns, is killed and goes on, starts from other models."""

import contextlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from textrnn import bundle
from textrnn.classifier.predictor import Classifier
from textrnn.classifier.settings import ClassifierSettings
from textrnn.classifier.training import prepare_run, resume_run
from textrnn.config import make
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.training import prepare_run as prepare_language_model
from textrnn.training.events import Done, Evaluated, Event, Resumed
from textrnn.training.run import PreparedRun

SMALL = {
    **{"bag_rows": 256, "spelling_rows": 0},
    **{"max_steps": 40, "eval_every": 10, "batch_size": 16, "threads": 1, "learning_rate": 0.02},
    **{"precision": "float32", "min_frequency": 1},
}
GOOD, BAD = ["splendid", "lovely", "fine", "superb"], ["dreadful", "nasty", "poor", "grim"]


def rows(count: int, seed: int) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    found = []
    for number in range(count):
        label, words = (("good", GOOD), ("bad", BAD))[number % 2]
        others = [rng.choice(["boat", "sea", "day", "wind", "inn", "tea"]) for _ in range(4)]
        sentence = [*others[:2], rng.choice(words), *others[2:], str(number)]
        found.append((label, " ".join(sentence)))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTRNN_CACHE", str(tmp_path / "cache"))
    for name, count, seed in (("train", 160, 0), ("test", 40, 1)):
        lines = ["label\ttext", *("\t".join(row) for row in rows(count, seed))]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    text = " ".join(text for _, text in rows(160, 2)) + "\n"
    (tmp_path / "raw.txt").write_text(text)
    return tmp_path


def prepare(folder: Path, name: str, **options: Any) -> PreparedRun:
    arguments = {key: options.pop(key) for key in list(options) if key in ARGUMENTS}
    own = {} if "init_from" in arguments else {"hidden_size": 12, "embedding_dim": 8}
    settings = make(ClassifierSettings, {**SMALL, **own, **options})
    return prepare_run([str(folder / "train.tsv")], folder / name, settings, **arguments)


ARGUMENTS = {"valid_inputs", "test_inputs", "init_from", "init_from_reverse", "given"}


def train(folder: Path, name: str = "m", **options: Any) -> list[Event]:
    return list(prepare(folder, name, **options).events())


def weights(path: Path) -> dict[str, np.ndarray]:
    return bundle.open_bundle(path).tensors()


def assert_same(one: Path, other: Path) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def language_model(folder: Path, name: str, **changes: Any) -> Path:
    settings = {
        **{"tokenizer": "word", "normalization": "nfkc_cf", "spaces": False, "min_frequency": 1},
        **{"hidden_size": 10, "embedding_dim": 6, "num_layers": 2, "max_steps": 4, "batch_size": 2},
        **{"seq_len": 8, "threads": 1, "precision": "float32"},
    }
    made = make(LanguageModelSettings, {**settings, **changes})
    list(prepare_language_model([str(folder / "raw.txt")], folder / name, made).events())
    return folder / name


def test_it_learns_and_the_test_part_is_told_at_the_end_only(folder: Path):
    events = train(folder, test_inputs=[str(folder / "test.tsv")])
    done = events[-1]
    assert isinstance(done, Done)
    assert done.metrics["valid_accuracy"] > 0.9
    assert done.metrics["test_accuracy"] > 0.9
    evaluations = [event for event in events if isinstance(event, Evaluated)]
    assert evaluations
    assert not [name for e in evaluations for name in e.metrics if name.startswith("test")]
    config = bundle.open_bundle(folder / "m", "classifier").config
    assert config["labels"] == ["bad", "good"]
    assert config["training"]["metrics"]["test_accuracy"] == done.metrics["test_accuracy"]
    assert config["data"]["findings"]["train"]["labels"] == {"bad": 72, "good": 72}
    classifier = Classifier(bundle.open_bundle(folder / "m"))
    answers = classifier.classify(["a splendid day", "a grim inn"])
    assert [answer.label for answer in answers] == ["good", "bad"]


def test_the_figures_of_training_are_those_of_the_model_that_was_kept(folder: Path):
    done = train(folder, test_inputs=[str(folder / "test.tsv")])[-1]
    classifier = Classifier(bundle.open_bundle(folder / "m"))
    expected = rows(40, 1)
    answers = classifier.classify([text for _, text in expected])
    right = [answer.label == label for answer, (label, _) in zip(answers, expected, strict=True)]
    assert np.mean(right) == pytest.approx(done.metrics["test_accuracy"])


def test_a_killed_run_goes_on_bit_for_bit(folder: Path):
    options = {"dropout": 0.3, "token_dropout": 0.2, "ema_decay": 0.9, "num_layers": 2}
    train(folder, "whole", **options)
    events = prepare(folder, "cut", **options).events()
    for event in events:
        if isinstance(event, Evaluated) and event.step == 20:
            # Killed before the save that follows.
            break
    events.close()
    resumed = resume_run(folder / "cut", {})
    kinds = [type(event) for event in resumed.events()]
    assert Resumed in kinds
    assert_same(folder / "whole", folder / "cut")


def test_a_finished_run_goes_on_for_more(folder: Path):
    train(folder)
    with contextlib.closing(resume_run(folder / "m", {})) as finished:
        assert finished.is_finished
    done = list(resume_run(folder / "m", {"max_steps": 10}).events())[-1]
    assert done.steps == 50
    with pytest.raises(UsageError, match="--pooling"):
        resume_run(folder / "m", {"pooling": "last"})


def test_examples_that_have_changed_are_not_gone_on_with(folder: Path):
    train(folder)
    with (folder / "train.tsv").open("a") as file:
        file.write("good\tone more splendid day\n")
    with pytest.raises(DataError, match="has changed since"):
        resume_run(folder / "m", {"max_steps": 3})


def test_a_language_model_becomes_the_forward_direction(folder: Path):
    parent = language_model(folder, "lm")
    train(folder, init_from=parent, max_steps=2, unfreeze_share=1.0)
    opened = bundle.open_bundle(folder / "m")
    assert opened.settings["bidirectional"] is False
    assert opened.settings["hidden_size"] == 10
    assert opened.config["init_from"]["job"] == "language-model"
    own, lm = weights(folder / "m"), weights(parent)
    assert opened.tokenizer().fingerprint == bundle.open_bundle(parent).tokenizer().fingerprint
    # With gradual unfreezing the first half trains nothing but the top.
    np.testing.assert_array_equal(own["embedding.weight"], lm["embedding.weight"])
    for name in ("weight_ih", "weight_hh", "bias_ih"):
        low, top = f"recurrent.layers.0.{name}", f"recurrent.layers.1.{name}"
        np.testing.assert_array_equal(own[low.replace("layers", "forwards")], lm[low])
        moved = np.abs(own[top.replace("layers", "forwards")] - lm[top]).max()
        assert 0 < moved < 0.1
    assert not any("backwards" in name for name in own)


def encoded(path: Path, ids: torch.Tensor) -> torch.Tensor:
    """Return what a classifier's recurrent layers make of one text, (time, features)."""
    opened = bundle.open_bundle(path)
    model = Classifier(opened)._engine._make_heavy()._model
    found: list[torch.Tensor] = []
    model.recurrent.register_forward_hook(lambda _, __, output: found.append(output))
    with torch.no_grad():
        padding = torch.nn.functional.pad(ids, (0, 3))
        model.logits(padding[None], torch.tensor([len(ids)]))
    return found[0][: len(ids), 0]


def hidden_states(path: Path, ids: torch.Tensor) -> torch.Tensor:
    """Return what a language model's recurrent layers make of a text, (time, features)."""
    opened = bundle.open_bundle(path)
    settings = make(LanguageModelSettings, opened.settings)
    model = RecurrentLanguageModel(settings, opened.tokenizer().vocab_size)
    arrays = opened.tensors().items()
    model.load_tensors({name: torch.from_numpy(array) for name, array in arrays})
    with torch.no_grad():
        return model.hidden(ids[None], model.start(1), None)[0][:, 0]


@pytest.mark.parametrize("order", [1, 3])
def test_two_language_models_become_both_directions(folder: Path, order: int):
    ngrams = {"ngram_order": order, "ngram_rows": 64}
    ahead = language_model(folder, "lm", **ngrams)
    back = language_model(folder, "back", reverse=True, **ngrams)
    train(folder, init_from=ahead, init_from_reverse=back, max_steps=1, learning_rate=1e-9)
    ids = torch.tensor([2, 5, 9, 7, 6, 11, 3])
    states = encoded(folder / "m", ids)
    torch.testing.assert_close(states[:, :10], hidden_states(ahead, ids), atol=1e-5, rtol=1e-4)
    reverse = hidden_states(back, ids.flip(0)).flip(0)
    torch.testing.assert_close(states[:, 10:], reverse, atol=1e-5, rtol=1e-4)


def test_all_layers_learn_and_pass_on_to_another_classifier(folder: Path):
    ahead = language_model(folder, "lm")
    back = language_model(folder, "back", reverse=True)
    train(folder, init_from=ahead, init_from_reverse=back, unfreeze_share=0.0, test_fraction=0.1)
    own, reverse = weights(folder / "m"), weights(back)
    moved = own["recurrent.backwards.1.weight_hh"] - reverse["recurrent.layers.1.weight_hh"]
    assert np.abs(moved).max() > 0
    classifier = Classifier(bundle.open_bundle(folder / "m"))
    assert [p.label for p in classifier.classify(["a splendid day", "a grim inn"])] == [
        "good",
        "bad",
    ]
    list(resume_run(folder / "m", {"max_steps": 2}).events())
    train(folder, "next", init_from=folder / "m", max_steps=1, learning_rate=1e-6)
    np.testing.assert_allclose(
        weights(folder / "next")["backward_embedding.weight"],
        weights(folder / "m")["backward_embedding.weight"],
        atol=1e-4,
    )


def test_rare_labels_do_not_swallow_the_others_where_all_weigh_alike(folder: Path):
    lines = ["label\ttext"]
    lines += [f"bad\ta grim day, number {n}" for n in range(240)]
    lines += [f"good\ta lovely day, number {n}" for n in range(10)]
    (folder / "train.tsv").write_text("\n".join(lines) + "\n")
    done = train(folder, class_weights="balanced", max_steps=80)[-1]
    assert done.metrics["valid_accuracy"] > 0.95


def test_the_bag_knows_the_training_rows_only(folder: Path):
    for name, seed in (("one", 5), ("two", 6)):
        lines = ["label\ttext", *("\t".join(row) for row in rows(60, seed))]
        (folder / "valid.tsv").write_text("\n".join(lines) + "\n")
        train(folder, name, valid_inputs=[str(folder / "valid.tsv")], max_steps=1)
    one, two = (weights(folder / name)["bag.ratios"] for name in ("one", "two"))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one).max() > 1


def test_what_was_asked_for_is_not_overruled_by_a_parent_even_where_it_is_the_default(folder: Path):
    parent = language_model(folder, "lm", rnn_type="gru")
    with pytest.raises(UsageError, match="--rnn-type lstm"):
        prepare(folder, "m", init_from=parent, given={"rnn_type"}, rnn_type="lstm")
    assert bundle.open_bundle(parent).settings["rnn_type"] == "gru"
    train(folder, init_from=parent, max_steps=1)
    assert bundle.open_bundle(folder / "m").settings["rnn_type"] == "gru"


def test_models_that_do_not_serve_are_refused(folder: Path):
    ahead = language_model(folder, "lm", num_layers=1)
    back = language_model(folder, "back", reverse=True)
    with pytest.raises(UsageError, match="num_layers"):
        prepare(folder, "m", init_from=ahead, init_from_reverse=back)
    with pytest.raises(UsageError, match="--init-from-reverse"):
        prepare(folder, "m", init_from_reverse=back)
    with pytest.raises(UsageError, match="trained on reversed text"):
        prepare(folder, "m", init_from=back)
    with pytest.raises(UsageError, match="train lm --reverse"):
        prepare(folder, "m", init_from=ahead, init_from_reverse=ahead)
    with pytest.raises(UsageError, match="--rnn-type gru"):
        prepare(folder, "m", init_from=ahead, rnn_type="gru", given={"rnn_type"})
    with pytest.raises(ModelError, match="no such model"):
        prepare(folder, "m", init_from=folder / "none")


def test_a_classifier_starts_from_another_with_its_answers_where_the_labels_are_the_same(
    folder: Path,
):
    train(folder, "first")
    done = train(folder, "second", init_from=folder / "first", max_steps=1, learning_rate=1e-6)[-1]
    assert done.metrics["valid_accuracy"] > 0.9
    lines = ["label\ttext", *(f"{label}!\t{text}" for label, text in rows(40, 5))]
    (folder / "train.tsv").write_text("\n".join(lines) + "\n")
    train(folder, "third", init_from=folder / "first", max_steps=1, learning_rate=1e-6)
    first, third = weights(folder / "first"), weights(folder / "third")
    np.testing.assert_allclose(
        first["recurrent.forwards.0.weight_hh"],
        third["recurrent.forwards.0.weight_hh"],
        atol=1e-4,
    )
    assert np.abs(first["output.weight"] - third["output.weight"]).max() > 1e-3


@pytest.mark.parametrize("select", ["accuracy", "macro_f1", "loss"])
def test_the_best_weights_are_chosen_by_the_figure_asked_for(folder: Path, select: str):
    events = train(folder, select=select, max_steps=30, learning_rate=0.3)
    evaluations = [event for event in events if isinstance(event, Evaluated)]
    values = [event.metrics[f"valid_{select}"] for event in evaluations]
    best = min(values) if select == "loss" else max(values)
    assert events[-1].metrics[f"valid_{select}"] == best


def test_the_same_seed_gives_the_same_model_and_another_one_another(folder: Path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train(folder, name, seed=seed, max_steps=5)
    assert_same(folder / "a", folder / "b")
    differ = weights(folder / "a")["output.weight"] - weights(folder / "c")["output.weight"]
    assert np.abs(differ).max() > 0


def test_bf16_trains_too(folder: Path):
    done = train(folder, precision="bf16", pooling="attention")[-1]
    assert done.metrics["valid_accuracy"] > 0.9
    assert all(torch.from_numpy(array).isfinite().all() for array in weights(folder / "m").values())
