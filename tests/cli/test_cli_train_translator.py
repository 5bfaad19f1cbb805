"""``textrnn train translator`` as a user types it."""

import gzip
import random
from pathlib import Path

import pytest

import textrnn

SMALL = (
    *("--hidden-size", "16", "--encoder-layers", "1", "--tokenizer", "word", "--no-spaces"),
    *("--min-frequency", "1", "--batch-size", "16", "--max-steps", "20", "--eval-every", "10"),
    *("--threads", "1", "--learning-rate", "0.03"),
)
WORDS = {"rot": "red", "blau": "blue", "alt": "old", "neu": "new"}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """``train.de`` and ``train.en``, line by line, and the same as a table."""
    rng = random.Random(0)
    sides: dict[str, list[str]] = {"de": [], "en": []}
    for _ in range(200):
        words = rng.choices(list(WORDS), k=rng.randint(1, 4))
        sides["de"].append(" ".join(words))
        sides["en"].append(" ".join(WORDS[word] for word in words))
    for side, lines in sides.items():
        (tmp_path / f"train.{side}").write_text("".join(f"{line}\n" for line in lines))
    rows = "".join(f"{src}\t{tgt}\n" for src, tgt in zip(*sides.values(), strict=True))
    (tmp_path / "pairs.tsv").write_text(f"source\ttarget\n{rows}")
    return tmp_path


def test_two_files_train_and_the_plan_and_samples_are_told(command, pairs):
    done = command("train", "translator", "--src", "train.de", "--tgt", "train.en", *SMALL)
    assert done.code == 0, done.err
    assert done.out == ""
    for part in (
        "190 pairs to train on, 10 to validate",
        "LSTM of 16, in both directions, 1 layer to read, 2 layers to write, general attention",
        "steps of about 16 pairs",
        "perplexity",
        "BLEU",
        "sample at step 10",
        "textrnn translate train-mt",
        "textrnn train translator --resume train-mt",
    ):
        assert part in done.err, part
    assert (pairs / "train-mt" / "config.json").exists()
    more = command("train", "translator", "--resume", "train-mt", "--max-steps", "5", "--json")
    assert more.objects[-1]["event"] == "done"
    told = command("info", "train-mt")
    for side in ("source", "target"):
        assert f"{side:<12}word, vocabulary 8\n" in told.out


def test_a_table_trains_and_every_event_is_a_line_of_json(command, pairs):
    done = command("train", "translator", "pairs.tsv", *SMALL, "--json", "-q", "-o", "m")
    events = done.objects
    assert [event["event"] for event in events[:2]] == ["planned", "saved"]
    assert events[0]["job"] == "translator"
    last = events[-1]
    for name in ("valid_loss", "valid_perplexity", "valid_bleu"):
        assert isinstance(last[name], float), name
    samples = [event["text"] for event in events if event["event"] == "sample"]
    assert len(samples) == 2
    assert all(len(sample.split("\n")) == 9 for sample in samples)


def test_unequal_files_are_refused_with_both_counts(command, pairs):
    (pairs / "short.en").write_text("red\n" * 7)
    done = command("train", "translator", "--src", "train.de", "--tgt", "short.en", *SMALL)
    assert done.code == 1
    assert "200" in done.err
    assert "7" in done.err
    alone = command("train", "translator", "--src", "train.de", *SMALL)
    assert alone.code == 2
    assert "--tgt" in alone.err
    assert not (pairs / "train-mt").exists()


def test_compressed_files_are_read_as_they_are(command, pairs):
    for side in ("de", "en"):
        content = (pairs / f"train.{side}").read_bytes()
        (pairs / f"packed.{side}.gz").write_bytes(gzip.compress(content))
    files = ("--src", "packed.de.gz", "--tgt", "packed.en.gz")
    done = command("train", "translator", *files, *SMALL, "--dry-run")
    assert done.code == 0, done.err
    assert "190 pairs to train on" in done.out


def test_a_plan_can_be_looked_at_and_settings_written_down(command, pairs):
    plan = command("train", "translator", "pairs.tsv", "--dry-run", "--json", "--max-steps", "3")
    (planned,) = plan.objects
    assert planned["settings"]["encoder_layers"] == 2
    settings = command("train", "translator", "--print-config", "--attention", "dot").out
    (pairs / "run.toml").write_text(settings)
    again = command("train", "translator", "--config", "run.toml", "--print-config")
    assert again.out == settings
    assert 'attention = "dot"' in settings


def test_a_resumed_run_keeps_its_data(command, pairs):
    command("train", "translator", "pairs.tsv", *SMALL, "-q")
    done = command("train", "translator", "--resume", "pairs-mt", "--src", "train.de")
    assert done.code == 2
    assert "--src with --resume" in done.err
    same = command("train", "translator", "pairs.tsv", *SMALL, "--init-from", "pairs-mt")
    assert same.code == 2
    assert "cannot start from the one that it replaces" in same.err


def test_nothing_to_train_on(command):
    done = command("train", "translator", *SMALL, stdin="")
    assert done.code == 1
    assert "stdin: is empty" in done.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (
            ("pairs.tsv", "--valid", "pairs.tsv", "--valid-fraction", "0.4"),
            "--valid-fraction: the pairs to validate on have files of their own",
        ),
        (
            ("--src", "train.de", "--tgt", "train.en", "--src-column", "7"),
            "--src-column: files of --src and --tgt have no columns",
        ),
        (("pairs.tsv", "--hidden-size", "15"), "--hidden-size 15: it must be even"),
        (("pairs.tsv", "--batch-size", "8", "--batch-tokens", "9"), "leave one of them out"),
        (("pairs.tsv", "--valid-src", "train.de"), "as many --valid-tgt as --valid-src"),
    ],
)
def test_what_would_do_nothing_is_refused_before_anything_is_read(arguments, part, command, pairs):
    done = command("train", "translator", *arguments)
    assert done.code == 2
    assert part in done.err
    assert "training:" not in done.err
    assert "vocabulary" not in done.err


def test_the_same_file_on_both_sides_is_told(command, pairs):
    files = ("--src", "train.de", "--tgt", "train.de")
    done = command("train", "translator", *files, "--dry-run", *SMALL)
    assert done.code == 0
    assert "200 pairs have the same text on both sides, such as train.de:1; is one file" in done.err
    done = command("train", "translator", "pairs.tsv", "--dry-run", *SMALL)
    assert "the same text" not in done.err


def test_python_trains_and_loads_too(pairs, monkeypatch, environment):
    monkeypatch.setenv("TEXTRNN_CACHE", environment["TEXTRNN_CACHE"])
    events = []
    made = textrnn.train_translator(
        (),
        pairs / "python-mt",
        src=pairs / "train.de",
        tgt=[pairs / "train.en"],
        tokenizer="word",
        spaces=False,
        min_frequency=1,
        hidden_size=16,
        encoder_layers=1,
        batch_size=16,
        max_steps=20,
        threads=1,
        learning_rate=0.03,
        on_event=events.append,
    )
    assert events[-1].name == "done"
    texts = ["rot blau", "", "alt"]
    found = made.translate(texts, beam_size=2)
    assert found == textrnn.load(pairs / "python-mt").translate(texts, beam_size=2)
    assert found[1].translation == ""
    with pytest.raises(textrnn.TextrnnError, match="exists already"):
        textrnn.train_translator(pairs / "pairs.tsv", pairs / "python-mt")
