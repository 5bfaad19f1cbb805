"""Whole runs on small texts: training, fine-tuning, resuming, measuring; every part is the real one."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

import textrnn
from textrnn import bundle
from textrnn.config import as_dict, make
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.language_model.evaluation import Evaluator
from textrnn.language_model.resuming import resume_run
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.training import prepare_run
from textrnn.training.events import Done, Evaluated, Event, Stopped
from textrnn.training.run import PreparedRun

TINY = {
    "hidden_size": 12,
    "embedding_dim": 6,
    "ngram_order": 3,
    "ngram_rows": 64,
    "batch_size": 4,
    "seq_len": 8,
    "max_steps": 12,
    "eval_every": 5,
    "device": "cpu",
    "precision": "float32",
    "threads": 1,
}
TEXT = "".join(
    f"{n} green bottles hanging on the wall, and {n * 7 % 11} more.\n" for n in range(60)
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTRNN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "book.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


def settings(**changes: object) -> LanguageModelSettings:
    return make(LanguageModelSettings, {**TINY, **changes})


def train(folder: Path, name: str = "m", **changes: object) -> list[Event]:
    run = prepare_run([str(folder / "book.txt")], folder / name, settings(**changes))
    return list(run.events())


def tensors(folder: Path, name: str = "m") -> dict[str, np.ndarray]:
    return bundle.open_bundle(folder / name).tensors()


def test_a_tiny_model_learns_a_text_by_heart(folder: Path):
    events = train(
        folder, max_steps=300, hidden_size=48, dropout=0.0, weight_decay=0.0, learning_rate=0.02
    )
    done = events[-1]
    assert isinstance(done, Done)
    assert done.metrics["valid_loss"] < 0.35
    text = textrnn.load(folder / "m").generate("1 green bot", temperature=0, max_new_tokens=20)
    assert text.startswith("tles hanging on the")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"lines": True},
        {"tokenizer": "byte", "rnn_type": "gru"},
        {"tokenizer": "word", "rnn_type": "rnn_tanh", "tie_weights": True, "embedding_dim": 12},
        {"tokenizer": "bpe", "vocab_size": 300, "layer_norm": True, "num_layers": 2},
        {"precision": "bf16"},
    ],
    ids=["char", "lines", "byte", "word", "bpe", "bf16"],
)
def test_training_and_evaluate_agree_on_the_validation_text(folder: Path, changes: dict):
    valid = folder / "valid.txt"
    valid.write_text(TEXT[:700], encoding="utf-8")
    run = prepare_run(
        [str(folder / "book.txt")], folder / "m", settings(**changes), valid_inputs=[str(valid)]
    )
    done = list(run.events())[-1]
    precision = changes.get("precision", "float32")
    evaluator = Evaluator(bundle.open_bundle(folder / "m"), precision=precision, threads=1)
    found = evaluator.evaluate([str(valid)])
    assert found.loss == pytest.approx(done.metrics["valid_loss"], abs=1e-6)
    if found.unknown:
        assert found.bits_per_char is None
        assert done.metrics["bits_per_char"] is None
    else:
        assert found.bits_per_char == pytest.approx(done.metrics["bits_per_char"], abs=1e-6)
        total = found.loss * found.targets / np.log(2)
        assert found.bits_per_char == pytest.approx(total / found.characters)
    assert found.characters == 700 + (changes.get("lines", False) and not TEXT[:700].endswith("\n"))


@pytest.mark.parametrize("changes", [{}, {"lines": True}], ids=["running", "lines"])
def test_lines_add_up_to_the_whole(folder: Path, changes: dict):
    train(folder, **changes)
    text = "one bottle\n\n7 green walls\nand no end"
    other = folder / "other.txt"
    other.write_text(text.replace("\n", "\r\n"), encoding="utf-8")
    evaluator = Evaluator(bundle.open_bundle(folder / "m"), precision="float32", threads=1)
    whole = evaluator.evaluate([str(other)])
    lines = list(evaluator.evaluate_lines([str(other)]))
    assert [line.text for line in lines] == text.split("\n")
    assert [line.number for line in lines] == [1, 2, 3, 4]
    # In running text the last line has no end; as a text of its own it has.
    ends = [1, 1, 1, 1 if changes else 0]
    pairs = zip(lines, ends, strict=True)
    bits = sum((line.bits_per_char or 0) * (len(line.text) + end) for line, end in pairs)
    assert bits == pytest.approx(whole.loss * whole.targets / np.log(2), rel=1e-4)
    assert (lines[1].bits_per_char is None) == bool(changes)


def test_lines_with_characters_the_model_never_saw_come_back_as_they_are(folder: Path):
    train(folder)
    (folder / "odd.txt").write_text("7 green walls\n\u4e16\u754c\n8 walls\n", encoding="utf-8")
    evaluator = Evaluator(bundle.open_bundle(folder / "m"), precision="float32", threads=1)
    lines = list(evaluator.evaluate_lines([str(folder / "odd.txt")]))
    assert [line.text for line in lines] == ["7 green walls", "\u4e16\u754c", "8 walls"]
    assert [line.bits_per_char is None for line in lines] == [False, True, False]


def test_fine_tuning_starts_from_the_parents_weights_and_tokenizer(folder: Path):
    train(folder, "parent", max_steps=60, learning_rate=0.02)
    (folder / "new.txt").write_text(TEXT.replace("bottles", "barrels"), encoding="utf-8")
    start = LanguageModelSettings(
        batch_size=4, seq_len=8, max_steps=1, eval_every=1, learning_rate=1e-9, threads=1
    )
    run = prepare_run(
        [str(folder / "new.txt")], folder / "child", start, init_from=folder / "parent"
    )
    evaluated = [event for event in run.events() if isinstance(event, Evaluated)]
    child, parent = tensors(folder, "child"), tensors(folder, "parent")
    for name, array in parent.items():
        np.testing.assert_allclose(child[name], array, atol=1e-6)
    assert evaluated[0].metrics["valid_loss"] < 2.5  # of 3.5 nats for a guess
    assert bundle.open_bundle(folder / "child").settings["hidden_size"] == 12


def test_fine_tuning_refuses_another_shape(folder: Path):
    train(folder, "parent")
    with pytest.raises(UsageError, match="--hidden-size"):
        prepare_run(
            [str(folder / "book.txt")],
            folder / "child",
            settings(hidden_size=20),
            init_from=folder / "parent",
        )


def interrupted(run: PreparedRun, after: int) -> list[Event]:
    """Run, and raise the signal's flag once ``after`` steps are done."""
    events: list[Event] = []
    flag: list[int] = []
    for event in run.events(lambda: flag[0] if flag else None):
        events.append(event)
        if getattr(event, "step", 0) >= after:
            flag.append(15)
    return events


