import gzip
import io
import json
import re
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.data.cache import clear, list_entries
from textrnn.data.pairs import (
    PairCorpus,
    PairSettings,
    PairStore,
    one_line,
    open_pairs,
    prepare_pairs,
    read_pairs,
)
from textrnn.errors import DataError, UsageError
from textrnn.tokenizers import BOS_ID, EOS_ID, CharTokenizer, Tokenizer, TokenizerSettings

Texts = list[tuple[str, str]]


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

    def parallel(self, name: str, count: int, start: int = 0) -> tuple[str, str]:
        """Two files whose lines belong together."""
        src, tgt = zip(*texts(count, start), strict=True)
        return (
            self.write(f"{name}.de", "".join(f"{line}\n" for line in src)),
            self.write(f"{name}.en", "".join(f"{line}\n" for line in tgt)),
        )

    def prepare(
        self,
        inputs: Sequence[str] = (),
        src: Sequence[str] = (),
        tgt: Sequence[str] = (),
        valid: Sequence[str] = (),
        valid_src: Sequence[str] = (),
        valid_tgt: Sequence[str] = (),
        tokenizer: str | Tokenizer | TokenizerSettings = "char",
        joint: bool = False,
        seed: int = 0,
        **settings: Any,
    ) -> PairCorpus:
        self.lines.clear()
        if isinstance(tokenizer, str):
            tokenizer = TokenizerSettings(tokenizer=tokenizer)
        return prepare_pairs(
            inputs,
            src,
            tgt,
            valid,
            valid_src,
            valid_tgt,
            PairSettings(**settings),
            tokenizer,
            tokenizer,
            joint=joint,
            seed=seed,
            cache=self.cache,
            report=self.lines.append,
        )

    def refusal(self, *args: Any, kind: type[Exception] = DataError, **settings: Any) -> str:
        with pytest.raises(kind) as caught:
            self.prepare(*args, **settings)
        assert not list(self.cache.glob("work-*"))
        return str(caught.value).replace(f"{self.folder}/", "")

    @property
    def told(self) -> str:
        return "\n".join(self.lines).replace(f"{self.folder}/", "")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def texts(count: int, start: int = 0) -> Texts:
    return [(f"Satz Nummer {i}.", f"Sentence no. {i}!") for i in range(start, start + count)]


def table(pairs: Texts, header: str = "de\ten") -> str:
    return "".join(f"{line}\n" for line in [header, *map("\t".join, pairs)])


def pairs(store: PairStore, corpus: PairCorpus) -> Texts:
    sides = []
    for side, tokenizer in (
        (store.src, corpus.src_tokenizer),
        (store.tgt, corpus.tgt_tokenizer),
    ):
        documents = np.split(side.ids, side.starts[1:]) if len(side.starts) else []
        assert all(ids[0] == BOS_ID and ids[-1] == EOS_ID for ids in documents)
        assert len(documents) == len(store)
        sides.append([tokenizer.decode(ids) for ids in documents])
    return list(zip(*sides, strict=True))


def both(corpus: PairCorpus) -> Texts:
    return sorted(pairs(corpus.train, corpus) + pairs(corpus.valid, corpus))


# Where pairs come from


def test_line_parallel_files(bench: Bench) -> None:
    src, tgt = bench.parallel("train", 40)
    corpus = bench.prepare(src=[src], tgt=[tgt])
    assert both(corpus) == sorted(texts(40))
    # In the order of the lines.
    assert pairs(corpus.train, corpus) == [p for p in texts(40) if p in pairs(corpus.train, corpus)]
    assert (len(corpus.train), len(corpus.valid)) == (38, 2)
    assert [source.path for source in corpus.sources] == [src, tgt]
    assert "train.de and train.en: line by line" in bench.told
    assert "training: 38 pairs\nvalidation: 2 pairs" in bench.told
    assert isinstance(corpus.train.src.ids, np.memmap)


def test_files_of_their_own_for_validation(bench: Bench) -> None:
    src, tgt = bench.parallel("train", 20)
    valid = bench.parallel("val", 3, start=100)
    corpus = bench.prepare(src=[src], tgt=[tgt], valid_src=[valid[0]], valid_tgt=[valid[1]])
    assert pairs(corpus.train, corpus) == texts(20)
    assert pairs(corpus.valid, corpus) == texts(3, 100) == list(corpus.valid_pairs())
    assert corpus.valid_pair(2) == texts(1, 102)[0]
    assert [source.name for source in corpus.valid_sources] == list(valid)
    other = bench.write("val.tsv", table(texts(2, 200)))
    mixed = bench.prepare(src=[src], tgt=[tgt], valid=[other])
    assert pairs(mixed.valid, mixed) == texts(2, 200)


