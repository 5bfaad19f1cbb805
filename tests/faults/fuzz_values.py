"""Values that options, variables and settings files should not have and do."""

import json
import random
from collections.abc import Iterator, Sequence

import click
from faults.fuzz_bytes import SNIPPETS, odd_line

from textrnn.cli.app import app
from textrnn.config import specs
from textrnn.config_sources import to_toml

__all__ = ["absurd", "all_commands", "environment", "option_value", "settings_file"]

NOT_NUMBERS = (
    "",
    " ",
    "nan",
    "abc",
    "0x10",
    "1,5",
    "--5",
    "None",
    "½",
    "\x1b[2J",
    "\udcff",
    "[1]",
    "1 2",
)
"""What no option that wants a number takes."""

NUMBERS = (
    *("-inf", "inf", "1e308", "-1e308", "1e-320", "-0", "0", "-1", "1", "2", "0.5", "1" + "0" * 30),
    *(
        "9" * 5000,
        " 1 ",
        "1_000",
        "١٢",
        "²",
        "1e3",
        "1e400",
        "１",
        "true",
        "+5",
        "1.0",
        "2.5",
        "0.999999",
    ),
    *(
        "65536",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "1.7976931348623157e308",
        "-9e99",
    ),
)
SMALL = ("1", "2", "3", "0", "0.5", "1.0", "-1", "0.1", "1e-9")

_WORK = """
    max_new_tokens num max_steps minutes epochs n_best beam_size max_length eval_every threads trials runs
    jobs repeats folds samples count hours workers trial_minutes final_minutes top
"""
WORK = frozenset(_WORK.split())
"""Options that say how much is to be done: a great value is no fault but a long wait."""

NAMES = (
    *(
        "",
        " ",
        ".",
        "..",
        "-",
        "--",
        "nothing",
        "nothing.txt",
        "no/such/file.txt",
        "/dev/null",
        "/dev/full",
    ),
    *(
        "x" * 300,
        "x/" * 600,
        "a\nb",
        "\x1b]0;owned\x07.txt",
        "\udcff\udcfe",
        "שלום.txt",
        "👩‍👩‍👧‍👦.txt",
        "hf:",
        "hf::",
        "hf:/",
        "corpus:",
        "corpus:nothing",
    ),
    *(
        "out.txt",
        "in.txt",
        "folder",
        "/dev/zero",
        "~",
        "$HOME",
        "*.txt",
        "file://x",
        "/proc/self/mem",
        "a:b:c",
    ),
)


def absurd(rng: random.Random) -> str:
    """A string that no argument should be; an argument never holds NUL."""
    kind = rng.random()
    if kind < 0.4:
        found = rng.choice(SNIPPETS)
    elif kind < 0.8:
        found = rng.choice([*NUMBERS, *NOT_NUMBERS, *NAMES])
    else:
        found = odd_line(rng)
    return (
        found.replace("\0", "")
        .encode("utf-8", "surrogateescape")
        .decode("utf-8", "surrogateescape")
    )


def option_value(rng: random.Random, option: click.Parameter, *, planned: bool = False) -> str:
    """A value for an option: sometimes one that it takes; great ones of work that is only planned."""
    name = option.name or ""
    kind = rng.random()
    if isinstance(option.type, click.Choice) and kind < 0.5:
        return str(rng.choice(list(option.type.choices)))
    shown = str(getattr(option, "metavar", None) or "")
    if shown.startswith("[") and kind < 0.5:
        return rng.choice(shown.strip("[]").split("|"))
    if shown in ("FILE", "DIR", "MODEL") or isinstance(option.type, click.Path):
        return rng.choice(NAMES)
    is_number = shown in ("INTEGER", "NUMBER") or isinstance(
        option.type, (click.types.IntParamType, click.types.FloatParamType)
    )
    if name in WORK and not planned:
        return rng.choice(
            [*NOT_NUMBERS, *SMALL, "-5", "0.0"]
            if name != "threads"
            else [*NOT_NUMBERS, "0", "-1", "1", "2"]
        )
    if is_number:
        return rng.choice([*NOT_NUMBERS, *NUMBERS, *SMALL, *SMALL])
    if name == "encoding":
        return rng.choice(
            [
                "utf-8",
                "utf-16",
                "latin-1",
                "cp1252",
                "utf-7",
                "punycode",
                "idna",
                "rot13",
                "hex",
                "base64",
                "zlib",
                "unicode_escape",
                "raw_unicode_escape",
                "undefined",
                "mbcs",
                "",
                " ",
                "UTF8",
                "utf\x00".strip("\0"),
                "cp65001",
                "big5",
                "iso2022_jp",
                "utf-8-sig",
                "x" * 300,
            ]
        )
    if name == "device":
        return rng.choice(
            [
                "cpu",
                "auto",
                "cuda",
                "cuda:99",
                "cuda:-1",
                "mps",
                "",
                "gpu",
                "cpu:0",
                "meta",
                "CPU",
                "xla",
                "cuda:x",
            ]
        )
    return absurd(rng)