def test_an_interrupted_run_resumes_to_the_same_bits(folder: Path):
    train(folder, "whole")
    events = interrupted(prepare_run([str(folder / "book.txt")], folder / "m", settings()), after=5)
    assert isinstance(events[-1], Stopped)
    assert events[-1].step < 12
    list(resume_run(folder / "m", {}).events())
    for name, array in tensors(folder, "whole").items():
        np.testing.assert_array_equal(tensors(folder)[name], array)


def test_a_finished_run_says_so_and_goes_on_with_a_budget(folder: Path):
    done = train(folder)[-1]
    finished = resume_run(folder / "m", {})
    assert finished.is_finished
    finished.close()
    run = resume_run(folder / "m", {"max_steps": 20})
    assert not run.is_finished
    more = list(run.events())[-1]
    assert more.steps == 32
    assert more.metrics["valid_loss"] <= done.metrics["valid_loss"]
    again = list(resume_run(folder / "m", {"minutes": 0.05}).events())[-1]
    assert again.metrics["valid_loss"] <= more.metrics["valid_loss"]


def test_epochs_of_lines_are_counted_by_lines(folder: Path):
    run = prepare_run(
        [str(folder / "book.txt")],
        folder / "m",
        settings(lines=True, epochs=3, max_steps=None, seq_len=99),
    )
    progress = [event for event in run.events() if isinstance(event, Evaluated)]
    assert progress[-1].epoch == pytest.approx(3, abs=0.25)


