from pathlib import Path
from typing import Any

import pytest

from textrnn.data.examples import ExampleSettings, prepare_examples, read_examples
from textrnn.errors import DataError, UsageError
from textrnn.tokenizers import TokenizerSettings

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def split(count: int, **more: Any) -> Any:
    """Sorted examples whose labels are numbers with names."""
    columns = {
        "label": [int(i >= count / 2) for i in range(count)],
        "text": [f"text {i},\nof many" for i in range(count)],
        "words": [["a", "b"]] * count,
        **more,
    }
    data = datasets.Dataset.from_dict(columns)
    return data.cast_column("label", datasets.ClassLabel(names=["neg", "pos"]))


def prepared(tmp_path: Path, inputs: list[str], **settings: Any) -> tuple[Any, str]:
    lines: list[str] = []
    corpus = prepare_examples(
        inputs,
        [],
        [],
        ExampleSettings(**settings),
        TokenizerSettings(tokenizer="char"),
        seed=0,
        cache=tmp_path / "cache",
        report=lines.append,
    )
    return corpus, "\n".join(lines)


def counts(corpus: Any) -> list[int]:
    return [len(part.labels) for part in (corpus.train, corpus.valid, corpus.test)]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    split(3000).to_parquet(path)
    examples = list(read_examples([str(path)], ExampleSettings(), cache=tmp_path / "cache"))
    assert len(examples) == 3000
    first, last = examples[0], examples[-1]
    assert (first.text, first.label, first.where) == ("text 0,\nof many", "neg", f"{path}:1")
    assert (last.label, last.where) == ("pos", f"{path}:3000")
    corpus, told = prepared(tmp_path, [str(path)])
    assert counts(corpus) == [2700, 300, 0]
    assert f"{path}: Parquet, text in 'text', label in 'label'" in told
    with pytest.raises(DataError, match=r"r\.parquet:1: 'words' holds a list where text was"):
        prepared(tmp_path, [str(path)], text_column="words")


def test_parquet_of_plain_numbers(tmp_path: Path) -> None:
    path = tmp_path / "unnamed"
    data = datasets.Dataset.from_dict({"review": ["a", None, "c"], "stars": [1, 2, None]})
    data.to_parquet(path)
    reading = read_examples([str(path)], ExampleSettings(), cache=tmp_path / "cache")
    assert [(next(reading).text, next(reading).label)] == [("a", "2")]
    with pytest.raises(DataError, match="unnamed:3: this row has no label"):
        next(reading)


def test_damaged_parquet(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    path.write_bytes(b"PAR1 nothing of the kind")
    with pytest.raises(DataError, match=r"r\.parquet: not valid Parquet"):
        prepared(tmp_path, [str(path)])


def test_a_saved_data_set_in_parts(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    parts = {"train": split(40), "validation": split(6), "unsupervised": split(2)}
    unlabelled = split(2).map(lambda _: {"label": -1})
    datasets.DatasetDict({**parts, "test": unlabelled}).save_to_disk(folder)
    corpus, told = prepared(tmp_path, [str(folder)])
    assert corpus.labels == ("neg", "pos")
    assert counts(corpus) == [40, 6, 0]
    assert f"{folder}: left out its splits unsupervised" in told
    assert f"{folder}[test]: left out, its rows have no label" in told
    assert f"{folder}[train]" in told
    assert corpus.sources[0].path is not None
    again, told = prepared(tmp_path, [f"hf:{folder}"])
    assert again.digest == corpus.digest
    assert "found in the cache" in told
    one, _ = prepared(tmp_path, [f"hf:{folder}:validation"], valid_fraction=0.5)
    assert counts(one) == [4, 2, 0] or counts(one) == [3, 3, 0]
    with pytest.raises(DataError, match=r"no split 'dev'; its splits: train, validation"):
        prepared(tmp_path, [f"hf:{folder}:dev"])


def test_a_saved_split(tmp_path: Path) -> None:
    split(10).save_to_disk(tmp_path / "saved")
    corpus, _ = prepared(tmp_path, [str(tmp_path / "saved")], valid_fraction=0.2)
    assert counts(corpus) == [8, 2, 0]


def test_a_folder_that_datasets_loads(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    split(20).remove_columns("words").to_csv(folder / "train.csv")
    split(4).remove_columns("words").to_csv(folder / "test.csv")
    corpus, _ = prepared(tmp_path, [f"hf:{folder}"])
    assert counts(corpus) == [18, 2, 4]
    inputs = [f"hf:{folder}::train[:50%]"]
    part = list(read_examples(inputs, ExampleSettings(), cache=tmp_path / "cache"))
    assert [example.label for example in part] == ["0"] * 10
    assert part[9].where == f"{inputs[0]}:10"


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no data set is named"):
        prepared(tmp_path, ["hf:"])
    with pytest.raises(DataError, match="hf:no/such-thing: cannot be loaded"):
        prepared(tmp_path, ["hf:no/such-thing"])
