"""``textrnn generate``."""

import json
import select

import pytest

import textrnn
from textrnn.nn.products import is_int8_exact


def test_stdout_carries_prompt_and_text_alone(command, model):
    done = command("generate", model, "--prompt", "The", "-n", "40", "--seed", "3")
    assert done.code == 0
    assert done.err == ""
    text = textrnn.load(model).generate("The", max_new_tokens=40, seed=3)
    assert len(text) == 40
    assert done.out == "The" + text.removesuffix("\n") + "\n"
    silent = command("generate", model, "--prompt", "The", "-n", "40", "--seed", "3", "--no-echo")
    assert silent.out == done.out.removeprefix("The")


def test_without_a_prompt_a_text_begins_as_a_line_does(command, model):
    done = command("generate", model, "-n", "5", "--seed", "3")
    text = textrnn.load(model).generate(max_new_tokens=5, seed=3)
    assert done.out.rstrip("\n") == text.rstrip("\n")


def test_several_texts_are_parted_by_dashes(command, model):
    done = command("generate", model, "--prompt", "The", "-n", "9", "--num", "3", "--seed", "1")
    texts = [
        "The" + completion.text
        for completion in textrnn.load(model).generate_many(
            ["The"], num=3, max_new_tokens=9, seed=1
        )
    ]
    ended = [text if text.endswith("\n") else text + "\n" for text in texts]
    assert done.out == ("-" * 40 + "\n").join(ended)


def test_a_file_of_prompts_gives_a_line_for_every_line(command, model, tmp_path):
    (tmp_path / "prompts.txt").write_bytes(b"The\n\nA dog\r\nIt\\n")
    one = command("generate", model, "--prompts", "prompts.txt", "-n", "60", "--seed", "5", "-q")
    lines = one.out.split("\n")
    assert len(lines) == 5
    assert lines.pop() == ""
    assert [line[: len(p)] for line, p in zip(lines, ("The", "", "A dog", "It\\\\n"), strict=True)]
    assert "\\n" in one.out  # a line end in a text
    assert one.err == ""
    by_json = command("generate", model, "--prompts", "prompts.txt", "-n", "60", "--seed", "5",
                      "--json", "--batch-size", "1")  # fmt: skip
    assert [o["prompt"] for o in by_json.objects] == ["The", "", "A dog", "It\\n"]
    whole = [o["prompt"] + o["completion"] for o in by_json.objects]
    assert [text.replace("\\", "\\\\").replace("\n", "\\n") for text in whole] == lines


def test_json_gives_prompt_and_completion(command, model):
    done = command("generate", model, "--prompt", "The", "--num", "2", "-n", "7", "--json")
    assert [sorted(record) for record in done.objects] == [["completion", "finish", "prompt"]] * 2
    assert all(len(record["completion"]) == 7 for record in done.objects)
    assert {record["finish"] for record in done.objects} == {"length"}


def test_prompts_come_from_stdin_and_from_files_whole(command, model, tmp_path):
    (tmp_path / "p.txt").write_text("The dog\n")
    plain = command("generate", model, "--prompt", "The dog", "-n", "9", "--seed", "1").out
    piped = command("generate", model, "--prompt", "-", "-n", "9", "--seed", "1", stdin="The dog\n")
    assert piped.out == plain
    (whole,) = command("generate", model, "--prompt-file", "p.txt", "-n", "9", "--json").objects
    assert whole["prompt"] == "The dog\n"
    lines = command("generate", model, "--prompts", "-", "-n", "9", "--json", stdin="a\nb\n")
    assert [record["prompt"] for record in lines.objects] == ["a", "b"]


def test_a_stop_string_ends_a_text_and_is_not_in_it(command, model):
    (stopped,) = command(
        "generate", model, "-n", "-1", "--stop", "e", "--stop", "xyz", "--seed", "1", "--json"
    ).objects
    assert stopped["finish"] == "stop"
    assert "e" not in stopped["completion"]


def test_what_the_model_never_saw_gives_a_warning_that_names_it(command, model):
    done = command("generate", model, "--prompt", "The ☃", "-n", "5")
    assert done.code == 0
    assert done.out.startswith("The ☃")
    assert done.err.startswith("Warning: ")
    assert "U+2603" in done.err
    assert command("generate", model, "--prompt", "The ☃", "-n", "5", "-q").err == ""


def test_bytes_that_are_no_text_in_a_prompt_do_no_harm(process, model):
    child = process(
        "generate", model, "--prompt", b"The \xff\xfe".decode("utf-8", "surrogateescape")
    )
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert out.decode().startswith("The \ufffd\ufffd")


def test_text_appears_as_it_is_made(process, model):
    child = process("generate", model, "-n", "-1", "--seed", "1", bufsize=0)
    assert select.select([child.stdout], [], [], 30)[0]
    assert child.stdout.read(1)
    child.terminate()
    child.communicate(timeout=60)
    assert child.returncode == 143


