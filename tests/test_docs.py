"""The manual: its commands and examples run, its links hold, its reference has every setting."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from readme_commands import commands_of, run, shortened

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the project's small texts, cut so that reading them takes no time."""
    (tmp_path / "corpora").mkdir()
    for name, size in (
        ("harbour.txt", 12_000),
        ("names.txt", 2_000),
        ("remarks.tsv", 20_000),
        ("phrases.tsv", 12_000),
    ):
        text = (ROOT / "corpora" / name).read_text(encoding="utf-8")[:size]
        (tmp_path / "corpora" / name).write_text(text[: text.rindex("\n") + 1], encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["language-model", "classifier", "translator"])
def test_every_command_of_a_tutorial_runs(folder: Path, name: str):
    wanted = commands_of(blocks(DOCS / "tutorials" / f"{name}.md", "sh"))
    assert len(wanted) >= 8
    for command in wanted:
        done = run(["bash", "-c", f"set -o pipefail; {shortened(command)}"], folder)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, command
    for made in ("heat.html", "curves.html", "confusion.png", "alignment.html", "translations.en"):
        if any(made in command for command in wanted):
            assert (folder / made).stat().st_size > 100, made


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem
)
def test_the_examples_in_python_run(tmp_path: Path, page: Path):
    for code in blocks(page, "python"):
        done = run([sys.executable, "-c", code], tmp_path)
        assert done.returncode == 0, done.stderr
        for picture in re.findall(r'savefig\("([^"]+)"\)', code):
            assert (tmp_path / picture).stat().st_size > 5000


def test_commands_outside_tutorials_name_options_that_there_are(folder: Path):
    for page in PAGES:
        if page.parent.name == "tutorials":
            continue
        for command in commands_of(blocks(page, "sh")):
            for part in command.split("|"):
                words = part.split()
                if words[:1] != ["textrnn"]:
                    continue
                group = (
                    words[1:3] if words[1] in ("train", "corpus", "cache", "tune") else words[1:2]
                )
                told = run(["textrnn", *group, "--help"], folder)
                assert told.returncode == 0, command
                for option in re.findall(r"(?<= )--[\w-]+", part):
                    assert option in told.stdout, f"{page.name}: {command}: {option}"


def test_the_manual_builds_without_a_broken_link(tmp_path: Path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    reference = tmp_path / "site" / "reference"
    page = (reference / "train-lm" / "index.html").read_text(encoding="utf-8")
    assert "--hidden-size" in page
    assert "--learning-rate" in page
    assert "--workers" in (reference / "tune" / "index.html").read_text(encoding="utf-8")
    for made in reference.glob("*/index.html"):
        # Usage and examples keep their lines.
        assert made.read_text(encoding="utf-8").count("<pre>") >= 1, made
    example = "textrnn score book-lm chapter.txt -o chapter.html\n"
    assert example in (reference / "score" / "index.html").read_text(encoding="utf-8")
