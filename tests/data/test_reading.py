import bz2
import codecs
import gzip
import lzma
import os
import re
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from textrnn.data.compression import compression_of
from textrnn.data.lines import lines_of
from textrnn.data.reading import FileStamp, binary_reason, codec_name, read_text
from textrnn.errors import DataError, UsageError

MEBI = 1 << 20
COMPRESSORS = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, content: bytes, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read(path: Path, *args: str) -> str:
    return "".join(read_text(path, *args))


def refusal(path: Path, *args: str) -> str:
    with pytest.raises(DataError) as caught:
        read(path, *args)
    return str(caught.value)


# Encodings -------------------------------------------------------------------------------------


def test_utf8_with_characters_across_chunk_ends(folder: Path) -> None:
    text = "a" + "é€😀" * 200_000
    chunks = list(read_text(write(folder, text.encode())))
    assert "".join(chunks) == text
    assert len(chunks) > 1
    assert max(map(len, chunks)) <= MEBI


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "utf-32", "utf-16-le", "cp1252", "gb18030"]
)
def test_a_mark_at_the_start_is_dropped_and_only_there(folder: Path, encoding: str) -> None:
    marks = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE}
    rest = "één" if encoding == "cp1252" else "één\ufeff"
    content = marks.get(encoding, b"") + rest.encode(encoding)
    assert read(write(folder, content), encoding) == rest


@given(
    st.text(alphabet=st.one_of(st.sampled_from("\r\n\ufeffé😀"), st.characters(codec="utf-8"))),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-be", "gb18030"]),
    st.sampled_from(["lf", "keep"]),
    st.integers(1, 5),
)
def test_nothing_depends_on_where_blocks_end(
    tmp_path_factory: pytest.TempPathFactory, text: str, encoding: str, newlines: str, size: int
) -> None:
    text = text.replace("\0", "").lstrip("\ufeff")
    path = write(tmp_path_factory.mktemp("read"), text.encode(encoding))
    expected = text.replace("\r\n", "\n") if newlines == "lf" else text
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textrnn.data.compression._BLOCK", size)
        if compression_of(path.read_bytes()[:16], path.name) is None:
            assert read(path, encoding, newlines) == expected


def test_a_file_of_nothing_but_a_mark_is_empty(folder: Path) -> None:
    assert read(write(folder, codecs.BOM_UTF8)) == ""


@pytest.mark.parametrize("offset", [0, 7, MEBI - 1, MEBI, MEBI + 3, 2 * MEBI + 100])
def test_what_is_not_utf8_is_named_by_its_offset(folder: Path, offset: int) -> None:
    message = refusal(write(folder, b"x" * offset + b"\xe9t\xe9" + b"x" * 10))
    assert f"text.txt: byte 0xe9 at offset {offset} is not valid utf-8" in message
    assert "--encoding cp1252 or --encoding latin-1" in message


def test_the_offset_counts_bytes_of_the_decompressed_file(folder: Path) -> None:
    path = write(folder, gzip.compress(b"x" * 5000 + b"\xff"), "text.gz")
    assert "0xff at offset 5000" in refusal(path)


@pytest.mark.parametrize(
    ("encoding", "content", "offset"),
    [
        ("ascii", b"abc\x80", 3),
        ("shift_jis", b"abc\x82\xa0\xff\xff", 5),
        ("gb18030", b"abc\xff", 3),
        ("cp1252", b"ab\x81", 2),
        ("utf-16-le", b"a\0b\0\0\xdca\0", 4),
        ("utf-8-sig", b"\xef\xbb\xbfab\xff", 5),
    ],
)
def test_offsets_in_other_encodings(
    folder: Path, encoding: str, content: bytes, offset: int
) -> None:
    message = refusal(write(folder, content), encoding)
    assert re.search(rf"at offset {offset} is not valid", message)
    assert "--encoding" in message


