"""Contents that files should not have and do: made from a generator of random numbers, so from its seed."""

import bz2
import csv
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import zstandard

CORPORA = Path(__file__).resolve().parents[2] / "corpora"

ESCAPES = (
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\x1b[31;5m",
    "\x9b31m",
    "\u202e",
    "\u2066",
    "\x08",
    "\x7f",
)
"""What a terminal obeys; no table that is drawn on one may hold them as they are."""

SNIPPETS = (
    *(
        "",
        " ",
        "\t",
        "\r",
        "\r\n",
        "\n",
        "\n\n\n",
        "\0",
        "\ufeff",
        "\u2028",
        "\u2029",
        "\x85",
        "\x0b",
    ),
    *("\x0c", "\x1c", "\u200b", "\u00ad", "\ufffd", "\ufffe", "\U0010ffff", "\ue000", "\u3000"),
    *ESCAPES,
    *(
        "👩‍👩‍👧‍👦",
        "🏳️‍🌈",
        "🇩🇪🇫🇷",
        "👍🏽",
        "e\u0301\u0302\u0303",
        "שלום עולם",
        "مرحبا",
        "日本語",
        "𝕳𝖆",
        "ß",
        "İ",
        "ﬃ",
    ),
    *("\u0301", "z" + "\u0335" * 200, "١٢٣", "½", "Ⅷ", "²"),
    *(
        '"',
        '""',
        '"""',
        "'",
        "\\",
        "\\n",
        '\\"',
        "`",
        "$(x)",
        "%s%n",
        "{0}",
        "{",
        "[",
        "}",
        "]",
        "[/red]",
    ),
    *(
        "__label__",
        "__label__a ",
        "__label__a __label__b x",
        "<unk>",
        "<s>",
        "</s>",
        "<pad>",
        "▁",
        "##a",
    ),
    *(
        "null",
        "NaN",
        "Infinity",
        "-0",
        "1e308",
        "true",
        "#",
        "=1+1",
        "-",
        "--",
        "--help",
        "hf:x",
        "a,b;c|d",
    ),
    *(
        '{"text": "\\ud800"}',
        '{"text": "\\udc00\\ud800", "label": "\\u0000"}',
        '{"a":' * 40,
        "[" * 2000,
    ),
    *("a" * 999, "ab " * 400, "word" * 300, "x\ty\tz", ",,,,", ";;;;", "|", "\t\t\t\t"),
)

RAW = (
    *(
        b"\xff",
        b"\xfe",
        b"\x80",
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ),
    *(
        b"\xc0\x80",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xff\xfe\0\0",
        b"\0\0\xfe\xff",
        b"\xef\xbb\xbf",
        b"\0" * 20,
    ),
    *(
        b"\x1f\x8b\x08",
        b"\x1f\x8b\x08" + b"\0" * 20,
        b"PAR1",
        b"PAR1xxxxPAR1",
        b"%PDF-1.4\n",
        b"PK\x03\x04",
    ),
    *(
        b"BZh91AY&SY",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"\x28\xb5\x2f\xfd\0\0",
        b"\x93NUMPY",
        b"\x89PNG\r\n",
    ),
)

ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "latin-1",
    "cp1252",
    "utf-7",
)

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),  # the same bytes at any time
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def lines(rng: random.Random, most: int = 40) -> list[str]:
    """Lines of the project's own texts."""
    name = rng.choice(["harbour.txt", "names.txt", "remarks.tsv", "phrases.tsv"])
    whole = _corpus(name)
    low = rng.randrange(len(whole))
    return whole[low : low + rng.randint(1, most)]


_KEPT: dict[str, list[str]] = {}


def _corpus(name: str) -> list[str]:
    if name not in _KEPT:
        _KEPT[name] = (CORPORA / name).read_text(encoding="utf-8").splitlines()
    return _KEPT[name]


def odd_line(rng: random.Random) -> str:
    """A line that may hold anything but a line end."""
    parts = []
    for _ in range(rng.randint(0, 5)):
        kind = rng.random()
        if kind < 0.5:
            parts.append(rng.choice(SNIPPETS))
        elif kind < 0.8:
            parts.append(rng.choice(lines(rng, 1)))
        elif kind < 0.9:
            parts.append("".join(chr(rng.randrange(0xD800)) for _ in range(rng.randint(1, 30))))
        else:
            parts.append(
                "".join(chr(rng.randrange(0xE000, 0x110000)) for _ in range(rng.randint(1, 9)))
            )
    return rng.choice(["", " "]).join(parts).replace("\n", " ")


