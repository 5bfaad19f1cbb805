from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.data.store import StoreWriter, TokenStore, id_dtype, open_store
from textrnn.tokenizers import (
    BOS_ID,
    EOS_ID,
    UNK_ID,
    ByteTokenizer,
    CharTokenizer,
    Tokenizer,
    TokenizerSettings,
    WordTokenizer,
    train_tokenizer,
)

SENTENCE = "Ein Vogel, ein Lied: ¡olé! 😀\n"
TOKENIZERS = [
    CharTokenizer(SENTENCE),
    ByteTokenizer(),
    train_tokenizer(lambda: iter([SENTENCE]), TokenizerSettings(tokenizer="word", min_frequency=1)),
    train_tokenizer(
        lambda: iter([SENTENCE * 40]), TokenizerSettings(tokenizer="bpe", vocab_size=300)
    ),
]


def documents(store: TokenStore) -> list[list[int]]:
    return (
        [part.tolist() for part in np.split(store.ids, store.starts[1:])] if len(store.ids) else []
    )


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: tokenizer.kind)
def test_texts_are_documents(tmp_path: Path, tokenizer: Tokenizer) -> None:
    text = SENTENCE * 3 + "Zzz"
    with StoreWriter(tmp_path, "part", tokenizer) as writer:
        writer.add_text(text[i : i + 7] for i in range(0, len(text), 7))
        writer.add_text(["", ""])
        writer.add_text([])
        writer.add_text(["", "Lied", ""])
        record = writer.finish()
    store = open_store(tmp_path, "part", record)
    expected = [[BOS_ID, *tokenizer.encode(part).tolist()] for part in (text, "Lied")]
    assert documents(store) == expected
    assert store.characters == len(text) + 4
    assert store.unknown == sum(ids.count(UNK_ID) for ids in expected)
    assert store.tokens == sum(map(len, expected)) - 2


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: tokenizer.kind)
def test_lines_are_documents_with_an_end(tmp_path: Path, tokenizer: Tokenizer) -> None:
    batches = [["Ein Vogel", "ein Lied: ¡olé!"], [], ["z", "😀😀", "Ein"]]
    with StoreWriter(tmp_path, "part", tokenizer) as writer:
        for batch in batches:
            writer.add_lines(batch)
        record = writer.finish()
    store = open_store(tmp_path, "part", record)
    lines = [line for batch in batches for line in batch]
    expected = [[BOS_ID, *tokenizer.encode(line).tolist(), EOS_ID] for line in lines]
    assert documents(store) == expected
    assert store.starts.dtype == np.int64
    assert store.characters == sum(map(len, lines))
    assert store.unknown == sum(ids.count(UNK_ID) for ids in expected)
    assert store.tokens == sum(len(ids) - 1 for ids in expected)


@given(st.lists(st.text(alphabet="abé😀x", min_size=1, max_size=5), max_size=30), st.integers(1, 9))
def test_batches_of_lines_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int
) -> None:
    records = []
    for step in (size, 1):
        folder = tmp_path_factory.mktemp("store")
        with StoreWriter(folder, "part", CharTokenizer("abé😀")) as writer:
            for start in range(0, len(lines), step):
                writer.add_lines(lines[start : start + step])
            records.append(writer.finish())
    assert records[0] == records[1]


@pytest.mark.parametrize(
    ("vocab_size", "dtype"),
    [(5, np.uint8), (256, np.uint8), (257, np.uint16), (1 << 16, np.uint16), (65537, np.int32)],
)
def test_ids_take_the_smallest_type(vocab_size: int, dtype: type) -> None:
    assert id_dtype(vocab_size) == np.dtype(dtype)


def test_ids_are_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    with StoreWriter(tmp_path, "part", CharTokenizer("ab")) as writer:
        writer.add_text(["abba"])
        record = writer.finish()
    store = open_store(tmp_path, "part", record)
    assert isinstance(store.ids, np.memmap)
    assert store.ids.dtype == np.uint8
    with pytest.raises(ValueError):
        store.ids[0] = 1


def test_an_empty_store(tmp_path: Path) -> None:
    with StoreWriter(tmp_path, "part", CharTokenizer("ab")) as writer:
        record = writer.finish()
    store = open_store(tmp_path, "part", record, whole_check=1)
    assert (len(store.ids), len(store.starts), store.tokens, store.characters) == (0, 0, 0, 0)


def test_damage_is_found(tmp_path: Path) -> None:
    tokenizer = WordTokenizer.train(iter(["one two "] * 9), 50, 1)
    with StoreWriter(tmp_path, "part", tokenizer) as writer:
        writer.add_text(["one two"])
        record = writer.finish()
    path = tmp_path / "part.ids"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"\x07")
    open_store(tmp_path, "part", record)
    with pytest.raises(ValueError, match="digest"):
        open_store(tmp_path, "part", record, whole_check=1 << 20)
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="bytes instead of"):
        open_store(tmp_path, "part", record)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        open_store(tmp_path, "part", record)


def test_a_store_can_be_read_from_its_end():
    ids = np.array([2, 5, 6, 3, 2, 7, 3, 2, 8, 9, 3], np.uint8)
    store = TokenStore(ids, np.array([0, 4, 7]), characters=5, unknown=0)
    back = store.reversed()
    assert back.ids.tolist() == [3, 9, 8, 2, 3, 7, 2, 3, 6, 5, 2]
    assert back.starts.tolist() == [0, 4, 7]
    assert back.tokens == store.tokens
    assert store.lengths(np.array([2, 0, 1])).tolist() == [4, 4, 3]
    assert back.lengths(np.array([0, 1, 2])).tolist() == [4, 3, 4]
    twice = back.reversed()
    assert twice.ids.tolist() == ids.tolist()
    assert twice.starts.tolist() == [0, 4, 7]