def test_a_character_cut_off_at_the_end(folder: Path) -> None:
    assert "0xe2 at offset 2" in refusal(write(folder, b"ab\xe2\x82"))


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("utf-16", codecs.BOM_UTF16_LE),
        ("utf-16", codecs.BOM_UTF16_BE),
        ("utf-32", codecs.BOM_UTF32_LE),
        ("utf-32", codecs.BOM_UTF32_BE),
    ],
)
def test_utf16_is_recognised_by_its_mark(folder: Path, name: str, mark: bytes) -> None:
    message = refusal(write(folder, mark + b"a\0b\0c\0d\0"))
    assert f"byte order mark of {name}; give --encoding {name}" in message


def test_utf16_without_a_mark_is_told_what_to_give_instead(folder: Path) -> None:
    path = write(folder, "text".encode("utf-16-le"))
    assert "--encoding utf-16-le" in refusal(path)
    assert "not valid utf-16" in refusal(path, "utf-16")
    assert read(path, "utf-16-le") == "text"


def test_half_a_surrogate_pair_is_no_text(folder: Path) -> None:
    assert "U+D800" in refusal(write(folder, b"abc+2AA-"), "utf-7")


@pytest.mark.parametrize("encoding", ["utf9", "nonsense", "hex", "rot13", "", "a\0b"])
def test_an_unknown_encoding_is_wrong_usage(folder: Path, encoding: str) -> None:
    with pytest.raises(UsageError, match="unknown encoding"):
        read_text(write(folder, b"text"), encoding)


def test_an_unknown_encoding_gets_a_hint() -> None:
    with pytest.raises(UsageError, match="did you mean shift-jis"):
        codec_name("shift-jiss")


def test_an_encoding_has_one_name() -> None:
    assert {codec_name(name) for name in ("utf-8", "UTF8", "utf_8", "U8")} == {"utf-8"}
    assert codec_name("latin-1") == codec_name("ISO-8859-1")


# Line ends -------------------------------------------------------------------------------------


def test_crlf_becomes_lf_and_a_lone_cr_stays(folder: Path) -> None:
    path = write(folder, b"a\r\nb\rc\r\r\nd\n\re\r")
    assert read(path) == "a\nb\rc\r\nd\n\re\r"
    assert read(path, "utf-8", "keep") == "a\r\nb\rc\r\r\nd\n\re\r"


@pytest.mark.parametrize("shift", [-2, -1, 0, 1])
def test_crlf_across_chunk_ends(folder: Path, shift: int) -> None:
    before = "x" * (MEBI + shift)
    assert read(write(folder, (before + "\r\nend").encode())) == before + "\nend"


@given(st.text(alphabet="ab\r\né\u2028\x85", max_size=60), st.integers(1, 7))
def test_lines_end_at_lf_alone_wherever_the_text_is_cut(text: str, size: int) -> None:
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    lines = [line for some in lines_of(chunks, "text") for line in some]
    expected = text.split("\n")
    assert lines == (expected if expected[-1] else expected[:-1])


def test_an_endless_line_is_refused_by_its_number() -> None:
    chunks = ["one\ntwo\nthr", *["e" * MEBI] * 17]
    with pytest.raises(DataError, match=r"names:3: this line is longer than 16,777,216"):
        list(lines_of(chunks, "names"))


# Compression -----------------------------------------------------------------------------------

TEXT = "Compressed, é und 😀.\n" * 60_000


@pytest.mark.parametrize("suffix", COMPRESSORS)
@pytest.mark.parametrize("named", [True, False])
def test_compressed_files_are_known_by_their_content(
    folder: Path, suffix: str, named: bool
) -> None:
    content = COMPRESSORS[suffix](TEXT.encode())
    chunks = list(read_text(write(folder, content, "text" + (suffix if named else ""))))
    assert "".join(chunks) == TEXT
    assert max(map(len, chunks)) < 2 * MEBI


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_several_compressed_parts_in_one_file(folder: Path, suffix: str) -> None:
    compress = COMPRESSORS[suffix]
    content = compress(b"one ") + compress(b"two ") + compress(b"three")
    assert read(write(folder, content, "text" + suffix)) == "one two three"


