import random
import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.data.cache import workspace
from textrnn.data.checking import repeats
from textrnn.data.checking.characters import CharacterCensus, codes_of
from textrnn.data.checking.examples import LONGEST, check_examples
from textrnn.data.checking.guess import guess_job
from textrnn.data.checking.lengths import LengthTally
from textrnn.data.checking.pairs import LONGEST as LONGEST_SIDE
from textrnn.data.checking.pairs import LONGEST_SPELT, check_pairs
from textrnn.data.checking.repeats import RepeatSketch, line_hashes
from textrnn.data.checking.report import CheckReport, Remark
from textrnn.data.checking.steps import find_slip
from textrnn.data.checking.texts import check_texts
from textrnn.data.corpus import prepare_corpus
from textrnn.data.examples import prepare_examples
from textrnn.data.pair_rows import PairInputs
from textrnn.data.pairs import prepare_pairs
from textrnn.data.settings import CorpusSettings, ExampleSettings, PairSettings
from textrnn.errors import DataError
from textrnn.tokenizers import TokenizerSettings

CHAR = TokenizerSettings(tokenizer="char")
WORD = TokenizerSettings(tokenizer="word", spaces=False, normalization="nfkc_cf")
CORPORA = Path(__file__).resolve().parents[2] / "corpora"


def remark(report: CheckReport, code: str) -> Remark:
    (found,) = [each for each in report.remarks if each.code == code]
    return found


def codes(report: CheckReport) -> set[str]:
    return {each.code for each in report.remarks}


def texts(
    tmp_path: Path, *names: object, valid: tuple[object, ...] = (), **more: Any
) -> CheckReport:
    cache = tmp_path / "cache"
    with workspace(cache) as work:
        return check_texts(
            [str(name) for name in names],
            [str(name) for name in valid],
            CorpusSettings(**more),
            **{"spelt": True, "seq_len": None, "why": "", "work": work, "cache": cache},
            report=lambda _: None,
        )


def examples(
    tmp_path: Path, *names: object, valid: tuple[object, ...] = (), **more: Any
) -> CheckReport:
    cache = tmp_path / "cache"
    with workspace(cache) as work:
        return check_examples(
            [str(name) for name in names],
            [str(name) for name in valid],
            [],
            ExampleSettings(**more),
            WORD,
            **{"max_length": None, "seed": 0, "why": "", "work": work, "cache": cache},
            report=lambda _: None,
        )


def pairs(tmp_path: Path, given: PairInputs, **more: Any) -> CheckReport:
    cache = tmp_path / "cache"
    with workspace(cache) as work:
        return check_pairs(
            given,
            PairInputs(),
            PairSettings(**more),
            **{"spelt": False, "max_length": None, "seed": 0, "why": "", "work": work},
            cache=cache,
            report=lambda _: None,
        )


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@given(
    st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1))
)
@settings(max_examples=60)
def test_lines_have_the_same_hash_where_they_are_the_same(lines: list[str]) -> None:
    text = "".join(line + "\n" for line in lines)
    found = codes_of(text)
    ends = np.flatnonzero(found == 10)
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)].astype(np.int64)
    hashes = line_hashes(found, starts, ends)
    assert len({*hashes.tolist()}) == len({*lines})
    assert len(dict(zip(lines, hashes.tolist(), strict=True))) == len({*lines})


def hashed(numbers: list[int]) -> np.ndarray:
    rng = np.random.default_rng(0)
    known = rng.integers(0, 1 << 63, max(numbers, default=0) + 1, dtype=np.uint64) * np.uint64(2)
    return known[numbers]


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=200), st.integers(1, 50))
def test_repeats_are_counted(lines: list[tuple[int, bool]], size: int) -> None:
    sketch = RepeatSketch()
    for begin in range(0, len(lines), size):
        for validation in (False, True):
            some = [
                (number, begin + i)
                for i, (number, part) in enumerate(lines[begin : begin + size])
                if part == validation
            ]
            numbers = np.array([place for _, place in some], np.int64)
            sketch.add(hashed([n for n, _ in some]), numbers, validation=validation)
    found = sketch.result()
    train = Counter(number for number, part in lines if not part)
    valid = Counter(number for number, part in lines if part)
    assert found.exact
    assert found.again == sum(count - 1 for count in train.values())
    assert found.leaks == sum(count for number, count in valid.items() if number in train)
    assert found.most == max((train + valid).values(), default=0)