def all_commands() -> Iterator[tuple[list[str], click.Command]]:
    """Every command with the words that call it."""
    context = click.Context(app)

    def walk(group: click.Group, words: list[str]) -> Iterator[tuple[list[str], click.Command]]:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, click.Group):
                yield from walk(command, [*words, name])
            elif command is not None:
                yield [*words, name], command

    yield from walk(app, [])


def environment(rng: random.Random, settings: Sequence[type]) -> dict[str, str]:
    """A few variables, known ones and others."""
    found = {}
    for _ in range(rng.randint(1, 3)):
        kind = rng.random()
        if kind < 0.6:
            spec = rng.choice(list(specs(rng.choice(settings)).values()))
            if spec.name in WORK:
                value = rng.choice(NOT_NUMBERS)
            else:
                value = rng.choice([absurd(rng), rng.choice(NUMBERS), *spec.choices])
            found[spec.variable] = value
        elif kind < 0.7:
            found["TEXTRNN_" + rng.choice(["HIDEN_SIZE", "X", "", "CACHES", "ÄÖ"])] = absurd(rng)
        else:
            name = rng.choice(
                [
                    "NO_COLOR",
                    "TERM",
                    "COLUMNS",
                    "LINES",
                    "LANG",
                    "FORCE_COLOR",
                    "HF_HOME",
                    "OMP_NUM_THREADS",
                ]
            )
            found[name] = rng.choice(
                ["", "0", "-1", "1", "dumb", "abc", "100000", "\x1b[2J", "tr_TR"]
            )
    return {name: value.replace("\0", "") for name, value in found.items() if "=" not in name}


TOML_VALUES = (
    *(
        "nan",
        "inf",
        "-inf",
        "1e308",
        "-0.0",
        "0",
        "-1",
        "1" + "0" * 30,
        "true",
        "false",
        '""',
        '"x"',
        '"nan"',
    ),
    *(
        "[]",
        "[1, 2]",
        "{}",
        "{a = 1}",
        "1979-05-27",
        "1979-05-27T07:32:00Z",
        "07:32:00",
        "'''\nx\n'''",
        '"\\u0000"',
    ),
    *("0x10", "0b1", "1_000", "", "=", '"\\ud800"', "9" * 5000, '"' + "y" * 9999 + '"', "[" * 3000),
)


def settings_file(rng: random.Random, settings: type) -> bytes:
    """A settings file that has faults."""
    rows = to_toml(settings()).splitlines()
    for _ in range(rng.randint(0, 6)):
        at = rng.randrange(len(rows) + 1)
        kind = rng.random()
        if kind < 0.6:
            name = rng.choice(
                [*specs(settings), "unknown", "hiden_size", "", "ä", '"a b"', "a.b.c"]
            )
            rows.insert(at, f"{name} = {rng.choice(TOML_VALUES)}")
        elif kind < 0.75:
            rows.insert(
                at,
                rng.choice(
                    [
                        "[model]",
                        "[[model]]",
                        "[training]",
                        "[x]",
                        "[",
                        "[a.b]",
                        "[data]",
                        "[\x1b[2J]",
                    ]
                ),
            )
        elif kind < 0.9 and rows:
            rows[at - 1] = rows[at - 1].partition("=")[0] + "= " + rng.choice(TOML_VALUES)
        else:
            rows.insert(at, json.dumps(odd_line(rng)) if rng.random() < 0.5 else odd_line(rng))
    return "\n".join(rows).encode("utf-8", "replace")
