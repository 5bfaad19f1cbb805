"""Rewrites the texts in this folder, byte for byte: `python corpora/make.py`.

Writes `harbour.txt`, a year in a harbour town; `names.txt`, two thousand place names; `remarks.tsv`,
remarks that are kind, cross or neither; and `phrases.tsv`, German sentences with their English. The
same seed gives the same bytes on every machine and every Python from 3.10 on; `--seed` makes
others. See README.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from phrasebook.writer import write_phrases
from skerrow.book import write_book
from skerrow.names import write_names
from skerrow.remarks import write_remarks

SEED = 1


def main() -> None:
    """Writes the files and says how large they are."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder to write to"
    )
    parser.add_argument("--seed", type=int, default=SEED, help=f"another text (default {SEED})")
    options = parser.parse_args()
    for name, text in (
        ("harbour.txt", write_book(options.seed)),
        ("names.txt", write_names(options.seed)),
        ("remarks.tsv", write_remarks(options.seed)),
        ("phrases.tsv", write_phrases(options.seed)),
    ):
        content = text.encode("utf-8")
        (options.out / name).write_bytes(content)
        sys.stdout.write(f"{options.out / name}: {len(content):,} bytes\n")


if __name__ == "__main__":
    main()