def test_of_many_lines_a_sample_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_MOST", 1 << 11)
    sketch = RepeatSketch()
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 1 << 63, 40_000, dtype=np.uint64) * np.uint64(2)
    for _ in range(2):
        for begin in range(0, len(hashes), 1000):
            numbers = np.arange(begin, begin + 1000)
            sketch.add(hashes[begin : begin + 1000], numbers, validation=False)
    assert len(sketch._hashes) <= 1 << 11
    found = sketch.result()
    assert not found.exact
    assert found.lines == 80_000
    assert found.again == pytest.approx(40_000, rel=0.25)


@given(st.lists(st.integers(0, 200), min_size=1), st.integers(0, 200))
def test_percentiles(lengths: list[int], limit: int) -> None:
    tally = LengthTally()
    tally.add(np.array(lengths[:3], np.int64))
    tally.add(np.array(lengths[3:], np.int64))
    for share in (0.5, 0.9, 0.99):
        assert tally.percentile(share) == np.quantile(lengths, share, method="inverted_cdf")
    assert tally.longest == max(lengths)
    assert tally.longer_than(limit) == sum(length > limit for length in lengths)


def test_odd_characters_and_where_they_stand() -> None:
    census = CharacterCensus()
    text = "plain\na\u00a0b\x07\n\ufffd caf\u0065\u0301 \u200b \u0096 p\u0430per\n" + "x" * 10_000
    census.add(text, codes_of(text), lambda at: f"line {text.count(chr(10), 0, at) + 1}")
    found = {each.code: each for each in census.remarks(spelt=True)}
    assert found.keys() == {
        *("replacement-characters", "control-characters", "wrong-controls", "unusual-spaces"),
        *("invisible-characters", "decomposed-accents", "mixed-scripts", "rare-characters"),
    }
    assert found["control-characters"].places == ("line 2",)
    assert found["mixed-scripts"].places == ("line 3",)
    assert found["mixed-scripts"].what.startswith("2 places")  # p|а and а|p, а being Cyrillic
    assert (census.total, census.distinct) == (len(text), len({*text}))
    assert [*census.scripts()] == ["Latin", "Cyrillic"]


def lengths_in_step(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    src = rng.integers(10, 120, rows)
    return src.astype(np.int32), (src * rng.normal(1.1, 0.1, rows)).astype(np.int32)


def test_sides_out_of_step() -> None:
    src, tgt = lengths_in_step(3000)
    assert find_slip(src, tgt) is None
    assert find_slip(src, np.random.default_rng(3).permutation(tgt)) is None
    lost = find_slip(src, np.delete(tgt, 1000))
    assert lost is not None
    assert lost.offset == -1
    assert 900 <= lost.first <= 1100
    assert lost.rows >= 1800
    doubled = find_slip(src, np.insert(tgt, 2000, 50))
    assert doubled is not None
    assert doubled.offset == 1
    assert 1900 <= doubled.first <= 2100


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("harbour.txt", "lm"),
        ("names.txt", "lm"),
        ("remarks.tsv", "classifier"),
        ("phrases.tsv", "translator"),
    ],
)
def test_the_projects_own_texts_are_known_for_what_they_are(
    name: str, job: str, tmp_path: Path
) -> None:
    assert guess(tmp_path, str(CORPORA / name)).job == job


def guess(tmp_path: Path, name: str) -> Any:
    cache = tmp_path / "cache"
    with workspace(cache) as work:
        return guess_job([name], ExampleSettings(), PairSettings(), work=work, cache=cache)


