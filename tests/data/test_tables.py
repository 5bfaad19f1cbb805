import csv
import gzip
import io
import json
import lzma
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.data.columns import header_names
from textrnn.data.settings import ExampleSettings
from textrnn.data.tables import jsonlist
from textrnn.data.tables.opening import is_table, open_sources
from textrnn.data.tables.source import Source
from textrnn.data.tables.table import Table
from textrnn.errors import DataError

Rows = list[tuple[int, list[str | None]]]


def sources(
    folder: Path, inputs: Sequence[str], encoding: str = "utf-8", report: list[str] | None = None
) -> list[Source]:
    work = folder / "cache" / "work"
    work.mkdir(parents=True, exist_ok=True)
    lines = [] if report is None else report
    return open_sources(
        inputs,
        encoding,
        header_names(ExampleSettings()),
        work=work,
        cache=folder / "cache",
        report=lines.append,
    )


def opened(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Table:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    (source,) = sources(folder, [str(path)], encoding)
    return source.open()


def read(table: Table) -> Rows:
    return [(row.line, list(row.values)) for row in table.rows(range(len(table.columns)))]


def refusal(folder: Path, name: str, content: str | bytes) -> str:
    """The message about a broken file, from its name on."""
    with pytest.raises(DataError) as caught:
        read(opened(folder, name, content))
    return str(caught.value).removeprefix(f"{folder}/")


# Golden: each format


def test_csv(tmp_path: Path) -> None:
    text = 'text,label\r\n"a, ""b""\r\nc",x\r\n\r\n d\'s 5" ,y\n'
    table = opened(tmp_path, "r.csv", text)
    assert (table.kind, table.columns, table.named) == ("CSV", ("text", "label"), True)
    assert read(table) == [(2, ['a, "b"\r\nc', "x"]), (5, [" d's 5\" ", "y"])]
    assert table.place(5) == f"{tmp_path}/r.csv:5"


@pytest.mark.parametrize(("delimiter", "text"), [(";", "a, b"), ("\t", "a, b; c"), ("|", "a")])
def test_other_delimiters_in_csv(tmp_path: Path, delimiter: str, text: str) -> None:
    rows = f"review{delimiter}stars\n" + f'{text}{delimiter}1\n"x{delimiter}y"{delimiter}2\n' * 2
    assert read(opened(tmp_path, "r.csv", rows))[:2] == [
        (2, [text, "1"]),
        (3, [f"x{delimiter}y", "2"]),
    ]


def test_quotes_escaped_by_backslashes(tmp_path: Path) -> None:
    table = opened(tmp_path, "r.csv", 'text,label\n"say \\"a, b\\" now",x\n"c, d",y\n')
    assert read(table) == [(2, ['say "a, b" now', "x"]), (3, ["c, d", "y"])]


def test_quotes_mean_nothing_in_tsv(tmp_path: Path) -> None:
    text = 'label\tsentence\n1\t" a quote\n0\tb "c"\r\n1\t"d"\n\n'
    table = opened(tmp_path, "r.tsv", text)
    assert (table.kind, table.columns) == ("TSV", ("label", "sentence"))
    assert read(table) == [(2, ["1", '" a quote']), (3, ["0", 'b "c"']), (4, ["1", '"d"'])]


def test_a_quotation_in_tsv_is_not_a_quoted_field(tmp_path: Path) -> None:
    text = 'label\ttext\n1\t"yes"\n0\tno\n1\t"so ""what"\n'
    for lines in (text, text[:24]):
        cells = [value for _, (_, value) in read(opened(tmp_path, "r.tsv", lines))]
        assert cells == ['"yes"', "no", '"so ""what"'][: len(cells)]


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC])
def test_tsv_that_a_program_quoted(tmp_path: Path, quoting: int) -> None:
    rows = [["label", "text"], ["1", 'a\tb "c"\nd'], ["2", 'e "f"'], ["1", 'g "h"'], ["2", "i"]]
    written = io.StringIO()
    csv.writer(written, delimiter="\t", quoting=quoting, lineterminator="\n").writerows(rows)
    assert [v for _, v in read(opened(tmp_path, "r.tsv", written.getvalue()))] == rows[1:]