def test_passes_over_lines_of_uneven_length_are_as_many_as_asked_for(folder: Path):
    lines = [f"line {n} " + "goes on " * (40 if n % 9 == 0 else 1) for n in range(180)]
    (folder / "book.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    events = train(folder, lines=True, max_steps=None, epochs=3.0, eval_every=None, seq_len=64)
    last = [event for event in events if isinstance(event, Evaluated)][-1]
    assert last.epoch == pytest.approx(3, abs=0.25)


def test_options_given_on_resume_take_effect(folder: Path):
    events = interrupted(prepare_run([str(folder / "book.txt")], folder / "m", settings()), after=5)
    assert isinstance(events[-1], Stopped)
    more = resume_run(folder / "m", {"patience": 1, "max_steps": 40})
    assert more.planned.plan["patience"] == 1
    assert more.planned.plan["eval_every"] == 5
    more.close()


def test_a_run_that_was_stopped_before_its_first_step_goes_on(folder: Path):
    run = prepare_run([str(folder / "book.txt")], folder / "m", settings())
    list(run.events(lambda: 15))
    resumed = resume_run(folder / "m", {"epochs": 2})
    train_tokens = resumed.planned.facts["train_tokens"]
    assert resumed.planned.plan["max_steps"] == pytest.approx(2 * train_tokens / 32, rel=0.1)
    resumed.close()


def test_resuming_refuses_another_experiment_and_other_data(folder: Path):
    train(folder)
    with pytest.raises(UsageError, match=r"--hidden-size 99.*new run"):
        resume_run(folder / "m", {"hidden_size": 99})
    resume_run(folder / "m", {"hidden_size": 12, "threads": 2}).close()
    (folder / "book.txt").write_text(TEXT + "one more", encoding="utf-8")
    with pytest.raises(DataError, match=r"changed.*--init-from"):
        resume_run(folder / "m", {"max_steps": 3})


def test_text_that_has_moved_is_found_in_the_cache(folder: Path):
    interrupted(prepare_run([str(folder / "book.txt")], folder / "m", settings()), after=5)
    (folder / "book.txt").rename(folder / "elsewhere.txt")
    assert list(resume_run(folder / "m", {}).events())[-1].steps == 12
    finished = resume_run(folder / "m", {})
    assert finished.is_finished
    finished.close()
    shutil.rmtree(folder / "cache")
    with pytest.raises(DataError, match=r"book\.txt.*--init-from"):
        resume_run(folder / "m", {"max_steps": 3})


def test_a_folder_with_models_in_it_gives_its_texts_only(folder: Path):
    texts = folder / "texts"
    texts.mkdir()
    (folder / "book.txt").rename(texts / "book.txt")
    first = prepare_run([str(texts)], texts / "m", settings())
    list(first.events())
    second = prepare_run([str(texts)], folder / "n", settings())
    assert second.planned.facts["characters"] == first.planned.facts["characters"]
    list(resume_run(texts / "m", {"max_steps": 2}).events())


def test_training_without_validation_keeps_the_last_weights(folder: Path):
    done = train(folder, valid_fraction=0.0)[-1]
    assert done.metrics["valid_loss"] is None
    assert done.best_step == 12


def test_a_share_for_validation_beside_a_file_for_it_is_refused(folder: Path):
    book = str(folder / "book.txt")
    given = {"valid_inputs": [book], "given": {"valid_fraction"}}
    with pytest.raises(UsageError, match="--valid-fraction: the validation text has files"):
        prepare_run([book], folder / "m", settings(valid_fraction=0.3), **given)


def test_training_from_a_model_that_is_none_is_told(folder: Path):
    with pytest.raises(ModelError, match="no such model"):
        prepare_run([str(folder / "book.txt")], folder / "m", settings(), init_from=folder / "none")
    assert not (folder / "m").exists()


def test_python_trains_through_the_same_settings(folder: Path):
    seen: list[Event] = []
    lm = textrnn.train_language_model(
        folder / "book.txt", folder / "m", on_event=seen.append, **TINY
    )
    assert isinstance(seen[-1], Done)
    assert len(lm.generate("1 ", max_new_tokens=10)) == 10
    with pytest.raises(UsageError, match="exists"):
        textrnn.train_language_model(folder / "book.txt", folder / "m", **TINY)
    with pytest.raises(UsageError, match="did you mean hidden_size"):
        textrnn.train_language_model(folder / "book.txt", folder / "n", hiden_size=3)


def test_the_recorded_settings_make_the_same_run_again(folder: Path):
    train(folder, "one", seed=5)
    recorded = make(LanguageModelSettings, bundle.open_bundle(folder / "one").settings)
    assert as_dict(dataclasses.replace(recorded)) == as_dict(recorded)
    list(prepare_run([str(folder / "book.txt")], folder / "two", recorded).events())
    for name, array in tensors(folder, "one").items():
        np.testing.assert_array_equal(tensors(folder, "two")[name], array)
