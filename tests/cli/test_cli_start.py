"""What every command shares: a quick start, help, messages."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from classifier_models import write_classifier
from translator_models import write_translator

from textrnn.cli.app import COMMANDS, TRAIN_COMMANDS, app, train
from textrnn.config import specs
from textrnn.decoding.sampling import SamplingSettings
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.tokenizers import TokenizerSettings

HEAVY = {"torch", "numpy", "rich", "sentencepiece", "safetensors", "zstandard"}


def modules_after(arguments: list[str], environment: dict[str, str]) -> set[str]:
    code = (
        "import sys; from textrnn.cli.entry import run; code = run(sys.argv[1:]); "
        "print(' '.join(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(option, environment):
    assert not modules_after([option], environment) & HEAVY


def test_help_is_quick(environment):
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "textrnn", "--help"],
            capture_output=True,
            check=True,
            env=environment,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    # Processor time, since others may be using the machine.
    assert min(times) < 0.3


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "MODEL", "-n", "5", "--prompt", "The"],
        ["complete", "MODEL", "The"],
        ["tokenize", "MODEL", "BOOK"],
        ["info", "MODEL"],
        ["cache", "list"],
        ["classify", "CLASSIFIER", "BOOK"],
        ["classify", "CLASSIFIER", "BOOK", "--explain", "--json"],
        ["translate", "TRANSLATOR", "BOOK"],
        ["translate", "TRANSLATOR", "hund und katze", "--n-best", "2"],
        ["translate", "TRANSLATOR", "hund und katze", "--json", "--sample", "--seed", "1"],
    ],
    ids=" ".join,
)
def test_most_commands_load_no_torch_no_rich_and_no_network(
    arguments, environment, model, tmp_path
):
    places = {"MODEL": str(model), "BOOK": str(model.parent / "book.txt")}
    if "CLASSIFIER" in arguments:
        places["CLASSIFIER"] = str(write_classifier(tmp_path / "clf"))
    if "TRANSLATOR" in arguments:
        places["TRANSLATOR"] = str(write_translator(tmp_path / "de-en"))
    loaded = modules_after([places.get(word, word) for word in arguments], environment)
    assert not loaded & {"torch", "rich", "http.client"}


def test_training_loads_no_compiler(environment, tmp_path):
    # Of all that torch brings along, its compiler takes longest to import; one of its optimisers is enough.
    (tmp_path / "book.txt").write_text("A short book.\n" * 40)
    sizes = ["--hidden-size", "8", "--batch-size", "2", "--max-steps", "1", "--threads", "1"]
    words = ["train", "lm", str(tmp_path / "book.txt"), "-o", str(tmp_path / "model"), "-q", *sizes]
    loaded = modules_after(words, environment)
    assert {"torch", "textrnn.training.optimizer"} <= loaded
    assert not loaded & {"torch._dynamo", "torch._inductor", "sympy", "tensorboard"}


def test_every_command_that_is_listed_exists_and_has_help(command):
    listing = command("--help").out
    for group, names in ((app, COMMANDS), (train, TRAIN_COMMANDS)):
        for name, (_, line) in names.items():
            assert line.endswith(".")
            assert group.get_command(None, name).name == name
    for name, (_, line) in COMMANDS.items():
        assert f"  {name}" in listing
        assert line in listing
        assert command(name, "--help").code == 0
    assert "Usage: textrnn train lm" in command("train", "lm", "--help").out


def test_no_help_shows_a_marker_of_its_source(command):
    helped = [command(*words, "--help").out for words in [[], ["train"], ["train", "lm"]]]
    helped += [command(name, "--help").out for name in COMMANDS]
    helped += [command("cache", name, "--help").out for name in ("list", "clear")]
    for shown in helped:
        assert "\\b" not in shown
        assert "\b" not in shown
    assert "\n    textrnn train lm book.txt --minutes 3\n" in helped[2]


@pytest.mark.parametrize(
    ("arguments", "cls"),
    [
        (["train", "lm"], LanguageModelSettings),
        (["generate"], SamplingSettings),
        (["tokenize"], TokenizerSettings),
    ],
    ids=["train lm", "generate", "tokenize"],
)
def test_help_lists_every_setting_with_its_default_and_range(arguments, cls, command):
    helped = command(*arguments, "--help").out
    flat = " ".join(helped.split())
    for spec in specs(cls).values():
        assert f"{spec.option} " in flat
        assert f"{spec.section.capitalize()} settings:" in helped
        if spec.allowed and not spec.choices:
            assert spec.allowed in flat.replace("- ", "-")
    assert flat.count("[default: ") >= len(specs(cls))


def test_no_command_shows_the_help_as_wrong_usage(command):
    for arguments in ([], ["train"], ["cache"]):
        done = command(*arguments)
        assert done.code == 2
        assert done.out == ""
        assert done.err.startswith("Usage: textrnn")
        assert done.err.count("Usage") == 1


def test_wrong_words_are_met_with_the_nearest_right_one(command):
    assert "did you mean generate?" in command("genrate").err
    assert "there are lm" in command("train", "xyz").err
    wrong_option = command("generate", "m", "--temprature", "1")
    assert wrong_option.code == 2
    assert "--temperature" in wrong_option.err


def test_a_failure_is_one_line_and_with_debug_a_traceback(command):
    plain = command("generate", "missing-model")
    assert plain.code == 1
    assert plain.err == "Error: missing-model: no such model directory\n"
    shown = command("generate", "missing-model", "--debug")
    assert shown.code == 1
    assert "Traceback" in shown.err


def test_a_fault_of_the_program_says_so(command, model, monkeypatch):
    from textrnn.cli import generate

    monkeypatch.setattr(generate, "given", lambda *_: 1 / 0)
    done = command("generate", model)
    assert done.code == 1
    assert "ZeroDivisionError" in done.err
    assert "test_cli_start.py" in done.err
    assert "--debug" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "line",
    [
        "train lm -",
        "train lm",
        "train lm book.txt --valid -",
        "generate book-lm --prompt -",
        "generate book-lm --prompts -",
        "evaluate book-lm",
        "evaluate book-lm -",
        "tokenize book-lm",
    ],
)
def test_a_closed_stdin_is_told(line, command, trained, monkeypatch):
    monkeypatch.chdir(trained)
    done = command(*line.split(), stdin=None)
    assert done.code == 1
    assert done.err == "Error: stdin is closed; give a file\n"


def test_a_full_disk_under_stdout_is_told(process, model):
    device = Path("/dev/full")
    if not device.exists():
        pytest.skip("no /dev/full here")
    with device.open("wb") as full:
        child = process("info", model, stdout=full)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert err == b"Error: stdout: No space left on device\n"