def test_json_lines(tmp_path: Path) -> None:
    text = (
        '{"text": "a\\nb\\u2028", "stars": 4.0}\n\n{"stars": true, "text": "c", "id": [1]}\r\n'
        '{"text": "\\ud83d\\ude00 \\ud83d", "stars": null}\n{"text": 1e3, "stars": 1}'
    )
    table = opened(tmp_path, "r.jsonl", text)
    assert table.columns == ("text", "stars", "id")
    assert [(row.line, list(row.values)) for row in table.rows([1, 0])] == [
        (1, ["4.0", "a\nb\u2028"]),
        (3, ["true", "c"]),
        (4, [None, "😀 \ufffd"]),
        (5, ["1", "1e3"]),
    ]


def test_fasttext_lines(tmp_path: Path) -> None:
    table = opened(tmp_path, "r.txt", "__label__pos a , b\n\n __label__neg\tc\r\n__label__x\n")
    assert (table.kind, table.columns) == ("fastText lines", ("label", "text"))
    assert read(table) == [(1, ["pos", "a , b"]), (3, ["neg", "c"]), (4, ["x", ""])]


def test_a_folder_a_class(tmp_path: Path) -> None:
    for name in ("train/pos/2.txt", "train/pos/1.txt", "train/neg/1.txt", "test/pos/9.txt"):
        opened_path = tmp_path / "data" / name
        opened_path.parent.mkdir(parents=True, exist_ok=True)
        opened_path.write_text(f"{name},\n", encoding="utf-8")
    for name in ("train/urls.txt", "README", "train/unsup/1.txt"):
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x", encoding="utf-8")
    lines: list[str] = []
    train, test = sorted(
        sources(tmp_path, [str(tmp_path / "data")], report=lines), key=lambda s: s.part != "train"
    )
    assert (train.part, test.part) == ("train", "test")
    table = train.open()
    assert read(table) == [
        (1, ["train/neg/1.txt,\n", "neg"]),
        (2, ["train/pos/1.txt,\n", "pos"]),
        (3, ["train/pos/2.txt,\n", "pos"]),
    ]
    assert table.place(2) == f"{tmp_path}/data/train/pos/1.txt"
    assert "README and 2 more: left out" in lines[0]
    assert train.record().path == str(tmp_path / "data")


def test_a_folder_of_tables_in_parts(tmp_path: Path) -> None:
    for name in ("train.csv", "dev.csv", "test.csv.gz", "README.md"):
        content = b"text,label\na,b\n"
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    found = sources(tmp_path, [str(tmp_path / "data")])
    assert {Path(s.name).name: s.part for s in found} == {
        "train.csv": "train",
        "dev.csv": "valid",
        "test.csv.gz": "test",
    }
    alone = sources(tmp_path, [str(tmp_path / "data" / "dev.csv")])
    assert [source.part for source in alone] == [None]


def test_compressed_and_encoded_tables(tmp_path: Path) -> None:
    text = "text;label\nnaïve;1\n"
    packed = lzma.compress(text.encode("cp1252"))
    assert read(opened(tmp_path, "r.csv.xz", packed, "cp1252")) == [(2, ["naïve", "1"])]
    assert read(opened(tmp_path, "s.csv", text, "utf-16")) == [(2, ["naïve", "1"])]


def test_formats_are_known_by_their_contents(tmp_path: Path) -> None:
    for content, kind in (
        ("text,label\na,b\n", "CSV"),
        ("a\tb, c\nd\te\n", "TSV"),
        ('{"a": "b"}\n', "JSON Lines"),
        ("__label__a b\n", "fastText lines"),
    ):
        assert opened(tmp_path, "unknown", content).kind == kind
    assert "is no table" not in refusal(tmp_path, "u", "one\ntwo\n")
    assert refusal(tmp_path, "u", "one\ntwo\n").startswith("u: no table: its first line has")


