"""Makers of cases for all commands: absurd options, damaged models, odd surroundings."""

import random

import click
from faults.fuzz_bytes import RAW, content, lines
from faults.fuzz_case import Case
from faults.fuzz_making import case_of
from faults.fuzz_training import SETTINGS
from faults.fuzz_values import (
    NAMES,
    NOT_NUMBERS,
    NUMBERS,
    absurd,
    all_commands,
    environment,
    option_value,
)

__all__ = ["damaged", "looking", "one_bad_number", "options", "small"]


def options(rng: random.Random) -> Case:
    """Any command with any options, absurd values among them."""
    words, command = rng.choice(list(all_commands()))
    planned = any(parameter.name == "dry_run" for parameter in command.params)
    case = case_of(words)
    suffix, data = content(rng)
    case.files = {
        f"in{suffix}": data,
        "in.txt": "\n".join(lines(rng)).encode(),
        "folder/x.txt": b"x\n",
    }
    chosen = [
        p
        for p in command.params
        if isinstance(p, click.Option)
        and p.name not in ("debug", "help", "tensorboard", "threads", "interactive")
    ]
    for option in rng.sample(chosen, min(len(chosen), rng.randint(0, 4))):
        name = rng.choice([*option.opts, *option.secondary_opts])
        if option.is_flag or option.secondary_opts:
            case.argv.append(name)
        else:
            case.argv += [name, option_value(rng, option, planned=planned)]
    case.argv += ["--dry-run"] if planned else []
    models = ["{lm}", "{clf}", "{mt}", "{lines-lm}"]
    positional = [*NAMES[:-10], f"in{suffix}", "in.txt", "folder", "-", absurd(rng)]
    case.argv += (
        [rng.choice(models)]
        if rng.random() < 0.6 and words[0] not in ("train", "cache", "tune")
        else []
    )
    case.argv += [rng.choice(positional) for _ in range(rng.choice([0, 1, 1, 2]))]
    if words == ["generate"]:
        case.argv += ["-n", "3", "--num", "1"]
    case.env = environment(rng, SETTINGS) if rng.random() < 0.2 else {}
    case.stdin = rng.choice([None, b"", b"a\nb\n", data])
    case.outputs = ("*",)
    return case


def one_bad_number(rng: random.Random) -> Case:
    """A sound command with one value that is no number: always wrong usage."""
    base = rng.choice(
        [
            (["classify", "{clf}", "in.txt"], ["--min-confidence", "--batch-size", "--threads"]),
            (
                ["translate", "{mt}", "in.txt"],
                ["--beam-size", "--length-penalty", "--n-best", "--max-length"],
            ),
            (
                ["generate", "{lm}"],
                [
                    "--max-new-tokens",
                    "--num",
                    "--temperature",
                    "--top-k",
                    "--top-p",
                    "--seed",
                    "--min-p",
                ],
            ),
            (
                ["train", "lm", "in.txt", "--dry-run"],
                ["--hidden-size", "--dropout", "--max-steps", "--seed", "--learning-rate"],
            ),
            (
                ["train", "classifier", "in.txt", "--dry-run"],
                ["--num-layers", "--epochs", "--minutes", "--grad-clip"],
            ),
            (
                ["train", "translator", "in.txt", "--dry-run"],
                ["--batch-tokens", "--length-ratio", "--weight-decay"],
            ),
            (["evaluate", "{clf}", "in.txt"], ["--worst", "--threads"]),
        ]
    )
    option, value = rng.choice(base[1]), rng.choice(NOT_NUMBERS)
    return case_of([*base[0], f"{option}={value}"], files={"in.txt": b"a\nb\n"}, codes=(2,))


def damaged(rng: random.Random) -> Case:
    """A model with a fault in one of its files."""
    model, words = rng.choice(
        [
            ("lm", ["generate", "model", "-n", "3", "--threads", "1"]),
            ("clf", ["classify", "model", "in.txt", "--threads", "1"]),
            ("mt", ["translate", "model", "in.txt", "--threads", "1", "--max-length", "3"]),
            ("mt", ["info", "model"]),
            ("lm", ["info", "model", "--json"]),
            ("mt", ["tokenize", "model", "in.txt"]),
            ("lm", ["train", "lm", "--resume", "model", "--dry-run"]),
            ("clf", ["train", "classifier", "--resume", "model", "--dry-run", "--max-steps", "9"]),
            (
                "lm",
                ["train", "lm", "in.txt", "--init-from", "model", "--dry-run", "--threads", "1"],
            ),
            (
                "mt",
                [
                    "evaluate",
                    "model",
                    "--src",
                    "in.txt",
                    "--tgt",
                    "in.txt",
                    "--max-length",
                    "3",
                    "--threads",
                    "1",
                ],
            ),
        ]
    )
    data = "\n".join(lines(rng)).encode() + rng.choice([b"", *RAW])
    return case_of(
        words, damaged={"model": model}, files={"in.txt": data}, terminal=rng.random() < 0.2
    )


def small(rng: random.Random) -> Case:
    """The commands that look at models and at the cache."""
    words = rng.choice(
        [
            ["info", "{lm}"],
            ["info", "{mt}", "--json"],
            ["cache", "list"],
            ["cache", "list", "--json"],
            ["cache", "clear", "--older-than", option_number(rng)],
            ["info", absurd(rng)],
            ["--version"],
            [absurd(rng)],
            ["train", absurd(rng)],
            [],
        ]
    )
    return case_of(
        words,
        env=environment(rng, SETTINGS) if rng.random() < 0.4 else {},
        terminal=rng.random() < 0.3,
    )


def option_number(rng: random.Random) -> str:
    """Any number, or none."""
    return rng.choice([*NUMBERS, *NOT_NUMBERS])


def looking(rng: random.Random) -> Case:
    """Runs that are listed and drawn, whole and damaged ones."""
    words = rng.choice(
        [["runs"], ["runs", "--advice"], ["plot"], ["plot", "-o", "curves.html", "--force"]]
    )
    case = case_of(
        [*words, *rng.choice([["model"], ["model", "{lm}"], ["{clf}"], ["folder"], ["."]])]
    )
    case.damaged = {"model": rng.choice(["lm", "clf", "mt"])}
    case.files = {"folder/x.txt": b"x", "in.tsv": content(rng)[1]}
    case.links = [("folder/loop", "."), ("folder/up", "..")]
    case.argv += ["--confusion", "in.tsv"] if words[0] == "plot" and rng.random() < 0.3 else []
    case.terminal = rng.random() < 0.3
    case.outputs = ("curves.html",)
    return case