def test_several_files_compressed_and_with_other_line_ends(bench: Bench) -> None:
    src, tgt = bench.parallel("a", 3)
    second = bench.write("b.de", "\ufeffEins\r\nZwei\r\nDrei"), str(bench.folder / "b.en.gz")
    with gzip.open(second[1], "wb") as file:
        file.write("One\rand\nTwo\u2028\x0bmore\nThree\n".encode())
    corpus = bench.prepare(src=[src, second[0]], tgt=[tgt, second[1]], valid_fraction=0)
    assert pairs(corpus.train, corpus) == [
        *texts(3),
        ("Eins", "One and"),
        ("Zwei", "Two more"),
        ("Drei", "Three"),
    ]


def test_the_same_source_with_several_targets(bench: Bench) -> None:
    src, tgt = bench.parallel("a", 20)
    other = bench.write("c.en", "".join(f"Other words, {i}!\n" for i in range(20)))
    corpus = bench.prepare(src=[src, src], tgt=[tgt, other], valid_fraction=0.5)
    assert len(corpus.train) + len(corpus.valid) == 40
    # Pairs of equal sources stay together.
    parts = [{src for src, _ in pairs(p, corpus)} for p in (corpus.train, corpus.valid)]
    assert not parts[0] & parts[1]
    assert corpus.findings.duplicates.count == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.tsv", table(texts(9))),
        ("r.tsv", "".join(f"{s}\t{t}\n" for s, t in texts(9))),
        ("r.csv", table(texts(9)).replace("\t", ",").replace("de,", "Question,", 1)),
        ("r.csv", "id;x;y\n" + "".join(f"{i};{s};{t}\n" for i, (s, t) in enumerate(texts(9)))),
        (
            "r.jsonl",
            "\n".join(json.dumps({"id": 1, "target": t, "source": s}) for s, t in texts(9)),
        ),
        (
            "r.jsonl",
            "\n".join(json.dumps({"translation": {"de": s, "en": t}}) for s, t in texts(9)),
        ),
    ],
    ids=["header", "no header", "usual", "text columns", "order", "nested"],
)
def test_tables(bench: Bench, name: str, text: str) -> None:
    corpus = bench.prepare([bench.write(name, text)], valid_fraction=0)
    assert pairs(corpus.train, corpus) == texts(9)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("src,tgt,de,en", "from 'src' to 'tgt'"),
        ("en,id,de,score", "from 'en' to 'de'"),
        ("it,en,score,id", "from 'it' to 'en'"),
        ("text,lang,summary,id", "from 'text' to 'summary'"),
        ("id,article,headline,text", "from 'article' to 'headline'"),
        ("German,x,English,y", "from 'German' to 'English'"),
        ("pt_BR,x,pt-PT,y", "from 'pt_BR' to 'pt-PT'"),
    ],
)
def test_columns_by_name(bench: Bench, header: str, expected: str) -> None:
    body = "".join(f"a {i},b {i},c {i},{i}\n" for i in range(9))
    bench.prepare([bench.write("r.csv", f"{header}\n{body}")])
    assert f"r.csv: CSV, {expected}" in bench.told


def test_columns_that_are_named(bench: Bench) -> None:
    body = "".join(f"{i},die {i},the {i},le {i}\n" for i in range(9))
    path = bench.write("r.csv", f"id,de,en,fr\n{body}")
    for wanted, expected in (
        ({"src_column": "fr", "tgt_column": "2"}, ("le 0", "die 0")),
        ({"src_column": "EN", "tgt_column": "id"}, ("the 0", "0")),
    ):
        corpus = bench.prepare([path], valid_fraction=0, **wanted)
        assert pairs(corpus.train, corpus)[0] == expected
    two = bench.write("two.csv", f"id,x,de,en\n{body}")
    corpus = bench.prepare([two], valid_fraction=0, src_column="en")
    assert pairs(corpus.train, corpus)[0] == ("le 0", "the 0")
    assert "no column 'frr'; did you mean" in bench.refusal([path], src_column="frr")
    assert "its own translation" in bench.refusal([path], src_column="de", tgt_column="2")
    told = bench.refusal([path])
    assert told.startswith(
        "r.csv (CSV): 'de' and 'en' and 'fr' may each be one of the sides; the columns"
    )
    assert "--src-column and --tgt-column" in told
    told = bench.refusal([path], tgt_column="fr")
    assert "'de' and 'en' may each be the other side" in told
    assert "--src-column" in told