def test_names_of_tables() -> None:
    assert [
        name for name in ("a.csv", "b.TSV.gz", "hf:x", "c.txt", "-", "d") if is_table(name)
    ] == [
        "a.csv",
        "b.TSV.gz",
        "hf:x",
    ]


def test_a_field_longer_than_the_limit_of_the_standard_library(tmp_path: Path) -> None:
    long = "x " * 100_000
    assert read(opened(tmp_path, "r.csv", f'text,label\n"{long}",1\n')) == [(2, [long, "1"])]


# Headers


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("text,label\na,b\n", True),
        ("opinion,words\npos,a b\nneg,c d\npos,e f\nneg,g h\npos,i\nneg,j\n", True),
        ("id,what\n1,a\n2,b\n", True),
        ("text,label\na,b\ntext,label\nc,d\n", True),
        ("0,what a film\n1,so bad\n0,x\n1,y\n", False),
        ("pos,what a film\nneg,so bad\npos,x\nneg,y z\npos,d\nneg,e\n", False),
        # A label that is called as a column could be.
        ("review,good one\nnews,it rains\nreview,fine\nnews,it snows\n", False),
        ("a,b,a\n1,2,3\n", False),
    ],
)
def test_headers(tmp_path: Path, text: str, named: bool) -> None:
    table = opened(tmp_path, "r.csv", text)
    assert table.named == named
    header = text.split("\n")[0] + "\n"
    assert len(read(table)) == text.count("\n") - (text.count(header) if named else 0)
    assert named or table.columns == tuple("123"[: len(table.columns)])


# Faults


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("r.csv", "text,label\na,b\n\nc\n", "r.csv:4: 1 field where the header names 2"),
        ("r.csv", "1,a b\n2,c\n1,d,e\n", "r.csv:3: 3 fields where the first row has 2"),
        ("r.tsv", "text\tlabel\na\tb\tc\n", "r.tsv:2: 3 fields where the header names 2"),
        ("r.csv", 'text,label\na,b\n"c\nd,e\n', "r.csv:3: the row that begins here has a quote"),
        ("r.csv", 'text,label\n"a\nb"c,1\n', "r.csv:2: in the row that begins here text follows"),
        ("r.csv", "text,label\na\rb,c\n", "r.csv:2: a carriage return (CR) without"),
        ("r.csv", "text,label\ra,b\r", "r.csv: its lines end in a carriage return (CR) alone"),
        ("r.csv", "text,label\n" + "a,b\n" * 9000 + "\0,c\n", "r.csv:9002: a NUL character"),
        ("r.csv", "", "r.csv: is empty"),
        ("r.csv", "\n\n", "r.csv: is empty"),
        ("r.jsonl", '{"text": "a"}\n{"text": }\n', "r.jsonl:2: not valid JSON: Expecting value"),
        ("r.jsonl", '{"text": "a"} {}\n', "r.jsonl:1: not valid JSON: Extra data"),
        ("r.jsonl", '{"a": "b"}\n["a"]\n', "r.jsonl:2: a list where an object was expected"),
        ("r.json", '{\n"text": "a"}\n', "r.json:1: one object of JSON over many lines"),
        ("r.json", '{"a":{"0":"x","1":"y"}}', "r.json: one object that holds columns"),
        ("r.json", '[{"a": "x"}, "b"]', "r.json: row 2: 'b' where an object was expected"),
        ("r.json", '[{"a": "x"},\n{"b": 1}]', "r.json: row 1: no 'b' in this row"),
        (
            "r.json",
            '[{"a": "x"},\n{"a" 1}]',
            "r.json:2: not valid JSON at row 2: a row (Expecting ':'",
        ),
        ("r.json", '[{"a": 1}\n{"a": 1}]', "r.json:2: not valid JSON at row 1: a comma or the ]"),
        ("r.json", '[{"a": 1},\n{"a": "cut', "r.json: row 2: the file ends within it"),
        ("r.json", '[{"a": 1,', "r.json: row 1: the file ends within it"),
        ("r.jsonl", '["a"]\n{"a": "x"}\n', "r.jsonl:1: a list where an object was expected"),
        ("r.json", '[{"a": 1}', "r.json:1: not valid JSON at row 1: a comma or the ]"),
        ("r.json", "[]", "r.json: no rows in this JSON list file"),
        ("r.jsonl", '{"a": "x", "b": 1}\n{"a": "y"}\n', "r.jsonl:2: no 'b' in this row"),
        ("r.jsonl", '{"a": "x"}\n{"a": {"y": 1}}\n', "r.jsonl:2: 'a' holds an object"),
        ("r.xlsx", "PK\3\4\0\0", "r.xlsx: this is a ZIP archive or a spreadsheet"),
        ("r.txt", "__label__a b\nc\n", "r.txt:2: no __label__ at the start of 'c'"),
        ("r.txt", "__label__a __label__b c\n", "r.txt:1: several labels for one text"),
    ],
)
def test_faults_are_named_by_file_and_line(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    message = refusal(tmp_path, name, text)
    assert message.startswith(expected)
    assert "\n" not in message


def test_bytes_of_another_encoding_are_named_by_line(tmp_path: Path) -> None:
    early = refusal(tmp_path, "e.csv", b"text,label\na,b\nna\xefve,c\n")
    assert early.startswith("e.csv:3: byte 0xef at offset 17 is not valid utf-8")
    rows = b"text,label\n" + (b"a text of some length" * 5 + b",b\n") * 20_000
    message = refusal(tmp_path, "r.csv", rows + b"na\xefve,c\n")
    assert message.startswith(
        f"r.csv:20002: byte 0xef at offset {len(rows) + 2} is not valid utf-8"
    )
    assert "--encoding cp1252" in message


# Round trips

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=12)
TABLES = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8)


