"""sentencepiece models that somebody else wrote: checked before the C++ library may have them."""

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import sentencepiece
from faults.hostile_forging import BUNDLES, TEXTS
from hypothesis import given
from hypothesis import strategies as st

from textrnn.errors import ModelError
from textrnn.tokenizers import TokenizerSettings, load_tokenizer, train_tokenizer
from textrnn.tokenizers._piece_model import FIRST_PIECE, read_piece_model

MODEL = (BUNDLES / "translator" / "src-tokenizer.model").read_bytes()
RECORD = (BUNDLES / "translator" / "src-tokenizer.json").read_bytes()
TEXT = (TEXTS / "phrases.tsv").read_text(encoding="utf-8")


def load(model: bytes) -> object:
    return load_tokenizer("unigram", {"tokenizer.model": model, "tokenizer.json": RECORD})


def varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def piece(text: bytes, score: float = -1.0, more: bytes = b"") -> bytes:
    content = b"\x0a" + varint(len(text)) + text + b"\x15" + struct.pack("<f", score) + more
    return b"\x0a" + varint(len(content)) + content


def end_of_pieces() -> int:
    return len(MODEL) - len(settings_of(MODEL))


def settings_of(model: bytes) -> bytes:
    at = 0
    while model[at] == 0x0A:
        at += 2 + model[at + 1]
    return model[at:]


def with_piece(*pieces: bytes) -> bytes:
    end = end_of_pieces()
    return MODEL[:end] + b"".join(pieces) + MODEL[end:]


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("size", [320, 1000])
def test_what_reaches_sentencepiece_cuts_as_what_it_wrote_itself(kind: str, size: int) -> None:
    settings = TokenizerSettings(tokenizer=kind, vocab_size=size)
    model = train_tokenizer(lambda: iter([TEXT]), settings).to_files()["tokenizer.model"]
    own = sentencepiece.SentencePieceProcessor(model_proto=model)
    checked = read_piece_model(model, kind)
    ours = sentencepiece.SentencePieceProcessor(model_proto=checked.content)
    assert [own.get_score(i) for i in range(own.vocab_size())] == checked.scores
    assert [own.id_to_piece(i) for i in range(FIRST_PIECE, own.vocab_size())] == checked.pieces
    for line in [*TEXT.splitlines(), "€ ☃ \U0001f600", "  two  spaces ", "ßÄ▁▁"]:
        assert own.encode(line) == ours.encode(line)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a score that is no number": lambda: with_piece(piece(b"zq", float("nan"))),
    "an endless score": lambda: with_piece(piece(b"zq", float("-inf"))),
    "a score beyond sums": lambda: with_piece(piece(b"zq", 3e38)),
    "an empty piece": lambda: with_piece(piece(b"")),
    "a piece twice": lambda: with_piece(piece(b"zq"), piece(b"zq")),
    "a special piece twice": lambda: with_piece(piece(b"<unk>")),
    "a piece of zeros": lambda: with_piece(piece(b"z\0q")),
    "a piece that is no text": lambda: with_piece(piece(b"z\xff")),
    "a line end": lambda: with_piece(piece(b"z\n")),
    "a long piece": lambda: with_piece(piece(b"z" * 200)),
    "an unused piece": lambda: with_piece(piece(b"zq", more=b"\x18\x05")),
    "a user's piece": lambda: with_piece(piece(b"zq", more=b"\x18\x04")),
    "another byte": lambda: with_piece(piece(b"<0x00>", more=b"\x18\x06")),
    "a type out of range": lambda: with_piece(piece(b"zq", more=b"\x18\x7f")),
    "a table of characters": lambda: MODEL + b"\x1a\x0e\x0a\x08identity\x12\x02\x00\x00",
    "another rule": lambda: MODEL + b"\x1a\x06\x0a\x04nfkc",
    "another kind": lambda: MODEL + b"\x12\x02\x18\x02",
    "a message in a number's place": lambda: MODEL + b"\x10\x01",
    "a length without end": lambda: MODEL + b"\x12" + b"\xff" * 9 + b"\x01",
    "a number without end": lambda: MODEL + b"\x12" + b"\xff" * 30,
    "a group": lambda: MODEL + b"\x13",
    "nothing": lambda: b"",
    "zeros": lambda: bytes(1000),
    "no settings": lambda: MODEL[: end_of_pieces()],
    "no pieces": lambda: MODEL[end_of_pieces() :],
    "half": lambda: MODEL[: len(MODEL) // 2],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_crafted_model_is_refused(kind: str) -> None:
    with pytest.raises(ModelError, match=r"tokenizer\.model") as caught:
        load(HOSTILE[kind]())
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=400))
def test_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ModelError):
        read_piece_model(content, "unigram")


@given(st.integers(0, len(MODEL) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_a_model_that_was_tampered_with_is_refused_or_one_of_ours(
    place: int, written: bytes, cut: int
) -> None:
    """Only pieces and scores are left to change; and those are within their bounds."""
    try:
        found = read_piece_model(MODEL[:place] + written + MODEL[place + cut :], "unigram")
    except ModelError:
        return
    assert len(set(found.pieces)) == len(found.pieces)
    assert all(abs(score) <= 1e9 for score in found.scores)


@pytest.mark.faults
def test_twenty_thousand_tampered_models_are_refused_or_cut_texts(tmp_path: Path) -> None:
    rng = random.Random(5)
    refused = 0
    for _ in range(20_000):
        content = bytearray(MODEL)
        for _ in range(rng.choice([1, 1, 2, 5])):
            place = rng.randrange(len(content))
            content[place] = rng.randrange(256)
        try:
            tokenizer = load(bytes(content))
        except ModelError:
            refused += 1
            continue
        ids = tokenizer.encode("Wer hat das Mädchen getroffen?\n")  # type: ignore[attr-defined]
        assert tokenizer.decode(ids)  # type: ignore[attr-defined]
    assert refused > 5_000
