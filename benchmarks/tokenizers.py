"""How fast texts are encoded and decoded.

    python -m benchmarks.tokenizers [FILE]

Prints the command, the versions and, for every tokenizer, the seconds of each repetition and the
best rate in megabytes (10^6 bytes) of UTF-8 a second; for bpe and unigram, which use all processors, beside
sentencepiece itself, which is given the lines in one list. FILE is repeated or cut to
about 16 MB; without it the text is made here. Only char and byte have a goal: at least 50 MB/s in both
directions; the command fails where they miss it.
"""

from __future__ import annotations

import platform
import random
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy
import sentencepiece

from textrnn import __version__
from textrnn.processors import available_processors
from textrnn.tokenizers import SubwordTokenizer, Tokenizer, TokenizerSettings, train_tokenizer

GOAL_MB_PER_S = 50
CHARACTERS = 16_000_000
CHUNK = 1 << 20
REPETITIONS = 5


def made_text() -> str:
    """Return lines of made-up words in several scripts, some frequent and most rare."""
    rng = random.Random(7)
    syllables = [
        "ka",
        "lo",
        "mi",
        "ten",
        "dra",
        "é",
        "ü",
        "ßa",
        "шо",
        "мы",
        "日本",
        "の",
        "👩\u200d👧",
        "’s",
    ]
    plain = [
        "the",
        "of",
        "and",
        "to",
        "in",
        "was",
        "that",
        "it",
        "is",
        "he",
        "for",
        "on",
        "as",
        "with",
    ]
    rare = ["".join(rng.choices(syllables[:8], k=rng.randint(1, 4))) for _ in range(5000)]
    other = ["".join(rng.choices(syllables, k=rng.randint(1, 3))) for _ in range(500)]
    words = [*plain, *rare, *other]
    weights = [1 / (rank + 2) for rank in range(len(words))]
    lines = [" ".join(rng.choices(words, weights, k=12)) + ".\n" for _ in range(10_000)]
    return "".join(lines)


def load_text(arguments: list[str]) -> tuple[str, str]:
    """Return the name of the text and the text itself, ``CHARACTERS`` long."""
    name = arguments[0] if arguments else ""
    text = Path(name).read_text(encoding="utf-8") if name else made_text()
    if not text:
        sys.exit(f"{name}: the file is empty; give a text")
    return name or "made-up text", (text * (CHARACTERS // len(text) + 1))[:CHARACTERS]


def time_of(action: Callable[[], object]) -> list[float]:
    """Return the seconds that each of ``REPETITIONS`` calls took, after one that is not counted."""
    action()
    seconds = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return seconds


def measure(tokenizer: Tokenizer, text: str) -> dict[str, list[float]]:
    """Return the seconds of encoding and decoding ``text`` in chunks, as training does."""
    chunks = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    encoded = list(tokenizer.encode_chunks(chunks))

    def encode() -> None:
        for _ in tokenizer.encode_chunks(chunks):
            pass

    def decode() -> None:
        for ids in encoded:
            tokenizer.decode(ids)

    seconds = {"encode": time_of(encode), "decode": time_of(decode)}
    if isinstance(tokenizer, SubwordTokenizer):
        files = tokenizer.to_files()
        alone = sentencepiece.SentencePieceProcessor(model_proto=files["tokenizer.model"])
        lines = text.splitlines(keepends=True)
        threads = available_processors()
        seconds["sentencepiece"] = time_of(lambda: alone.encode(lines, num_threads=threads))
    return seconds


def main() -> int:
    """Measure every tokenizer; return 1 where char or byte misses the goal."""
    name, text = load_text(sys.argv[1:])
    megabytes = len(text.encode()) / 1e6
    print("command:", shlex.join(["python", *sys.argv]))
    print(
        f"versions: textrnn {__version__}, Python {platform.python_version()}, "
        f"numpy {numpy.__version__}, sentencepiece {sentencepiece.__version__}"
    )
    print(f"text: {name}, {len(text)} characters, {megabytes:.1f} MB of UTF-8")
    missed = []
    for kind in ("char", "byte", "word", "bpe", "unigram"):
        start = time.perf_counter()
        tokenizer = train_tokenizer(lambda: iter([text]), TokenizerSettings(tokenizer=kind))
        print(f"{kind}: {tokenizer.vocab_size} ids, learned in {time.perf_counter() - start:.2f} s")
        for direction, seconds in measure(tokenizer, text).items():
            rate = megabytes / min(seconds)
            raw = " ".join(f"{one:.4f}" for one in seconds)
            print(f"  {direction}: {rate:.0f} MB/s (seconds: {raw})")
            if kind in ("char", "byte") and rate < GOAL_MB_PER_S:
                missed.append(f"{kind} {direction}")
    if missed:
        print(f"below {GOAL_MB_PER_S} MB/s: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
