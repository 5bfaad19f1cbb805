"""Models of earlier releases stay readable, and those of later ones are refused by name.

``tests/data/bundles/format-1`` holds a model of every job as the first release wrote it, with its training
state: files that are never written anew. A release that changes the format reads them still.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from faults.hostile_forging import (
    BUNDLES,
    DATA,
    JOBS,
    STATE,
    TEXTS,
    change_record,
    lay_out,
    read,
    write,
)
from faults.hostile_pool import Opener, commands

import textrnn
from textrnn import bundle, records
from textrnn.errors import ModelError

GREEDY = {"Ba": "nneren", "G": "orrenen", "Sto": "rrene", "W": "erenen"}
LABELLED = [("positive", 0.6485), ("negative", 0.391), ("positive", 0.6135), ("positive", 0.4023)]
TRANSLATED = [
    ("Wharrrrrrrrr", -12.0314),
    ("The at ten tears", -9.9602),
    ("Whae thas th", -10.6653),
    ("The yeter tet.", -6.5036),
    ("The teter has h", -13.1609),
]
"""A model of four thousand weights knows little; but it says the same each time."""
STEPS = {"language-model": 1200, "classifier": 300, "translator": 2500}
NEEDED = {
    "language-model": {"job", "settings", "tokenizer", "weights", "files", "digest", "format"},
    "classifier": {
        "job",
        "labels",
        "settings",
        "tokenizer",
        "weights",
        "files",
        "digest",
        "format",
    },
    "translator": {
        *("job", "settings", "src_tokenizer", "tgt_tokenizer", "weights", "files", "digest"),
        "format",
    },
}
"""Entries without which a model cannot be used."""


def column(name: str, number: int, most: int) -> list[str]:
    lines = (TEXTS / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[number] for line in lines[1 : most + 1]]


def test_the_kept_models_are_small_and_of_no_other_release() -> None:
    files = [path for path in DATA.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 150_000
    for job in JOBS:
        config = bundle.open_bundle(BUNDLES / job, job).config
        assert (config["format"], config["versions"]["textrnn"]) == (1, "0.1.0")


def test_a_language_model_of_the_first_release_goes_on_as_it_did() -> None:
    model = textrnn.load(BUNDLES / "language-model", device="cpu")
    for prompt, text in GREEDY.items():
        assert model.generate(prompt, temperature=0, max_new_tokens=20) == text


def test_a_classifier_of_the_first_release_labels_as_it_did() -> None:
    model = textrnn.load(BUNDLES / "classifier", device="cpu")
    assert model.labels == ("negative", "neutral", "positive")
    found = model.classify(column("remarks.tsv", 1, 4))
    assert [each.label for each in found] == [label for label, _ in LABELLED]
    expected = [probability for _, probability in LABELLED]
    assert [each.probability for each in found] == pytest.approx(expected, abs=2e-3)


def test_a_translator_of_the_first_release_translates_as_it_did() -> None:
    model = textrnn.load(BUNDLES / "translator", device="cpu")
    found = model.translate(column("phrases.tsv", 0, 5), beam_size=1, max_length=12)
    assert [each.translation for each in found] == [text for text, _ in TRANSLATED]
    assert [each.score for each in found] == pytest.approx([s for _, s in TRANSLATED], abs=2e-3)


@pytest.mark.parametrize("job", JOBS)
def test_runs_of_the_first_release_go_on_and_their_models_can_be_started_from(
    job: str, tmp_path: Path, opener: Opener
) -> None:
    model = lay_out(job, tmp_path)
    runs, faults = opener.ask(commands(job, model, "resume", "info", "init", "use"))
    assert not faults, faults[0]
    assert [run["code"] for run in runs] == [0, 0, 0, 0], runs
    assert bundle.open_bundle(model).config["training"]["step"] == STEPS[job] + 2
    assert bundle.open_bundle(tmp_path / "new", job).config["init_from"]


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("part", ["config.json", "resume/state.json"])
def test_a_newer_format_is_refused_with_the_version_that_it_needs(
    job: str, part: str, tmp_path: Path, opener: Opener
) -> None:
    model = lay_out(job, tmp_path)
    newer = {"format": records.FORMAT + 1, "versions": {"textrnn": "7.3"}, "anything": "else"}
    write(model / part, newer)
    names = ("use", "info", "resume", "init") if part == "config.json" else ("resume",)
    runs, faults = opener.ask(commands(job, model, *names))
    assert not faults, faults[0]
    for run in runs:
        assert run["code"] == 1
        assert re.search(r"written in format 2 by textrnn 7\.3; this version reads", run["err"])
        assert "upgrade" in run["err"]


def test_a_newer_tokenizer_is_refused(tmp_path: Path, opener: Opener) -> None:
    model = lay_out("language-model", tmp_path)
    path = model / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    entry = records.write_file(path, path.read_bytes())
    change_record(model / "config.json", lambda config: config["files"].update({path.name: entry}))
    runs, faults = opener.ask(commands("language-model", model, "use"))
    assert not faults
    assert "format 2 is newer than this program reads" in runs[0]["err"]


def test_a_job_and_a_setting_that_are_not_known_are_named(tmp_path: Path, opener: Opener) -> None:
    model = lay_out("language-model", tmp_path)
    change_record(model / "config.json", lambda config: config.update(job="summariser"))
    with pytest.raises(ModelError, match="summariser"):
        textrnn.load(model)
    runs, faults = opener.ask(commands("language-model", model, "use", "info", "resume", "init"))
    assert not faults, faults[0]
    assert all(run["code"] for run in runs[:1] + runs[2:])
    model = lay_out("classifier", tmp_path)
    change_record(model / "config.json", lambda config: config["settings"].update(sparkle=3))
    runs, faults = opener.ask(commands("classifier", model, "use", "resume", "init"))
    assert not faults, faults[0]
    for run in runs[:2]:
        assert "unknown setting 'sparkle'" in run["err"]
        assert "newer textrnn" in run["err"]


@pytest.mark.parametrize("job", JOBS)
def test_each_missing_entry_is_told_in_a_line_or_not_missed(
    job: str, tmp_path: Path, opener: Opener
) -> None:
    sound = lay_out(job, tmp_path / "sound")
    refused = set()
    for name in read(sound / "config.json"):
        model = tmp_path / "case" / job
        shutil.rmtree(model.parent, ignore_errors=True)
        shutil.copytree(sound, model)
        record = read(model / "config.json")
        del record[name]
        (model / "config.json").write_text(json.dumps(record))
        if name != "digest":
            write(model / "config.json", record)
        runs, faults = opener.ask(commands(job, model, "use"))
        assert not faults, f"{name}: {faults[0]}"
        if runs[0]["code"]:
            refused.add(name)
    assert refused == NEEDED[job]


@pytest.mark.parametrize("job", JOBS)
def test_each_missing_file_is_named(job: str, tmp_path: Path, opener: Opener) -> None:
    sound = lay_out(job, tmp_path / "sound")
    names: list[Any] = sorted(read(sound / "config.json")["files"])
    names += [STATE, *(Path("resume") / name for name in read(sound / STATE)["files"])]
    for name in names:
        model = tmp_path / "case" / job
        shutil.rmtree(model.parent, ignore_errors=True)
        shutil.copytree(sound, model)
        (model / name).unlink()
        runs, faults = opener.ask(commands(job, model, "resume"))
        assert not faults, faults[0]
        assert runs[0]["code"] == 1
        assert Path(name).name in runs[0]["err"] or "no training state" in runs[0]["err"]
