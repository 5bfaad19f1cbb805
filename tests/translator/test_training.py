"""Training a translator end to end: it learns, is killed and goes on, starts from another."""

import contextlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textrnn import bundle
from textrnn.config import make
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.training.events import Done, Evaluated, Event, Planned, Resumed, Sampled
from textrnn.training.run import PreparedRun
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.training import prepare_run, resume_run

SMALL = {
    **{"hidden_size": 16, "embedding_dim": 12, "encoder_layers": 1, "tokenizer": "word"},
    **{"max_steps": 60, "eval_every": 20, "batch_size": 16, "threads": 1, "learning_rate": 0.03},
    **{
        "precision": "float32",
        "min_frequency": 1,
        "dropout": 0.0,
        "token_dropout": 0.0,
        "spaces": False,
    },
}
WORDS = {"rot": "red", "blau": "blue", "alt": "old", "neu": "new", "groß": "big", "klein": "small"}
UNIGRAM = {"tokenizer": "unigram", "min_frequency": None, "spaces": None, "vocab_size": 300}
ARGUMENTS = {
    "src_inputs",
    "tgt_inputs",
    "valid_inputs",
    "valid_src",
    "valid_tgt",
    "init_from",
    "given",
}


def sentences(count: int, seed: int) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        words = rng.choices(list(WORDS), k=rng.randint(1, 4))
        found.append((" ".join(words), " ".join(WORDS[word] for word in words)))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTRNN_CACHE", str(tmp_path / "cache"))
    for name, count, seed in (("train", 400, 0), ("valid", 30, 1)):
        pairs = sentences(count, seed)
        (tmp_path / f"{name}.de").write_text("".join(f"{src}\n" for src, _ in pairs))
        (tmp_path / f"{name}.en").write_text("".join(f"{tgt}\n" for _, tgt in pairs))
        lines = ["source\ttarget", *("\t".join(pair) for pair in pairs)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def prepare(folder: Path, name: str, **options: Any) -> PreparedRun:
    arguments = {key: options.pop(key) for key in list(options) if key in ARGUMENTS}
    inputs = options.pop("inputs", [str(folder / "train.tsv")])
    arguments.setdefault("valid_inputs", [str(folder / "valid.tsv")])
    own = {} if "init_from" in arguments else SMALL
    common = {key: SMALL[key] for key in SMALL if key not in ("hidden_size", "embedding_dim")}
    settings = make(TranslatorSettings, {**common, **own, **options})
    return prepare_run(inputs, folder / name, settings, **arguments)


def train(folder: Path, name: str = "m", **options: Any) -> list[Event]:
    return list(prepare(folder, name, **options).events())


def weights(path: Path) -> dict[str, np.ndarray]:
    return bundle.open_bundle(path).tensors()


def assert_same(one: Path, other: Path) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_it_learns_to_translate_and_shows_how(folder: Path):
    events = train(folder, max_steps=300, eval_every=100)
    done = events[-1]
    assert isinstance(done, Done)
    assert done.metrics["valid_bleu"] > 95
    assert done.metrics["valid_loss"] < 0.5
    assert done.metrics["valid_perplexity"] == pytest.approx(np.exp(done.metrics["valid_loss"]))
    samples = [event.text.split("\n") for event in events if isinstance(event, Sampled)]
    first = sentences(30, 1)[0]
    assert samples[-1][:3] == [f"  {first[0]}", f"> {first[1]}", f"= {first[1]}"]
    assert len(samples[-1]) == 9
    config = bundle.open_bundle(folder / "m", "translator").config
    assert config["training"]["metrics"]["valid_bleu"] == done.metrics["valid_bleu"]
    assert config["settings"]["max_length"] == 200
    planned = events[0]
    assert isinstance(planned, Planned)
    assert planned.facts["train_pairs"] == 400
    assert planned.facts["parameters"] == sum(
        array.size for array in weights(folder / "m").values()
    )


def test_parallel_files_and_tables_make_the_same_model(folder: Path):
    train(folder, "table", max_steps=3)
    train(
        folder,
        "files",
        max_steps=3,
        inputs=[],
        src_inputs=[str(folder / "train.de")],
        tgt_inputs=[str(folder / "train.en")],
        valid_inputs=[],
        valid_src=[str(folder / "valid.de")],
        valid_tgt=[str(folder / "valid.en")],
    )
    assert_same(folder / "table", folder / "files")
    list(resume_run(folder / "files", {"max_steps": 2}).events())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"input_feeding": True, "max_steps": 20, "eval_every": 5},
        {**UNIGRAM, "subword_alpha": 0.2, "max_steps": 20, "eval_every": 5},
    ],
)
def test_a_killed_run_goes_on_bit_for_bit(folder: Path, changes: dict[str, Any]):
    options = {
        "dropout": 0.3,
        "token_dropout": 0.2,
        "ema_decay": 0.9,
        "max_steps": 40,
        "eval_every": 10,
        **changes,
    }
    train(folder, "whole", **options)
    events = prepare(folder, "cut", **options).events()
    seen = 0
    for event in events:
        seen += isinstance(event, Evaluated)
        if seen == 2:
            # Killed before the save that follows.
            break
    events.close()
    resumed = resume_run(folder / "cut", {})
    assert Resumed in [type(event) for event in resumed.events()]
    assert_same(folder / "whole", folder / "cut")


