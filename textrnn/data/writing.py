"""Writing the parts of a corpus as token stores."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from textrnn.data.intake import TextFile
from textrnn.data.sources import Report
from textrnn.data.store import StoreWriter
from textrnn.data.texts import Texts, names_of, no_text
from textrnn.errors import DataError
from textrnn.tokenizers import Tokenizer

__all__ = ["TRAIN", "VALID", "WHOLE", "no_validation", "write_divided", "write_whole"]

TRAIN, VALID, WHOLE = "train", "valid", "whole"

Records = dict[str, dict[str, Any]]


def write_divided(
    texts: Texts, valid_texts: Texts, tokenizer: Tokenizer, folder: Path, report: Report
) -> Records:
    """Write the training and the validation store.

    Args:
        texts: What is divided into both parts.
        valid_texts: What goes to validation whole; may be of no files.
        tokenizer: Makes the ids.
        folder: Where the stores go.
        report: Told about files without text.

    Returns:
        Each store's record, by its name.

    Raises:
        DataError: a file cannot be read, or a part that was asked for would be empty.
        OSError: the stores cannot be written.
    """
    with (
        StoreWriter(folder, TRAIN, tokenizer) as train,
        StoreWriter(folder, VALID, tokenizer) as valid,
    ):
        for file in texts.files:
            _add(texts, file, train, valid, report)
        if not train.documents:
            raise texts.nothing_to_train()
        for file in valid_texts.files:
            _add(valid_texts, file, valid, valid, report)
        if not valid.documents and valid_texts.files:
            raise no_text(valid_texts.files)
        if not valid.documents and texts.fraction:
            raise no_validation(texts, train.documents, train.characters)
        return {TRAIN: train.finish(), VALID: valid.finish()}


def write_whole(texts: Texts, tokenizer: Tokenizer, folder: Path, report: Report) -> Records:
    """Write everything as one store, likewise."""
    with StoreWriter(folder, WHOLE, tokenizer) as whole:
        for file in texts.files:
            _add(texts, file, whole, whole, report)
        if not whole.documents:
            raise no_text(texts.files)
        return {WHOLE: whole.finish()}


def _add(
    texts: Texts, file: TextFile, train: StoreWriter, valid: StoreWriter, report: Report
) -> None:
    before = train.documents, valid.documents
    if texts.lines:
        for trained, validated in texts.divided_lines(file):
            train.add_lines(trained)
            valid.add_lines(validated)
    else:
        division = texts.division(file)
        train.add_text(division.take(texts.training_length(file)))
        valid.add_text(division.take(None))
    if before == (train.documents, valid.documents) and len(texts.files) > 1:
        report(f"{file.name}: holds no text, left out")


def no_validation(texts: Texts, documents: int, characters: int) -> DataError:
    """Return the error for text that leaves nothing for validation.

    Args:
        texts: What was divided.
        documents: How many of them are trained on.
        characters: How many of those.
    """
    fraction, found, needed = texts.fraction, f"{characters:,} characters", ""
    if texts.lines:
        found = f"{documents:,} lines"
        needed = f" (for that a file needs {math.ceil(1 / fraction):,} lines that are not empty)"
    return DataError(
        f"{names_of(texts.files)}: {found} leave nothing for validation with --valid-fraction "
        f"{fraction:g}{needed}; give more text, a larger --valid-fraction (up to 0.5), "
        "--valid FILE, or --valid-fraction 0 to train without validation"
    )
