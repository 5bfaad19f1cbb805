"""Readers, tokenizers and settings called directly: quick, so that many contents can be tried."""

import csv
import io
import json
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from faults.fuzz_bytes import content, odd_line, odd_text, table
from faults.fuzz_lines import expected_lines, unpacked
from faults.fuzz_making import sound_table
from faults.fuzz_training import SETTINGS, TRAINING
from faults.fuzz_values import NOT_NUMBERS, NUMBERS, absurd, settings_file

from textrnn.cli.console import printable
from textrnn.config import specs
from textrnn.config_sources import from_toml
from textrnn.data.corpus import prepare_corpus
from textrnn.data.labelled import read_examples, read_texts
from textrnn.data.pair_rows import read_pairs
from textrnn.data.reading import read_text
from textrnn.data.settings import CorpusSettings, ExampleSettings, PairSettings
from textrnn.data.sources import expand_inputs
from textrnn.data.stream import stream_lines
from textrnn.errors import TextrnnError
from textrnn.tokenizers import TokenizerSettings, train_tokenizer

__all__ = ["READERS", "read_case"]

HALF_PAIR = re.compile("[\ud800-\udfff]")


def read_case(seed: int, box: Path, cache: Path) -> list[str]:
    """Run the reader of a seed on what the seed makes; return what was wrong.

    Args:
        seed: Chooses the reader and makes its input.
        box: An empty folder.
        cache: The cache folder.
    """
    name = list(READERS)[seed % len(READERS)]
    rng = random.Random(f"{name}:{seed}")
    try:
        return READERS[name](rng, box, cache)
    except TextrnnError as error:
        return told(str(error))


def told(message: str) -> list[str]:
    """What is wrong with a message that a user will see."""
    found = []
    if len(message) > 2_000:
        found.append(f"a message of {len(message):,} characters")
    if "\n" in message and "TOML" not in message:
        found.append(f"a message of several lines: {message[:300]!r}")
    if not message.strip():
        found.append("an empty message")
    return found


def put(rng: random.Random, box: Path) -> tuple[Path, bytes]:
    """A file with anything in it."""
    suffix, data = content(rng)
    path = box / f"in{suffix}"
    path.write_bytes(data)
    return path, data