def test_a_folder_in_parts(bench: Bench) -> None:
    for name, count in (("train", 20), ("dev", 4), ("test", 3)):
        bench.write(f"d/{name}.tsv", table(texts(count, start=100 * len(name))))
    folder = str(bench.folder / "d")
    corpus = bench.prepare([folder])
    assert (len(corpus.train), len(corpus.valid)) == (20, 4)
    assert "d/test.tsv: left out, a part for tests" in bench.told
    own = bench.write("own.tsv", table(texts(2, 900)))
    assert len(bench.prepare([folder], valid=[own]).valid) == 2
    assert "d/dev.tsv: left out, since other files were given for it" in bench.told
    read = list(read_pairs([folder], [], [], PairSettings(), cache=bench.cache))
    assert [(pair.src, pair.tgt) for pair in read] == texts(3, 400)


def test_nested_columns_of_data_sets(bench: Bench) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"de": s, "en": t} for s, t in texts(9)]
    features = datasets.Features(
        {"id": datasets.Value("string"), "translation": datasets.Translation(["de", "en"])}
    )
    data = datasets.Dataset.from_dict(
        {"id": list("abcdefghi"), "translation": rows}, features=features
    )
    datasets.disable_progress_bars()
    data.to_parquet(bench.folder / "r.parquet")
    datasets.DatasetDict({"train": data}).save_to_disk(bench.folder / "saved")
    for name in ("r.parquet", "saved"):
        corpus = bench.prepare([str(bench.folder / name)], valid_fraction=0)
        assert pairs(corpus.train, corpus) == texts(9)
        assert "from 'translation.de' to 'translation.en'" in bench.told


