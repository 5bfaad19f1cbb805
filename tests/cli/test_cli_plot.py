"""``textrnn plot``: curves in the terminal and as pictures, a classifier's answers."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
from classifier_models import write_classifier
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from run_logs import course, planned, resumed, rolled_back, stopped, write_run
from translator_models import write_translator

from textrnn import bundle, records
from textrnn.cli.plot_scale import bounds, compact, nice_ticks
from textrnn.cli.plot_terminal import plot_lines
from textrnn.experiments.curves import TRAINING, Curve, Drawing, Panel

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    events = [planned(max_steps=300), *course([3.0, 2.0, 1.5], [3.5, 2.2, 1.4])]
    end = stopped(300, "finished")
    return write_run(tmp_path / "one", [*events, end], step=300, metrics={"valid_loss": 1.5})


@pytest.fixture
def other(tmp_path: Path) -> Path:
    events = [planned(), *course([3.2, 2.5], [3.5, 2.2]), rolled_back(250, 200, 0.3)]
    events += [planned(), resumed(220), *course([3, 3, 2.1, 2.0], [3, 3, 2.0, 1.9])[4:]]
    return write_run(tmp_path / "two <b>$x^2$", events, metrics={"valid_loss": 2.0}, hidden_size=32)


def test_a_pipe_gets_ascii(command, run: Path):
    result = command("plot", "one")
    assert result.code == 0
    assert result.out.isascii()
    assert result.out.splitlines()[:2] == ["one", "o validation   . training"]
    for title in (
        "Loss (nats per target)",
        "Learning rate (per step)",
        "Speed of training (tokens/s)",
    ):
        assert title in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_several_runs_are_told_apart_by_letters(command, run: Path, other: Path):
    result = command("plot", "one", other.name, "--x", "epoch")
    first, second, *_ = result.out.splitlines()
    assert first.startswith("A one: hidden_size=64")
    assert second.startswith("B two <b>$x^2$: hidden_size=32")
    assert "passes over the training data" in result.out
    assert f"{other.name}: hidden_size=32: resumed at step 220" in result.out
    assert "back from step 250 to 200, rate times 0.3" in result.out
    assert result.err == ""


def test_runs_on_other_data_are_drawn_with_a_warning(command, run: Path, tmp_path: Path):
    write_run(tmp_path / "b", [planned(), *course([3, 2])], source="b.txt")
    assert "their losses do not compare" in command("plot", "one", "b").err


def test_points_as_json(command, run: Path):
    points = command("plot", "one", "--json").objects
    losses = [point for point in points if point["figure"] == "loss"]
    assert [(each["part"], each["step"], each["value"]) for each in losses] == [
        *(("training", 100, 3.5), ("training", 200, 2.2), ("training", 300, 1.4)),
        *(("validation", 100, 3.0), ("validation", 200, 2.0), ("validation", 300, 1.5)),
    ]
    assert losses[0] == {
        **{"run": "one", "figure": "loss", "part": "training", "step": 100, "epoch": 1.0},
        **{"elapsed_s": 10.0, "tokens": 5000, "value": 3.5},
    }


@pytest.mark.parametrize(("form", "begins"), [("png", PNG), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures(command, run: Path, other: Path, form: str, begins: bytes):
    pytest.importorskip("matplotlib")
    result = command("plot", "one", other.name, "-o", f"curves.{form}")
    assert (result.code, result.out) == (0, "")
    picture = Path(f"curves.{form}").read_bytes()
    assert picture.startswith(begins)
    assert command("plot", "one", "-o", f"curves.{form}").code == 2
    assert Path(f"curves.{form}").read_bytes() == picture
    again = command("plot", "one", other.name, "-o", f"curves.{form}", "--force")
    assert again.code == 0
    assert Path(f"curves.{form}").read_bytes() == picture


class _Links(HTMLParser):
    """Collects what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [f"{name}={value}" for name, value in attrs if name in ("src", "href")]


def test_a_page_holds_everything_and_loads_nothing(command, run: Path, other: Path):
    assert command("plot", "one", other.name, "-o", "curves.html").code == 0
    page = Path("curves.html").read_text(encoding="utf-8")
    links = _Links()
    links.feed(page)
    assert links.found == []
    assert "b" not in links.tags
    assert "import(" not in page
    assert "fetch(" not in page
    content = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert content["runs"][1].startswith("two <b>$x^2$")
    assert [each["axis"] for each in content["drawings"]] == ["step", "epoch", "time", "tokens"]
    (loss, *_) = content["drawings"][0]["panels"]
    assert loss["curves"][1]["y"] == [3.0, 2.0, 1.5]
    assert loss["best"] == [[0, 300.0, 1.5]]