@pytest.mark.parametrize(
    ("name", "content", "job"),
    [
        ("a.txt", "Well, said he; it was late.\nAnd so, they went.\n", "lm"),
        ("a.txt", "col\tumn\nno columns\there\tat all\n", "lm"),
        ("a.txt", "", "lm"),
        ("a.txt", "__label__pos good\n__label__neg bad\n", "classifier"),
        ("a.data", "".join(f"day {i} was so\t{'ab'[i % 2]}\n" for i in range(20)), "classifier"),
        ("a.data", "".join(f"das ist {i}\tthis is {i}\n" for i in range(9)), "translator"),
        ("a.jsonl", '{"text": "a b", "label": 1}\n{"text": "b c", "label": 0}\n', "classifier"),
        ("a.jsonl", '{"translation": {"de": "ja", "en": "yes"}}\n' * 9, "translator"),
        ("a.csv", "src,tgt\none two,eins zwei\nthree four,drei vier\n", "translator"),
        (
            "a.csv",
            "question,answer\n" + "".join(f"why {i}?,since {i}\n" for i in range(9)),
            "translator",
        ),
        (
            "a.csv",
            "review,sentiment\n" + "".join(f"so {i},{i % 2}\n" for i in range(9)),
            "classifier",
        ),
    ],
)
def test_what_files_are(name: str, content: str, job: str, tmp_path: Path) -> None:
    assert guess(tmp_path, str(written(tmp_path, name, content))).job == job


def test_what_folders_are(tmp_path: Path) -> None:
    for label in ("pos", "neg"):
        (tmp_path / "reviews" / label).mkdir(parents=True)
        for i in range(5):
            written(tmp_path / "reviews" / label, f"{i}.txt", "so\n")
    assert guess(tmp_path, str(tmp_path / "reviews")).job == "classifier"
    (tmp_path / "books").mkdir()
    written(tmp_path / "books", "a.txt", "a long book\n")
    assert guess(tmp_path, str(tmp_path / "books")).job == "lm"


TEXTS = {
    "good": (b"some text\n" * 20, {}),
    "empty": (b"", {}),
    "one character": (b"a", {}),
    "two characters": (b"ab", {}),
    "too little to validate": (b"abcd", {"valid_fraction": 0.001}),
    "not UTF-8": (b"caf\xe9\n" * 9, {}),
    "UTF-16": ("text".encode("utf-16"), {}),
    "UTF-16, said so": ("some text".encode("utf-16"), {"encoding": "utf-16"}),
    "zero bytes": (b"a\0b", {}),
    "few lines": (b"a\nb\nc\n", {"lines": True}),
    "many lines": (b"a\nb\nc\n" * 9, {"lines": True}),
    "blank lines": (b"\n\n\n", {"lines": True}),
    "no validation": (b"ab", {"valid_fraction": 0.0}),
}


@pytest.mark.parametrize("case", TEXTS)
def test_text_is_refused_where_training_refuses_it(case: str, tmp_path: Path) -> None:
    content, more = TEXTS[case]
    path = written(tmp_path, "a.txt", content)

    def train() -> None:
        corpus = prepare_corpus(
            [str(path)], [], CorpusSettings(**more), CHAR, cache=tmp_path / "cache"
        )
        if corpus.train.tokens < 2:
            raise DataError("the planner refuses that")

    assert texts(tmp_path, path, **more).trainable == succeeds(train)


def succeeds(work: Callable[[], object]) -> bool:
    try:
        work()
    except DataError:
        return False
    return True


