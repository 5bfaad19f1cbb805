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
FILES = ("harbour.txt", "names.txt")


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
    assert not {c for c in text if c != "\n" and unicodedata.category(c)[0] == "C"}
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
