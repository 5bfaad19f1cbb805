"""Texts as they arrive."""

import bz2
import gzip
import io
import itertools
import os
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.data import stream
from textrnn.data.sources import TextSource, expand_inputs
from textrnn.data.stream import in_chunks, stream_lines, whole_texts
from textrnn.errors import DataError, UsageError

STDIN = TextSource(None, "stdin", once=True)


class Pieces(io.RawIOBase):
    """A pipe that gives its bytes in the pieces in which they were written."""

    def __init__(self, pieces):
        super().__init__()
        self.buffer = self
        self._pieces = [piece for piece in pieces if piece]

    def read1(self, size):
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]

    read = read1


def read(source, encoding="utf-8"):
    return [line for lines in stream_lines([source], encoding) for line in lines]


def lines_by_hand(text):
    lines = text.removeprefix("\ufeff").split("\n")
    last = lines.pop()
    return [line.removesuffix("\r") for line in lines] + ([last] if last else [])


@given(
    st.text(st.sampled_from("ab\n\r\t é☃😀\u2028\x85\ufeff"), max_size=40),
    st.lists(st.integers(0, 90), max_size=6),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16", "utf-8-sig"]),
)
def test_lines_are_the_same_however_they_arrive(text, cuts, encoding):
    data = text.encode(encoding)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[low:high] for low, high in itertools.pairwise(places)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", Pieces(pieces))
        found = read(STDIN, encoding)
    # Two of the codecs take a mark at the start for themselves.
    own = text.encode(encoding).decode(encoding)
    assert found == lines_by_hand(own)


def test_a_pipe_is_answered_before_its_writer_goes_on(monkeypatch):
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, os.fdopen(writing, "wb", buffering=0) as writer:
        monkeypatch.setattr(sys, "stdin", pipe)
        chunks = stream_lines([STDIN])
        writer.write(b"one\ntwo\nthr")
        assert next(chunks) == ["one", "two"]
        writer.write(b"ee\n")
        assert next(chunks) == ["three"]
        writer.write(b"\nlast")
        assert next(chunks) == [""]
        writer.close()
        assert list(chunks) == [["last"]]


def test_what_comes_at_once_is_answered_together_but_not_for_long():
    lists = [["a"], ["b"], [], ["c"]]
    assert list(in_chunks(lists, len, lambda: True)) == [["a", "b", "c"]]
    assert list(in_chunks(lists, len, lambda: False)) == [["a"], ["b"], ["c"]]

    def slow():
        for number in range(4):
            time.sleep(0.03)
            yield [str(number)]

    # Something always follows soon; after 50 ms what there is goes out all the same.
    assert len(list(in_chunks(slow(), len, lambda: True))) > 1


def test_chunks_of_files_grow_and_stay_bounded(tmp_path):
    path = tmp_path / "lines.txt"
    lines = [f"{number} " + "x" * 99 for number in range(120_000)]
    path.write_text("\n".join(lines) + "\n")
    (source,) = expand_inputs([str(path)])
    chunks = list(stream_lines([source]))
    assert [line for chunk in chunks for line in chunk] == lines
    sizes = [sum(map(len, chunk)) for chunk in chunks]
    assert sizes[0] < 1 << 15
    assert (1 << 21) < max(sizes) <= 1 << 22
    assert max(len(chunk) for chunk in in_chunks([[""] * 1_000_000], len)) < 300_000


@pytest.mark.parametrize(
    ("data", "encoding", "before", "part"),
    [
        (b"one\ntwo\nth\xffree\n", "utf-8", ["one", "two"], "in.txt:3: byte 0xff"),
        (b"one\ncaf\xe9", "ascii", ["one"], "in.txt:2: byte 0xe9 is not valid ascii"),
        (b"one\ncut \xc3", "utf-8", ["one"], "in.txt:2: byte 0xc3"),
        (
            "one\ntwo\n".encode("utf-16-le") + b"\x00\xd8\x41\x00",
            "utf-16-le",
            ["one", "two"],
            ":3:",
        ),
        (b"one\n" * 400_000 + b"\xff", "utf-8", ["one"] * 400_000, "in.txt:400001: "),
        (b"%PDF-1.7", "utf-8", [], "PDF"),
        (b"a\0b", "utf-8", [], "binary"),
        (
            b"one\n" * 3_000 + b"t\0o\n",
            "utf-8",
            ["one"] * 3_000,
            "in.txt:3001: a NUL character; the file is damaged or no text",
        ),
        (
            gzip.compress(b"one\n" * 5, mtime=0)[:-9],
            "utf-8",
            [],
            "in.txt: the gzip data end too early",
        ),
    ],
)
def test_a_fault_is_told_with_its_line_after_the_lines_before_it(
    data, encoding, before, part, tmp_path
):
    path = tmp_path / "in.txt"
    path.write_bytes(data)
    found = []

    def take_all():
        for lines in stream_lines(expand_inputs([str(path)]), encoding):
            found.extend(lines)

    with pytest.raises(DataError) as caught:
        take_all()
    assert part in str(caught.value)
    assert found == before


def test_a_nul_is_replaced_where_bytes_that_are_no_text_are(tmp_path):
    path = tmp_path / "in.txt"
    path.write_bytes(b"one\n" * 3_000 + b"t\0o\xff\n")
    lines = list(itertools.chain(*stream_lines(expand_inputs([str(path)]), errors="replace")))
    assert lines[-1] == "t\ufffdo\ufffd"


def test_an_unknown_encoding_is_refused():
    with pytest.raises(UsageError, match="utf-9"):
        read(STDIN, "utf-9")


@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, bytes])
def test_compressed_pipes_are_told_by_their_first_bytes(piece, compress, monkeypatch):
    data = compress(b"BZh\nfilm\n")
    pieces = [data[low : low + piece] for low in range(0, len(data), piece)]
    monkeypatch.setattr(sys, "stdin", Pieces(pieces))
    assert read(STDIN) == ["BZh", "film"]


def test_a_huge_line_takes_no_time_to_speak_of(tmp_path):
    path = tmp_path / "huge.txt"
    path.write_bytes(b"x" * 50_000_000 + b"\nshort")
    begun = time.process_time()
    found = read(expand_inputs([str(path)])[0])
    assert [len(line) for line in found] == [50_000_000, 5]
    assert time.process_time() - begun < 3


def test_whole_files_have_names_and_what_is_no_text_is_left_out_of_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d" / "s").mkdir(parents=True)
    (tmp_path / "d" / "a.txt").write_bytes(b"one\r\ntwo\n")
    (tmp_path / "d" / "b.bin").write_bytes(b"\0\1")
    (tmp_path / "d" / "s" / "c.txt.gz").write_bytes(gzip.compress(b"three"))
    told = []
    chunks = whole_texts(expand_inputs(["d"]), report=told.append)
    assert list(chunks) == [[("d/a.txt", "one\ntwo\n"), ("d/s/c.txt.gz", "three")]]
    assert len(told) == 1
    assert "b.bin: left out" in told[0]
    # A file that is named is read or refused.
    with pytest.raises(DataError, match="binary"):
        list(whole_texts(expand_inputs(["d/b.bin"])))


def test_stdin_may_be_closed_or_no_pipe_at_all(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DataError, match="closed"):
        read(STDIN)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\n\nb")))
    assert read(STDIN) == ["a", "", "b"]
    assert stream._watch(io.BytesIO())() is False
