"""What makers of cases share: inputs that are read line by line, folders, tables."""

import random
from collections.abc import Sequence

from faults.fuzz_bytes import PACKERS, content, lines, odd_line, table
from faults.fuzz_case import Case
from faults.fuzz_lines import expected_lines

__all__ = ["case_of", "count", "odd_folder", "some", "sound_table", "stream"]

TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet")


def case_of(argv: Sequence[str], **more: object) -> Case:
    """A case whose seed is filled in later."""
    return Case("", 0, list(argv), **more)  # type: ignore[arg-type]


def some(rng: random.Random, choices: Sequence[Sequence[str]], share: float = 0.25) -> list[str]:
    """Some of the options, each by chance."""
    return [word for words in choices if rng.random() < share for word in words]


def count(data: bytes, encoding: str, errors: str) -> int | None:
    """How many lines a text has; None where it cannot be read."""
    try:
        return len(expected_lines(data, encoding, errors))
    except Exception:
        return None


def stream(rng: random.Random, case: Case) -> tuple[list[str], list[bytes]]:
    """Give a case one or two inputs that are read line by line: their names and contents."""
    names: list[str] = []
    contents: list[bytes] = []
    for number in range(rng.choice([1, 1, 1, 2])):
        suffix, data = content(rng)
        if suffix.startswith(TABLES):
            suffix = ".txt" + "".join(end for end in PACKERS if suffix.endswith(end))
        name = f"in{number}{suffix}"
        kind = rng.random()
        if kind < 0.3 and "-" not in names:
            case.stdin, case.by_pipe, name = data, rng.random() < 0.4, "-"
        elif kind < 0.36:
            name, case.pipes[name] = name, data
        elif kind < 0.42:
            case.files["real" + name] = data
            case.links.append((name, "real" + name))
        else:
            case.files[name] = data
        names.append(name)
        contents.append(data)
    return names, contents


def odd_folder(rng: random.Random, case: Case) -> str:
    """Give a case a folder with loops of links and files of every kind in it."""
    for number in range(rng.randint(0, 5)):
        suffix, data = content(rng)
        folder = rng.choice(["", "pos/", "neg/", "a/b/c/", ".hidden/", "train/", "test/pos/"])
        case.files[f"folder/{folder}{rng.choice([number, odd_name(rng)])}{suffix}"] = data
    case.files["folder/zzz/one.txt"] = b"one line\n"
    case.links += [
        ("folder/loop", "."),
        ("folder/up", ".."),
        ("folder/self", "self"),
        ("folder/zzz/back", "../zzz"),
    ]
    case.links += [("folder/null", "/dev/null"), ("folder/gone", "nowhere")]
    return "folder"


def odd_name(rng: random.Random) -> str:
    """A file's name that is allowed and unwelcome."""
    return (
        odd_line(rng).replace("/", "_").replace("\0", "").encode()[:100].decode("utf-8", "ignore")
        or "x"
    )


def sound_table(rng: random.Random, job: str) -> tuple[str, bytes]:
    """A table to train on, with a few odd rows in it."""
    if job == "classifier":
        labels = rng.choice([["a", "b"], ["a"], ["a", "b", "c", odd_line(rng).strip() or "d"]])
        rows = [
            [rng.choice(labels), odd_line(rng) if rng.random() < 0.3 else lines(rng, 1)[0]]
            for _ in range(rng.randint(0, 60))
        ]
        return table(rng, rows, ["label", "text"])
    rows = [
        [odd_line(rng), odd_line(rng)]
        if rng.random() < 0.3
        else [lines(rng, 1)[0], lines(rng, 1)[0]]
        for _ in range(rng.randint(0, 60))
    ]
    return table(rng, rows, ["de", "en"])