def test_prompts_have_an_encoding(command, model, tmp_path):
    (tmp_path / "latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    for option in ("--prompt-file", "--prompts"):
        refused = command("generate", model, option, "latin.txt", "-n", "1")
        assert refused.code == 1
        assert "--encoding" in refused.err
        (read,) = command(
            *("generate", model, option, "latin.txt", "-n", "1"),
            *("--json", "--encoding", "latin-1"),
        ).objects
        assert read["prompt"] == "café"
    piped = command(
        *("generate", model, "--prompt", "-", "-n", "1", "--json", "--encoding", "latin-1"),
        stdin="caf\xe9".encode("latin-1"),
    )
    assert piped.objects[0]["prompt"] == "café"
    assert command("generate", model, "--prompts", "latin.txt", "--encoding", "x").code == 2


def test_a_folder_is_no_prompt(command, model, tmp_path):
    for option in ("--prompt-file", "--prompts"):
        done = command("generate", model, option, tmp_path)
        assert done.code == 1
        assert done.err == f"Error: {option}: {tmp_path} is a folder; give a file\n"


def test_a_long_prompt_is_mentioned(command, model, tmp_path):
    (tmp_path / "long.txt").write_text("a dog " * 3334)
    arguments = ("generate", model, "--prompt-file", "long.txt", "-n", "1", "--no-echo")
    assert command(*arguments).err == "reading the prompt of 20,004 characters\n"
    assert command(*arguments, "-q").err == ""


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--top-p", "3"), ("--top-p", "3", "at most 1")),
        (("--temperature", "-1"), ("--temperature", "at least 0")),
        (("--num", "0"), ("--num",)),
        (("-n", "-2"), ("--max-new-tokens", "at least -1")),
        (("--stop", ""), ("stop string",)),
        (("--device", "quantum"), ("quantum", "cuda")),
        (("--prompt", "a", "--prompts", "b"), ("--prompt", "--prompts")),
        (("-n", "-1", "--num", "2"), ("--num",)),
        (("-n", "-1", "--json"), ("--json",)),
    ],
)
def test_wrong_usage_is_told(arguments, parts, command, model):
    done = command("generate", model, *arguments)
    assert done.code == 2
    assert done.out == ""
    for part in parts:
        assert part in done.err


@pytest.mark.parametrize("break_it", ["missing", "changed", "newer", "other", "stranger"])
def test_a_model_that_cannot_be_used_is_refused(break_it, command, model, tmp_path):
    import shutil

    broken = tmp_path / "broken"
    if break_it == "stranger":
        broken.mkdir()
    elif break_it != "missing":
        shutil.copytree(model, broken)
        config = json.loads((broken / "config.json").read_text())
        if break_it == "changed":
            path = broken / config["weights"]
            content = bytearray(path.read_bytes())
            content[-1] ^= 1
            path.write_bytes(content)
        elif break_it == "newer":
            (broken / "config.json").write_text(json.dumps({**config, "format": 99}))
        else:
            from textrnn.records import write_record

            write_record(broken, "config.json", {**config, "job": "translator"})
    done = command("generate", broken)
    assert done.code == 1
    assert done.err.startswith("Error: ")
    assert "broken" in done.err


def test_the_environment_counts_and_the_command_line_comes_first(command, model):
    same = command("generate", model, "-n", "9", TEXTRNN_SEED="4", TEXTRNN_TEMPERATURE="0.5")
    assert (
        same.out == command("generate", model, "-n", "9", "--seed", "4", "--temperature", "0.5").out
    )
    assert command("generate", model, TEXTRNN_TOP_P="3").code == 2
    assert command("generate", model, "--top-p", "0.5", TEXTRNN_TOP_P="3").code == 0


@pytest.mark.skipif(not is_int8_exact(), reason="no fast int8 on this processor")
def test_in_int8_a_seed_has_a_text_too_and_a_loss(process, command, model, tmp_path):
    arguments = ("generate", model, "-n", "80", "--seed", "3", "--precision", "int8")
    text, told = process(*arguments).communicate(timeout=60)
    assert told == b""
    here = command(*arguments)
    assert here.out.encode() == text
    assert len(text) > 40
    assert textrnn.load(model, "cpu", precision="int8").precision == "int8"
    in_float32 = command(*arguments[:-2]).out
    assert command(*arguments[:-2], TEXTRNN_PRECISION="int8").out == in_float32  # training's
    (tmp_path / "text.txt").write_text(here.out * 3, encoding="utf-8")
    losses = [
        json.loads(command("evaluate", model, "text.txt", "--json", "--precision", each).out)[
            "loss"
        ]
        for each in ("int8", "float32")
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.01)
    assert losses[0] != losses[1]
