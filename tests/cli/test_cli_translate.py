"""``textrnn translate`` and ``textrnn evaluate`` for translators."""

import builtins
import gzip
import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
import sacrebleu
from matplotlib.figure import Figure
from translator_models import SRC_WORDS, write_translator

from textrnn.bundle import open_bundle
from textrnn.cli import translate as command_module
from textrnn.cli.attention import AttentionFile, block_picture
from textrnn.cli.attention import _draw as draw_alignment
from textrnn.cli.translations_display import json_lines
from textrnn.tokenizers.base import EOS_ID
from textrnn.translator.alignment import Alignment
from textrnn.translator.predictor import Translator
from textrnn.translator.translations import Translation


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A translator of random weights; tests do not change it."""
    return write_translator(tmp_path_factory.mktemp("tr") / "de-en")


@pytest.fixture(scope="module")
def translator(model):
    return Translator(open_bundle(model), "cpu", threads=1)


ENDED = re.compile(
    r"Warning: [\d,]+ translations? (was|were) ended at 16 tokens, the most of a side in training, and may "
    r"be incomplete \(--max-length\)\n"
)


def told(result):
    # Models of random weights seldom come to an end.
    assert ENDED.sub("", result.err) == ""
    assert result.code == 0
    return result.out.split("\n")[:-1]


def test_every_line_gets_a_line_in_order_blank_ones_too(command, model, translator, tmp_path):
    data = "der hund sieht .\r\n\nein haus\trot\n \nfremd \u2028 katze".encode()
    texts = ["der hund sieht .", "", "ein haus\trot", " ", "fremd \u2028 katze"]
    expected = [each.translation for each in translator.translate(texts)]
    assert len(set(expected)) > 2
    (tmp_path / "in.de").write_bytes(data)
    (tmp_path / "in.de.gz").write_bytes(gzip.compress(data))
    assert told(command("translate", model, "in.de")) == expected
    assert told(command("translate", model, "in.de.gz")) == expected
    for stdin in ((), ("-",)):
        assert told(command("translate", model, *stdin, stdin=data)) == expected
    assert told(command("translate", model, stdin="")) == []
    assert told(command("translate", model, "in.de", "ein haus\trot", "rot")) == [
        *expected,
        expected[2],
        *told(command("translate", model, "rot")),
    ]


def test_chunks_and_batches_change_nothing(command, model, tmp_path, monkeypatch):

    lines = [" ".join(SRC_WORDS[i % 7 : i % 11]) for i in range(150)]
    (tmp_path / "in").write_text("\n".join(lines) + "\n")
    expected = told(command("translate", model, "in", "--beam-size", "1"))
    assert len(expected) == 150
    assert all(answer == "" for answer, line in zip(expected, lines, strict=True) if not line)
    assert len(set(expected)) > 20
    monkeypatch.setattr(command_module, "_FIRST_CHUNK", 2)
    monkeypatch.setattr(command_module, "_MOST_CHUNK", 5)
    again = told(command("translate", model, "in", "--beam-size", "1", "--batch-size", "3"))
    assert again == expected


def test_json_holds_everything_and_null_for_a_blank_line(command, model, translator):
    one, blank = command(
        "translate", model, "--json", "--n-best", "3", stdin="ein é haus\n\n"
    ).objects
    assert list(one) == ["source", "translation", "score", "hypotheses", "tokens", "alignment"]
    (expected,) = translator.translate(["ein é haus"], n_best=3, align=True)
    assert one["source"] == "ein é haus"
    assert one["translation"] == expected.translation == one["hypotheses"][0]["text"]
    assert one["score"] == pytest.approx(expected.score, abs=1e-5) == one["hypotheses"][0]["score"]
    assert len(one["hypotheses"]) == 3
    for found, known in zip(one["hypotheses"], expected.hypotheses, strict=True):
        assert found["text"] == known.text
        assert found["log_prob"] == pytest.approx(known.log_prob, abs=1e-5)
    assert one["tokens"]["source"] == ["ein", "é", "haus"]
    assert "".join(one["tokens"]["translation"]) == one["translation"].replace(" ", "")
    assert one["alignment"] == expected.alignment.links
    assert blank == {
        "source": "",
        "translation": "",
        "score": None,
        "hypotheses": [],
        "tokens": {"source": [], "translation": []},
        "alignment": [],
    }


def test_the_n_best_are_rows_of_number_score_and_text(command, model, translator):
    found = told(command("translate", model, "--n-best", "2", stdin="rot\n\nein haus\n"))
    rows = [line.split("\t") for line in found]
    assert [row[0] for row in rows] == ["1", "1", "2", "3", "3"]
    assert rows[2] == ["2", "", ""]
    (best,) = translator.translate(["ein haus"], n_best=2)
    assert [row[2] for row in rows[3:]] == [each.text for each in best.hypotheses]
    assert float(rows[3][1]) == pytest.approx(best.score, abs=1e-5)
    assert float(rows[3][1]) >= float(rows[4][1])


def test_search_settings_reach_the_search(command, model, translator):
    text = "der hund und die katze"
    (plain,) = translator.translate([text])
    for options, given in (
        (("--beam-size", "1"), {"beam_size": 1}),
        (("--length-penalty", "0"), {"length_penalty": 0}),
        (("--max-length", "3"), {"max_length": 3}),
        (("--no-repeat-ngram", "1"), {"no_repeat_ngram": 1}),
        (("--sample", "--seed", "5"), {"sample": True, "seed": 5}),
        (("--sample", "--seed", "5", "--temperature", "0.5", "--top-k", "3"),
         {"sample": True, "seed": 5, "temperature": 0.5, "top_k": 3}),
    ):  # fmt: skip
        (expected,) = translator.translate([text], **given)
        (found,) = command("translate", model, "--json", *options, text).objects
        assert found["translation"] == expected.translation
        assert found["score"] == pytest.approx(expected.score, abs=1e-5)
        assert (found["translation"], found["score"]) != (plain.translation, round(plain.score, 6))
    (greedy,) = translator.translate([text], beam_size=1)
    assert greedy.translation != plain.translation
    assert told(command("translate", model, text, TEXTRNN_BEAM_SIZE="1")) == [greedy.translation]
    # These are meant for training and for other ways to choose.
    for name in ("MAX_LENGTH", "TEMPERATURE", "SEED"):
        assert told(command("translate", model, text, **{f"TEXTRNN_{name}": "1"})) == [
            plain.translation
        ]
    drawn = command("translate", model, "--sample", "--seed", "5", text, TEXTRNN_BEAM_SIZE="3")
    assert told(drawn) == told(command("translate", model, "--sample", "--seed", "5", text))


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("--temperature", "0.5", "rot"), 2, "only with sample"),
        (("--n-best", "9", "rot"), 2, "give a beam_size of 9"),
        (("--beam-size", "0", "rot"), 2, "from 1 to 1024"),
        (("--seed", "1", "rot"), 2, "only with sample"),
        (("--sample", "--beam-size", "3", "rot"), 2, "sample and beam_size 3 at once"),
        (("--attention", "same.txt", "-o", "./same.txt", "rot"), 2, "name the same file"),
        (("--attention", "-", "--json", "rot"), 2, "--attention -"),
        (("--attention", "-", "--n-best", "2", "-o", "-", "rot"), 2, "--attention -"),
        (("--attention", "none/x.txt", "rot"), 2, "--attention: there is no folder none"),
        (("--src-column", "de", "ein haus"), 2, "--src-column is for tables"),
        (("--interactive", "--src-column", "de"), 2, "--interactive"),
        (("input.de",), 2, "input.de: no such file"),
        (("./input",), 2, "no such file"),
        (("-", "-"), 2, "twice"),
        (("--attention", "x.gif", "rot"), 2, "must end in .png, .html or .txt"),
        (("--interactive", "rot"), 2, "--interactive"),
        (("--interactive",), 2, "for a terminal"),
        (("--encoding", "utf-99", "rot"), 2, "utf-99"),
    ],
)
def test_wrong_usage_is_told(arguments, code, part, command, model):
    done = command("translate", model, *arguments)
    assert done.code == code
    assert done.out == ""
    assert part in done.err
    assert len(done.err.strip().splitlines()) <= 4


def test_a_model_of_another_job_is_told(command, tmp_path):
    path = write_translator(tmp_path / "lm", job="language-model")
    done = command("translate", path, "rot")
    assert done.code == 1
    assert "holds a language model; this command needs a translator" in done.err


def test_an_output_appears_whole_and_replaces_nothing_unasked(command, model, tmp_path):
    expected = told(command("translate", model, "rot", "ein haus"))
    done = command("translate", model, "rot", "ein haus", "-o", "out.en")
    assert (done.code, done.out, told(done)) == (0, "", [])
    assert (tmp_path / "out.en").read_text().splitlines() == expected
    again = command("translate", model, "rot", "-o", "out.en")
    assert again.code == 2
    assert "--force" in again.err
    assert command("translate", model, "rot", "-o", "out.en", "--force").code == 0
    assert (tmp_path / "out.en").read_text().splitlines() == expected[:1]


def test_what_came_before_a_fault_has_been_written(command, model, tmp_path):
    (tmp_path / "in.txt").write_bytes(b"rot\nein haus\ncaf\xe9\n")
    done = command("translate", model, "in.txt")
    assert done.code == 1
    assert "in.txt:3: byte 0xe9" in done.err
    assert len(done.out.splitlines()) == 2
    latin = command("translate", model, "in.txt", "--encoding", "latin-1")
    assert len(told(latin)) == 3


def test_long_texts_are_cut_with_a_warning_that_names_the_line(command, model, monkeypatch):
    monkeypatch.setattr(command_module, "_FIRST_CHUNK", 3)
    monkeypatch.setattr(command_module, "_MOST_CHUNK", 3)
    lines = ["rot"] * 4 + ["hund " * 20] + ["ein haus", "rot " * 17] + ["hund " * 99] * 9
    done = command("translate", model, "--beam-size", "1", stdin="\n".join(lines))
    assert done.code == 0
    assert len(done.out.splitlines()) == len(lines)
    warnings = ENDED.sub("", done.err).splitlines()
    assert warnings[0] == (
        "Warning: text 5 has 20 tokens; the model reads the first 16, the most of a side in training"
    )
    assert "text 7 has 17 tokens" in warnings[1]
    assert len(warnings) == 6
    assert warnings[-1] == "Warning: 11 texts were cut in all"
    assert command("translate", model, "-q", stdin="hund " * 20).err == ""


def test_translations_that_were_ended_are_counted(command, tmp_path):
    """They may be incomplete; one that comes to its end by itself, or where it was asked to, is not."""

    def change(model):
        for weight in model.parameters():
            weight.detach().zero_()
        model.output.bias.detach()[6] = 9.0  # the same word for ever

    endless = write_translator(tmp_path / "endless", change=change)
    done = command("translate", endless, "rot", "ein haus", "")
    assert done.err == (
        "Warning: 2 translations were ended at 16 tokens, the most of a side in training, and may be "
        "incomplete (--max-length)\n"
    )
    assert command("translate", endless, "-q", "rot").err == ""
    assert command("translate", endless, "--max-length", "3", "rot").err == ""
    terse = write_translator(
        tmp_path / "terse",
        change=lambda model: model.output.bias.detach().__setitem__(EOS_ID, 99.0),
    )
    assert command("translate", terse, "rot", "ein haus").err == ""


def test_of_a_table_each_row_is_translated(command, model, tmp_path):
    texts = ["der hund", "ein haus\nund, rot", "", "katze"]
    expected = told(
        command("translate", model, "-q", stdin="der hund\nein haus und, rot\n\nkatze\n")
    )
    rows = ["1,der hund,x y", '2,"ein haus\nund, rot",z z', "3,,w w", "4,katze,the cat"]
    table = "\n".join(["id,de,en", *rows]) + "\n"
    (tmp_path / "t.csv").write_text(table)
    (tmp_path / "t.txt").write_text(table)
    lines = [json.dumps({"id": i, "source": text, "n": {}}) for i, text in enumerate(texts)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines) + "\n")
    done = command("translate", model, "t.csv")
    assert done.out.split("\n")[:-1] == expected
    assert "t.csv: CSV, translating 'de'" in done.err
    for arguments in (
        ("t.jsonl",),
        ("t.txt", "--src-column", "de"),
        ("t.csv", "--src-column", "2"),
    ):
        assert command("translate", model, *arguments).out == done.out
    piped = command("translate", model, "-", "--src-column", "de", stdin=table)
    assert piped.out == done.out
    other = command("translate", model, "t.csv", "--src-column", "en", "-q")
    assert other.out != done.out
    assert other.err == ""
    assert other.out.count("\n") == 4
    wrong = command("translate", model, "t.csv", "--src-column", "fr")
    assert (wrong.code, wrong.out) == (1, "")
    assert "no column 'fr'" in wrong.err
    assert "--src-column" in wrong.err
    # A model that was trained from one column reads that one again.
    turned = write_translator(tmp_path / "en-de", src_column="en")
    assert "translating 'en'" in command("translate", turned, "t.csv").err


def test_alignments_are_told_in_the_order_of_the_translation():
    weights = weights_of([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.2, 0.6, 0.2]])
    alignment = Alignment(["a", "b", "c"], ["w", "x", "y", "z"], weights)
    (line,) = json_lines([Translation("a b c", "w x y z", -1.0, (), alignment)]).splitlines()
    assert json.loads(line)["alignment"] == [1, 0, 2, 1]
    none = Alignment([], ["w"], np.zeros((1, 0), np.float32))
    (line,) = json_lines([Translation("-", "w", -1.0, (), none)]).splitlines()
    assert json.loads(line)["alignment"] == [None]


def test_a_page_and_an_image_show_each_word_where_it_stands(tmp_path):
    weights = weights_of([[0.125, 0.875, 0.0], [0.5, 0.25, 0.25]])
    translation = Translation("s", "t", -1.0, (), Alignment(["a", "b", "c"], ["x", "y"], weights))
    with AttentionFile(str(tmp_path / "p.html"), force=False) as page:
        page.add([translation])
    told_of = (tmp_path / "p.html").read_text()
    assert re.findall(r"<th>(\w*)</th>", told_of) == ["", "a", "b", "c", "x", "y"]
    assert re.findall(r'title="([\d.]+)"', told_of) == (
        ["0.125", "0.875", "0.000", "0.500", "0.250", "0.250"]
    )
    figure = Figure()
    axis = figure.subplots()
    draw_alignment(axis, translation.alignment)
    assert [label.get_text() for label in axis.get_xticklabels()] == ["a", "b", "c"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["x", "y"]
    assert axis.images[0].get_array().tolist() == weights.tolist()


def test_an_image_holds_so_many_words(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("textrnn.cli.attention.MOST_ROWS", 3)
    weights = weights_of([[1.0], [1.0]])
    translations = [Translation("a", "b", -1.0, (), Alignment(["a"], ["b", "b"], weights))] * 3
    with AttentionFile(str(tmp_path / "x.png"), force=False) as picture:
        picture.add(translations)
        assert len(picture._waiting) == 1
    assert "2 more are left out" in capsys.readouterr().err


def test_attention_is_drawn_in_three_kinds(command, model, tmp_path):
    texts = ("ein <haus> .", "$ hund")
    for kind in ("png", "html", "txt"):
        done = command("translate", model, "--attention", f"a.{kind}", "--max-length", "6", *texts)
        assert (done.code, done.err) == (0, "")
        assert len(done.out.splitlines()) == 2
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")
    page = (tmp_path / "a.html").read_text()
    assert page.count("<table>") == page.count("</table>") == 2
    assert "&lt;" in page
    assert "<haus>" not in page
    again = command("translate", model, "--attention", "a.txt", *texts)
    assert again.code == 2
    assert "--force" in again.err
    shown = command("translate", model, "--attention", "-", "--max-length", "6", *texts)
    blank = command("translate", model, "--attention", "b.png", stdin="\n")
    assert (blank.code, blank.out) == (0, "\n")
    assert "no image" in blank.err
    assert not (tmp_path / "b.png").exists()
    pictures = (tmp_path / "a.txt").read_text().split("\n\n")
    assert len(pictures) == 3
    assert all(picture in shown.out for picture in pictures)


def test_a_picture_of_characters_worked_by_hand():
    weights = [[0.9, 0.1, 0.0], [0.04, 0.3, 0.6]]
    picture = block_picture(Alignment(["ja", "Hund", "!"], ["yes", "a dog"], weights_of(weights)))
    assert picture == (
        "         H\n"  # the words of the source stand upright
        "         u\n"
        "       j n\n"
        "       a d !\n"
        "  yes  ██░░\n"
        "a dog    ▒▒▓▓\n"
        "\n"
    )


def weights_of(rows):
    return np.array(rows, np.float32)


def test_an_image_holds_so_many_texts(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("textrnn.cli.attention.MOST_PNG", 2)
    alignment = Alignment(["a"], ["b"], weights_of([[1.0]]))
    translations = [Translation("a", "b", -1.0, (), alignment)] * 5
    with AttentionFile(str(tmp_path / "x.png"), force=False) as picture:
        picture.add(translations[:1])
        picture.add(translations[1:])
    assert "an image holds 2 texts of 400 words in all; 3 more are left out" in (
        capsys.readouterr().err
    )
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_interactive_answers_what_is_typed(command, model, translator, monkeypatch):
    typed = iter(["ein haus", " ", "rot"])

    def line(prompt):
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(builtins, "input", line)
    monkeypatch.setattr(command_module, "is_terminal", lambda stream: True)
    done = command("translate", model, "--interactive")
    expected = [each.translation for each in translator.translate(["ein haus", "rot"])]
    assert told(done) == [*expected, ""]


def test_a_pipe_is_answered_line_by_line(process, model):
    running = process("translate", model, stdin=subprocess.PIPE)
    try:
        for text in ("ein haus\n", "\n", "rot\n"):
            running.stdin.write(text.encode())
            running.stdin.flush()
            answer = running.stdout.readline().decode()
            assert answer.endswith("\n"), running.stderr.read().decode()
            assert (answer == "\n") == (text == "\n")
        running.stdin.close()
        assert running.wait(20) == 0
        assert running.stdout.read() == b""
        assert ENDED.sub("", running.stderr.read().decode()) == ""
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
        running.stderr.close()


@pytest.fixture
def pairs(tmp_path):
    src = ["der hund sieht .", "ein haus", "", "rot und rot", "katze"]
    tgt = ["the dog sees .", "a house", "x", "red and red", "cat of cats"]
    (tmp_path / "t.de").write_text("\n".join(src) + "\n")
    (tmp_path / "t.en").write_text("\n".join(tgt) + "\n")
    table = "".join(f"{one}\t{other}\n" for one, other in zip(src, tgt, strict=True))
    (tmp_path / "t.tsv").write_text("de\ten\n" + table)
    return src, tgt


def test_evaluation_is_sacrebleus(command, model, translator, pairs, tmp_path):
    src, tgt = pairs
    options = ("--src", "t.de", "--tgt", "t.en", "--json", "--worst", "2")
    done = command("evaluate", model, *options, "--hypotheses", "h.en", "-q")
    (result,) = done.objects
    said = [each.translation for each in translator.translate(src)]
    assert (tmp_path / "h.en").read_text().split("\n") == [*said, ""]
    kept = [(a, b) for a, b, c in zip(said, tgt, src, strict=True) if c]
    ours, theirs = [a for a, _ in kept], [b for _, b in kept]
    bleu, chrf = sacrebleu.metrics.BLEU(), sacrebleu.metrics.CHRF()
    assert result["bleu"] == bleu.corpus_score(ours, [theirs]).score
    assert result["chrf"] == chrf.corpus_score(ours, [theirs]).score
    assert result["bleu_signature"] == str(bleu.get_signature())
    assert result["chrf_signature"] == str(chrf.get_signature())
    assert (result["pairs"], result["blank"], result["cut"]) == (4, 1, 0)
    scores = translator.score([text for text in src if text], theirs)
    nats = -sum(score.log_prob for score in scores) / sum(score.tokens for score in scores)
    assert result["loss"] == pytest.approx(nats)
    assert result["perplexity"] == pytest.approx(math.exp(nats))
    # One word of 13 is unknown: "of" and "cats" are two.
    target_tokens = sum(len(translator.tokenizers[1].encode(text)) for text in theirs)
    assert result["unknown_target"] == pytest.approx(2 / target_tokens)
    assert result["unknown_source"] == 0
    ranked = sorted(
        (sacrebleu.sentence_chrf(a, [b]).score, a) for a, b in zip(ours, theirs, strict=True)
    )
    assert [(each["chrf"], each["translation"]) for each in result["worst"]] == ranked[:2]
    assert all(re.fullmatch(r"t\.de:[1245]", each["where"]) for each in result["worst"])


def test_bleu_cuts_texts_as_it_is_told(command, model, translator, pairs):
    src, tgt = pairs
    kept = [number for number, text in enumerate(src) if text]
    said = [each.translation for each in translator.translate([src[number] for number in kept])]
    wanted = [tgt[number].upper() for number in kept]
    rows = "".join(f"{src[n]}\t{tgt[n].upper()}\n" for n in kept)
    options = ("--bleu-tokenize", "char", "--lowercase", "--json", "-q", "--worst", "1")
    (found,) = command("evaluate", model, "-", *options, stdin="de\ten\n" + rows).objects
    bleu = sacrebleu.metrics.BLEU(tokenize="char", lowercase=True)
    chrf = sacrebleu.metrics.CHRF(lowercase=True)
    assert found["bleu"] == bleu.corpus_score(said, [wanted]).score > 0
    assert found["chrf"] == chrf.corpus_score(said, [wanted]).score
    assert found["bleu_signature"] == str(bleu.get_signature())
    assert "tok:char" in found["bleu_signature"]
    worst = min(
        chrf.sentence_score(one, [other]).score for one, other in zip(said, wanted, strict=True)
    )
    assert found["worst"][0]["chrf"] == worst
    (plain,) = command("evaluate", model, "-", *options[3:], stdin="de\ten\n" + rows).objects
    assert plain["bleu"] != found["bleu"]


def test_evaluation_reads_tables_and_tells_people(command, model, pairs, tmp_path):
    json_of = {}
    for name, inputs in (("files", ("--src", "t.de", "--tgt", "t.en")), ("table", ("t.tsv",))):
        (json_of[name],) = command("evaluate", model, *inputs, "--json", "--worst", "0").objects
    assert json_of["files"] == json_of["table"]
    turned = ("t.tsv", "--src-column", "en", "--tgt-column", "de")
    (other,) = command("evaluate", model, *turned, "--json", "--worst", "0").objects
    assert other["loss"] != json_of["table"]["loss"]
    shown = command("evaluate", model, "t.tsv", "--beam-size", "1", "--worst", "1")
    assert shown.code == 0
    for part in ("BLEU", "chrF", "nrefs:1|case:mixed", "perplexity", "1 more have an empty side"):
        assert part in shown.out
    assert shown.out.count("reference ") == 1
    lines = command("evaluate", model, "t.tsv", "--max-length", "1", "--json", "--hypotheses", "h")
    assert all(len(text.split()) <= 1 for text in (tmp_path / "h").read_text().splitlines())
    assert lines.objects[0]["length_ratio"] < json_of["table"]["length_ratio"]


def test_evaluation_refuses_what_cannot_be_measured(command, model, pairs, tmp_path):
    (tmp_path / "short.en").write_text("one\n")
    done = command("evaluate", model, "--src", "t.de", "--tgt", "short.en")
    assert done.code == 1
    assert "5" in done.err
    assert "1" in done.err
    assert command("evaluate", model, "--src", "t.de").code == 2
    (tmp_path / "blank.tsv").write_text("de\ten\n\tx\n")
    assert "no pair with both sides" in command("evaluate", model, "blank.tsv").err
    wrong = command("evaluate", model, "t.tsv", "--per-line")
    assert wrong.code == 2
    assert "--per-line is for language models" in wrong.err
    (tmp_path / "h").write_text("mine\n")
    kept = command("evaluate", model, "t.tsv", "--hypotheses", "h")
    assert kept.code == 2
    assert "choose another file with --hypotheses" in kept.err
    idle = command("evaluate", model, "--src", "t.de", "--tgt", "t.en", "--src-column", "1")
    assert idle.code == 2
    assert "--src-column: files of --src and --tgt have no columns" in idle.err
    assert (tmp_path / "h").read_text() == "mine\n"


def test_tokenize_knows_both_sides(command, model, tmp_path):
    assert told(command("tokenize", model, stdin="der hund")) == ["der ▁hund"]
    assert told(command("tokenize", model, "--target", stdin="the dog")) == ["the ▁dog"]
    ids = command("tokenize", "--ids", "--target", model, stdin="a cat").out
    assert command("tokenize", "--decode", "--target", model, stdin=ids).out == "a cat"
    (tmp_path / "text").write_text("some text")
    made = command("tokenize", "--tokenizer", "byte", "--target", "text")
    assert made.code == 2
    assert "--target" in made.err


def test_help_needs_no_torch():
    code = (
        "import sys; from textrnn.cli.translate import translate; import textrnn.cli.evaluate; "
        "print({'torch', 'sacrebleu', 'matplotlib', 'rich'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
