"""``textrnn score``."""

import html.parser
import json
import math
import re
import signal
import subprocess

import pytest
from language_models import write_language_model

from textrnn.bundle import open_bundle
from textrnn.cli import heat_page as heat_page_module
from textrnn.cli.heat_page import heat_page
from textrnn.cli.peaks import Peaks
from textrnn.cli.surprise_display import ColouredText, level, steps_of, summary_lines
from textrnn.cli.surprise_rows import write_rows
from textrnn.language_model.scored import Part, Span, pieces, tokens, words
from textrnn.language_model.surprise import Scorer
from textrnn.tokenizers import CharTokenizer, WordTokenizer

LETTERS = CharTokenizer("abcdefgh \n\t\\.<>&/script-!\"'{}")
TEXT = "a bad cab.\n\nfed\ta b\\\n</script>"


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    """A language model of random weights; tests do not change it."""
    return write_language_model(tmp_path_factory.mktemp("lm") / "tiny-lm", LETTERS)


@pytest.fixture(scope="module")
def scorer(model_path):
    return Scorer(open_bundle(model_path), threads=1)


def unescaped(field: str) -> str:
    names = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    return re.sub(r"\\(.)", lambda found: names[found[1]], field)


def rows(result):
    assert result.code == 0
    return [line.split("\t") for line in result.out.split("\n")[:-1]]


def test_a_pipe_gets_a_row_for_every_token(command, model_path, scorer):
    done = command("score", model_path, "-", stdin=TEXT)
    found = rows(done)
    assert "".join(unescaped(row[-1]) for row in found) == TEXT
    expected = scorer.score(TEXT)
    for row, token in zip(found, expected.tokens, strict=True):
        assert [int(row[0]), int(row[1]), int(row[4])] == [token.line, token.column, token.rank]
        assert float(row[2]) == pytest.approx(token.nats, abs=1e-4)
        assert float(row[3]) == pytest.approx(math.exp(-token.nats), rel=1e-3)
        assert float(row[5]) == pytest.approx(token.entropy, abs=1e-4)
    assert f"{expected.nats:.4f} nats" in done.err
    assert f"{expected.total.bits_per_char:.4f} bits per character" in done.err
    assert rows(command("score", model_path, "-q", stdin=TEXT)) == found
    assert command("score", model_path, "-q", stdin=TEXT).err == ""


@pytest.mark.parametrize("unit", ["token", "char", "word", "line"])
def test_all_rows_add_up_to_the_text_and_its_surprise(unit, command, model_path, scorer, tmp_path):
    (tmp_path / "in.txt").write_text(TEXT)
    whole = scorer.score(TEXT).nats
    objects = command("score", model_path, "in.txt", "--by", unit, "--json").objects
    joined = "\n" if unit == "line" else ""
    assert joined.join(record["text"] for record in objects) == TEXT
    if unit == "line":  # the line ends, which texts come without, are counted
        assert sum(record["characters"] for record in objects) == len(TEXT)
    assert sum(record["nats"] for record in objects) == pytest.approx(whole, rel=1e-5)
    header, *found = rows(command("score", model_path, "in.txt", "--by", unit, "--header"))
    for row, record in zip(found, objects, strict=True):
        named = dict(zip(header, row, strict=True))
        assert unescaped(named.pop("text")) == record["text"]
        for name, field in named.items():
            assert float(field) == pytest.approx(record[name], rel=1e-4)


def test_the_totals_are_those_of_evaluate(command, model, text, tmp_path):
    (tmp_path / "part.txt").write_text(text[:3000])
    (expected,) = command("evaluate", model, "part.txt", "--json").objects
    objects = command("score", model, "part.txt", "--json").objects
    nats = sum(record["nats"] for record in objects)
    assert len(objects) == expected["targets"]
    assert nats / len(objects) == pytest.approx(expected["loss"], rel=1e-5)
    told = command("score", model, "part.txt", "--by", "line").err
    assert f"{expected['bits_per_char']:.4f} bits per character" in told
    assert f"perplexity {expected['perplexity']:.4f}" in told
    per_line = [
        line.split("\t")
        for line in command("evaluate", model, "part.txt", "--per-line").out.splitlines()
    ]
    mine = rows(command("score", model, "part.txt", "--by", "line"))
    assert [row[-1] for row in mine] == [row[-1] for row in per_line]
    for row, (bits, _) in zip(mine, per_line, strict=True):
        assert float(row[3]) == pytest.approx(float(bits), abs=2e-4)


def test_likelier_tokens_are_named(command, model_path):
    objects = command("score", model_path, "--json", "--top", "3", stdin="ab\n").objects
    for record in objects:
        shares = [p for _, p in record["alternatives"]]
        assert len(shares) == 3
        assert shares == sorted(shares, reverse=True)
        if record["rank"] == 1:
            assert record["alternatives"][0][0] == record["text"]
    row = rows(command("score", model_path, "--top", "2", stdin="a"))[0]
    assert re.fullmatch(r"0\.\d{4}:\S+ 0\.\d{4}:.+", row[-1])