ROWS = "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(30))
TABLES = {
    "good": ("text,label\n" + ROWS, {}),
    "ragged": ("text,label\n" + ROWS + "one,two,three\n", {}),
    "an open quote": ("text,label\n" + ROWS + '"never closed,a\nx,b\n', {}),
    "no label": ("text,label\n" + ROWS + "unsure,\n", {}),
    "one label": ("text,label\n" + "".join(f"t {i},a\n" for i in range(9)), {}),
    "nothing to validate": ("text,label\nx,a\ny,b\n", {}),
    "all to training": ("text,label\nx,a\ny,b\n", {"valid_fraction": 0.0}),
    "not UTF-8": (b"text,label\ncaf\xe9,a\nb,b\n" * 9, {}),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables_are_refused_where_training_refuses_them(case: str, tmp_path: Path) -> None:
    content, more = TABLES[case]
    path = written(tmp_path, "a.csv", content)
    trained = succeeds(
        lambda: prepare_examples(
            [str(path)], [], [], ExampleSettings(**more), CHAR, seed=0, cache=tmp_path / "cache"
        )
    )
    assert examples(tmp_path, path, **more).trainable == trained


LINES = "".join(f"line {i}\n" for i in range(40))
SIDES = {
    "good": (LINES, LINES, {}),
    "unequal": (LINES, LINES + "one more\n", {}),
    "empty sides": ("\n\n", "a\nb\n", {}),
    "one pair": ("a\n", "b\n", {}),
    "one pair, all to training": ("a\n", "b\n", {"valid_fraction": 0.0}),
}


@pytest.mark.parametrize("case", SIDES)
def test_pairs_are_refused_where_training_refuses_them(case: str, tmp_path: Path) -> None:
    src, tgt, more = SIDES[case]
    names = [str(written(tmp_path, "a.de", src))], [str(written(tmp_path, "a.en", tgt))]
    trained = succeeds(
        lambda: prepare_pairs(
            *([], *names, [], [], []),
            PairSettings(**more),
            CHAR,
            CHAR,
            joint=False,
            seed=0,
            cache=tmp_path / "cache",
        )
    )
    assert pairs(tmp_path, PairInputs((), *names), **more).trainable == trained


def test_every_broken_row_is_listed(tmp_path: Path) -> None:
    table = written(tmp_path, "a.csv", "text,label\n" + ROWS + "a,b,c\nok,a\nd\n" + "e,f,g\n" * 30)
    broken = remark(examples(tmp_path, table), "broken-rows")
    assert broken.what == "32 rows are broken; training stops at the first"
    assert len(broken.places) == 20
    assert broken.places[0].startswith(f"{table}:32: 3 fields where the header names 2")
    assert broken.places[1].startswith(f"{table}:34: 1 field")

    rows = [f'{{"text": "t {i}", "label": "{"ab"[i % 2]}"}}\n' for i in range(30)]
    rows[4] = "{broken\n"
    rows[9] = '{"text": ["a"], "label": "b"}\n'
    rows[14] = "[]\n"
    lines = written(tmp_path, "b.jsonl", "".join(rows))
    broken = remark(examples(tmp_path, lines), "broken-rows")
    assert [place.split(": ")[0] for place in broken.places] == [
        *(f"{lines}:5", f"{lines}:10", f"{lines}:15"),
    ]

    fast = written(
        tmp_path, "c.txt", "__label__a x\n__label__b y\nnone\n__label__a __label__b z\n" * 5
    )
    assert remark(examples(tmp_path, fast), "broken-rows").what.startswith("10 rows")


def test_rows_without_a_label_are_listed(tmp_path: Path) -> None:
    table = written(tmp_path, "a.csv", "text,label\n" + ROWS + "x,\ny,a\nz,\n")
    found = examples(tmp_path, table)
    assert not found.trainable
    assert remark(found, "no-label").places == (f"{table}:32", f"{table}:34")


def test_bytes_in_another_encoding_are_listed_with_the_encoding_that_reads_them(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, "a.txt", b"plain\ncaf\xe9\nplain\n\x93so\x94\n")
    found = remark(texts(tmp_path, path), "encoding")
    assert found.what == f"{path}: 3 bytes are not valid utf-8; training stops at the first"
    assert found.places == (f"{path}:2", f"{path}:4")
    assert found.advice == "--encoding cp1252 reads all of it"
    assert texts(tmp_path, path, encoding="cp1252").trainable
    damaged = written(tmp_path, "b.txt", "été à Orléans\n".encode() * 20 + b"\xff\n")
    assert "iconv -c" in remark(texts(tmp_path, damaged), "encoding").advice
    table = written(tmp_path, "c.csv", b"text,label\ncaf\xe9,a\nb,b\n")
    assert remark(examples(tmp_path, table), "encoding").places == (f"{table}:2",)


def test_lines_of_validation_that_are_trained_on(tmp_path: Path) -> None:
    lines = [f"this is line number {i} of many\n" for i in range(200)]
    path = written(tmp_path, "a.txt", "".join(lines) + "".join(lines[:20]))
    found = texts(tmp_path, path)
    # A tenth of 220 lines validates: those 20 and two before them.
    leaks = remark(found, "leaks").what
    assert leaks.startswith(
        "20 lines of validation stand in training too (90.9% of its lines of 20 or more"
    )
    assert found.figures["lines"] == 220
    clean = texts(tmp_path, written(tmp_path, "b.txt", "".join(lines)))
    assert "leaks" not in codes(clean)
    other = texts(tmp_path, tmp_path / "b.txt", valid=(path,))
    assert other.figures["leaking_lines"] == 220


def test_repeated_lines_are_left_out_but_no_blank_or_short_ones(tmp_path: Path) -> None:
    told = "a sentence that comes again and again\n"
    verse = "".join(
        f"a line of its own, of which this is number {i}\nRefrain!\n\n" for i in range(9)
    )
    path = written(tmp_path, "a.txt", told + verse + told * 9)
    found = texts(tmp_path, path, valid_fraction=0)
    assert remark(found, "repeated-lines").what.startswith(
        "9 lines stood there before (47.4% of those of 20 or more characters), one 10 times"
    )
    assert mended(found, "repeated-lines", tmp_path, FILE=path) == told + verse
    each = texts(tmp_path, path, valid_fraction=0, lines=True)
    lines = dict.fromkeys((told + verse).splitlines(keepends=True))
    assert mended(each, "repeated-lines", tmp_path, FILE=path) == "".join(lines)


def test_what_stands_in_a_validation_file_is_left_out_of_training(tmp_path: Path) -> None:
    lines = [f"this is line number {i} of many\n\n" for i in range(50)]
    path = written(tmp_path, "a.txt", "".join(lines))
    valid = written(tmp_path, "b.txt", "".join(lines[7:8]))
    found = texts(tmp_path, path, valid=(valid,))
    assert remark(found, "leaks").what.startswith(
        "1 line of validation stands in training too (100.0%"
    )
    kept = "".join([*lines[:7], "\n", *lines[8:]])
    assert mended(found, "leaks", tmp_path, FILE=path, VALID=valid) == kept


def mended(report: CheckReport, code: str, tmp_path: Path, **files: object) -> str:
    """Run the command that a remark advises; return what it writes."""
    command = remark(report, code).advice.partition("for example with: ")[2]
    for name, path in {**files, "MENDED": tmp_path / "mended"}.items():
        command = re.sub(rf"\b{name}\b", shlex.quote(str(path)), command)
    subprocess.run(command, shell=True, check=True)
    return (tmp_path / "mended").read_text()


@pytest.mark.parametrize(
    "content",
    [b"caf\xe9 au lait\n" * 30, "hello\n".encode("utf-16"), bytes(range(256))],
    ids=["latin-1", "utf-16", "binary"],
)
def test_nothing_is_told_of_what_was_not_read(tmp_path: Path, content: bytes) -> None:
    bad = written(tmp_path, "a.txt", content)
    found = texts(tmp_path, written(tmp_path, "b.txt", "some fine words\n" * 9), bad)
    assert not found.trainable
    assert found.facts.keys() == {"files"}
    assert found.figures.pop("bytes") == len(content) + 144
    assert {*found.figures.values()} == {None}
    assert codes(found) <= {"encoding", "unreadable"}


def test_nothing_is_told_of_rows_that_were_not_read(tmp_path: Path) -> None:
    rows = b"text,label\n" + b"fine words,a\nother words,b\n" * 50_000 + b"caf\xe9,a\n"
    found = examples(tmp_path, written(tmp_path, "c.csv", rows))
    assert codes(found) == {"encoding"}
    assert (found.facts, {*found.figures.values()}) == ({}, {None})
    src, tgt = written(tmp_path, "a.de", b"caf\xe9\n"), written(tmp_path, "a.en", "tea\n")
    both = pairs(tmp_path, PairInputs((), (src,), (tgt,)))
    assert (both.facts, both.figures) == ({}, {"findings": None})


def test_a_list_of_names_is_for_lines(tmp_path: Path) -> None:
    rng = random.Random(0)
    names = "".join(f"{''.join(rng.choices('abcdefgh', k=7))}\n" for _ in range(100))
    path = written(tmp_path, "a.txt", names)
    assert remark(texts(tmp_path, path), "list").advice.startswith("--lines")
    assert "list" not in codes(texts(tmp_path, path, lines=True))


def test_lines_that_show_hardly_anything(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "a whole line of words\n" * 40 + " 7\n\n \n")
    found = texts(tmp_path, path)
    assert remark(found, "near-empty-lines").what.startswith("1 line shows one")
    assert (found.figures["near_empty_lines"], found.figures["blank_lines"]) == (1, 2)


def test_places_count_on_over_files_and_chunks(tmp_path: Path) -> None:
    first = written(tmp_path, "a.txt", "one\ntwo\n")
    second = written(tmp_path, "b.txt", "x" * 3_000_000 + "\nfine\n\x07\n")
    found = texts(tmp_path, first, second)
    assert remark(found, "control-characters").places[0].startswith(f"{second}:")
    assert found.figures["characters"] == 8 + 3_000_008


def test_what_labelled_texts_mean_for_the_settings(tmp_path: Path) -> None:
    many = "".join(f"good text {i},good\n" for i in range(90))
    few = "".join(f"bad text {i},bad\n" for i in range(6))
    long = "word " * 1200 + ",good\n"
    same = "good text 1,bad\ngood text 2,good\n"
    table = written(tmp_path, "a.csv", "text,label\n" + many + few + long + same)
    found = examples(tmp_path, table)
    assert found.trainable
    assert "--class-weights balanced" in remark(found, "unequal-labels").advice
    assert remark(found, "few-texts").what.endswith("'bad'")
    assert remark(found, "contradictions").places == (f"{table}:99", f"{table}:3")
    assert remark(found, "duplicates").what.startswith("1 row repeats a text")
    assert "--max-length" in remark(found, "long-texts").advice
    assert found.figures["token_lengths"]["longest"] == 1202
    valid = written(tmp_path, "v.csv", "text,label\ngood text 5,good\nnew,bad\n")
    assert remark(examples(tmp_path, table, valid=(valid,)), "validation-leaks").places == (
        *(f"{valid}:2", f"{table}:7"),
    )


def test_what_pairs_mean_for_the_settings(tmp_path: Path) -> None:
    rng = random.Random(0)
    sources = [
        " ".join(rng.choices(["ab", "cdef", "ghijklm"], k=rng.randint(2, 30))) for _ in range(900)
    ]
    targets = [source.upper() for source in sources]
    targets[7] = sources[7]
    del targets[400]
    src = written(tmp_path, "a.de", "".join(f"{line}\n" for line in sources))
    tgt = written(tmp_path, "a.en", "".join(f"{line}\n" for line in targets))
    found = pairs(tmp_path, PairInputs((), [str(src)], [str(tgt)]))
    assert not found.trainable
    assert "has 900 lines" in remark(found, "broken-rows").places[0]
    slip = remark(found, "out-of-step")
    assert "1 row earlier" in slip.what
    assert 300 <= int(slip.places[0].rpartition(":")[2]) <= 501
    assert remark(found, "equal-sides").places == (f"{src}:8",)


def test_the_limits_are_those_of_the_planners() -> None:
    from textrnn.classifier import planner as classifier
    from textrnn.translator import planner as translator

    assert classifier.LONGEST == LONGEST
    assert (translator.LONGEST, translator.LONGEST_SPELT) == (LONGEST_SIDE, LONGEST_SPELT)