def test_without_matplotlib_the_message_says_what_to_do(command, run: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = command("plot", "one", "-o", "curves.png")
    assert result.code == 2
    assert "pip install 'textrnn[plot]'" in result.err
    assert not Path("curves.png").exists()
    assert command("plot", "one", "-o", "curves.html").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to draw"),
        (["one", "-o", "curves.bmp"], ".png, .svg, .pdf, .html"),
        (["one", "-o", "curves.png", "--json"], "leave one of them out"),
        (["one", "two", "--confusion", "x.csv"], "answers of one model"),
        (["one", "--confusion", "x.csv", "--json"], "evaluate --json"),
        (["one", "--x", "weeks"], "weeks"),
    ],
)
def test_wrong_usage(command, run: Path, arguments: list[str], words: str):
    result = command("plot", *arguments)
    assert result.code == 2
    assert words in result.err


def test_what_cannot_be_drawn(command, tmp_path: Path):
    write_run(tmp_path / "begun", [planned()])
    result = command("plot", "begun")
    assert result.code == 1
    assert "tells of no step that counts" in result.err
    assert "no such model directory" in command("plot", "none").err


def test_a_real_run_that_went_on_is_one_curve(command, book: Path, tiny):
    assert command("train", "lm", book, *tiny, "-q").code == 0
    assert command("train", "lm", "--resume", "book-lm", "--max-steps", "10", "-q").code == 0
    points = command("plot", "book-lm", "--json").objects
    losses = [point for point in points if point["figure"] == "loss"]
    valid = [point for point in losses if point["part"] == "validation"]
    assert [point["step"] for point in valid] == [10, 20, 30]
    seconds = [point["elapsed_s"] for point in valid]
    assert seconds == sorted(seconds)
    assert "resumed at step 20" in command("plot", "book-lm").out


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    write_classifier(tmp_path / "clf")
    rows = ["text,label", "the film was good,pos", "the film was bad,neg", "good and fine,neg"]
    (tmp_path / "test.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_answers_are_drawn_from_a_model_or_from_its_evaluation(command, labelled: Path):
    shown = command("plot", "clf", "--confusion", "test.csv", "--reliability", "test.csv", "-q")
    assert shown.code == 0
    assert "Confusion:" in shown.out
    assert "Reliability: calibration error" in shown.out
    (result,) = command("evaluate", "clf", "test.csv", "--json", "-q").objects
    matrix = result["confusion"]["matrix"]
    for label, row in zip(result["confusion"]["labels"], matrix, strict=True):
        line = next(line for line in shown.out.splitlines() if line.startswith(f"{label} "))
        assert line.split()[1:] == [str(count) for count in row]
    Path("result.json").write_text(json.dumps(result))
    again = command("plot", "--confusion", "result.json", "--reliability", "result.json")
    assert again.out == shown.out
    piped = command("plot", "--confusion", "-", stdin=json.dumps(result))
    assert piped.out.splitlines()[0] == shown.out.splitlines()[0]
    assert command("plot", "--confusion", "test.csv").code == 1


def test_what_evaluate_writes_is_drawn_by_its_name_alone(command, labelled: Path):
    written = command("evaluate", "clf", "test.csv", "--json", "-q").out
    Path("result.json").write_text(written)
    both = command("plot", "result.json")
    assert (both.code, "Confusion:" in both.out, "Reliability:" in both.out) == (0, True, True)
    # Whatever the name says.
    Path("result.json").rename("clf.result")
    assert command("plot", "clf.result").out == both.out.replace("result.json", "clf.result")
    Path("clf.result").rename("result.json")
    one = command("plot", "result.json", "--reliability")
    assert (one.code, "Confusion:" in one.out) == (0, False)
    # Beside its model it is still the evaluation, not a file of labelled texts.
    named = command("plot", "clf", "--confusion", "result.json", "--reliability", "result.json")
    assert named.out == both.out
    Path("other.json").write_text('{"bits_per_char": 2.0}')
    assert "not what textrnn evaluate --json prints" in command("plot", "other.json").err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clf", "--confusion"], "textrnn plot clf --confusion TEST.csv"),
        (["--reliability", "clf"], "textrnn plot clf --reliability TEST.csv"),
        (["--confusion"], "textrnn plot MODEL --confusion TEST.csv"),
        (["one", "--confusion"], "one is a language model"),
        (["--attention", 'ein "Hund"'], """textrnn plot MODEL --attention 'ein "Hund"'"""),
        (["mt", "--attention", "ein Hund", "-o", "a.svg"], "end in .png or .html"),
        (["mt", "--attention", "ein Hund", "--confusion", "test.csv"], "leave one of them out"),
        (["mt", "--attention", "ein Hund", "--x", "time"], "--x says what curves are drawn over"),
        (["clf", "--confusion", "test.csv", "--x", "step"], "--x says what curves are drawn over"),
        (["mt", "--attention", "ein Hund", "--text-column", "a"], "--text-column with --attention"),
    ],
)
def test_a_model_alone_is_told_what_to_add(command, labelled, run, arguments, words):
    result = command("plot", *arguments)
    assert result.code == 2
    assert words in result.err


