"""Readers and settings meet what nobody should write: they read it exactly, or say what is wrong with it."""

import bz2
import gzip
import io
import json
import lzma
import sys
import tempfile
from pathlib import Path

import pytest
import zstandard
from faults.fuzz_bytes import RAW, SNIPPETS
from faults.fuzz_lines import expected_lines, unpacked
from faults.fuzz_readers import READERS, read_case
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.cli.console import printable, shortened
from textrnn.config import specs
from textrnn.config_sources import from_toml
from textrnn.data import bounds
from textrnn.data.compression import decompressed
from textrnn.data.intake import take_in
from textrnn.data.labelled import read_texts
from textrnn.data.settings import CorpusSettings, ExampleSettings
from textrnn.data.sources import TextSource, expand_inputs
from textrnn.data.stream import stream_lines, whole_texts
from textrnn.data.tables.folders import FolderTable
from textrnn.errors import DataError, TextrnnError, UsageError
from textrnn.language_model.settings import LanguageModelSettings

PACK = [bytes, gzip.compress, lzma.compress, bz2.compress, zstandard.ZstdCompressor().compress]
PIECES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([snippet.encode() for snippet in SNIPPETS]),
    st.sampled_from(RAW),
    st.text(max_size=20).map(str.encode),
)
BYTES = st.lists(PIECES, max_size=8).map(b"\n".join)
ODD_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


def lines_of(data: bytes, encoding: str = "utf-8", errors: str = "strict") -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.txt"
        path.write_bytes(data)
        sources = expand_inputs([str(path)])
        return [line for some in stream_lines(sources, encoding, errors=errors) for line in some]


@settings(max_examples=80)
@given(BYTES, st.sampled_from(PACK), st.sampled_from(["utf-8", "latin-1", "utf-16", "cp1252"]))
def test_any_bytes_are_read_exactly_or_refused(data, pack, encoding):
    packed = pack(data)
    try:
        found = lines_of(packed, encoding)
    except DataError:
        return
    assert found == expected_lines(packed, encoding)


@settings(max_examples=60)
@given(BYTES)
def test_replacing_what_is_invalid_loses_no_line(data):
    try:
        found = lines_of(data, errors="replace")
    except DataError:
        return  # a NUL among the first bytes, a mark of UTF-16, a compression that is none
    assert len(found) == len(expected_lines(data, errors="replace"))


@settings(max_examples=60)
@given(st.lists(PIECES, min_size=1, max_size=6), st.sampled_from(PACK[1:]), st.data())
def test_what_is_cut_off_is_refused_and_its_beginning_kept(pieces, pack, data):
    text = b"\n".join(pieces) + b"\n"
    packed = pack(text)
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    try:
        found = lines_of(cut, "latin-1")
    except DataError:
        return
    # Too short to be known as compressed, or cut between two parts that are whole.
    assert found == expected_lines(cut, "latin-1")


@settings(max_examples=60)
@given(st.lists(ODD_TEXT, min_size=1, max_size=6), st.booleans())
def test_any_text_comes_through_json_lines(texts, plain):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.jsonl"
        rows = "".join(json.dumps({"text": text}, ensure_ascii=plain) + "\n" for text in texts)
        path.write_text(rows, encoding="utf-8", newline="")
        chosen = ExampleSettings(text_column="text")
        found = read_texts([str(path)], chosen, cache=Path(folder) / "cache")
        assert [row.text for row in found] == texts


@settings(max_examples=80)
@given(st.text(max_size=60))
def test_what_is_shown_moves_no_terminal(text):
    plain = printable(text, keep="")
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in plain)
    assert not set(plain) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2028\u2029")


@given(st.integers(0, 4000))
def test_a_long_message_keeps_both_ends(length):
    message = "begin " + "x" * length + " end"
    short = shortened(message)
    assert len(short) <= 1_510
    assert short.startswith("begin")
    assert short.endswith("end")


