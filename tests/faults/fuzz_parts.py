"""Makers of cases: parts that do not fit each other, folders of anything, tables of odd types."""

import io
import json
import random
from typing import Any

import pyarrow
from faults.fuzz_bytes import content, lines, mutated, odd_line, table
from faults.fuzz_case import Case
from faults.fuzz_making import case_of, odd_folder, some
from faults.fuzz_training import TINY
from faults.fuzz_values import NUMBERS, absurd
from pyarrow import parquet

__all__ = ["folders", "odd_types", "parts", "resumed"]


def parts(rng: random.Random) -> Case:
    """Validation and test data that are empty, alike, of other labels or no table at all."""
    job = rng.choice(["lm", "classifier", "classifier", "translator"])
    case = case_of(["train", job, *TINY, "-o", "model", "-q"])
    case.argv += ["--max-steps", "1", "--batch-size", "4"] if rng.random() < 0.3 else ["--dry-run"]
    names = {"lm": ["--valid"], "classifier": ["--valid", "--test"], "translator": ["--valid"]}[job]
    columns = ["de", "en"] if job == "translator" else ["label", "text"]
    rows = [[rng.choice("ab"), line] for line in lines(rng)]
    suffix, data = (
        table(rng, rows, columns) if job != "lm" else (".txt", "\n".join(lines(rng)).encode())
    )
    case.files[f"in{suffix}"] = data
    case.argv.append(f"in{suffix}")
    for name in names:
        if rng.random() < 0.8:
            other, held = _part(rng, columns, suffix, data)
            case.files[f"part{name}{other}"] = held
            case.argv += [
                name,
                rng.choice([f"part{name}{other}", f"part{name}{other}", f"in{suffix}"]),
            ]
    case.argv += some(rng, [["--drop-leaks"]], 0.2) if job != "lm" else []
    case.argv += some(rng, [["--valid-fraction", rng.choice(["0", "0.5"])], ["--seed", "0"]], 0.2)
    return case


def _part(rng: random.Random, columns: list[str], suffix: str, data: bytes) -> tuple[str, bytes]:
    kind = rng.random()
    if kind < 0.2:
        return suffix, rng.choice([b"", b"\n", b"\n\n\n", data[:20], data])
    if kind < 0.7:
        labels = rng.choice([["a"], ["zzz"], ["a", "b", "c"], [odd_line(rng).strip() or "x"]])
        rows = [[rng.choice(labels), odd_line(rng)] for _ in range(rng.randint(0, 5))]
        return table(rng, rows, rng.choice([columns, columns, columns[::-1], ["x", "y"]]))
    return content(rng)


def folders(rng: random.Random) -> Case:
    """Folders with loops of links and files of every kind, to every command that reads files."""
    words = rng.choice(
        [
            [
                "classify",
                "{clf}",
                "--threads",
                "1",
                *some(rng, [["--whole-file"], ["--json"]], 0.5),
            ],
            ["translate", "{mt}", "--threads", "1", "--max-length", "2"],
            ["evaluate", "{lm}", "--threads", "1", *some(rng, [["--per-line"]], 0.5)],
            ["evaluate", "{clf}", "--threads", "1"],
            ["tokenize", "{lm}"],
            ["generate", "{lm}", "-n", "2", "--threads", "1", "--prompt-file"],
            ["train", "classifier", "--dry-run", *TINY, "-q"],
            ["runs"],
        ]
    )
    case = case_of(words)
    case.argv.append(odd_folder(rng, case))
    case.terminal = rng.random() < 0.1
    return case


def odd_types(rng: random.Random) -> Case:
    """JSON Lines and Parquet with values of types that are no text."""
    odd: list[Any] = [
        None,
        True,
        0,
        -1,
        1.5,
        [],
        ["a"],
        {},
        {"de": "a", "en": "b"},
        "",
        odd_line(rng),
    ]
    rows = [
        {
            "text": rng.choice([*odd, "a b"] if rng.random() < 0.3 else ["a b", "c"]),
            "label": rng.choice("ab"),
        }
        for _ in range(rng.randint(0, 30))
    ]
    if rng.random() < 0.5:
        written = "".join(json.dumps(row) + "\n" for row in rows)
        number = rng.choice([text for text in NUMBERS if not text.isspace()])
        extra = rng.choice(
            ["", f'{{"text": {number}}}\n', '{"text": "\\ud800"}\n', '{"text":"a","text":"b"}\n']
        )
        suffix, data = ".jsonl", (written + extra).encode()
    else:
        suffix, data = ".parquet", _parquet(rng, rows)
    data = mutated(rng, data) if rng.random() < 0.4 else data
    words = rng.choice(
        [
            ["classify", "{clf}", "--threads", "1", "-q"],
            ["evaluate", "{clf}", "--threads", "1", "-q"],
            ["evaluate", "{mt}", "--threads", "1", "-q", "--max-length", "2", "--beam-size", "1"],
            ["train", "classifier", "--dry-run", *TINY, "-q"],
            ["train", "translator", "--dry-run", *TINY, "-q"],
        ]
    )
    return case_of([*words, f"in{suffix}"], files={f"in{suffix}": data})


def _parquet(rng: random.Random, rows: list[dict[str, Any]]) -> bytes:
    values = [str(row["text"]) for row in rows]
    kinds = [
        pyarrow.array(values),
        pyarrow.array(values).dictionary_encode(),
        pyarrow.array([value.encode() for value in values], pyarrow.binary()),
        pyarrow.array(range(len(values)), pyarrow.int64()),
        pyarrow.array([None] * len(values), pyarrow.null()),
        pyarrow.array([[value] for value in values], pyarrow.list_(pyarrow.string())),
        pyarrow.array([{"de": value, "en": value} for value in values]),
        pyarrow.array([float("nan")] * len(values)),
    ]
    columns = {"text": rng.choice(kinds), "label": pyarrow.array([row["label"] for row in rows])}
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue()


def resumed(rng: random.Random) -> Case:
    """Runs that go on with other settings, and models that are begun from others."""
    name, job = rng.choice(
        [("lm", "lm"), ("clf", "classifier"), ("mt", "translator"), ("lines-lm", "lm")]
    )
    case = case_of(["train", job, "--resume", "model", "--dry-run"])
    case.damaged = {"model": name}
    if rng.random() < 0.5:
        case.argv = ["train", job, "in.txt", *TINY[:-4], "--dry-run", "--init-from", f"{{{name}}}"]
        case.argv += ["--hidden-size", rng.choice(["8", "9", "65536"])]
        case.damaged, case.files = {}, {"in.txt": content(rng)[1]}
    for option in rng.sample(
        ["--max-steps", "--minutes", "--epochs", "--learning-rate", "--seed"], 2
    ):
        case.argv += [option, rng.choice(["1", "5", "1e308", "nan", "0", absurd(rng)])]
    return case