def test_zstd_with_a_frame_to_skip_first(folder: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"xyz"
    content = skipped + COMPRESSORS[".zst"](b"text")
    assert read(write(folder, content, "text.zst")) == "text"


@pytest.mark.parametrize("suffix", COMPRESSORS)
@pytest.mark.parametrize("cut", [5, 1000, -1])
def test_truncated_data_are_refused(folder: Path, suffix: str, cut: int) -> None:
    content = COMPRESSORS[suffix](os.urandom(3000).hex().encode())
    message = refusal(write(folder, content[:cut], "text" + suffix))
    assert "end too early" in message
    assert "text" + suffix in message


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_damaged_data_are_refused(folder: Path, suffix: str) -> None:
    content = bytearray(COMPRESSORS[suffix](os.urandom(3000).hex().encode()))
    content[500:600] = bytes(100)
    message = refusal(write(folder, bytes(content), "text" + suffix))
    assert "not valid" in message


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_name_that_promises_too_much(folder: Path, suffix: str) -> None:
    message = refusal(write(folder, b"This is plain text.", "text" + suffix))
    assert "rename it if it is not compressed" in message


# What cannot be read ---------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 100, 8191])
def test_binary_files_are_refused(folder: Path, at: int) -> None:
    path = write(folder, b"a" * at + b"\0" + b"b" * 9000)
    assert f"looks binary (a zero byte at offset {at})" in refusal(path)
    assert "zero byte" in (binary_reason(path, "utf-8", "x") or "")
    assert binary_reason(path, "utf-16-le", "x") is None


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16-le", "shift-jis"])
@pytest.mark.parametrize(("lines", "more"), [(8192, ""), (800_000, ""), (20_000, "\u0416\n")])
def test_a_nul_further_on_is_named_by_its_line(
    folder: Path, encoding: str, lines: int, more: str
) -> None:
    if encoding == "latin-1":
        more = more.replace("\u0416", "\xe9")
    text = "a\n" * lines + more + "b\0c\nd\n"
    path = write(folder, text.encode(encoding))
    line = lines + len(more) // 2 + 1
    assert f"{path}:{line}: a NUL character; the file is damaged" in refusal(path, encoding)
    assert read(write(folder, text.replace("\0", "").encode(encoding)), encoding) == text.replace(
        "\0", ""
    )


def test_a_pdf_is_told_apart(folder: Path) -> None:
    assert "pdftotext" in refusal(write(folder, b"%PDF-1.7\n..."))


def test_missing_files_and_folders(folder: Path) -> None:
    assert "cannot be read: No such file" in refusal(folder / "missing.txt")
    assert "cannot be read: Is a directory" in refusal(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may read everything")
def test_unreadable_files(folder: Path) -> None:
    path = write(folder, b"text")
    path.chmod(0)
    assert "Permission denied" in refusal(path)


def test_a_file_that_grows_while_it_is_read(folder: Path) -> None:
    path = write(folder, b"x" * (2 * MEBI))
    chunks = read_text(path)
    next(chunks)
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(DataError, match="changed while it was being read"):
        list(chunks)


def test_a_file_that_is_no_longer_what_it_was(folder: Path) -> None:
    path = write(folder, b"old")
    stamp = FileStamp.of(path.stat())
    assert "".join(read_text(path, expected=stamp)) == "old"
    path.write_bytes(b"newer")
    with pytest.raises(DataError, match=r"from 3 to 5 bytes"):
        list(read_text(path, expected=stamp))


def test_progress_counts_bytes_of_the_file(folder: Path) -> None:
    path = write(folder, gzip.compress(os.urandom(MEBI).hex().encode()), "text.gz")
    seen: list[int] = []
    list(read_text(path, progress=seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size
