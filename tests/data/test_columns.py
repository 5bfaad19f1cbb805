from pathlib import Path

import pytest

from textrnn.data.columns import choose_columns, choose_text, header_names
from textrnn.data.settings import ExampleSettings
from textrnn.data.tables.opening import open_sources
from textrnn.data.tables.table import Table
from textrnn.errors import DataError

OPINIONS = "".join(f"{('good', 'bad')[i % 2]},I saw film {i} and left\n" for i in range(12))


def table(folder: Path, text: str, settings: ExampleSettings, name: str = "r.csv") -> Table:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    (source,) = open_sources(
        [str(path)],
        "utf-8",
        header_names(settings),
        work=folder,
        cache=folder / "cache",
        report=lambda _: None,
    )
    return source.open()


def chosen(folder: Path, text: str, name: str = "r.csv", **values: str) -> tuple[int, int | None]:
    settings = ExampleSettings(**values)
    choice = choose_columns(table(folder, text, settings, name), settings)
    return choice.text, choice.label


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("text,label", (0, 1)),
        ("Label,Sentence", (1, 0)),
        ("id,Review Text,stars", (1, 2)),
        ("text,label,rating,id", (0, 1)),
        ("text,label,label_text", (0, 1)),
        ("title,body,category,score", (1, 2)),
        ("tweet,POLARITY", (0, 1)),
        ("id,airline_sentiment,airline_sentiment_confidence,full text", (3, 1)),
        ("v1,v2,,,", (1, 0)),
    ],
)
def test_usual_names(tmp_path: Path, header: str, expected: tuple[int, int]) -> None:
    row = ["x", "yyyy", "", "", ""] if ",," in header else list("7yzw"[: header.count(",") + 1])
    assert chosen(tmp_path, f"{header}\n" + (",".join(row) + "\n") * 2) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OPINIONS, (1, 0)),
        ("opinion,what\n" + OPINIONS, (1, 0)),
        # Sorted by label, and a column that is the same everywhere.
        ("".join(f"web,text number {i} of many,{i // 1500}\n" for i in range(3000)), (1, 2)),
        ("what,label\n" + "a long text,1\n" * 3, (0, 1)),
        ("id,body\n" + "a,some long text here\nb,some other text\n" * 3, (1, 0)),
        # Both columns repeat themselves; labels do so more.
        ("".join(f"{i % 2},{('oh', 'ah', 'eh', 'ih')[i % 4]}\n" for i in range(16)), (1, 0)),
    ],
)
def test_contents(tmp_path: Path, text: str, expected: tuple[int, int]) -> None:
    assert chosen(tmp_path, text) == expected


def test_columns_by_name_and_number(tmp_path: Path) -> None:
    text = "text,label,Topic,2\na,b,c,d\n"
    assert chosen(tmp_path, text, text_column="label", label_column="topic") == (1, 2)
    assert chosen(tmp_path, text, text_column="3", label_column="2") == (2, 3)
    assert chosen(tmp_path, OPINIONS, text_column="2", label_column="1") == (1, 0)
    # A name that only the user knows tells a header from a row.
    assert chosen(tmp_path, "foo,bar\na,b\n", text_column="bar", label_column="foo") == (1, 0)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        (
            "text,class,category\na,b,c\n",
            {},
            "'class' and 'category' may each be the label; the columns are 'text', 'class', "
            "'category'; choose one with --label-column NAME or its number from 1",
        ),
        ("review,comment,label\na,b,c\n", {}, "'review' and 'comment' may each be the text"),
        ("text,what\na,b\nc,d\n", {"text_column": "txt"}, "no column 'txt'; did you mean text?"),
        ("text,label\na,b\n", {"label_column": "3"}, "no column '3'"),
        ("text,label\na,b\n", {"label_column": "text", "text_column": "1"}, "the same column"),
        ("a,text\nx,y\nz,w\n", {"label_column": "text", "text_column": "text"}, "the same column"),
        (
            "q r s,t u v,w x y\na b c,d e f,g h i\n",
            {},
            "no column is called as labels are or holds few short values; it has 3 columns and no",
        ),
        (
            "p q,good,yes\nr s t,bad,no\n" * 3,
            {"text_column": "1"},
            "column 2 and column 3 may each be the label",
        ),
        (
            "label,one,two\na,some text,more text\nb,other text,last text\n",
            {},
            "'one' and 'two' may each be the text",
        ),
    ],
)
def test_doubt_is_an_error_that_lists_the_columns(
    tmp_path: Path, text: str, values: dict[str, str], expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        chosen(tmp_path, text, **values)
    assert str(caught.value).startswith(f"{tmp_path}/r.csv (CSV): ")
    assert expected in str(caught.value)


def test_a_text_needs_no_label(tmp_path: Path) -> None:
    settings = ExampleSettings()
    for text, place in (("id,body\n1,a\n", 1), ("what,other\nlong text,b\nc d e,f\n", 0)):
        assert choose_text(table(tmp_path, text, settings), settings).text == place
    lines = '{"x": "a"}\n{"x": "b"}\n'
    assert choose_text(table(tmp_path, lines, settings, "r.jsonl"), settings).text == 0


def test_what_was_found_is_told(tmp_path: Path) -> None:
    settings = ExampleSettings()
    named = choose_columns(table(tmp_path, "stars,review\n1,a\n", settings), settings)
    assert named.how == "text in 'review', label in 'stars'"
    bare = choose_columns(table(tmp_path, OPINIONS, settings), settings)
    assert bare.how == "text in column 2, label in column 1"