def test_stdin(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    src, tgt = bench.parallel("train", 20)
    buffer = io.BytesIO(Path(src).read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
    corpus = bench.prepare(src=["-"], tgt=[tgt])
    assert both(corpus) == sorted(texts(20))
    assert [source.path for source in corpus.sources] == [None, tgt]
    told = bench.refusal(src=["-"], tgt=["-"], kind=UsageError)
    assert told.startswith("stdin can be read only once")


def test_white_space_is_one_space() -> None:
    assert one_line(" a\tb \r\n c\u2028d\x85 ") == "a b c d"
    assert one_line("1\u00a0km\u3000") == "1\u00a0km"
    assert one_line(None) == one_line(" \u00a0\n") == ""


@given(st.text(st.sampled_from("ab \t\n\r\x0b\x1c\x85\u2028\u00a0")))
def test_no_white_space_but_single_spaces_is_left(text: str) -> None:
    plain = re.sub("[ \t\n\r\x0b\x1c\x85\u2028]+", " ", text).strip()
    assert one_line(text) == plain == one_line(plain)


# What is left out, what is told


def test_empty_sides_are_left_out_and_counted(bench: Bench) -> None:
    path = bench.write("r.tsv", table([*texts(20), ("", "x"), ("y", " "), ("\u00a0", "")]))
    valid = bench.write("v.tsv", table([("", "x"), *texts(2, 50)]))
    corpus = bench.prepare([path], valid=[valid])
    assert both(corpus) == sorted(texts(20) + texts(2, 50))
    assert list(corpus.valid_pairs()) == texts(2, 50)
    assert "training: left out 3 pairs with an empty side" in bench.told
    assert "validation: left out 1 pair with an empty side" in bench.told


def test_wild_lengths_are_left_out_of_training_and_counted(bench: Bench) -> None:
    wild = [("a" * 200, "b" * 40), ("c" * 40, "d" * 200)]
    short = [("Ja.", "Yes, it certainly is."), ("Entschuldigen Sie bitte!", "Sorry!")]
    path = bench.write("r.tsv", table([*texts(60), *wild, *short]))
    valid = bench.write("v.tsv", table(wild))
    corpus = bench.prepare([path], valid=[valid])
    assert pairs(corpus.train, corpus) == texts(60) + short
    assert pairs(corpus.valid, corpus) == wild
    assert corpus.findings.wild.count == 2
    assert (
        "training: left out 2 pairs whose lengths stand in a ratio more than 3 times above or below the "
        "usual one, such as r.tsv:62 (--length-ratio)"
    ) in bench.told
    # Neither trained on nor validated on where files are divided.
    assert len(both(bench.prepare([path], valid_fraction=0.5))) == 62
    assert len(bench.prepare([path], valid=[valid], length_ratio=9).train) == 64
    assert len(bench.prepare([path], valid=[valid], length_ratio=1.2).train) < 63


def test_the_usual_ratio_is_that_of_the_corpus(bench: Bench) -> None:
    """Headlines are short, and answers of any length."""
    headlines = [(f"{i} " + "w" * (400 + i), f"{i} headline of the thing") for i in range(60)]
    path = bench.write("r.tsv", table([*headlines, ("1 " + "w" * 300, "1 " + "h" * 300)]))
    corpus = bench.prepare([path], valid_fraction=0)
    assert pairs(corpus.train, corpus) == headlines
    answers = [(f"q {i}" + "q" * (i * 37 % 90), f"a {i}" + "a" * (i * 53 % 97)) for i in range(90)]
    corpus = bench.prepare([bench.write("a.tsv", table(answers))], valid_fraction=0)
    assert pairs(corpus.train, corpus) == answers


def test_repeats_are_counted(bench: Bench) -> None:
    more = [("Satz  Nummer 1.", "Sentence no. 1!"), ("Satz Nummer 2.", "Another")]
    bench.prepare([bench.write("r.tsv", table([*texts(20), *more]))])
    assert "training: 1 pair repeats another, such as r.tsv:22 (r.tsv:3)" in bench.told


def test_leaks_are_counted_and_dropped_if_wished(bench: Bench) -> None:
    src, tgt = bench.parallel("train", 20)
    valid = bench.write("v.tsv", table([("Satz Nummer 3.", "Other"), *texts(2, 5), ("a", "b")]))
    kept = bench.prepare(src=[src], tgt=[tgt], valid=[valid])
    assert (
        "validation: the source of 3 pairs stands in the training files too, with the same target that of "
        "2, such as v.tsv:2 (train.de:4)\nresults on them flatter; --drop-leaks"
    ) in bench.told
    dropped = bench.prepare(src=[src], tgt=[tgt], valid=[valid], drop_leaks=True)
    assert pairs(dropped.train, dropped) == [
        p for i, p in enumerate(texts(20)) if i not in (3, 5, 6)
    ]
    assert "training: left out 3 pairs whose source is in validation" in bench.told
    assert dropped.digest != kept.digest


def test_findings_pass_through_json(bench: Bench) -> None:
    wild = ("a" * 200, "b" * 20)
    path = bench.write("r.tsv", table([*texts(20), *texts(2), ("", "x"), wild]))
    found = bench.prepare([path]).findings
    assert type(found).from_dict(json.loads(json.dumps(found.as_dict()))) == found


# Refusals


@pytest.mark.parametrize("longer", ["de", "en"])
def test_unequal_counts_are_refused_with_both(bench: Bench, longer: str) -> None:
    src, tgt = bench.parallel("a", 5)
    bench.write(f"a.{longer}", "x\n" * 7)
    de, en = (7, 5) if longer == "de" else (5, 7)
    told = bench.refusal(src=[src], tgt=[tgt])
    assert told.startswith(f"a.de has {de} lines and a.en has {en} lines: line by line one must")
    last = bench.write("a.de", "x\n" * (en - 1) + "x")
    bench.prepare(src=[last], tgt=[tgt], valid_fraction=0)


def test_what_cannot_be_paired(bench: Bench) -> None:
    src, tgt = bench.parallel("a", 5)
    assert "give as many --tgt as --src" in bench.refusal(src=[src], kind=UsageError)
    assert "2 files to translate from and 1" in bench.refusal(
        src=[src, tgt], tgt=[tgt], kind=UsageError
    )
    assert bench.refusal(kind=UsageError).startswith("no input: give a table with both sides")
    assert "is a folder" in bench.refusal(src=[str(bench.folder)], tgt=[tgt])
    assert "no such file" in bench.refusal(src=[src], tgt=[f"{tgt}x"])
    assert "single column" in bench.refusal([bench.write("r.jsonl", '{"a": "b"}\n')])


def test_texts_without_a_table_are_told_how_to_be_given(bench: Bench) -> None:
    src, tgt = bench.parallel("d/a", 5)
    commas = bench.write("b.de", "Ja, nein\nNein, ja\nJa, und, nein\n")
    for inputs in ([src, tgt], [commas], [str(bench.folder / "d")]):
        assert bench.refusal(inputs).endswith("together are --src FILE --tgt FILE")
    assert "--src FILE" not in bench.refusal([bench.write("r.tsv", "a\tb\nc\n")])


def test_nothing_to_learn_from(bench: Bench) -> None:
    empty = bench.write("e.tsv", table([("", "x"), ("y", "")]))
    good = bench.write("g.tsv", table(texts(5)))
    assert bench.refusal([empty]).startswith("e.tsv: no pair to train on; give rows")
    assert bench.refusal([good], valid=[empty]).startswith("e.tsv: no pair for validation")
    told = bench.refusal([good], valid=[good], drop_leaks=True)
    assert told.startswith("g.tsv: no pair to train on; train without --drop-leaks")
    one = bench.write("o.tsv", table(texts(1)))
    assert bench.refusal([one]).startswith("o.tsv: 1 pair leaves nothing for validation")


def test_undecodable_lines_are_named(bench: Bench) -> None:
    src, tgt = bench.parallel("a", 3)
    Path(tgt).write_bytes(b"one\nf\xfcnf\nthree\n")
    assert bench.refusal(src=[src], tgt=[tgt]).startswith("a.en:2: byte 0xfc")


# Tokenizers


def test_each_side_has_its_tokenizer_unless_joint(bench: Bench) -> None:
    path = bench.write("r.tsv", table([("abc", "xyz"), ("cba", "zyx"), ("bac", "yxz")]))
    corpus = bench.prepare([path], valid_fraction=0)
    assert corpus.src_tokenizer.unknown("abcxyz") == ["x", "y", "z"]
    assert corpus.tgt_tokenizer.unknown("abcxyz") == ["a", "b", "c"]
    joint = bench.prepare([path], valid_fraction=0, joint=True)
    assert joint.src_tokenizer is joint.tgt_tokenizer
    assert joint.src_tokenizer.unknown("abcxyz") == []
    assert pairs(joint.train, joint) == pairs(corpus.train, corpus)
    assert joint.digest != corpus.digest


@pytest.mark.parametrize("joint", [False, True])
def test_words_are_learnt_from_the_training_part_alone(bench: Bench, joint: bool) -> None:
    train = bench.write("t.tsv", table([("rot rot rot", "red red red"), ("blau", "blue blue")]))
    valid = bench.write("v.tsv", table([("grün grün", "green green")]))
    words = bench.prepare([train], valid=[valid], tokenizer="word", joint=joint)
    assert words.tgt_tokenizer.unknown(" red green") == ["green"]
    assert words.src_tokenizer.unknown(" rot grün") == ["grün"]
    # The text is whole all the same.
    assert list(words.valid_pairs()) == [("grün grün", "green green")]
    letters = bench.prepare([train], valid=[valid], joint=joint)
    assert letters.tgt_tokenizer.unknown("red green") == []


def test_the_number_of_pieces_grows_with_the_text(bench: Bench) -> None:
    def many(count: int) -> Texts:
        rng = np.random.default_rng(0)
        words = ["".join(rng.choice(list("abcdefghij"), 5)) for _ in range(2000)]
        return [
            (" ".join(rng.choice(words, 6)), " ".join(rng.choice(words, 6))) for _ in range(count)
        ]

    sizes = []
    for count in (200, 2000):
        corpus = bench.prepare([bench.write("r.tsv", table(many(count)))], tokenizer="bpe")
        sizes.append(corpus.src_tokenizer.vocab_size)
        assert "were asked for" not in bench.told
    assert sizes[0] < 900 < sizes[1] < 1600
    asked = TokenizerSettings(tokenizer="bpe", vocab_size=300)
    corpus = bench.prepare([bench.write("r.tsv", table(many(200)))], tokenizer=asked)
    assert corpus.src_tokenizer.vocab_size == 300


def test_tokenizers_that_exist(bench: Bench) -> None:
    path = bench.write("r.tsv", table(texts(9)))
    given = CharTokenizer.train(["Satz Number"])
    corpus = bench.prepare([path], tokenizer=given)
    assert corpus.train.tgt.unknown > 0
    assert corpus.tgt_tokenizer.fingerprint == given.fingerprint


# The cache


def test_a_second_preparation_reads_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    src, tgt = bench.parallel("train", 20)
    path = bench.write("r.tsv", table([*texts(20, 50), ("", "x")]))
    settings: Any = {"inputs": [path], "src": [src], "tgt": [tgt], "tokenizer": "word"}
    first = bench.prepare(**settings)
    told = list(bench.lines)
    monkeypatch.setattr("textrnn.data.tables.separated.SeparatedTable.rows", None)
    monkeypatch.setattr("textrnn.data.tables.opening._head", None)
    monkeypatch.setattr("textrnn.data.tables.parallel.ParallelTable.rows", None)
    again = bench.prepare(**settings)
    found = f"{src} and {tgt} and 1 more: prepared before, found in the cache"
    assert sorted(bench.lines) == sorted([*told, found])
    assert (again.digest, again.findings) == (first.digest, first.findings)
    assert list(again.valid_pairs()) == list(first.valid_pairs())
    (entry,) = list_entries(bench.cache)
    assert entry.sources == (src, tgt, path)


def test_what_matters_makes_another_corpus(bench: Bench) -> None:
    path = bench.write("r.tsv", table(texts(40)))
    corpora = [
        bench.prepare([path]),
        bench.prepare([path], seed=1),
        bench.prepare([path], valid_fraction=0.2),
        bench.prepare([path], src_column="en", tgt_column="de"),
        bench.prepare([bench.write("s.tsv", table(texts(42)))]),
    ]
    assert len({corpus.digest for corpus in corpora}) == 5
    # Without anything to divide the seed is no matter, nor is a name.
    own = bench.prepare([path], valid=[path], seed=1)
    moved = bench.write("moved.tsv", table(texts(40)))
    assert bench.prepare([moved], valid=[path], seed=2).digest == own.digest
    assert "found in the cache" in bench.told


@pytest.mark.parametrize("name", ["train.tgt.ids", "valid-text.src.starts", "tokenizer-tgt/*"])
def test_a_damaged_corpus_is_made_again(bench: Bench, name: str) -> None:
    path = bench.write("r.tsv", table(texts(20)))
    first = bench.prepare([path])
    whole = both(first)
    for damaged in bench.cache.glob(f"corpora/*/{name}"):
        content = bytearray(damaged.read_bytes())
        content[0] ^= 1
        damaged.write_bytes(content)
    again = bench.prepare([path])
    assert "found in the cache" not in bench.told
    assert both(again) == whole
    assert again.digest == first.digest


def test_a_corpus_is_found_by_its_digest(bench: Bench) -> None:
    src, tgt = bench.parallel("train", 20)
    corpus = bench.prepare(src=[src], tgt=[tgt])
    found = open_pairs(corpus.digest, bench.cache)
    assert found is not None
    assert (found.findings, found.sources) == (corpus.findings, corpus.sources)
    assert list(found.valid_pairs()) == list(corpus.valid_pairs())
    clear(bench.cache)
    assert open_pairs(corpus.digest, bench.cache) is None


# Reading without preparing


def test_pairs_are_read_in_order(bench: Bench) -> None:
    src, tgt = bench.write("a.de", "Eins\n\n Drei\n"), bench.write("a.en", "One\nTwo\nThree")
    found = list(read_pairs([], [src], [tgt], PairSettings(), cache=bench.cache))
    assert [(p.src, p.tgt, p.where) for p in found] == [
        ("Eins", "One", f"{src}:1"),
        ("", "Two", f"{src}:2"),
        ("Drei", "Three", f"{src}:3"),
    ]
    path = bench.write("r.csv", 'de,en\n"a\nb",c\nd\n')
    reading = read_pairs([path], [], [], PairSettings(), cache=bench.cache)
    assert next(reading).src == "a b"
    with pytest.raises(DataError, match=r"r\.csv:4: 1 field where"):
        next(reading)
    assert not list(bench.cache.glob("work-*"))


# Memory


def test_memory_does_not_grow_with_the_pairs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """15,000 pairs of 2,400 characters: 36 MB of text."""
    # Whole stores of a few megabytes are compared with their digests.
    monkeypatch.setattr("textrnn.data.prepared._WHOLE_CHECK", 0)
    src, tgt = bench.folder / "a.de", bench.folder / "a.en"
    for path in (src, tgt):
        with path.open("w", encoding="utf-8") as file:
            for i in range(15_000):
                file.write(f"{i} {'w' * 1190}\n")
    tracemalloc.start()
    try:
        bench.prepare(src=[str(src)], tgt=[str(tgt)], tokenizer="byte")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20e6
