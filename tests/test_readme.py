"""Every command of the README runs, in its order, in a folder with small files, its budgets cut."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from readme_commands import commands_of, default_name, run, shortened

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.S | re.M)


def commands() -> list[str]:
    return commands_of(blocks("sh"))


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
    remarks = (ROOT / "corpora" / "remarks.tsv").read_text(encoding="utf-8").splitlines()[1:241]
    rows = [line.split("\t") for line in remarks]
    write_tables(path, rows)
    (path / "openings.txt").write_text("It was\nOnce\n", encoding="utf-8")
    return path


def write_tables(path: Path, rows: list[list[str]]) -> None:
    """Write labelled texts in the forms that the README names."""
    for name, part in (("train", rows[:160]), ("dev", rows[160:200]), ("test", rows[200:])):
        lines = ["label\ttext", *("\t".join(row) for row in part)]
        (path / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    numbered = [["id", "label", "text"], *([str(i), *row] for i, row in enumerate(rows))]
    for name, table in (("reviews.csv", [["label", "text"], *rows]), ("other.csv", numbered)):
        with (path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(table)
    phrases = (ROOT / "corpora" / "phrases.tsv").read_text(encoding="utf-8").splitlines()[:241]
    (path / "pairs.tsv").write_text("\n".join(phrases) + "\n", encoding="utf-8")
    pairs = [line.split("\t") for line in phrases[1:]]
    for name, part in (("train", pairs[:200]), ("val", pairs[200:]), ("input", pairs[:5])):
        for side, language in enumerate(("de", "en")):
            lines = "".join(pair[side] + "\n" for pair in part)
            (path / f"{name}.{language}").write_text(lines, encoding="utf-8")
    objects = (json.dumps({"topic": label, "body": text}) for label, text in rows)
    (path / "topics.jsonl").write_text("\n".join(objects) + "\n", encoding="utf-8")
    for name in ("inbox.txt", "texts.txt"):
        (path / name).write_text("".join(text + "\n" for _, text in rows), encoding="utf-8")
    for number, (label, text) in enumerate(rows[:60]):
        (path / "mail" / label).mkdir(parents=True, exist_ok=True)
        (path / "mail" / label / f"{number}.txt").write_text(text, encoding="utf-8")


def test_every_command_runs(folder: Path):
    assert len(commands()) > 20
    made = set()
    for command in commands():
        short = shortened(command)
        output = re.search(r"--output (\S+)", short)
        name = output.group(1) if output else default_name(short)
        # The README shows one command in several places; a user runs it in one of them.
        if name in made and "train " in short and "--dry-run" not in short and ">" not in short:
            short += " --force"
        done = run(["bash", "-c", f"set -o pipefail; {short}"], folder)
        closed = "head -n" in short and done.returncode == 141
        assert done.returncode == 0 or closed, f"{short}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, short
        if name and "train " in short and "--dry-run" not in short:
            made.add(name)


def test_the_python_example_runs(folder: Path):
    (code,) = blocks("python")
    assert "minutes=1" in code
    lm = "max_steps=4, hidden_size=16, batch_size=4, seq_len=16, threads=1"
    code = code.replace("minutes=1", lm, 1).replace("minutes=1", "max_steps=4, threads=1", 1)
    code = code.replace("minutes=1", "max_steps=4, vocab_size=300, hidden_size=16, threads=1")
    done = run([sys.executable, "-c", code], folder)
    assert done.returncode == 0, done.stderr
    assert "It was" in done.stdout
