"""``textrnn evaluate`` and ``textrnn info``."""

import json
import math
import shutil

import pytest

from textrnn._version import __version__
from textrnn.cli.evaluate_lm import write_line
from textrnn.cli.info import _curve_lines
from textrnn.language_model.evaluation import LineSurprise


def valid_part(text: str) -> str:
    return text[int(len(text) * (1.0 - 0.1)) :]


def test_figures_agree_with_those_of_training(command, model, text, tmp_path):
    (tmp_path / "valid.txt").write_text(valid_part(text))
    (result,) = command("evaluate", model, "valid.txt", "--json").objects
    trained = json.loads((model / "log.jsonl").read_text().splitlines()[-1])
    assert result["loss"] == pytest.approx(trained["valid_loss"], abs=2e-4)
    assert result["perplexity"] == pytest.approx(math.exp(result["loss"]))
    assert result["bits_per_char"] == pytest.approx(result["loss"] / math.log(2))
    assert result["targets"] == result["characters"] == len(valid_part(text))
    shown = command("evaluate", model, "valid.txt", "-q")
    assert shown.err == ""
    assert f"{result['loss']:.4f} nats per token" in shown.out


def test_unknown_characters_leave_no_bits_per_character(command, model, tmp_path):
    (tmp_path / "other.txt").write_text("The ☃ runs.\n")
    (result,) = command("evaluate", model, "other.txt", "--json").objects
    assert result["bits_per_char"] is None
    assert result["unknown"] == 1
    assert "not defined" in command("evaluate", model, "other.txt").out


def test_every_line_gets_a_line_blank_ones_too(command, model, tmp_path):
    (tmp_path / "lines.txt").write_bytes(b"The dog runs.\n\nA cat sees.\r\nthe")
    done = command("evaluate", model, "lines.txt", "--per-line")
    fields = [line.split("\t") for line in done.out.splitlines()]
    assert [text for _, text in fields] == ["The dog runs.", "", "A cat sees.", "the"]
    assert all(float(bits) > 0 for bits, _ in fields)
    objects = command("evaluate", model, "lines.txt", "--per-line", "--json").objects
    assert [record["number"] for record in objects] == [1, 2, 3, 4]
    assert [record["text"] for record in objects] == [text for _, text in fields]


def test_a_line_is_one_field_whatever_it_holds(capsys):
    for bits in (None, 1.25):
        write_line(LineSurprise(1, "a\tb\\c\r", bits), as_json=False)
    assert capsys.readouterr().out == "-\ta\\tb\\\\c\\r\n1.2500\ta\\tb\\\\c\\r\n"


def test_stdin_is_read_where_no_file_is_named(command, model, text):
    options = (model, "--json", "--precision", "float32")
    (one,) = command("evaluate", *options, stdin=text).objects
    (two,) = command("evaluate", *options, "-", stdin=text).objects
    assert one == two
    assert one["characters"] == len(text)


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("none.txt",), 1, "none.txt"),
        (("latin.txt",), 1, "--encoding"),
        (("latin.txt", "--encoding", "utf-9"), 2, "utf-9"),
        (("latin.txt", "--precision", "int3"), 2, "--precision"),
        (("latin.txt", "--device", "quantum"), 2, "quantum"),
    ],
)
def test_what_cannot_be_measured_is_told(arguments, code, part, command, model, tmp_path):
    (tmp_path / "latin.txt").write_bytes("The caf\xe9".encode("latin-1"))
    done = command("evaluate", model, *arguments)
    assert done.code == code
    assert part in done.err
    assert done.out == ""
    assert command("evaluate", model, "latin.txt", "--encoding", "latin-1").code == 0


def test_info_describes_a_model(command, model, tmp_path):
    done = command("info", model)
    assert done.code == 0
    for part in (
        "parameters",
        "book.txt",
        "20 steps",
        "hidden_size",
        "step        20  validation loss",
    ):
        assert part in done.out
    (record,) = command("info", model, "--json").objects
    assert record["settings"]["hidden_size"] == 16
    assert record["can_resume"] is True
    assert [point["step"] for point in record["curve"]] == [10, 20]
    # Without the log the curve comes from the state, and without that there is none.
    copy = shutil.copytree(model, tmp_path / "copy")
    (copy / "log.jsonl").unlink()
    (again,) = command("info", copy, "--json").objects
    assert [point["step"] for point in again["curve"]] == [10, 20]
    shutil.rmtree(copy / "resume")
    (bare,) = command("info", copy, "--json").objects
    assert (bare["curve"], bare["can_resume"]) == ([], False)
    assert command("info", copy).code == 0


def test_info_says_how_many_evaluations_it_leaves_out():
    curve = [{"step": step, "valid_loss": 2.0} for step in range(30)]
    assert "… 12 of 30 evaluations; --json lists all" in _curve_lines(curve)[-1]
    assert "evaluations" not in "".join(_curve_lines(curve[:12]))
    assert "of the validation data" not in "".join(_curve_lines(curve))


def test_figures_on_a_part_of_the_validation_data_are_told_from_those_on_all():
    curve = [{"step": step, "valid_loss": 2.0, "is_whole": step == 30} for step in (10, 20, 30)]
    _, line, *rows = _curve_lines(curve)
    assert len(line.strip()) == 2
    wheres = [row.split(" on ")[1].split()[0] for row in rows]
    assert wheres == ["part", "part", "all"]


def test_the_cache_is_no_news_beside_json_and_lines(command, model, text, tmp_path):
    (tmp_path / "cached.txt").write_text(text)
    command("evaluate", model, "cached.txt")
    assert "found in the cache" in command("evaluate", model, "cached.txt").err
    for options in (["--json"], ["--per-line"], ["-q"]):
        assert command("evaluate", model, "cached.txt", *options).err == ""


def test_info_without_a_model_describes_the_machine(command, environment):
    (record,) = command("info", "--json").objects
    assert record["device"] in record["devices"]
    assert record["threads"] >= 1
    assert record["precision"] in ("float32", "bf16")
    assert record["cache"] == environment["TEXTRNN_CACHE"]
    assert record["versions"]["textrnn"] == __version__
    shown = command("info").out
    for label in ("device", "precision", "threads", "versions", "cache"):
        assert f"\n{label} " in "\n" + shown


def test_info_refuses_what_is_no_model(command, tmp_path):
    done = command("info", tmp_path)
    assert done.code == 1
    assert "not a model directory" in done.err
