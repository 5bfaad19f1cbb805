"""What holds for every tokenizer: round trips, chunks, streams, files, special ids."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from textrnn.errors import DataError, ModelError, UsageError
from textrnn.tokenizers import (
    BOS_ID,
    EOS_ID,
    NUM_SPECIAL,
    PAD_ID,
    SPECIAL_PIECES,
    UNK_ID,
    Tokenizer,
    TokenizerSettings,
    load_tokenizer,
    train_tokenizer,
)

KINDS = ("char", "byte", "word", "bpe", "unigram")
COVERS_ALL = ("byte", "bpe", "unigram")

VARIANTS: dict[str, dict[str, Any]] = {
    **{kind: {"tokenizer": kind} for kind in KINDS},
    "word nfc": {"tokenizer": "word", "normalization": "nfc"},
    "word nfkc_cf": {"tokenizer": "word", "normalization": "nfkc_cf"},
    "word without spaces": {"tokenizer": "word", "spaces": False},
    "word nfkc_cf without spaces": {
        "tokenizer": "word",
        "normalization": "nfkc_cf",
        "spaces": False,
    },
    "bpe nfkc": {"tokenizer": "bpe", "normalization": "nfkc"},
    "bpe nfkc_cf": {"tokenizer": "bpe", "normalization": "nfkc_cf"},
    "unigram nfkc_cf": {"tokenizer": "unigram", "normalization": "nfkc_cf"},
}
LOSSY = [name for name in VARIANTS if name not in KINDS]

CORPUS = (
    "The cat sat on the mat, and the dog didn't mind.\n\n"
    "    def f(x):\r\n\treturn x  # naïve café, 3.14\n"
    "Привет, мир! 日本語 हिन्दी e\u0301 👩\u200d👩\u200d👧 ❤\ufe0f — “quoted” <pad> <s> ▁ ▅\n"
) * 3

TRICKY = (
    *("<pad>", "<unk>", "<s>", "</s>", "<bos>", "<eos>", "<0x41>", "<0x0A>", "▁", "▅", "\ufffd"),
    *("\n", "\r", "\r\n", "\t", " ", "  ", "\0", "\ufeff", "\x85", "\u2028", "\u00a0", "\ue000"),
    *("é", "e\u0301", "\u0301", "👩\u200d👩\u200d👧", "❤\ufe0f", "\u200d", "हिन्दी", "日本", "カナ"),
    *("the", " the", "don't", "’s", "'", "_", "3.14", "ﬁ", "Å", "⁇", "x" * 70, " " * 70),
)

texts = st.lists(
    st.one_of(st.sampled_from(TRICKY), st.text(max_size=5), st.text(" ab\n'", max_size=8)),
    max_size=30,
).map("".join)


def cut(text: str, places: list[int]) -> list[str]:
    """Cut ``text`` at the places that lie in it (twice at one place: an empty chunk)."""
    inside = sorted(place % (len(text) + 1) for place in places)
    return [text[a:b] for a, b in zip([0, *inside], [*inside, len(text)], strict=True)]


cuts = st.lists(st.integers(0, 10_000), max_size=8)


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Tokenizer]:
    return {
        name: train_tokenizer(lambda: iter([CORPUS]), TokenizerSettings(**settings))
        for name, settings in VARIANTS.items()
    }


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tokenizer(variant: str, tokenizers: dict[str, Tokenizer]) -> Tokenizer:
    return tokenizers[variant]


def streamed(tokenizer: Tokenizer, ids: list[int]) -> str:
    decoder = tokenizer.stream_decoder()
    return "".join(map(decoder.feed, ids)) + decoder.flush()


@settings(deadline=None)
@given(text=texts)
@example(text="")
@example(text="a\ud800b\udfff \udcff")
def test_round_trip_wherever_nothing_is_unknown(
    tokenizers: dict[str, Tokenizer], text: str
) -> None:
    for name, tokenizer in tokenizers.items():
        ids = tokenizer.encode(text)
        assert ids.dtype == np.int32
        assert ids.shape == (len(ids),)
        assert not np.isin(ids, [PAD_ID, BOS_ID, EOS_ID]).any()
        assert (UNK_ID in ids) == bool(tokenizer.unknown(text))
        if UNK_ID not in ids:
            if tokenizer.is_lossless:
                assert tokenizer.decode(ids) == text, name
        elif tokenizer.kind in COVERS_ALL:
            assert any("\ud800" <= character <= "\udfff" for character in text)


def test_lossless_is_what_changes_nothing(tokenizers: dict[str, Tokenizer]) -> None:
    assert [name for name, tokenizer in tokenizers.items() if not tokenizer.is_lossless] == LOSSY


@settings(deadline=None)
@given(text=st.one_of(texts, st.lists(st.sampled_from(CORPUS.split(" "))).map(" ".join)))
@example(text="a¨\u00a0\u00a0 ﬁ…\u3000½ ΐ ǰ\u0323 \u0345 ＜unk＞" + "ﬁx" * 90)
@example(text=CORPUS.upper())
def test_what_is_lost_is_lost_once(tokenizers: dict[str, Tokenizer], text: str) -> None:
    for name in LOSSY:
        ids = tokenizers[name].encode(text)
        if UNK_ID not in ids:
            again = tokenizers[name].encode(tokenizers[name].decode(ids))
            assert again.tolist() == ids.tolist(), name


@settings(deadline=None)
@given(text=texts)
def test_what_covers_unicode_has_nothing_unknown(
    tokenizers: dict[str, Tokenizer], text: str
) -> None:
    for kind in COVERS_ALL:
        assert tokenizers[kind].is_lossless
        assert tokenizers[kind].unknown(text) == []


@settings(deadline=None)
@given(text=texts, places=cuts)
@example(text="<unk>  \n" * 9, places=list(range(72)))
def test_chunks_change_no_id(
    tokenizers: dict[str, Tokenizer], text: str, places: list[int]
) -> None:
    for kind, tokenizer in tokenizers.items():
        parts = list(tokenizer.encode_chunks(cut(text, places)))
        joined = np.concatenate([np.empty(0, np.int32), *parts])
        assert joined.tolist() == tokenizer.encode(text).tolist(), kind


@settings(deadline=None, max_examples=50)
@given(each=st.lists(texts, min_size=1, max_size=4), times=st.sampled_from([1, 20]))
@example(each=["", "a\ud800 b", "\n", "▁ ▁", "x" * 9000 + " y"], times=5)
def test_several_texts_are_encoded_as_each_is(
    tokenizers: dict[str, Tokenizer], each: list[str], times: int
) -> None:
    for kind, tokenizer in tokenizers.items():
        flat, lengths = tokenizer.encode_each(each * times)
        expected = [tokenizer.encode(text).tolist() for text in each]
        assert lengths.tolist() == [len(ids) for ids in expected] * times, kind
        assert flat.tolist() == [i for ids in expected for i in ids] * times, kind


@settings(deadline=None)
@given(data=st.data())
def test_stream_decoder_gives_what_decode_gives(
    tokenizers: dict[str, Tokenizer], data: st.DataObject
) -> None:
    for tokenizer in tokenizers.values():
        # Few distinct ids, so that broken and whole characters meet.
        ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=20))
        ids += data.draw(st.lists(st.integers(0, NUM_SPECIAL), max_size=4))
        bytes_of_heart = [NUM_SPECIAL + value for value in "❤".encode()]
        if tokenizer.kind in COVERS_ALL:
            ids += data.draw(st.lists(st.sampled_from([*bytes_of_heart, 0, 1, 2]), max_size=20))
        assert streamed(tokenizer, ids) == tokenizer.decode(ids)
        decoder = tokenizer.stream_decoder()
        for _ in range(2):  # flushed, a decoder starts afresh
            assert "".join(map(decoder.feed, ids)) + decoder.flush() == tokenizer.decode(ids)


@settings(deadline=None)
@given(text=texts)
def test_stream_decoder_releases_whole_characters(
    tokenizers: dict[str, Tokenizer], text: str
) -> None:
    for kind in COVERS_ALL:
        decoder, released = tokenizers[kind].stream_decoder(), ""
        for token_id in tokenizers[kind].encode(text):
            released += decoder.feed(int(token_id))
            assert text.startswith(released)
        assert released == text
        assert decoder.flush() == ""


@pytest.mark.parametrize("size", [1, 7])
def test_training_does_not_depend_on_chunks(variant: str, tokenizer: Tokenizer, size: int) -> None:
    chunks = [CORPUS[i : i + size] for i in range(0, len(CORPUS), size)]
    again = train_tokenizer(lambda: iter(chunks), TokenizerSettings(**VARIANTS[variant]))
    assert again.to_files() == tokenizer.to_files()


def test_training_is_the_same_in_every_process() -> None:
    program = (
        "import sys; from textrnn.tokenizers import *\n"
        "for kind in ('char', 'word', 'bpe', 'unigram'):\n"
        "    text = sys.argv[1]\n"
        "    made = train_tokenizer(lambda: iter([text]), TokenizerSettings(tokenizer=kind))\n"
        "    print(kind, made.fingerprint)\n"
    )
    command = [sys.executable, "-X", "utf8", "-c", program, CORPUS]
    runs = [
        subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": s},
        )
        for s in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout.count("\n") == 4
    assert runs[0].stderr == "", "sentencepiece must keep quiet"


@settings(deadline=None, max_examples=25)
@given(text=texts)
def test_saved_and_loaded_is_the_same(tokenizers: dict[str, Tokenizer], text: str) -> None:
    for tokenizer in tokenizers.values():
        loaded = load_tokenizer(tokenizer.kind, tokenizer.to_files())
        assert type(loaded) is type(tokenizer)
        assert loaded.fingerprint == tokenizer.fingerprint
        assert loaded.vocab_size == tokenizer.vocab_size
        assert loaded.is_lossless == tokenizer.is_lossless
        assert loaded.encode(text).tolist() == tokenizer.encode(text).tolist()
        every_id = range(tokenizer.vocab_size)
        assert loaded.decode(every_id) == tokenizer.decode(every_id)


def test_fingerprints_differ(tokenizers: dict[str, Tokenizer]) -> None:
    assert len({tokenizer.fingerprint for tokenizer in tokenizers.values()}) == len(VARIANTS)
    other = train_tokenizer(lambda: iter(["abc"]), TokenizerSettings())
    assert other.fingerprint != tokenizers["char"].fingerprint


def test_special_ids(variant: str, tokenizer: Tokenizer) -> None:
    assert [tokenizer.piece(i) for i in range(NUM_SPECIAL)] == list(SPECIAL_PIECES)
    assert tokenizer.decode([PAD_ID, BOS_ID, EOS_ID]) == ""
    between = " " if "without spaces" in variant else ""
    unknown_twice = tokenizer.decode([PAD_ID, UNK_ID, EOS_ID, UNK_ID])
    assert unknown_twice == f"\ufffd{between}\ufffd"


def test_every_piece_can_be_shown(tokenizer: Tokenizer) -> None:
    shown = [tokenizer.piece(i) for i in range(tokenizer.vocab_size)]
    assert all(piece and piece.isprintable() and " " not in piece for piece in shown)
    learned = shown[NUM_SPECIAL:]
    assert len(set(learned)) == len(learned)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_decode_takes_any_integer_type(tokenizer: Tokenizer, dtype: type) -> None:
    ids = np.arange(min(200, tokenizer.vocab_size), dtype=dtype)
    assert tokenizer.decode(ids) == tokenizer.decode(ids.tolist())


def test_ids_outside_the_vocabulary_are_refused(tokenizer: Tokenizer) -> None:
    for bad in (-1, tokenizer.vocab_size):
        for act in (
            lambda bad=bad: tokenizer.decode([5, bad]),
            lambda bad=bad: tokenizer.piece(bad),
            lambda bad=bad: tokenizer.stream_decoder().feed(bad),
        ):
            with pytest.raises(ValueError, match=f"id {bad} is outside"):
                act()
    with pytest.raises(ValueError, match="one dimension"):
        tokenizer.decode(np.zeros((2, 2), np.int32))
    with pytest.raises(ValueError, match="whole numbers"):
        tokenizer.decode(np.zeros(3))
    assert tokenizer.decode([]) == ""
    assert tokenizer.decode(np.zeros(0)) == ""


def test_damaged_files_are_refused(tokenizer: Tokenizer) -> None:
    files = tokenizer.to_files()
    for name in files:
        for content in (b"", b"x", b"[1]", b"\xff" * 40, b"\0" * 40, files[name][:10]):
            with pytest.raises(ModelError, match="damaged"):
                load_tokenizer(tokenizer.kind, {**files, name: content})
        with pytest.raises(ModelError, match="missing"):
            load_tokenizer(tokenizer.kind, {n: c for n, c in files.items() if n != name})
    newer = files["tokenizer.json"].replace(b'"format":1', b'"format":2')
    with pytest.raises(ModelError, match="upgrade"):
        load_tokenizer(tokenizer.kind, {**files, "tokenizer.json": newer})
    other = "byte" if tokenizer.kind == "char" else "char"
    with pytest.raises(ModelError, match="expected 1, "):
        load_tokenizer(other, files)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ModelError, match=r"'syllable'.*char, byte, word"):
        load_tokenizer("syllable", {})


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "byte"])
@pytest.mark.parametrize("chunks", [[], ["", ""]])
def test_an_empty_text_is_refused(kind: str, chunks: list[str]) -> None:
    with pytest.raises(DataError, match="empty"):
        train_tokenizer(lambda: iter(chunks), TokenizerSettings(tokenizer=kind))


@pytest.mark.parametrize("text", [" \t\r\n", "\u2028\u3000", "rare words"])
def test_a_text_without_frequent_words_is_refused_without_spaces(text: str) -> None:
    with pytest.raises(DataError, match="blank or empty" if not text.strip() else "occurs 2 times"):
        train_tokenizer(lambda: iter([text]), TokenizerSettings(tokenizer="word", spaces=False))


@pytest.mark.parametrize("text", ["a", " ", "\n", "\n\n\t", "\0", "▁", "▅", "ab", "日", "<unk>"])
def test_the_smallest_texts_train(text: str) -> None:
    for kind in KINDS:
        tokenizer = train_tokenizer(
            lambda: iter([text]),
            TokenizerSettings(tokenizer=kind, min_frequency=1 if kind == "word" else None),
        )
        if text == "<unk>" and kind == "word":
            assert tokenizer.encode(text).tolist() == [UNK_ID]
        else:
            assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("byte", "vocab_size", 300),
        ("byte", "min_frequency", 2),
        ("bpe", "min_frequency", 2),
        ("char", "normalization", "nfc"),
        ("byte", "normalization", "nfkc_cf"),
        ("bpe", "spaces", False),
        ("char", "spaces", True),
    ],
)
def test_a_setting_without_use_is_refused(kind: str, name: str, value: object) -> None:
    wrong = TokenizerSettings(tokenizer=kind, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"{name} is .*{kind}"):
        train_tokenizer(lambda: iter(["text"]), wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_identity_is_what_no_normalization_is(kind: str) -> None:
    made = [
        train_tokenizer(
            lambda: iter([CORPUS]), TokenizerSettings(tokenizer=kind, normalization=given)
        )
        for given in (None, "identity")
    ]
    assert made[0].fingerprint == made[1].fingerprint
    assert made[0].is_lossless
