"""Every command of the README runs, in its order, in a folder with small files, its budgets cut."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CUT = {"TEXTRNN_THREADS": "1"}
SMALL = " --max-steps 4 --batch-size 4 --seq-len 16"
SHAPE = " --hidden-size 16"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.S | re.M)


def commands() -> list[str]:
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def shortened(command: str) -> str:
    """Cut what a command spends: steps instead of minutes, a small network."""
    if "train lm" not in command or "--help" in command:
        return command.replace(" | head -n 3", " | head -n 1")
    command = re.sub(r" --(minutes|epochs) \S+", "", command)
    command = re.sub(r" --(hidden-size|num-layers) \S+", "", command)
    before, redirect, after = command.partition(" > ")
    if "--resume" in command:
        before += " --max-steps 2"
    elif "--init-from" in command:
        before += SMALL
    elif "--print-config" not in command:
        before += SMALL + SHAPE
    return before + redirect + after


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README speaks of."""
    path = tmp_path_factory.mktemp("readme")
    text = (ROOT / "corpora" / "harbour.txt").read_text(encoding="utf-8")
    for name, part in [("book.txt", text[:20000]), ("more.txt", text[20000:30000]),
                       ("letters.txt", text[30000:40000]), ("other.txt", text[40000:42000])]:  # fmt: skip
        (path / name).write_text(part, encoding="utf-8")
    subprocess.run(["gzip", str(path / "more.txt")], check=True)
    (path / "texts").mkdir()
    (path / "texts" / "a.txt").write_text(text[50000:55000], encoding="utf-8")
    shutil.copy(ROOT / "corpora" / "names.txt", path / "names.txt")
    (path / "openings.txt").write_text("It was\nOnce\n", encoding="utf-8")
    return path


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
    cache = str(folder / "cache")
    environment = {**os.environ, **CUT, "PATH": path, "TEXTRNN_CACHE": cache}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_every_command_runs(folder: Path):
    assert len(commands()) > 20
    made = set()
    for command in commands():
        short = shortened(command)
        output = re.search(r"--output (\S+)", short)
        name = output.group(1) if output else "book-lm" if "train lm book.txt" in short else None
        # The README shows one command in several places; a user runs it in one of them.
        if name in made and "train lm" in short and "--dry-run" not in short and ">" not in short:
            short += " --force"
        done = run(["bash", "-c", f"set -o pipefail; {short}"], folder)
        closed = "head -n" in short and done.returncode == 141
        assert done.returncode == 0 or closed, f"{short}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, short
        if name and "train lm" in short and "--dry-run" not in short:
            made.add(name)


def test_the_python_example_runs(folder: Path):
    (code,) = blocks("python")
    assert "minutes=1" in code
    code = code.replace(
        "minutes=1", "max_steps=4, hidden_size=16, batch_size=4, seq_len=16, threads=1"
    )
    done = run([sys.executable, "-c", code], folder)
    assert done.returncode == 0, done.stderr
    assert "It was" in done.stdout