def test_a_finished_run_goes_on_for_more(folder: Path):
    train(folder)
    with contextlib.closing(resume_run(folder / "m", {})) as finished:
        assert finished.is_finished
    done = list(resume_run(folder / "m", {"max_steps": 10}).events())[-1]
    assert done.steps == 70
    with pytest.raises(UsageError, match="--attention"):
        resume_run(folder / "m", {"attention": "dot"})


def test_pairs_that_have_changed_are_not_gone_on_with(folder: Path):
    train(folder, max_steps=3)
    with (folder / "train.tsv").open("a") as file:
        file.write("rot rot\tred red\n")
    with pytest.raises(DataError, match="has changed since"):
        resume_run(folder / "m", {"max_steps": 3})


def test_pairs_that_are_gone_are_found_in_the_cache(folder: Path):
    train(folder, max_steps=3)
    (folder / "train.tsv").unlink()
    told: list[str] = []
    list(resume_run(folder / "m", {"max_steps": 2}, report=told.append).events())
    assert any("found in the cache" in line for line in told)


def test_a_translator_starts_from_another_with_its_tokenizers(folder: Path):
    done = train(folder, "first")[-1]
    short = {"max_steps": 1, "learning_rate": 1e-6}
    (folder / "train.tsv").write_text("source\ttarget\nrot neu\tred new\nblau\tblue\n")
    again = train(folder, "second", init_from=folder / "first", **short)[-1]
    assert again.metrics["valid_loss"] == pytest.approx(done.metrics["valid_loss"], abs=1e-3)
    opened = bundle.open_bundle(folder / "second")
    assert opened.settings["hidden_size"] == 16
    assert opened.config["init_from"]["job"] == "translator"
    first = bundle.open_bundle(folder / "first")
    for part in ("src_tokenizer", "tgt_tokenizer"):
        assert opened.tokenizer(part).fingerprint == first.tokenizer(part).fingerprint
    with pytest.raises(UsageError, match="--rnn-type gru"):
        prepare(folder, "m", init_from=folder / "first", rnn_type="gru", given={"rnn_type"})
    with pytest.raises(ModelError, match="no such model"):
        prepare(folder, "m", init_from=folder / "none")


def test_what_is_too_long_is_left_out_and_counted(folder: Path):
    run = prepare(folder, "m", max_length=3, max_steps=2)
    facts = run.planned.facts
    assert 0 < facts["train_pairs"] < 400
    assert facts["train_pairs"] + facts["left_out"] == 400
    assert any("--max-length" in reason for reason in run.planned.reasons)
    assert facts["longest"] <= 3
    assert list(run.events())[-1].metrics["valid_bleu"] is not None
    (folder / "long.tsv").write_text("source\ttarget\n" + "rot neu alt\tred new old\n" * 5)
    with pytest.raises(UsageError, match="give at least 3"):
        prepare(folder, "m", inputs=[str(folder / "long.tsv")], max_length=2)


@pytest.mark.parametrize("select", ["loss", "bleu"])
def test_the_best_weights_are_chosen_by_the_figure_asked_for(folder: Path, select: str):
    events = train(folder, select=select, learning_rate=0.2)
    values = [e.metrics[f"valid_{select}"] for e in events if isinstance(e, Evaluated)]
    assert len(values) == 3
    best = min(values) if select == "loss" else max(values)
    assert events[-1].metrics[f"valid_{select}"] == best


def test_one_vocabulary_for_both_sides(folder: Path):
    train(folder, joint_vocabulary=True, max_steps=3)
    opened = bundle.open_bundle(folder / "m")
    assert (
        opened.tokenizer("src_tokenizer").fingerprint
        == opened.tokenizer("tgt_tokenizer").fingerprint
    )
    assert "decoder.embedding.weight" not in opened.tensors()


def test_without_validation_there_are_no_figures(folder: Path):
    done = train(folder, valid_inputs=[], valid_fraction=0.0, max_steps=3)[-1]
    assert set(done.metrics.values()) == {None}


def test_texts_are_cut_anew_by_unigram_alone(folder: Path):
    options = {**UNIGRAM, "max_steps": 5}
    train(folder, "best", **options)
    train(folder, "drawn", **options, subword_alpha=0.1)
    best, drawn = weights(folder / "best"), weights(folder / "drawn")
    assert any(not np.array_equal(best[name], drawn[name]) for name in best)
    with pytest.raises(UsageError, match="--subword-alpha"):
        train(folder, subword_alpha=0.1)


def test_bf16_and_other_settings_train_too(folder: Path):
    done = train(folder, precision="bf16", attention="additive", rnn_type="gru", num_layers=1)[-1]
    assert np.isfinite(done.metrics["valid_loss"])
    assert done.metrics["valid_loss"] < 1.5