@settings(max_examples=60)
@given(
    st.sampled_from(list(specs(LanguageModelSettings).values())),
    st.one_of(
        st.text(max_size=9), st.floats(), st.integers(), st.booleans(), st.lists(st.integers())
    ),
)
def test_any_value_of_a_setting_is_in_range_or_refused(spec, value):
    try:
        found = spec.check(value, "here")
    except UsageError:
        return
    assert isinstance(found, spec.type)
    json.dumps(found, allow_nan=False)


@settings(max_examples=60)
@given(BYTES)
def test_any_settings_file_is_read_or_refused(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.toml"
        path.write_bytes(data)
        try:
            found = from_toml(LanguageModelSettings, path)
        except UsageError:
            return
        assert set(found) <= set(specs(LanguageModelSettings))


@pytest.mark.parametrize("name", READERS)
def test_readers_meet_what_seeds_make(name, tmp_path):
    number = list(READERS).index(name)
    for turn in range(20):
        box = tmp_path / str(turn)
        box.mkdir()
        assert read_case(number + turn * len(READERS), box, tmp_path / "cache") == []


def test_utf_16_without_a_mark_that_ends_in_half_a_character_is_refused():
    with pytest.raises(DataError, match="utf-16"):
        lines_of(b"\x00\xd8\x00", "utf-16")


def test_a_line_that_memory_cannot_hold_is_refused_by_its_number(monkeypatch):
    monkeypatch.setattr(bounds, "LONGEST", 1000)
    data = zstandard.ZstdCompressor().compress(b"first\n" + b"a" * 5_000_000)
    found = stream_lines([], "utf-8")
    assert list(found) == []
    with pytest.raises(DataError, match=r"in.txt:2: this line is longer than 1,000 characters"):
        lines_of(data)
    assert unpacked(data).startswith(b"first")


def test_a_bomb_comes_in_blocks_like_other_files():
    data = zstandard.ZstdCompressor().compress(bytes(100_000_000))
    sizes = [len(block) for block in decompressed(io.BytesIO(data), "zstd", "in.zst")]
    assert sum(sizes) == 100_000_000
    assert max(sizes) <= 1 << 20


def test_a_file_that_is_one_text_has_a_bound(monkeypatch, tmp_path):
    monkeypatch.setattr(bounds, "LONGEST", 1000)
    path = tmp_path / "in.txt"
    path.write_bytes(b"a b\n" * 1000)
    with pytest.raises(DataError, match=r"in several files"):
        list(whole_texts(expand_inputs([str(path)])))
    files = take_in(
        expand_inputs([str(path)]), "utf-8", work=tmp_path, cache=tmp_path, report=lambda _: None
    )
    with pytest.raises(DataError, match=r"in several files"):
        list(FolderTable("folder", files, ["pos"], "utf-8").rows((0, 1)))


def test_a_device_without_end_is_refused_before_it_is_copied(tmp_path):
    with pytest.raises(DataError, match="looks binary"):
        take_in(
            expand_inputs(["/dev/zero"]),
            "utf-8",
            work=tmp_path,
            cache=tmp_path,
            report=lambda _: None,
        )


def test_a_parquet_file_from_a_pipe_is_not_taken_for_binary(tmp_path, monkeypatch):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"text": ["a", "b"]}), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    source = TextSource(None, "stdin", once=True)
    (found,) = take_in([source], "utf-8", work=tmp_path, cache=tmp_path, report=lambda _: None)
    assert found.path.read_bytes() == data


def test_nobody_has_a_home_folder_to_keep_the_cache_in(monkeypatch):
    from textrnn.data.cache import default_cache_dir

    monkeypatch.setenv("TEXTRNN_CACHE", "~no-such-user/cache")
    with pytest.raises(UsageError, match="TEXTRNN_CACHE"):
        default_cache_dir()


@given(BYTES)
@settings(max_examples=30)
def test_any_file_becomes_a_corpus_or_is_refused(data):
    from textrnn.data.corpus import prepare_corpus
    from textrnn.tokenizers import TokenizerSettings

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.txt"
        path.write_bytes(data)
        wanted = TokenizerSettings(tokenizer="char")
        try:
            corpus = prepare_corpus(
                [str(path)], [], CorpusSettings(), wanted, cache=Path(folder) / "cache"
            )
        except TextrnnError:
            return
        assert corpus.train.tokens > 0
