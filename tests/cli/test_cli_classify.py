"""``textrnn classify``."""

import gzip
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from classifier_models import write_classifier

from textrnn.bundle import open_bundle
from textrnn.classifier.explanation import Explanation, WordEffect
from textrnn.classifier.predictor import Classifier, Prediction
from textrnn.cli.labels_display import Answer, Form
from textrnn.cli.labels_table import LabelsTable


@pytest.fixture(scope="module")
def clf(tmp_path_factory):
    """A classifier of random weights; tests do not change it."""
    return write_classifier(tmp_path_factory.mktemp("clf") / "film-clf")


@pytest.fixture(scope="module")
def classifier(clf):
    return Classifier(open_bundle(clf), "cpu", threads=1)


def rows(result):
    assert result.err == ""
    assert result.code == 0
    return [line.split("\t") for line in result.out.split("\n")[:-1]]


def test_every_line_gets_a_line_in_order_blank_ones_too(command, clf, classifier, tmp_path):
    data = b"the film was good\r\n\nbad\ta\\b\n \nvery \r not dull"
    (tmp_path / "in.txt").write_bytes(data)
    found = rows(command("classify", clf, "in.txt"))
    assert [text for _, _, text in found] == [
        "the film was good",
        "",
        "bad\\ta\\\\b",
        " ",
        "very \\r not dull",
    ]
    assert found[1] == ["", "", ""]
    answers = classifier.classify(["the film was good", "bad\ta\\b", "very \r not dull"])
    kept = [found[0], found[2], found[4]]
    assert [label for label, _, _ in kept] == [answer.label for answer in answers]
    for (_, probability, _), answer in zip(kept, answers, strict=True):
        assert float(probability) == pytest.approx(answer.probability, abs=1e-5)
    for stdin in ((), ("-",)):
        assert rows(command("classify", clf, *stdin, stdin=data)) == found


def test_json_holds_every_label_and_null_for_a_blank_line(command, clf):
    one, blank = command("classify", clf, "--json", stdin="film é☃\n\n").objects
    assert list(one) == ["label", "probability", "probabilities", "text"]
    assert one["text"] == "film é☃"
    assert set(one["probabilities"]) == {"neg", "pos"}
    assert one["probability"] == one["probabilities"][one["label"]] >= 0.5
    assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert blank == {"label": None, "probability": None, "probabilities": None, "text": ""}


def test_a_header_names_the_columns_of_every_label(command, clf):
    header, one, blank = rows(
        command("classify", clf, "--proba", "--header", "--explain", stdin="good film\n\n")
    )
    assert header == ["label", "probability", "text", "p_neg", "p_pos", "words"]
    assert float(one[3]) + float(one[4]) == pytest.approx(1, abs=2e-6)
    assert one[1] in one[3:5]
    assert {part.split(" ")[1] for part in one[5].split("; ")} <= {"good", "film"}
    assert re.fullmatch(r"[+-]0\.\d{3}", one[5].split(" ")[0])
    assert blank == [""] * 6
    assert rows(command("classify", clf, "--header", stdin="")) == [
        ["label", "probability", "text"]
    ]


def test_an_uncertain_label_is_unsure(command, clf, classifier):
    (answer,) = classifier.classify(["bad"])
    over = str(answer.probability + 1e-4)
    ((label, probability, _),) = rows(
        command("classify", clf, "--min-confidence", over, stdin="bad")
    )
    assert label == "unsure"
    assert float(probability) == pytest.approx(answer.probability, abs=1e-5)
    done = command("classify", clf, "--min-confidence", "1.5", stdin="bad")
    assert done.code == 2
    assert "1.5" in done.err


def test_explanations_say_where_each_word_stands(command, clf, classifier):
    text = "the <br />film, was not good"
    (record,) = command("classify", clf, "--explain", "--json", stdin=text).objects
    why = record["explanation"]
    assert (why["method"], why["label"]) == ("occlusion", record["label"])
    assert [word["word"] for word in why["words"]] == ["the", "film,", "was", "not", "good"]
    for word in why["words"]:
        assert text[word["start"] : word["end"]] == word["word"]
    (expected,) = classifier.explain([text])
    assert [word["effect"] for word in why["words"]] == pytest.approx(
        [word.effect for word in expected.words], abs=1e-6
    )
    (blank,) = command("classify", clf, "--explain", "--json", stdin="\n").objects
    assert blank["explanation"] is None


