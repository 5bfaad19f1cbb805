"""Makers of cases for commands that answer texts: classify, translate, evaluate."""

import random

from faults.fuzz_bytes import PACKERS, content, mutated, odd_line, odd_text, ragged, table
from faults.fuzz_case import Case
from faults.fuzz_making import case_of, count, some, stream
from faults.fuzz_values import NAMES, absurd

__all__ = ["classify", "classify_table", "evaluate", "translate"]


def classify(rng: random.Random) -> Case:
    """Lines to a classifier."""
    case = case_of(["classify", "{clf}"])
    names, contents = stream(rng, case)
    encoding = rng.choice(["utf-8"] * 8 + ["latin-1", "cp1252", "utf-16", "utf-8-sig"])
    replaces, header = rng.random() < 0.4, rng.random() < 0.2
    case.argv += [
        *names,
        "--threads",
        "1",
        *(["--encoding", encoding] if encoding != "utf-8" else []),
    ]
    case.argv += ["--replace-invalid"] if replaces else []
    case.json_lines = not header and rng.random() < 0.3
    case.argv += ["--header"] if header else ["--json"] if case.json_lines else []
    case.argv += some(
        rng, [["--proba"], ["--min-confidence", "0.9"], ["--batch-size", "3"], ["-q"]]
    )
    case.argv += some(rng, [["--explain"]], 0.1)
    case.terminal = rng.random() < 0.2
    counts = [count(data, encoding, "replace" if replaces else "strict") for data in contents]
    case.must_fail = None in counts
    if rng.random() < 0.1:
        case.argv += ["--whole-file"]
        counts = [1] * len(names)
    if None not in counts and not case.terminal:
        case.lines = sum(filter(None, counts)) + header
    return case


def classify_table(rng: random.Random) -> Case:
    """Rows to a classifier: of a sound table one answer each, however odd the texts."""
    rows = [[str(i), odd_line(rng).replace("\0", "")] for i in range(rng.randint(1, 40))]
    suffix, data = table(rng, rows, ["id", "text"])
    is_broken = rng.random() < 0.5
    data = (ragged(rng) if rng.random() < 0.5 else mutated(rng, data)) if is_broken else data
    if rng.random() < 0.2:
        ending, pack = rng.choice(list(PACKERS.items()))
        suffix, data = suffix + ending, pack(data)
    case = case_of(
        ["classify", "{clf}", f"in{suffix}", "--threads", "1", "-q"], files={f"in{suffix}": data}
    )
    case.argv += some(rng, [["--text-column", "text"], ["--proba"]], 0.7)
    case.terminal = rng.random() < 0.1
    if is_broken:
        case.argv += some(
            rng, [["--text-column", rng.choice(["0", "-1", "99999999999", "١", *NAMES])]]
        )
    elif not case.terminal:
        case.lines = len(rows)
        case.json_lines = rng.random() < 0.3
        case.argv += ["--json"] if case.json_lines else []
        case.argv += [] if "--text-column" in case.argv else ["--text-column", "text"]
        case.codes = (0,)
    return case


def translate(rng: random.Random) -> Case:
    """Lines to a translator, or texts on its command line."""
    case = case_of(
        ["translate", "{mt}", "--threads", "1", "--max-length", rng.choice(["1", "5", "8"])]
    )
    case.json_lines = rng.random() < 0.3
    case.argv += ["--json"] if case.json_lines else []
    case.argv += some(
        rng,
        [
            ["--beam-size", rng.choice("123")],
            ["--batch-size", "2"],
            ["-q"],
            ["--no-repeat-ngram", "2"],
        ],
    )
    case.argv += some(
        rng, [["--sample", "--temperature", rng.choice(["0", "1e-9", "1e9"]), "--seed", "1"]], 0.1
    )
    case.argv += some(
        rng, [["--attention", rng.choice(["a.txt", "a.html", "-"]), "-o", "out.txt"]], 0.05
    )
    case.outputs = ("a.txt", "a.html", "out.txt")
    if "--attention" in case.argv and "--json" in case.argv:
        case.argv.remove("--json")  # on stdout the picture would stand between the objects
        case.json_lines = False
    case.terminal = rng.random() < 0.1
    if rng.random() < 0.25:
        texts = [absurd(rng) for _ in range(rng.randint(1, 4))]
        case.argv += ["--", *texts]
        if (
            not any(text in ("-", "") or "/" in text or "." in text for text in texts)
            and "-o" not in case.argv
        ):
            case.lines = None if case.terminal else len(texts)
        return case
    names, contents = stream(rng, case)
    case.argv += names
    counts = [count(data, "utf-8", "strict") for data in contents]
    case.must_fail = None in counts
    if None not in counts and not case.terminal and "-o" not in case.argv:
        case.lines = sum(filter(None, counts))
    return case


def evaluate(rng: random.Random) -> Case:
    """Texts, tables and pairs to be measured on."""
    which = rng.choice(["{lm}", "{lines-lm}", "{clf}", "{mt}"])
    case = case_of(["evaluate", which, "--threads", "1", *some(rng, [["-q"]])])
    case.terminal = rng.random() < 0.15
    if which in ("{lm}", "{lines-lm}"):
        names, contents = stream(rng, case)
        case.argv += names[:1]
        if rng.random() < 0.5:
            case.argv += ["--per-line"]
            case.lines = None if case.terminal else count(contents[0], "utf-8", "strict")
        return case
    case.argv += some(rng, [["--json"], ["--worst", rng.choice(["0", "3", "100000"])]])
    if which == "{mt}" and rng.random() < 0.5:
        case.files = {
            "a.txt": odd_text(rng).encode("utf-8", "replace"),
            "b.txt": odd_text(rng).encode("utf-8", "replace"),
        }
        case.argv += ["--src", "a.txt", "--tgt", "b.txt", "--max-length", "4", "--beam-size", "1"]
        return case
    suffix, data = content(rng)
    if rng.random() < 0.5:
        labels = ["positive", "negative", odd_line(rng), odd_line(rng)]
        rows = [
            [rng.choice(labels).strip() or "x", odd_line(rng)] for _ in range(rng.randint(1, 20))
        ]
        suffix, data = table(rng, rows, ["label", "text"] if which == "{clf}" else ["de", "en"])
    case.files[f"in{suffix}"] = data
    case.argv += [
        f"in{suffix}",
        *([] if which == "{clf}" else ["--max-length", "4", "--beam-size", "1"]),
    ]
    return case