def test_unknown_text_is_shown_as_it_is(command, tmp_path):
    path = write_language_model(tmp_path / "w", WordTokenizer(["the", " ", "\n", " cat"]))
    done = command("score", path, "--json", stdin="the ☃ cat")
    assert "".join(record["text"] for record in done.objects) == "the ☃ cat"
    assert [r["text"] for r in done.objects if not r["known"]] == [" ☃"]
    assert "1 of them unknown" in done.err
    assert "bits per character" not in done.err


def test_models_of_lines_and_of_reversed_text(command, tmp_path):
    for name, options in (("lines", {"lines": True}), ("back", {"reverse": True})):
        path = write_language_model(tmp_path / name, LETTERS, **options)
        objects = command("score", path, "--json", stdin="ab\n\ncd\n").objects
        assert "".join(record["text"] for record in objects) == "ab\n\ncd\n"
        costs = [record["nats"] for record in objects]
        assert costs.count(None) == 1
        assert objects[costs.index(None)]["probability"] is None
    empty = rows(command("score", path, stdin="ab"))[-1]
    assert empty[2:6] == ["", "", "", ""]


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("none.txt",), 1, "none.txt"),
        ((".",), 1, "folder"),
        (("empty.txt",), 1, "no text"),
        (("latin.txt",), 1, "--encoding"),
        (("latin.txt", "--by", "sentence"), 2, "sentence"),
        (("latin.txt", "--header", "--json"), 2, "--header"),
        (("latin.txt", "-o", "x.html", "--json"), 2, "--json and a page"),
        (("latin.txt", "--top", "3", "--by", "word"), 2, "--top and --by word"),
        (("latin.txt", "-o", "there.html"), 2, "--force"),
    ],
)
def test_what_cannot_be_scored_is_told(arguments, code, part, command, model_path, tmp_path):
    (tmp_path / "latin.txt").write_bytes("\xe9a".encode("latin-1"))
    (tmp_path / "empty.txt").touch()
    (tmp_path / "there.html").touch()
    done = command("score", model_path, *arguments)
    assert (done.code, done.out) == (code, "")
    assert part in done.err


def test_rows_come_while_the_text_does(process, model_path):
    running = process("score", model_path, "-", "--by", "line", stdin=subprocess.PIPE)
    running.stdin.write(b"a bad cab.\n")
    running.stdin.flush()
    assert running.stdout.readline().split(b"\t")[-1] == b"a bad cab.\n"
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert errors.decode().strip().endswith("Interrupted.")