def test_tables_are_read_by_column(command, clf, tmp_path):
    (tmp_path / "in.csv").write_text('id,body,stars\n1,"good, film\nnot bad",3\n2,,4\n3,dull,1\n')
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(b'{"text": "fine"}\n{"text": null}\n'))
    found = rows(command("classify", clf, "-q", "in.csv", "in.jsonl.gz"))
    assert [text for _, _, text in found] == ["good, film\\nnot bad", "", "dull", "fine", ""]
    piped = command("classify", clf, "-q", "--text-column", "2", stdin="x\tgood\ny\tbad\n")
    assert [text for _, _, text in rows(piped)] == ["good", "bad"]
    assert "body" in command("classify", clf, "in.csv").err
    wrong = command("classify", clf, "in.csv", "--text-column", "bodi")
    assert wrong.code == 1
    assert "did you mean body?" in wrong.err


def test_columns_are_passed_on_and_the_most_probable_labels_named(command, clf, tmp_path):
    (tmp_path / "in.csv").write_text('id,text,n\n"a\tb",good film,3\nc,,\n')
    options = ("in.csv", "-q", "--keep-column", "id", "--keep-column", "3")
    header, one, blank = rows(command("classify", clf, *options, "--top", "5", "--header"))
    # A model of two labels has no five.
    ranks = ["label_1", "probability_1", "label_2", "probability_2"]
    assert header == ["label", "probability", "text", "id", "3", *ranks]
    assert one[2:5] == ["good film", r"a\tb", "3"]
    assert one[5:7] == one[:2]
    assert {one[5], one[7]} == {"neg", "pos"}
    assert float(one[6]) + float(one[8]) == pytest.approx(1, abs=2e-6)
    assert blank == ["", "", "", "c", "", "", "", "", ""]
    first, empty = command("classify", clf, *options, "--top", "1", "--json").objects
    assert first["columns"] == {"id": "a\tb", "3": "3"}
    assert first["top"] == [{"label": first["label"], "probability": first["probability"]}]
    assert (empty["top"], empty["columns"]["id"], "probabilities" in first) == (None, "c", False)


def test_a_column_to_keep_tells_a_header_and_stands_under_a_name_of_its_own(command, clf, tmp_path):
    (tmp_path / "in.csv").write_text("label,note_x\nneg,a good film that is long\npos,bad\n")
    options = ("--keep-column", "label", "--keep-column", "note_x", "--header", "-q")
    header, *found = rows(command("classify", clf, "in.csv", "--text-column", "note_x", *options))
    assert header == ["label", "probability", "text", "input_label", "note_x"]
    assert [row[3] for row in found] == ["neg", "pos"]
    (tmp_path / "ids.csv").write_text("doc_id,content_x\nx0,a good film that is long\n")
    (found,) = rows(command("classify", clf, "ids.csv", "--keep-column", "doc_id", "-q"))
    assert found[3] == "x0"


def test_whole_files_stand_by_their_names(command, clf, tmp_path):
    (tmp_path / "d" / "s").mkdir(parents=True)
    (tmp_path / "d" / "a.txt").write_text("good\nfilm\n")
    (tmp_path / "d" / "s" / "b.csv").write_text("bad,\n")
    found = rows(command("classify", clf, "--whole-file", "d", "--header"))
    assert [name for _, _, name in found] == ["file", "d/a.txt", "d/s/b.csv"]
    assert len(rows(command("classify", clf, "d"))) == 3
    (one,) = command("classify", clf, "--whole-file", "--json", stdin="good\nfilm\n").objects
    assert one["file"] == "stdin"
    assert float(found[1][1]) == pytest.approx(one["probability"], abs=1e-5)


def test_what_was_answered_before_a_fault_has_been_written(command, clf, tmp_path):
    (tmp_path / "in.txt").write_bytes(b"good\nbad\ncaf\xe9\n")
    for options in ((), ("-o", "out.tsv")):
        done = command("classify", clf, "in.txt", *options)
        assert done.code == 1
        assert "in.txt:3: byte 0xe9" in done.err
        out = done.out or (tmp_path / "out.tsv.part").read_text()
        assert [line.split("\t")[2] for line in out.splitlines()] == ["good", "bad"]
    assert command("classify", clf, "in.txt", "--encoding", "latin-1").code == 0


def test_an_output_file_appears_whole_and_replaces_nothing_unasked(command, clf, tmp_path):
    out = tmp_path / "out.jsonl"
    first = command("classify", clf, "-o", out, "--json", stdin="good\nbad\n")
    assert (first.code, first.out, first.err) == (0, "", "")
    assert len(out.read_text().splitlines()) == 2
    again = command("classify", clf, "-o", out, stdin="good")
    assert again.code == 2
    assert "--force" in again.err
    assert len(out.read_text().splitlines()) == 2
    # Where nothing could be answered, what was there stays.
    assert command("classify", "none", "-o", out, "--force", stdin="good").code == 1
    assert command("classify", clf, "-o", out, "--force", stdin=b"\xff").code == 1
    assert len(out.read_text().splitlines()) == 2
    assert command("classify", clf, "-o", out, "--force", stdin="good").code == 0
    assert out.read_text().count("\n") == 1
    assert command("classify", clf, "-o", "-", stdin="good").out.startswith(("neg", "pos"))
    assert command("classify", clf, "-o", "empty.tsv", stdin="").code == 0
    assert (tmp_path / "empty.tsv").read_text() == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.tsv", "out.jsonl"]