def stream(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """Lines come out as the standard library cuts them."""
    path, data = put(rng, box)
    encoding = rng.choice(["utf-8", "utf-8", "utf-8", "latin-1", "utf-16", "utf-16-le", "cp1252"])
    errors = rng.choice(["strict", "replace"])
    lines = [
        line
        for some in stream_lines(expand_inputs([str(path)]), encoding, errors=errors)
        for line in some
    ]
    return differs(lines, lambda: expected_lines(data, encoding, errors))


def text(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """A text comes out as the standard library decodes it."""
    path, data = put(rng, box)
    encoding = rng.choice(["utf-8", "utf-8", "latin-1", "utf-16"])
    found = "".join(read_text(path, encoding, "keep"))
    return differs([found], lambda: [unpacked(data).decode(encoding).removeprefix("\ufeff")])


def differs(found: list[str], wanted: Callable[[], list[str]]) -> list[str]:
    try:
        expected = wanted()
    except Exception as error:
        return [f"read what cannot be read ({error!r})"]
    return [] if found == expected else [f"{len(found)} lines, not the {len(expected)} expected"]


def texts(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """The texts of any file, a table or not."""
    path, _ = put(rng, box)
    column = rng.choice([None, None, "text", "1", "2", absurd(rng)])
    return strings(
        row.text
        for row in read_texts([str(path)], ExampleSettings(text_column=column), cache=cache)
    )


def sound_texts(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """The texts of a sound table are those that were written."""
    rows = [[str(i), odd_line(rng).replace("\0", "")] for i in range(rng.randint(1, 30))]
    suffix, data = table(rng, rows, ["id", "text"])
    path = box / f"in{suffix}"
    path.write_bytes(data)
    found = [
        row.text
        for row in read_texts([str(path)], ExampleSettings(text_column="text"), cache=cache)
    ]
    if suffix == ".tsv":
        rows = [[a, b.translate({9: " ", 10: " ", 13: " ", 34: "'"})] for a, b in rows]
    return (
        [] if found == [b for _, b in rows] else [f"texts of a sound {suffix} came out otherwise"]
    )


def examples(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """Examples of any file."""
    path, _ = put(rng, box)
    return strings(
        e.text + e.label for e in read_examples([str(path)], ExampleSettings(), cache=cache)
    )


def pairs(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """Pairs of any file, or of two files line by line."""
    path, _ = put(rng, box)
    if rng.random() < 0.5:
        found = read_pairs([str(path)], [], [], PairSettings(), cache=cache)
    else:
        other = box / "other"
        other.write_bytes(odd_text(rng).encode("utf-8", "replace"))
        found = read_pairs([], [str(path)], [str(other)], PairSettings(), cache=cache)
    both = [pair.src + pair.tgt for pair in found]
    return strings(both) + [f"a line end in a side: {t!r}" for t in both if "\n" in t]


def corpus(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """Any file becomes ids that stand for all of its characters."""
    path, _ = put(rng, box)
    settings = CorpusSettings(lines=rng.random() < 0.4, valid_fraction=rng.choice([0.0, 0.1, 0.5]))
    wanted = TokenizerSettings(tokenizer=rng.choice(["char", "byte", "word"]))
    found = prepare_corpus([str(path)], [], settings, wanted, cache=cache)
    return [] if found.train.tokens else ["a corpus without anything to train on"]


def tokenizer(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """What was learnt from a text gives it back, whole and token by token."""
    learnt = odd_text(rng)
    kind = (
        rng.choice(["char", "char", "byte", "byte", "word", "bpe", "unigram"])
        if rng.random() < 0.3
        else rng.choice(["char", "byte"])
    )
    size = rng.choice([None, None, 20, 300]) if kind != "byte" else None
    made = train_tokenizer(
        lambda: iter([learnt]), TokenizerSettings(tokenizer=kind, vocab_size=size)
    )
    other = learnt if rng.random() < 0.7 else odd_text(rng)
    ids = made.encode(other)
    whole = made.decode(ids)
    decoder = made.stream_decoder()
    parts = "".join(decoder.feed(int(i)) for i in ids) + decoder.flush()
    found = [] if parts == whole else [f"{kind}: decoding token by token differs"]
    if kind == "byte" and whole != other:
        found.append("bytes came out otherwise")
    if kind == "char" and not made.unknown(other) and whole != other:
        found.append("characters came out otherwise")
    return found


def settings(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """Any settings file is settings, or the error of a user."""
    path = box / "run.toml"
    cls = rng.choice(list(TRAINING.values()))
    data = settings_file(rng, cls) if rng.random() < 0.8 else content(rng)[1]
    path.write_bytes(data)
    found = from_toml(cls, path)
    return [] if all(name in specs(cls) for name in found) else ["unknown settings"]


def value(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """Any value of any setting is one in its range, or the error of a user."""
    found = []
    for spec in specs(rng.choice(SETTINGS)).values():
        given = rng.choice(
            [
                absurd(rng),
                rng.choice(NUMBERS),
                rng.choice(NOT_NUMBERS),
                1e308,
                -0.0,
                10**30,
                [],
                {},
                b"1",
                True,
            ]
        )
        try:
            checked = spec.check(given, "here")
        except TextrnnError as error:
            found += told(str(error))
            continue
        if checked is not None and not isinstance(checked, spec.type):
            found.append(f"{spec.name}: {given!r} became {checked!r}")
        json.dumps(checked, allow_nan=False)
    return found


def shown(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """Nothing that a terminal obeys is left of a text that is shown."""
    plain = printable(odd_text(rng))
    bad = [c for c in plain if ord(c) < 32 and c not in "\n\t"]
    return [f"{bad[0]!r} is shown as it is"] if bad or "\x9b" in plain or "\u202e" in plain else []


def quoted(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """Examples survive any way of quoting that the standard library has."""
    rows = [
        [rng.choice("ab"), odd_line(rng).replace("\0", "").replace("\r", " ")]
        for _ in range(rng.randint(2, 30))
    ]
    mark = rng.choice(",;|")
    written = io.StringIO()
    writer = csv.writer(
        written,
        delimiter=mark,
        quoting=rng.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    )
    writer.writerows([["label", "text"], *rows])
    path = box / "in.csv"
    path.write_bytes(written.getvalue().encode())
    found = [e.text for e in read_examples([str(path)], ExampleSettings(), cache=cache)]
    return [] if found == [b for _, b in rows] else ["quoted texts came out otherwise"]


def sound_pairs(rng: random.Random, box: Path, cache: Path) -> list[str]:
    """A sound table of pairs gives as many as it has rows."""
    suffix, data = sound_table(rng, "translator")
    path = box / f"in{suffix}"
    path.write_bytes(data)
    return strings(p.src for p in read_pairs([str(path)], [], [], PairSettings(), cache=cache))


def strings(found: Iterable[str]) -> list[str]:
    """Every text can be written as UTF-8: no half of a surrogate pair came through."""
    halves = (each for each in found if HALF_PAIR.search(each))
    return [f"half a surrogate pair came through: {each[:80]!a}" for each in halves]


READERS: dict[str, Callable[[random.Random, Path, Path], list[str]]] = {
    reader.__name__: reader
    for reader in (
        *(
            stream,
            text,
            texts,
            sound_texts,
            examples,
            pairs,
            corpus,
            tokenizer,
            settings,
            value,
            shown,
        ),
        *(quoted, sound_pairs),
    )
}
