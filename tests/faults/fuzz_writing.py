"""Makers of cases for commands that a language model or a tokenizer is behind."""

import random

from faults.fuzz_bytes import odd_line
from faults.fuzz_case import Case
from faults.fuzz_making import case_of, count, some, stream
from faults.fuzz_values import NUMBERS, absurd

__all__ = ["closed", "complete", "generate", "generate_closed", "score", "tokenize"]


def generate(rng: random.Random) -> Case:
    """Prompts to a language model."""
    model = rng.choice(["{lm}", "{lm}", "{lines-lm}"])
    case = case_of(
        ["generate", model, "-n", str(rng.randint(0, 12)), "--threads", "1", "--seed", "1"]
    )
    case.argv += some(
        rng,
        [
            ["--stop", absurd(rng)],
            ["--no-echo"],
            ["--temperature", rng.choice(["0", "0.5", "1e9", "1e-300"])],
        ],
    )
    case.argv += some(
        rng,
        [["--top-k", rng.choice(["0", "1", "99999"])], ["--top-p", "1e-9"], ["--min-p", "0.99"]],
        0.1,
    )
    case.terminal = rng.random() < 0.1
    kind = rng.random()
    if kind < 0.35:
        case.argv += [f"--prompt={absurd(rng)}"]
        case.json_lines = rng.random() < 0.3
        case.argv += ["--json"] if case.json_lines else []
        return case
    names, contents = stream(rng, case)
    if kind < 0.5:
        case.argv += ["--prompt-file", names[0]]
        return case
    times = rng.choice([1, 1, 2])
    case.json_lines = rng.random() < 0.4
    case.argv += [
        "--prompts",
        names[0],
        "--num",
        str(times),
        *(["--json"] if case.json_lines else []),
    ]
    wanted = count(contents[0], "utf-8", "strict")
    case.must_fail = wanted is None
    case.lines = None if wanted is None or case.terminal else wanted * times
    return case


def generate_closed(rng: random.Random) -> Case:
    """Text without end to a reader that goes."""
    case = case_of(["generate", "{lm}", "-n", rng.choice(["-1", "1" + "0" * 12]), "--threads", "1"])
    case.closes_after = rng.choice([0, 1, 100, 5000])
    case.codes = (0,)
    return case


def closed(rng: random.Random) -> Case:
    """Long answers to a reader that goes."""
    data = "\n".join([odd_line(rng).replace("\0", "") for _ in range(rng.randint(1, 300))]).encode()
    command = rng.choice(
        [
            "classify {clf}",
            "tokenize {lm}",
            "translate {mt} --max-length 3",
            "evaluate {lm} --per-line",
        ]
    )
    case = case_of(
        [*command.split(), "in.txt"],
        files={"in.txt": data},
        closes_after=rng.choice([0, 1, 50, 3000]),
    )
    case.argv += [] if "tokenize" in command else ["--threads", "1", "-q"]
    return case


def tokenize(rng: random.Random) -> Case:
    """Texts and ids to a tokenizer, or a tokenizer learnt from them."""
    kind = rng.random()
    if kind < 0.3:
        words = [str(rng.randint(0, 60)) for _ in range(20)] + some(
            rng, [[odd_line(rng)], [rng.choice(NUMBERS)], ["9" * 5000]]
        )
        rng.shuffle(words)
        return case_of(
            ["tokenize", "--decode", rng.choice(["{lm}", "{mt}", "{clf}"]), "-"],
            stdin=" ".join(words).encode(),
        )
    case = case_of(["tokenize", *some(rng, [["--ids"]])])
    names, contents = stream(rng, case)
    case.json_lines = rng.random() < 0.3
    case.argv += ["--json"] if case.json_lines else []
    if kind < 0.75:
        case.argv += [rng.choice(["{lm}", "{clf}", "{mt}"]), names[0]]
    else:
        learnt = rng.choice(["char", "byte", "word", "word", "bpe", "unigram"])
        case.argv += [
            "--tokenizer",
            learnt,
            *some(rng, [["--vocab-size", rng.choice(["1", "5", "50", "1000", "99999999"])]], 0.5),
            names[0],
        ]
    case.terminal = rng.random() < 0.1
    case.lines = None if case.terminal else count(contents[0], "utf-8", "strict")
    return case


def score(rng: random.Random) -> Case:
    """Texts whose surprise is shown."""
    by = rng.choice(["token", "char", "word", "line"])
    case = case_of(["score", rng.choice(["{lm}", "{lines-lm}"]), "--by", by, "--threads", "1"])
    names, contents = stream(rng, case)
    header = rng.random() < 0.2
    case.json_lines = not header and rng.random() < 0.3
    case.argv += [names[0], *(["--json"] if case.json_lines else ["--header"] if header else [])]
    case.argv += some(rng, [["--top", rng.choice(["1", "100"])], ["-q"]], 0.2)
    case.terminal = rng.random() < 0.15
    wanted = count(contents[0], "utf-8", "strict")
    case.must_fail = wanted is None
    if by == "line" and wanted is not None and not case.terminal:
        case.lines = wanted + header
    return case


def complete(rng: random.Random) -> Case:
    """Beginnings to be completed."""
    case = case_of(["complete", "{lm}", "--threads", "1", "-n", rng.choice("123")])
    case.json_lines = rng.random() < 0.3
    case.argv += ["--json"] if case.json_lines else []
    case.argv += some(rng, [["--words", rng.choice("12")], ["-q"]])
    case.terminal = rng.random() < 0.2
    if rng.random() < 0.5:
        case.argv += ["--", absurd(rng) or "x"]
        return case
    case.stdin = "\n".join(odd_line(rng) for _ in range(rng.randint(0, 4))).encode()
    case.by_pipe = rng.random() < 0.3
    case.argv += rng.choice([[], ["-"]])
    wanted = count(case.stdin, "utf-8", "strict")
    case.lines = None if case.terminal else wanted
    return case