def test_the_texts_that_a_model_was_to_be_tested_on_are_named(command, labelled: Path):
    config = records.read_record(labelled / "clf", bundle.CONFIG)
    config["data"] = {"test_inputs": ["gone.csv", "test.csv"]}
    records.write_record(labelled / "clf", bundle.CONFIG, config)
    assert "textrnn plot clf --confusion test.csv" in command("plot", "clf", "--confusion").err


def test_attention_is_drawn_as_translate_draws_it(command, tmp_path: Path):
    write_translator(tmp_path / "mt")
    shown = command("plot", "mt", "--attention", "der hund")
    assert (shown.code, shown.err) == (0, "")
    beside = command("translate", "mt", "der hund", "--attention", "beside.txt")
    assert beside.code == 0
    assert shown.out == Path("beside.txt").read_text(encoding="utf-8")
    assert command("plot", "mt", "--attention", "der hund", "-o", "a.html").code == 0
    assert Path("a.html").read_text(encoding="utf-8").count("<table>") == 1


@pytest.mark.parametrize("form", ["png", "svg", "html"])
def test_answers_as_pictures(command, tmp_path: Path, form: str):
    if form != "html":
        pytest.importorskip("matplotlib")
    each = {"low": 0.6, "high": 0.8, "rows": 3, "confidence": 0.7, "accuracy": 0.75}
    labels = ["<i>a</i>", "日本$"]
    confusion = {"labels": labels, "matrix": [[2, 1], [0, 0]]}
    record = {"accuracy": 2 / 3, "ece": 0.05, "confusion": confusion, "calibration": [each]}
    (tmp_path / "r.json").write_text(json.dumps(record))
    asked = ("--confusion", "r.json", "--reliability", "r.json", "-o", f"a.{form}")
    result = command("plot", *asked)
    assert (result.code, result.err) == (0, f"drawn: a.{form}\n")
    picture = Path(f"a.{form}").read_bytes()
    if form == "html":
        graphics = re.findall(r"<svg.*?</svg>", picture.decode(), re.DOTALL)
        assert len(graphics) == 2
        titles = [
            node.text for node in ElementTree.fromstring(graphics[0]).iter() if "title" in node.tag
        ]
        assert "2 of <i>a</i> (66.7%) answered as <i>a</i>" in titles
    else:
        assert picture.startswith(PNG if form == "png" else b"<?xml")


def drawn(ys: list[float], label: str = "lm") -> Drawing:
    xs = tuple(float(number) for number in range(len(ys)))
    curve = Curve(0, TRAINING, xs, tuple(ys), tuple(range(len(ys))))
    return Drawing("step", "step", 1.0, (label,), (Panel("loss", "Loss", "nats", (curve,)),), ())


def test_a_falling_curve_falls():
    rows = [
        "".join(text for text, _ in line)
        for line in plot_lines(drawn([4, 3, 2, 1]), 40, coloured=False)
    ]
    marked = [row.index(".") for row in rows if "|" in row]
    assert len(marked) == 14
    assert marked == sorted(marked)
    assert rows[4].split("|")[0].strip() in ("4", "")


@given(
    ys=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50),
    width=st.integers(1, 200),
    coloured=st.booleans(),
    label=st.text(max_size=200),
)
def test_no_line_is_wider_than_the_terminal(ys, width, coloured, label):
    for line in plot_lines(drawn(ys, label), width, coloured=coloured):
        assert sum(cell_len(text) for text, _ in line) <= max(30, width)


@given(low=st.floats(-1e9, 1e9), span=st.floats(1e-6, 1e9), most=st.integers(2, 12))
def test_ticks_are_few_and_within_bounds(low: float, span: float, most: int):
    high = low + span
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-300):
        return
    ticks = nice_ticks(low, high, most)
    slack = (high - low) * 1e-6
    assert len(ticks) <= most + 1
    assert all(low - slack <= tick <= high + slack for tick in ticks)


def test_numbers_in_a_few_characters():
    values = [0, 1.25, 9999, 12_000, 3.4e6, 2e9, 0.002, 2e-5, 1e-15]
    assert [compact(value) for value in values] == [
        *("0", "1.25", "9999", "12k", "3.4M", "2G", "0.002", "2e-05", "0"),
    ]
    assert compact(0.875, share=True) == "87.5%"
    assert bounds([3.0]) == (2.7, 3.3)
    assert bounds([]) == (0.0, 1.0)
