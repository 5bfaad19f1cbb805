import io
import json
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from textrnn.data.cache import clear, list_entries
from textrnn.data.examples import (
    ExampleCorpus,
    ExampleSettings,
    ExampleStore,
    clean,
    open_examples,
    prepare_examples,
    read_examples,
    read_texts,
)
from textrnn.errors import DataError, UsageError
from textrnn.tokenizers import BOS_ID, EOS_ID, CharTokenizer, Tokenizer, TokenizerSettings


class Bench:
    """A folder with files and a cache, and what was reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.lines: list[str] = []

    def write(self, name: str, content: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="")
        return str(path)

    def prepare(
        self,
        inputs: Sequence[str],
        valid: Sequence[str] = (),
        test: Sequence[str] = (),
        tokenizer: str | Tokenizer = "char",
        seed: int = 0,
        **settings: Any,
    ) -> ExampleCorpus:
        self.lines.clear()
        return prepare_examples(
            inputs,
            valid,
            test,
            ExampleSettings(**settings),
            TokenizerSettings(tokenizer=tokenizer) if isinstance(tokenizer, str) else tokenizer,
            seed=seed,
            cache=self.cache,
            report=self.lines.append,
        )

    def refusal(self, *args: Any, **settings: Any) -> str:
        with pytest.raises(DataError) as caught:
            self.prepare(*args, **settings)
        assert not list(self.cache.glob("work-*"))
        return str(caught.value).replace(f"{self.folder}/", "")

    @property
    def told(self) -> str:
        return "\n".join(self.lines).replace(f"{self.folder}/", "")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def rows(count: int, labels: int = 2, start: int = 0) -> str:
    """A sorted table whose texts hold line ends and commas."""
    numbers = sorted(range(start, start + count), key=lambda i: i % labels)
    return "text,label\n" + "".join(f'"text {i},\nof many",{"abc"[i % labels]}\n' for i in numbers)


def pairs(store: ExampleStore, corpus: ExampleCorpus) -> list[tuple[str, str]]:
    tokens = store.tokens
    documents = np.split(tokens.ids, tokens.starts[1:]) if len(tokens.starts) else []
    assert len(documents) == len(store.labels)
    assert all(ids[0] == BOS_ID and ids[-1] == EOS_ID for ids in documents)
    return [
        (corpus.tokenizer.decode(ids), corpus.labels[label])
        for ids, label in zip(documents, store.labels, strict=True)
    ]


def parts(corpus: ExampleCorpus) -> list[list[tuple[str, str]]]:
    return [pairs(store, corpus) for store in (corpus.train, corpus.valid, corpus.test)]


def told_counts(corpus: ExampleCorpus) -> list[int]:
    found = corpus.findings
    return [part.examples for part in (found.train, found.valid, found.test)]


# Parts


def test_a_table_is_divided_and_stored(bench: Bench) -> None:
    corpus = bench.prepare([bench.write("r.csv", rows(40))], test_fraction=0.2)
    train, valid, test = parts(corpus)
    assert corpus.labels == ("a", "b")
    whole = [(f"text {i},\nof many", "ab"[i % 2]) for i in range(40)]
    assert sorted(train + valid + test) == sorted(whole)
    # In the order of the rows.
    assert train == [pair for pair in sorted(whole, key=lambda pair: pair[1]) if pair in train]
    assert [len(part) for part in (train, valid, test)] == [28, 4, 8] == told_counts(corpus)
    for part, each in ((valid, 2), (test, 4)):
        assert [label for _, label in part].count("a") == each
    assert corpus.train.labels.dtype == np.dtype("int32")
    assert isinstance(corpus.train.labels, np.memmap)
    assert corpus.train.tokens.ids.dtype == np.dtype("uint8")


def test_parts_with_files_of_their_own_take_nothing_from_the_inputs(bench: Bench) -> None:
    train = bench.write("train.csv", rows(20))
    valid = bench.write("valid.tsv", "label\tcontent\na\tv 1\nb\tv 2\n")
    test = bench.write("test.jsonl", '{"y": "a", "body": "t 1"}\n')
    corpus = bench.prepare([train], [valid], [test], test_fraction=0.5)
    assert parts(corpus)[1:] == [[("v 1", "a"), ("v 2", "b")], [("t 1", "a")]]
    assert told_counts(corpus) == [20, 2, 1]
    assert [s[0].name for s in (corpus.sources, corpus.valid_sources, corpus.test_sources)] == [
        train,
        valid,
        test,
    ]
    assert "valid.tsv: TSV, text in 'content', label in 'label'" in bench.told
    assert "test.jsonl: JSON Lines, text in 'body', label in 'y'" in bench.told


def test_a_folder_in_parts(bench: Bench) -> None:
    bench.write("d/train.csv", rows(20))
    bench.write("d/dev.csv", rows(4, start=100))
    bench.write("d/test.csv", "text,label\nx,\ny,\n")
    corpus = bench.prepare([str(bench.folder / "d")])
    assert told_counts(corpus) == [20, 4, 0]
    assert "d/test.csv: left out, its rows have no label" in bench.told
    other = bench.write("other.csv", rows(2, start=200))
    assert told_counts(bench.prepare([str(bench.folder / "d")], [other])) == [20, 2, 0]
    assert "d/dev.csv: left out, since other files were given for it" in bench.told


def test_a_folder_a_class(bench: Bench) -> None:
    for i in range(10):
        bench.write(f"d/{'pos' if i % 2 else 'neg'}/{i}.txt", f"text {i}\n")
    corpus = bench.prepare([str(bench.folder / "d")], valid_fraction=0.2)
    assert corpus.labels == ("neg", "pos")
    train, valid, _ = parts(corpus)
    assert len(train) == 8
    assert {label for _, label in valid} == {"neg", "pos"}
    assert sorted(text for text, _ in train + valid) == [f"text {i}" for i in range(10)]
    assert len(corpus.sources) == 1


def test_stdin(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO(rows(20).encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
    corpus = bench.prepare(["-"])
    assert told_counts(corpus) == [18, 2, 0]
    assert corpus.sources[0].path is None
    found = open_examples(corpus.digest, bench.cache)
    assert found is not None
    assert parts(found) == parts(corpus)
    with pytest.raises(UsageError, match="stdin can be read only once"):
        bench.prepare(["-"], ["-"])


def test_labels_are_sorted_numbers_by_value(bench: Bench) -> None:
    lines = [json.dumps({"text": f"t {i}", "label": v}) for i, v in enumerate([10, 2, "x", 1.5])]
    corpus = bench.prepare([bench.write("r.jsonl", "\n".join(lines))], valid_fraction=0.0)
    assert corpus.labels == ("1.5", "2", "10", "x")
    assert corpus.train.labels.tolist() == [2, 1, 3, 0]


def test_texts_are_cleaned(bench: Bench) -> None:
    assert clean(" a<br /><BR>b<br/ >&amp;\r\nc\rd \n") == "a\n\nb<br/ >&amp;\nc\nd"
    text = "text,label\na<br />b,1\n c ,2\n"
    corpus = bench.prepare([bench.write("r.csv", text)], valid_fraction=0.0)
    assert parts(corpus)[0] == [("a\nb", "1"), ("c", "2")]


# Findings


def test_empty_texts_are_left_out_and_counted(bench: Bench) -> None:
    text = rows(20) + ",a\n<br /> ,b\n,\n"
    corpus = bench.prepare([bench.write("r.csv", text)])
    assert sum(told_counts(corpus)) == 20
    assert corpus.findings.train.empty == 3
    assert "training: left out 3 rows with an empty text" in bench.told


def test_repeats_and_contradictions(bench: Bench) -> None:
    text = "text,label\n" + "one  text,a\none text,a\nOne text,a\none\ttext,b\n" + rows(8)[11:]
    corpus = bench.prepare([bench.write("r.csv", text)], valid_fraction=0.5)
    found = corpus.findings
    assert (found.duplicates.count, found.contradictions.count) == (1, 1)
    assert "training: 1 row repeats a text, such as r.csv:3 (r.csv:2)" in bench.told
    assert "1 row repeats a text with another label, such as r.csv:5 (r.csv:2)" in bench.told
    together = [
        [text for text, _ in part if " ".join(text.split()) == "one text"] for part in parts(corpus)
    ]
    assert sorted(map(len, together)) == [0, 0, 3]


def test_leaks_are_counted_and_dropped_if_wished(bench: Bench) -> None:
    train = bench.write("train.csv", rows(20))
    valid = bench.write("valid.csv", rows(2) + "new,a\n")
    test = bench.write("test.csv", 'text,label\n"text 4, of many ",a\n')
    corpus = bench.prepare([train], [valid], [test])
    found = corpus.findings
    assert (found.valid_leaks.count, found.test_leaks.count, found.dropped) == (2, 1, 0)
    assert "validation: 2 rows stand in the training files too, such as valid.csv:2" in bench.told
    assert "(train.csv:6)" in bench.told
    assert "--drop-leaks" in bench.told
    kept = bench.prepare([train], [valid], [test], drop_leaks=True)
    assert told_counts(kept) == [17, 3, 1]
    assert kept.findings.dropped == 3
    texts = {text for text, _ in parts(kept)[0]}
    assert not texts & {f"text {i},\nof many" for i in (0, 1, 4)}
    assert kept.digest != corpus.digest


def test_labels_with_one_text_and_labels_alike(bench: Bench) -> None:
    text = rows(20) + "x,rare\ny,A\nz, a \n"
    corpus = bench.prepare([bench.write("r.csv", text)])
    assert corpus.findings.single == ("A", "rare")
    assert corpus.findings.alike == (("A", "a"),)
    assert ("x", "rare") in parts(corpus)[0]
    assert "stays in training: 'A', 'rare'" in bench.told
    assert "differ in case alone count as different: 'A', 'a'" in bench.told


def test_findings_pass_through_json(bench: Bench) -> None:
    found = bench.prepare([bench.write("r.csv", rows(20) + "x,rare\n,a\n")]).findings
    record = json.loads(json.dumps(found.as_dict()))
    assert type(found).from_dict(record) == found
    assert record["train"]["labels"] == {"a": 9, "b": 9, "rare": 1}


# Refusals


def test_rows_without_label(bench: Bench) -> None:
    text = rows(4) + "x,\ny,b\nz, \n"
    assert bench.refusal([bench.write("r.csv", text)]).startswith(
        "r.csv:10: 2 rows have no label, first here; add what is missing"
    )
    assert bench.refusal([bench.write("r.jsonl", '{"text": "x", "label": null}')]).startswith(
        "r.jsonl:1: 1 row has no label, here"
    )


def test_labels_that_training_never_saw(bench: Bench) -> None:
    train = bench.write("train.csv", rows(20))
    valid = bench.write("valid.csv", rows(4) + "x,c\ny,d\nz,c\n")
    assert bench.refusal([train], [valid]) == (
        "valid.csv:10: labels of validation that training never saw: 'c' (first at valid.csv:10), 'd' "
        "(first at valid.csv:11); training has 'a', 'b': mend the labels, add examples of them to "
        "training, or choose another --label-column"
    )


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        (rows(9, labels=1), {}, "r.csv: every example is labelled 'a'; give examples of two"),
        ("text,label\n", {}, "r.csv: no example to train on; give rows"),
        ("text,label\n,a\n,b\n", {}, "r.csv: no example to train on"),
        (rows(2), {}, "r.csv: 2 rows leave nothing for validation with --valid-fraction 0.1"),
        (
            "id,label\n" + "".join(f"t {i},l{i}\n" for i in range(10_003)),
            {"text_column": "1"},
            "r.csv:10003: more than 10,000 different labels, 'l10001' the last",
        ),
    ],
)
def test_nothing_to_learn_from(
    bench: Bench, text: str, settings: dict[str, Any], expected: str
) -> None:
    assert bench.refusal([bench.write("r.csv", text)], **settings).startswith(expected)


def test_leaks_that_would_leave_nothing(bench: Bench) -> None:
    train, valid = (
        bench.write("t.csv", rows(4) + "x,c\n"),
        bench.write("v.csv", "text,label\nx,c\n"),
    )
    assert bench.refusal([train], [valid], drop_leaks=True).startswith(
        "t.csv: nothing is left to train on for 'c', since all such texts stand in"
    )


# The cache


def test_a_second_preparation_reads_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.write("r.csv", rows(20) + ",a\n")
    first = bench.prepare([path], tokenizer="word")
    told = list(bench.lines)
    monkeypatch.setattr("textrnn.data.tables.separated.SeparatedTable.rows", None)
    monkeypatch.setattr("textrnn.data.tables.opening._head", None)
    again = bench.prepare([path], tokenizer="word")
    assert sorted(bench.lines) == sorted([*told, f"{path}: prepared before, found in the cache"])
    assert again.digest == first.digest
    assert again.findings == first.findings
    assert parts(again) == parts(first)
    bench.prepare([path], tokenizer=first.tokenizer)
    (entry,) = list_entries(bench.cache)
    assert entry.sources == (path,)


def test_what_matters_makes_another_corpus(bench: Bench) -> None:
    path = bench.write("r.csv", rows(40))
    first = bench.prepare([path])
    others = [
        bench.prepare([path], seed=1),
        bench.prepare([path], valid_fraction=0.2),
        bench.prepare([path], test_fraction=0.1),
        bench.prepare([bench.write("s.csv", rows(42))]),
    ]
    assert len({corpus.digest for corpus in (first, *others)}) == 5
    # Without anything to divide the seed is no matter, nor is a name.
    own = bench.prepare([path], [path], seed=1)
    assert bench.prepare([bench.write("moved.csv", rows(40))], [path], seed=2).digest == own.digest
    assert "found in the cache" in bench.told


def test_a_damaged_corpus_is_made_again(bench: Bench) -> None:
    path = bench.write("r.csv", rows(20))
    first = bench.prepare([path])
    whole = parts(first)
    (labels,) = bench.cache.glob("corpora/*/train.labels")
    content = bytearray(labels.read_bytes())
    content[0] ^= 1
    labels.write_bytes(content)
    again = bench.prepare([path])
    assert "found in the cache" not in bench.told
    assert parts(again) == whole
    assert again.digest == first.digest


def test_a_corpus_is_found_by_its_digest(bench: Bench) -> None:
    corpus = bench.prepare([bench.write("r.csv", rows(20))])
    found = open_examples(corpus.digest, bench.cache)
    assert found is not None
    assert found.findings == corpus.findings
    assert found.sources == corpus.sources
    clear(bench.cache)
    assert open_examples(corpus.digest, bench.cache) is None


def test_tokenizers_learn_from_the_training_part_alone(bench: Bench) -> None:
    train = bench.write("t.csv", "text,label\nred red red,a\nblue blue,b\n")
    valid = bench.write("v.csv", "text,label\ngreen green green,a\n")
    words = bench.prepare([train], [valid], tokenizer="word")
    assert words.tokenizer.unknown(" red green") == ["green"]
    letters = bench.prepare([train], [valid], tokenizer="char")
    assert letters.tokenizer.unknown("green blue") == []
    given = CharTokenizer.train(["red"])
    assert bench.prepare([train], [valid], tokenizer=given).valid.tokens.unknown > 0


# Reading without preparing


def test_examples_are_read_in_order(bench: Bench) -> None:
    path = bench.write("r.csv", "text,label\na, x \n,y\n")
    found = list(read_examples([path], ExampleSettings(), cache=bench.cache))
    assert [(e.text, e.label, e.where) for e in found] == [
        ("a", "x", f"{path}:2"),
        ("", "y", f"{path}:3"),
    ]
    broken = bench.write("b.csv", "text,label\na,x\nb,\n")
    reading = read_examples([broken], ExampleSettings(), cache=bench.cache)
    assert next(reading).label == "x"
    with pytest.raises(DataError, match=r"b\.csv:3: this row has no label"):
        next(reading)
    assert not list(bench.cache.glob("work-*"))


def test_the_test_part_of_a_folder_is_evaluated(bench: Bench) -> None:
    bench.write("d/train.csv", rows(4))
    bench.write("d/test.csv", "text,label\nt,a\n")
    inputs = [str(bench.folder / "d")]
    (one,) = read_examples(inputs, ExampleSettings(), cache=bench.cache, report=bench.lines.append)
    assert one.text == "t"
    assert "d/test.csv: taken, of several parts" in bench.told


def test_texts_are_read_from_tables_and_lines(bench: Bench) -> None:
    table = bench.write("r.csv", 'id,body\n1,"a\nb"\n2,\n')
    lines = bench.write("r.txt", "one, two\n\nthree")

    def texts(inputs: list[str], **values: str) -> list[tuple[str, str]]:
        found = read_texts(inputs, ExampleSettings(**values), cache=bench.cache)
        return [(row.text, Path(row.where).name) for row in found]

    assert texts([table]) == [("a\nb", "r.csv:2"), ("", "r.csv:4")]
    assert texts([lines]) == [("one, two", "r.txt:1"), ("", "r.txt:2"), ("three", "r.txt:3")]
    assert texts([table], text_column="id") == [("1", "r.csv:2"), ("2", "r.csv:4")]
    with pytest.raises(DataError, match="is no table as"):
        texts([table, lines])


# Memory


def test_memory_does_not_grow_with_the_rows(bench: Bench) -> None:
    """20,000 rows of 2,500 characters: 50 MB of text."""
    path = bench.folder / "big.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for i in range(20_000):
            file.write(f"{i} {'w' * 2490},{i % 3}\n")
    tracemalloc.start()
    try:
        bench.prepare([str(path)], tokenizer="byte")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 25e6
