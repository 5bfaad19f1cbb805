"""What a shell is told when somebody presses Tab."""

import os
import subprocess
import sys

import pytest


def offered(words: str, shell: str = "bash") -> list[str]:
    """Return what may stand in the place of the last word."""
    environment = {
        **os.environ,
        "_TEXTRNN_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": words.split(" ")[-1] if shell == "fish" else str(len(words.split(" ")) - 1),
    }
    code = "import sys; sys.argv = ['textrnn']; from textrnn.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert " torch" not in done.stderr, "completion waits for torch"
    return done.stdout.split()


def test_commands_options_and_choices_are_offered():
    assert offered("textrnn gen") == ["plain,generate"]
    assert offered("textrnn train ") == ["plain,lm", "plain,classifier", "plain,translator"]
    assert offered("textrnn train lm --hidden") == ["plain,--hidden-size"]
    assert offered("textrnn train lm --rnn-type rnn") == ["plain,rnn_tanh", "plain,rnn_relu"]
    assert offered("textrnn generate ")[0].split(",")[0] in ("file", "dir")


def test_fish_is_told_too():
    assert offered("textrnn translat", "fish")[0] == "plain,translate"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell, command):
    code = "import sys; sys.argv = ['textrnn']; from textrnn.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "_TEXTRNN_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "_textrnn_completion" in done.stdout
    # What the variable does is a matter of click; a person asks a command for it.
    asked = command("completion", shell)
    assert (asked.code, asked.out, asked.err) == (0, done.stdout, "")


def test_a_shell_that_nobody_knows_is_refused(command):
    result = command("completion", "tcsh")
    assert result.code == 2
    assert "'bash', 'zsh', 'fish'" in result.err