class Page(html.parser.HTMLParser):
    """Takes a page apart: the text of <main>, the data, and every place a browser would ask for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text, self.data, self.asked, self.tags = "", "", [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.asked += [value for name, value in attributes if name in ("href", "src")]
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "main" in self.open:
            self.text += data
        elif self.open[-1:] == ["script"] and not self.data:
            self.data = data


HOSTILE = "</script><script>!</script>\n<!-- {{title}} & \"'\\ -->\n" + "ab\n" * 2000


def test_a_page_holds_the_text_and_nothing_but_itself(command, model_path, scorer, tmp_path):
    (tmp_path / "in&<b>.txt").write_text(HOSTILE)
    done = command("score", model_path, "in&<b>.txt", "-o", "heat.html", "--top", "2")
    assert (done.code, done.out) == (0, "")
    page = (tmp_path / "heat.html").read_text()
    found = Page(page)
    assert found.text == HOSTILE
    assert found.tags.count("script") == 2
    assert all(place.startswith("#u") for place in found.asked)
    assert not re.search(r"https?://|@import|url\(", page)
    for place in found.asked:
        assert f"id={place[1:]}" in page
    data = json.loads(found.data)
    expected = scorer.score(HOSTILE, top=2).tokens
    assert len(data["units"]) == len(expected)
    for (nats, rank, _, *others), token in zip(data["units"], expected, strict=True):
        assert nats == pytest.approx(token.nats, rel=1e-3, abs=1e-4)
        assert rank == token.rank
        assert [data["names"][i] for i in others[::2]] == [text for text, _ in token.alternatives]
    blocks = re.findall(r'<div data-b="(\d+)">(.*?)</div>', page, re.DOTALL)
    assert len(blocks) > 1
    counts = [len(re.findall(r"</b>", inside)) for _, inside in blocks]
    assert [int(first) for first, _ in blocks] == [sum(counts[:i]) for i in range(len(counts))]
    assert "prefers-color-scheme" in page


def test_a_page_of_bytes_shows_whole_characters(tmp_path):
    from textrnn.tokenizers import ByteTokenizer

    own = Scorer(open_bundle(write_language_model(tmp_path / "b", ByteTokenizer())), threads=1)
    found = own.score("é\x07\r\n日", top=1)
    page = Page(
        heat_page(found.tokens, own.tokenizer, found.total, found.nats, "t", "m", reverse=True)
    )
    # What no page can hold is shown by its picture.
    assert page.text == "é\u2407\u240d\n日"
    nats = [unit[0] for unit in json.loads(page.data)["units"]]
    assert sum(nats) == pytest.approx(found.nats, rel=1e-3)


def test_a_text_too_big_for_a_page_is_refused_and_nothing_written(
    command, model_path, tmp_path, monkeypatch
):
    monkeypatch.setattr(heat_page_module, "MOST_TOKENS", 100)
    (tmp_path / "in.txt").write_text("ab " * 40)
    done = command("score", model_path, "in.txt", "-o", "heat.html")
    assert done.code == 2
    assert "more than 100 tokens" in done.err
    assert "head -c" in done.err
    assert [path.name for path in tmp_path.glob("*heat*")] == []


def test_the_terminal_shows_the_text_in_colours(scorer, monkeypatch, capsysbinary):
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    display = ColouredText(scorer.tokenizer)
    for part in scorer.parts(["ab\x1b[31m cd\n", TEXT], details=False):
        display.add(part)
    display.end_line()
    shown = capsysbinary.readouterr().out.decode()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("↵", "")
    assert plain == "ab\\x1b[31m cd\n" + TEXT + "\n"
    assert "\x1b[31m" not in shown
    colours = re.findall(r"\x1b\[([0-9;]+)m", shown)
    assert len(set(colours)) > 2
    assert colours[-1] == "0"


def test_colours_begin_where_the_legend_says():
    steps = steps_of(LETTERS)
    assert steps_of(WordTokenizer([" ", "\n", "a"])) != steps
    assert level(math.nan, steps) == 0
    assert level(0.99 * math.log(2), steps) == 0
    assert level(1.01 * math.log(2), steps) == 1
    assert level(99, steps) == len(steps)


def test_the_most_surprising_words_stand_in_their_lines(scorer):
    peaks = Peaks(2)
    costs = {"cat": 5.0, "sees": 9.0, "dog": 9.0, "mat": 7.0}
    for line, words_ in enumerate([["the", "cat", "sees"], ["a", "dog", "mat"]], 1):
        for word in words_:
            peaks.add(Span(f" {word}", costs.get(word, 1.0), True, line, 1))
        peaks.add(Span("\n", 20.0, True, line, 9))
    first, second = peaks.found()
    assert (first.before, first.word.text, first.after) == (" the cat", " sees", "")
    assert (second.before, second.word.text, second.after) == (" a", " dog", " mat")
    list(tokens(scorer.parts([TEXT]), scorer.tokenizer))
    shown = "\n".join(
        "".join(text for text, _ in line)
        for line in summary_lines(scorer.totals.result(), scorer.totals.nats, peaks)
    )
    assert "line 1  the cat sees" in shown
    assert f"{scorer.totals.result().bits_per_char:.4f}" in shown


def test_a_word_is_named_once_where_it_surprises_most():
    peaks = Peaks(2)
    text = [
        ("The", 1.0),
        ("whale", 8.0),
        ("Whale,", 9.0),
        ("ship", 5.0),
        ("whale!", 7.0),
        ("--", 6.0),
    ]
    for number, (word, cost) in enumerate(text, 1):
        peaks.add(Span(f" {word}", cost, True, number, 1))
    first, second = peaks.found()
    assert (first.word.text, first.word.line, first.times) == (" Whale,", 3, 3)
    assert first.where == "line 3, 2 more"
    assert (second.word.text, second.where) == (" --", "line 6")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_most_surprising_words_fit_the_terminal(scorer, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    list(tokens(scorer.parts([TEXT]), scorer.tokenizer))
    text = [
        "some",
        "of",
        "the",
        "words",
        "that",
        "stand",
        "before",
        "it",
        "harbourmistress",
        "and",
        "more",
    ]
    peaks = Peaks(1)
    for word in text:
        peaks.add(Span(f" {word}", 50.0 if len(word) > 9 else 1.0, True, 1, 1))
    *_, last = summary_lines(scorer.totals.result(), scorer.totals.nats, peaks)
    line = "".join(part for part, _ in last)
    assert len(line) <= width
    shown = line.partition("line 1")[2].split()
    # Whole words, and none left out between them.
    assert "harbourmistress" in shown
    assert " ".join(shown) in " ".join(text)
    assert {*shown} <= {*text}


def test_a_part_is_shown_before_the_next_is_asked_for(scorer):
    happened = []

    def parts():
        for text in ("a b\n", "c d\n"):
            happened.append(f"asked {text}")
            yield from scorer.parts([text], details=False)

    write_rows(happened.append, parts(), LETTERS, "line", as_json=False, top=0)
    assert [each.split()[0] for each in happened] == ["asked", "1", "asked", "2"]
    assert isinstance(next(scorer.parts(["a"])), Part)
    assert [span.text for span in words(pieces(scorer.parts(["a b"])))] == ["a", " b"]