@settings(max_examples=60)
@given(
    TABLES,
    st.sampled_from(",;"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_csv_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    delimiter: str,
    quoting: int,
    end: str,
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    if end == "\n" and quoting == csv.QUOTE_MINIMAL:
        # The writer leaves a CR outside quotes here, which its own reader refuses.
        rows = [(a.replace("\r", ""), b.replace("\r", "")) for a, b in rows]
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerows([("text", "label"), *rows])
    assert [tuple(v) for _, v in read(opened(folder, "r.csv", written.getvalue()))] == rows


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff\t\n\r"), max_size=12),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_tsv_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], end: str
) -> None:
    folder = tmp_path_factory.mktemp("tsv")
    # A quote that no program would have left like this: quotes mean nothing here.
    table = [["text", "label"], ['a "', "b"], *rows]
    text = "".join("\t".join(row) + end for row in table)
    assert [v for _, v in read(opened(folder, "r.tsv", text))] == table[1:]


@settings(max_examples=60)
@given(TABLES, st.booleans())
def test_json_lines_give_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], ascii_only: bool
) -> None:
    folder = tmp_path_factory.mktemp("json")
    text = "".join(
        json.dumps({"text": a, "label": b}, ensure_ascii=ascii_only) + "\n" for a, b in rows
    )
    assert [tuple(v) for _, v in read(opened(folder, "r.jsonl", text))] == rows


@settings(max_examples=60)
@given(TABLES, st.sampled_from([None, 1]), st.integers(1, 9))
def test_a_list_of_json_is_the_same_wherever_its_text_is_cut(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    indent: int | None,
    size: int,
) -> None:
    folder = tmp_path_factory.mktemp("list")
    text = json.dumps([{"text": a, "label": b, "n": {"x": 1.5}} for a, b in rows], indent=indent)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonlist, "checked_text", lambda *_: iter(pieces))
        table = opened(folder, "r.json", text)
        assert table.kind == "JSON list"
        assert read(table) == [(i, [a, b, "1.5"]) for i, (a, b) in enumerate(rows, 1)]


def test_tables_larger_than_a_block_are_read_whole(tmp_path: Path) -> None:
    rows = [[f"text number {i} " + "é" * (i % 7), str(i % 3)] for i in range(40_000)]
    written = io.StringIO()
    csv.writer(written).writerows([["text", "label"], *rows])
    assert [v for _, v in read(opened(tmp_path, "r.csv", written.getvalue()))] == rows