def odd_text(rng: random.Random) -> str:
    """Lines of which some are odd."""
    some = [
        odd_line(rng) if rng.random() < 0.4 else rng.choice(lines(rng))
        for _ in range(rng.randint(0, 30))
    ]
    end = rng.choice(["\n", "\n", "\n", "\r\n"])
    return end.join(some) + rng.choice(["", end, end * 3])


def table(rng: random.Random, rows: list[list[str]], columns: list[str]) -> tuple[str, bytes]:
    """A well-formed table of such rows: its suffix and its bytes, in one of the formats."""
    kind = rng.choice([".csv", ".tsv", ".jsonl", ".ndjson"])
    if kind in (".jsonl", ".ndjson"):
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        plain = rng.random() < 0.5
        return kind, "".join(json.dumps(o, ensure_ascii=plain) + "\n" for o in objects).encode()
    written = io.StringIO()
    if kind == ".tsv":
        clean = [[f.translate({9: " ", 10: " ", 13: " ", 34: "'"}) for f in row] for row in rows]
        written.write("".join("\t".join(row) + "\n" for row in [columns, *clean]))
    else:
        csv.writer(written, quoting=csv.QUOTE_ALL).writerows([columns, *rows])
    return kind, written.getvalue().encode()


def ragged(rng: random.Random) -> bytes:
    """A table as it should not be: rows of any width, quotes that do not close, a delimiter that changes."""
    mark = rng.choice([",", "\t", ";", "|"])
    rows = []
    for _ in range(rng.randint(1, 30)):
        fields = [
            odd_line(rng)[:80] for _ in range(rng.choice([0, 1, 2, 2, 2, 3, rng.randint(1, 40)]))
        ]
        rows.append((mark if rng.random() < 0.95 else rng.choice(",;\t|")).join(fields))
    if rng.random() < 0.7:
        rows.insert(
            0, mark.join(rng.choice([["text", "label"], ["label", "text"], ["de", "en"], ["", ""]]))
        )
    if rng.random() < 0.05:
        rows.insert(0, mark.join(f"c{i}" for i in range(10_000)))
    return "\n".join(rows).encode("utf-8", "replace")


def mutated(rng: random.Random, data: bytes) -> bytes:
    """The bytes with a few faults in them."""
    buffer = bytearray(data)
    for _ in range(rng.choice([0, 1, 1, 2, 5, 20])):
        at = rng.randint(0, len(buffer))
        end = min(len(buffer), at + rng.choice([1, 1, 2, 16, 200]))
        kind = rng.randrange(7)
        if kind == 0:
            buffer[at:at] = rng.choice(RAW)
        elif kind == 1:
            buffer[at:at] = rng.choice(SNIPPETS).encode()
        elif kind == 2:
            del buffer[at:end]
        elif kind == 3:
            buffer[at:end] = rng.randbytes(end - at)
        elif kind == 4:
            buffer[at:at] = buffer[at:end] * rng.choice([1, 2, 50])
        elif kind == 5 and buffer:
            at %= len(buffer)
            buffer[at] ^= 1 << rng.randrange(8)
        elif rng.random() < 0.3:
            del buffer[at:]
    return bytes(buffer)


def content(rng: random.Random) -> tuple[str, bytes]:
    """A file's suffix and its bytes, sound or broken."""
    kind = rng.random()
    suffix = rng.choice(
        [".txt", ".txt", ".txt", ".csv", ".tsv", ".jsonl", ".json", ".parquet", ".toml", ""]
    )
    if kind < 0.3:
        data = odd_text(rng).encode("utf-8", "surrogatepass")
    elif kind < 0.5:
        data = mutated(rng, "\n".join(lines(rng)).encode())
    elif kind < 0.65:
        data = ragged(rng)
    elif kind < 0.8:
        rows = [
            [odd_line(rng), rng.choice(["a", "b", odd_line(rng)])]
            for _ in range(rng.randint(0, 30))
        ]
        suffix, data = table(rng, rows, rng.choice([["text", "label"], ["de", "en"], ["x", "y"]]))
        data = mutated(rng, data) if rng.random() < 0.5 else data
    elif kind < 0.9:
        data = odd_text(rng).encode(rng.choice(ENCODINGS), "ignore")
    else:
        data = rng.choice(
            [b"", b"\n", b"\r", b" ", b"\0", rng.randbytes(300), rng.choice(RAW), b"a\n" * 3000]
        )
    if rng.random() < 0.2:
        ending, pack = rng.choice(list(PACKERS.items()))
        data = pack(data)
        if rng.random() < 0.5:
            data = data[: rng.randint(0, len(data))] if rng.random() < 0.5 else mutated(rng, data)
        suffix += ending if rng.random() < 0.8 else ""
    return suffix, data
