"""The texts in corpora/ are what their generator writes, and they are fit to be read."""

from __future__ import annotations

import lzma
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

CORPORA = Path(__file__).parents[1] / "corpora"
FILES = ("harbour.txt", "names.txt", "remarks.tsv", "phrases.tsv")
TABLES = {"remarks.tsv": ("label", "text"), "phrases.tsv": ("de", "en")}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the generator writes today."""
    folder = tmp_path_factory.mktemp("corpora")
    command = [sys.executable, "-B", str(CORPORA / "make.py"), "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def sentences(text: str) -> list[str]:
    """The sentences of more than six words, without what closes a quotation."""
    ends = re.compile(r"(?<=[.!?…])[”’)]*\s+")
    found = [part.strip() for line in text.split("\n") for part in ends.split(line)]
    return [sentence for sentence in found if len(sentence.split()) > 6]


def table(name: str) -> list[list[str]]:
    """The rows of a table without its header."""
    lines = (CORPORA / name).read_text(encoding="utf-8").splitlines()
    assert lines[0].split("\t") == list(TABLES[name])
    return [line.split("\t") for line in lines[1:]]


def guessed_by_words(rows: list[list[str]]) -> float:
    """How often a perceptron that sees words without their order is right on the last fifth."""
    examples = [(set(re.findall(r"[\w’-]+", text.lower())), label) for label, text in rows]
    cut = len(examples) * 4 // 5
    labels = sorted({label for _, label in examples})
    now, summed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for step in range(20 * cut):
        words, label = examples[step % cut]
        guess = max(labels, key=lambda other: sum(now[word, other] for word in words))
        if guess != label:
            for word in words:
                for who, sign in ((label, 1), (guess, -1)):
                    now[word, who] += sign
                    summed[word, who] += sign * (20 * cut - step)
    right = [
        label == max(labels, key=lambda other: sum(summed[word, other] for word in words))
        for words, label in examples[cut:]
    ]
    return sum(right) / len(right)


@pytest.mark.parametrize("name", FILES)
def test_files_are_what_the_generator_writes(name: str, written: Path) -> None:
    assert (CORPORA / name).read_bytes() == (written / name).read_bytes(), (
        f"corpora/{name} is not what corpora/make.py writes: run it and commit the result"
    )


def test_another_seed_makes_another_text_of_about_the_same_size(tmp_path: Path) -> None:
    command = [sys.executable, "-B", str(CORPORA / "make.py"), "--seed", "7"]
    subprocess.run([*command, "--out", str(tmp_path)], check=True, capture_output=True)
    for name in FILES:
        ours, other = (CORPORA / name).read_bytes(), (tmp_path / name).read_bytes()
        assert ours != other
        assert 0.9 < len(other) / len(ours) < 1.1


@pytest.mark.parametrize("name", FILES)
def test_files_are_plain_text(name: str) -> None:
    content = (CORPORA / name).read_bytes()
    text = content.decode("utf-8")
    assert not text.startswith("\ufeff")
    assert text == unicodedata.normalize("NFC", text)
    breaks = "\n\t" if name in TABLES else "\n"
    assert not {c for c in text if c not in breaks and unicodedata.category(c)[0] == "C"}
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not [line for line in text.split("\n") if line != line.strip()]


def test_the_book_has_its_size_and_its_alphabet() -> None:
    content = (CORPORA / "harbour.txt").read_bytes()
    text = content.decode("utf-8")
    assert 250_000 <= len(content) <= 400_000
    assert set("—’“”‘éêëíøåæ") <= set(text)
    assert not set("[]{}<>|\"'@_^*") & set(text), "something of a template was left unfilled"
    cut = int(len(text) * 0.9)
    assert set(text[cut:]) <= set(text[:cut]), "the last tenth holds characters the rest lacks"


def test_the_book_does_not_repeat_itself() -> None:
    text = (CORPORA / "harbour.txt").read_text(encoding="utf-8")
    found = Counter(sentences(text))
    often = sum(count for count in found.values() if count > 2)
    assert often <= 0.03 * found.total()
    paragraphs = Counter(line for line in text.split("\n") if len(line) > 60)
    assert not [paragraph for paragraph, count in paragraphs.items() if count > 1]


def test_the_book_is_about_as_dense_as_prose() -> None:
    content = (CORPORA / "harbour.txt").read_bytes()
    packed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    assert len(content) / len(packed) <= 4.5


def test_the_book_reads_cleanly() -> None:
    text = (CORPORA / "harbour.txt").read_text(encoding="utf-8")
    slips = {
        "two spaces": r"  ",
        "space before a mark": r" [,.;:!?”]",
        "two full stops": r"\.\.|,\.|\.,",
        "small letter after a full stop": r"[a-z]\. [a-z]",
        "a before a vowel": r"\b[Aa] (?!u[ns]|eu|on)[aeioué]\w",
        "doubled word": r"\b(?!had\b|that\b)(\w+) \1\b",
        "closing mark where one opens": r"(?:^|[\s(—])”\w",
    }
    for slip, pattern in slips.items():
        found = re.findall(rf".{{0,30}}(?:{pattern}).{{0,30}}", text)
        assert not found, f"{slip}: {found[:3]}"


def test_names_are_two_thousand_and_all_different() -> None:
    names = (CORPORA / "names.txt").read_text(encoding="utf-8").splitlines()
    assert len(names) == 2000
    assert len(set(names)) == len(names)
    assert all(name[0].isupper() and 4 < len(name) < 25 for name in names)


@pytest.mark.parametrize("name", TABLES)
def test_tables_need_no_quoting(name: str) -> None:
    content = (CORPORA / name).read_bytes()
    assert len(content) < 400_000
    assert not set(b'"\r') & set(content)
    assert not re.findall(r"[\[\]{}|/@]|  ", content.decode("utf-8")), (
        "a template was left unfilled"
    )
    rows = table(name)
    assert {len(row) for row in rows} == {2}
    assert all(field == field.strip() and field for row in rows for field in row)


def test_remarks_are_of_three_kinds_and_all_different() -> None:
    rows = table("remarks.tsv")
    texts = [text for _, text in rows]
    assert len(rows) >= 2500
    assert len(set(texts)) == len(texts)
    assert all(3 <= len(text.split()) <= 30 for text in texts)
    assert all(text[0].isupper() and text[-1] in ".!?" for text in texts)
    counts = Counter(label for label, _ in rows)
    assert set(counts) == {"negative", "neutral", "positive"}
    assert max(counts.values()) < 1.3 * min(counts.values())
    starts = Counter(label for label, _ in rows[: len(rows) // 5])
    assert all(starts[label] > len(rows) // 20 for label in counts), "the rows are not shuffled"


def test_remarks_can_be_told_apart_by_their_words_but_not_quite() -> None:
    assert 0.80 < guessed_by_words(table("remarks.tsv")) < 0.97


def test_phrases_are_sentences_each_german_one_once() -> None:
    rows = table("phrases.tsv")
    german = [de for de, _ in rows]
    assert len(rows) >= 3500
    assert len(set(german)) == len(german)
    for side in (text for row in rows for text in row):
        assert 3 <= len(side.split()) <= 20
        assert side[0].isupper()
        assert side[-1] in ".!?"
    assert all(de[-1] == en[-1] for de, en in rows)


def test_phrases_differ_in_the_order_of_their_words() -> None:
    rows = table("phrases.tsv")
    last = Counter(de.rstrip(".!?").split()[-1] for de, _ in rows)
    assert sum(last[word] for word in ("ab", "an", "auf", "ein", "mit", "zu", "zurück")) > 150
    clauses = [de for de, _ in rows if re.search(r", (?:weil|dass|ob|obwohl|wenn|während) ", de)]
    assert len(clauses) > 300


def test_phrases_read_cleanly() -> None:
    text = (CORPORA / "phrases.tsv").read_text(encoding="utf-8")
    slips = {
        "articles that should have been drawn together": r"(?<!, )\b(?:in|an|zu|von) dem |zu der ",
        "a before a vowel": r"\ta [aeio]|\b[a-z]+ a [aeio]",
        "space before a mark": r" [,.?!]",
        "two negations": r"\bkein\w* .*\bnicht\b(?! mehr)(?=[^,]*$)",
        "an ending on a name": r"\b(?:Anna|Lena|Paul|Jan)(?:n|en|s)\b",
    }
    for slip, pattern in slips.items():
        found = re.findall(rf"(?m)^.*(?:{pattern}).*$", text)
        assert not found, f"{slip}: {found[:3]}"
