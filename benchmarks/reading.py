"""How fast text becomes a prepared corpus, and how much memory that takes.

Prepares a file with the character tokenizer into a cache that is thrown away, then starts a second
time. Prints the seconds, MB/s of the file, peak anonymous memory (RssAnon, Linux only) and how long
the second start took::

    python benchmarks/reading.py                     # 50 MB of made-up text
    python benchmarks/reading.py --megabytes 1000    # the figure in the results
    python benchmarks/reading.py --file book.txt.gz --tokenizer bpe
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from textrnn.data.corpus import Corpus, CorpusSettings, prepare_corpus
from textrnn.tokenizers import TokenizerSettings

_STATUS = Path("/proc/self/status")
_WORDS_AT_ONCE = 1 << 18


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=50, help="size of the text made up")
    parser.add_argument("--file", type=Path, help="a text to take instead")
    parser.add_argument("--tokenizer", default="char", help="char, byte, word, bpe or unigram")
    parser.add_argument("--lines", action="store_true", help="take each line as a document")
    parser.add_argument("--folder", type=Path, help="where text and cache lie meanwhile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="textrnn-reading-", dir=options.folder) as folder:
        path = options.file or Path(folder, "text.txt")
        if options.file is None:
            write_text(path, options.megabytes * 1_000_000)
        settings = CorpusSettings(lines=options.lines)
        tokenizer = TokenizerSettings(tokenizer=options.tokenizer)

        def prepare() -> Corpus:
            return prepare_corpus([str(path)], [], settings, tokenizer, cache=Path(folder, "cache"))

        before = anonymous_megabytes()
        first_s, peak, corpus = measured(prepare)
        second_s, second_peak, _ = measured(prepare)
        megabytes = path.stat().st_size / 1e6
    characters = corpus.train.characters + corpus.valid.characters
    print(f"{'file':24} {megabytes:12,.1f} MB, {characters:,} characters")
    print(f"{'vocabulary':24} {corpus.tokenizer.vocab_size:12,}")
    print(f"{'first start':24} {first_s:12.2f} s, {megabytes / first_s:,.0f} MB/s")
    print(f"{'second start':24} {second_s:12.4f} s")
    print(f"{'RssAnon before':24} {before:12,.0f} MiB")
    print(f"{'RssAnon, peak of first':24} {peak:12,.0f} MiB")
    print(f"{'RssAnon, peak of second':24} {second_peak:12,.0f} MiB")


def measured(work: Callable[[], Corpus]) -> tuple[float, float, Corpus]:
    """Return the seconds that ``work`` takes, its peak RssAnon in MiB, and its result."""
    done = threading.Event()
    peak = anonymous_megabytes()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, anonymous_megabytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.perf_counter()
    try:
        result = work()
    finally:
        seconds = time.perf_counter() - begun
        done.set()
        watcher.join()
    return seconds, peak, result


def anonymous_megabytes() -> float:
    """Return the process's anonymous memory in MiB; 0 where the system does not say."""
    if not _STATUS.exists():
        return 0.0
    for line in _STATUS.read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def write_text(path: Path, size: int) -> None:
    """Write ``size`` bytes of sentences over 30,000 made-up words, some of them not ASCII."""
    rng = np.random.default_rng(0)
    letters = np.array([*"eeeeeetttaaaooiinnsshhrrddlucmfwygpbvk" * 8, *"éèüößñçøåžł"])
    lengths = rng.integers(1, 12, 30_000)
    words = ["".join(rng.choice(letters, length)) for length in lengths]
    words += ["“yes”", "—", "1984", "π", "日本", "😀"]
    ends = np.array([" "] * 12 + [", "] * 2 + [". "] + [".\n"])
    pieces = np.array([word + end for word in words for end in ends], dtype=object)
    with path.open("wb") as file:
        while file.tell() < size:
            # The product of three uniform numbers favours the first words as a language does.
            places = rng.random((3, _WORDS_AT_ONCE)).prod(axis=0) * len(pieces)
            text = "".join(pieces[places.astype(np.int64)].tolist())
            file.write(text.encode()[: size - file.tell()].decode(errors="ignore").encode())
            if size - file.tell() < 4:
                break
    # As old as a text that somebody has had for a while: the cache reads a fresh one once more.
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))


if __name__ == "__main__":
    main()