def test_an_output_can_be_the_input_a_link_or_a_device(command, clf, tmp_path):
    (tmp_path / "in.txt").write_text("good\nbad\n")
    (tmp_path / "link.txt").symlink_to("in.txt")
    assert command("classify", clf, "in.txt", "-o", "link.txt", "--force").code == 0
    assert (tmp_path / "link.txt").is_symlink()
    assert len((tmp_path / "in.txt").read_text().splitlines()) == 2
    assert command("classify", clf, "in.txt", "-o", "/dev/null").code == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("none.txt",), 1, "none.txt: no such file"),
        (("in.txt", "none.txt"), 1, "none.txt"),
        (("in.txt", "--encoding", "utf-9"), 2, "utf-9"),
        (("in.txt", "--device", "quantum"), 2, "quantum"),
        (("in.txt", "--precision", "int3"), 2, "int3"),
        (("in.txt", "--batch-size", "0"), 2, "--batch-size"),
        (("in.txt", "--json", "--header"), 2, "--header"),
        (("in.txt", "--whole-file", "--text-column", "x"), 2, "--whole-file"),
        (("in.txt", "--keep-column", "id"), 2, "in.txt is read line by line"),
        (("in.txt", "--proba", "--top", "2"), 2, "leave one of them out"),
        (("-", "-"), 2, "twice"),
        (("in.txt", "-o", "."), 2, "folder"),
        (("in.txt", "-o", "no/where.tsv"), 2, "mkdir -p no"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_written(
    arguments, code, part, command, clf, tmp_path
):
    (tmp_path / "in.txt").write_text("good\n")
    done = command("classify", clf, *arguments)
    assert done.code == code
    assert part in done.err
    assert done.out == ""


def test_a_model_of_another_job_is_refused(command, tmp_path):
    write_classifier(tmp_path / "book-lm", job="language-model")
    done = command("classify", "book-lm", stdin="good")
    assert done.code == 1
    assert "needs a classifier" in done.err


def test_without_a_file_a_terminal_is_not_read(command, clf, monkeypatch):
    monkeypatch.setattr("textrnn.cli.inputs.is_terminal", lambda stream: True)
    done = command("classify", clf)
    assert done.code == 2
    assert "nothing to classify" in done.err


def test_an_interrupt_keeps_what_was_answered(command, clf, monkeypatch, tmp_path):
    classify = Classifier.classify
    calls = []

    def interrupted(self, texts, min_confidence):
        calls.append(texts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return classify(self, texts, min_confidence)

    monkeypatch.setattr(Classifier, "classify", interrupted)
    (tmp_path / "a.txt").write_text("good\n")
    done = command("classify", clf, "a.txt", "a.txt", "-o", "out.tsv")
    assert done.code == 130
    assert not (tmp_path / "out.tsv").exists()
    assert len((tmp_path / "out.tsv.part").read_text().splitlines()) == 1
    assert "out.tsv.part" in done.err


@pytest.mark.skipif(os.name == "nt", reason="needs signals and pipes of POSIX")
def test_a_pipe_is_answered_as_it_is_written_and_may_be_closed(process, clf):
    with process("classify", clf, stdin=subprocess.PIPE, bufsize=0) as running:
        for text in ("good film", "", "bad"):
            running.stdin.write(f"{text}\n".encode())
            assert running.stdout.readline().decode().rstrip("\n").split("\t")[2] == text
        loaded = Path(f"/proc/{running.pid}/maps")
        libraries = loaded.read_text() if loaded.exists() else ""
        assert not re.search(r"/(pyarrow|pandas|sklearn|scipy|datasets)/", libraries)
        running.stdout.close()
        running.stdin.write(b"good\n")
        assert running.wait(timeout=30) == 0
        assert running.stderr.read() == b""


@pytest.mark.skipif(os.name == "nt", reason="needs signals and pipes of POSIX")
def test_an_interrupt_while_waiting_for_a_pipe_ends_with_130(process, clf):
    with process("classify", clf, stdin=subprocess.PIPE, bufsize=0) as running:
        running.stdin.write(b"good\n")
        assert running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
        assert running.stderr.read().strip() == b"Interrupted."


class Terminal(io.StringIO):
    """A terminal of a given width that remembers what it was shown."""

    def __init__(self, encoding):
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self):
        return self._encoding

    def isatty(self):
        return True


def shown(monkeypatch, answers, *, columns=80, encoding="utf-8", form=None, **variables):
    terminal = Terminal(encoding)
    environment = {"COLUMNS": str(columns), "TERM": "xterm-256color", "NO_COLOR": "", **variables}
    with monkeypatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.delenv("FORCE_COLOR", raising=False)
        patch.setattr(sys, "stdout", terminal)
        LabelsTable(form or Form(["negative", "positive"])).print(answers)
    return terminal.getvalue()


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def answer(text="The film\x1b[2J was \u202egood", label="positive", p=0.875, words=()):
    rest = {"negative": 1 - p, "positive": p}
    why = Explanation("positive", tuple(words)) if words else None
    return Answer(Prediction(label, p, rest, text), None, why)


BLANK = Answer(Prediction(None, None, {}, ""), None, None)


def test_a_terminal_shows_labels_bars_and_texts(monkeypatch):
    found = shown(monkeypatch, [answer(), BLANK, answer(label="unsure")])
    first, blank, unsure = plain(found).splitlines()
    assert first == "positive  ━━━━━━━━━    87.5%  The film\\x1b[2J was \\u202egood"
    assert blank.strip() == "-"
    assert unsure.startswith("unsure ")
    assert "\x1b[2J" not in found
    assert "\x1b[1;" in found


@pytest.mark.parametrize("columns", [12, 24, 40, 59, 60, 200])
def test_no_row_is_wider_than_the_terminal(columns, monkeypatch):
    words = [WordEffect("長い" * 9, 0, 18, 0.5), WordEffect("film", 19, 23, -0.1)]
    answers = [answer("長い文" * 90, words=words), answer("word " * 90), BLANK]
    form = Form(["negative", "positive"], proba=True)
    found = plain(shown(monkeypatch, answers, columns=columns, form=form)).splitlines()
    cells = [sum(2 if "\u3000" < c < "\u9fff" else 1 for c in line) for line in found]
    assert max(cells) <= columns
    assert sum("positive"[:4] in line for line in found) >= 3 or columns < 24


def test_colours_are_left_out_where_nobody_wants_them(monkeypatch):
    words = [WordEffect("good", 0, 4, 0.5), WordEffect("bad", 5, 8, -0.3)]
    coloured = shown(monkeypatch, [answer("good bad", words=words)])
    assert "\x1b[1;32mgood" in coloured
    assert re.search(r"\x1b\[1?;?4;31mbad|\x1b\[4;31mbad", coloured)
    assert "+0.500 good; -0.300 bad" in coloured
    bare = shown(monkeypatch, [answer("good bad", words=words)], NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", bare)
    assert "+0.500 good; -0.300 bad" in bare
    dumb = shown(monkeypatch, [answer("good bad", words=words)], TERM="dumb")
    assert "\x1b" not in dumb


def test_every_label_gets_a_row_where_all_are_wanted(monkeypatch):
    labels = ["negative", "positive"]
    found = plain(shown(monkeypatch, [answer("good")], form=Form(labels, proba=True))).splitlines()
    assert [line.split()[0] for line in found] == ["positive", "positive", "negative"]
    assert found[2].split()[-1] == "12.5%"
    kept = answer("good")._replace(kept=("row\t17", None))
    one, first = plain(shown(monkeypatch, [kept], form=Form(labels, top=1))).splitlines()
    assert one.split()[-4:] == ["row", "17", "-", "good"]
    assert first.split()[0] == "positive"


def test_a_terminal_of_few_characters_is_shown_no_others(monkeypatch):
    found = shown(monkeypatch, [answer("film ☃")], encoding="ascii")
    assert found.isascii()
    assert "#########" in found
    assert "film ?" in found


def test_a_terminal_gets_the_table_and_a_header_asks_for_columns(command, clf, monkeypatch):
    monkeypatch.setattr("textrnn.cli.classify.is_terminal", lambda stream: True)
    assert "%" in command("classify", clf, stdin="good").out
    assert command("classify", clf, "--header", stdin="good").out.startswith("label\tprob")
    assert json.loads(command("classify", clf, "--json", stdin="good").out)


def test_fasttext_lines_are_read_without_their_labels(command, clf):
    plain = rows(command("classify", clf, "-q", stdin="good film\nbad\n"))
    labelled = command("classify", clf, stdin="__label__x __label__y good film\n__label__x bad\n")
    assert "left out" in labelled.err
    assert [line.split("\t") for line in labelled.out.splitlines()] == plain


def test_bytes_that_are_no_text_can_be_replaced(command, clf):
    stdin = b"good\n\xff film\nbad\n"
    assert command("classify", clf, stdin=stdin).code == 1
    found = rows(command("classify", clf, "--replace-invalid", stdin=stdin))
    assert [row[2] for row in found] == ["good", "\ufffd film", "bad"]
