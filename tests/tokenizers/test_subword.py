"""BPE and unigram: learned pieces, bytes for the rest, and nothing lost."""

from __future__ import annotations

import io
import random

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.errors import ModelError, UsageError
from textrnn.tokenizers import (
    UNK_ID,
    SubwordTokenizer,
    TokenizerSettings,
    load_tokenizer,
    subword,
    train_tokenizer,
)
from textrnn.tokenizers.subword import UNIT

KINDS = ("bpe", "unigram")
TEXT = " ".join(["low", "lower", "lowest", "newer", "wider", "new"] * 20) + "\n"


def train(kind: str, text: str = TEXT, **settings: object) -> SubwordTokenizer:
    chosen = TokenizerSettings(tokenizer=kind, **settings)  # type: ignore[arg-type]
    made = train_tokenizer(lambda: iter([text]), chosen)
    assert isinstance(made, SubwordTokenizer)
    return made


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("The cat,  sat ", ["The", " cat,", " ", " sat", " "]),
        ("a\r\n\n\tb ▁c", ["a", "\r", "\n", "\n", "\t", "b", " ", "▁", "c"]),
        ("x" * 130 + " y", ["x" * 128, "xx", " y"]),
        (" " * 66 + "a", [" " * 64, " ", " a"]),
    ],
)
def test_units_by_hand(text: str, units: list[str]) -> None:
    assert UNIT.findall(text) == units


@settings(deadline=None)
@given(st.text())
def test_units_joined_are_the_text(text: str) -> None:
    assert "".join(UNIT.findall(text)) == text


def test_bpe_by_hand() -> None:
    # The pair "a", "b" stands 6 times, then "▁", "ab" 4 times: the first two pieces to learn.
    tokenizer = train("bpe", "ab " * 4 + "ab\n" + "cab ca", vocab_size=270)
    learned = [tokenizer.piece(i) for i in range(260, tokenizer.vocab_size)]
    assert learned[:2] == ["ab", "▁ab"]
    pieces = [tokenizer.piece(i) for i in tokenizer.encode("ab abc\nd")]
    assert pieces == ["ab", "▁ab", "c", "<0x0A>", "<0x64>"]


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_stand_at_their_place(kind: str) -> None:
    tokenizer = train(kind)
    assert tokenizer.encode("\n\t\r").tolist() == [14, 13, 17]
    assert tokenizer.encode("▁").tolist() == [0xE2 + 4, 0x96 + 4, 0x81 + 4]
    assert tokenizer.encode("€").tolist() == [0xE2 + 4, 0x82 + 4, 0xAC + 4]
    decoder = tokenizer.stream_decoder()
    assert [decoder.feed(i) for i in (230, 134, 176)] == ["", "", "€"]


@pytest.mark.parametrize("kind", KINDS)
def test_special_pieces_in_a_text_are_text(kind: str) -> None:
    text = "<pad><unk> <bos> <eos> <s> </s> <0x41> <0x0A>"
    for tokenizer in (train(kind), train(kind, (text + "\n") * 20)):
        ids = tokenizer.encode(text)
        assert ids.min() >= 4
        assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("kind", KINDS)
def test_frequent_words_are_few_pieces(kind: str) -> None:
    tokenizer = train(kind, vocab_size=300)
    assert len(tokenizer.encode(" lower")) <= 2
    assert len(tokenizer.encode(TEXT)) < len(TEXT) / 2


@pytest.mark.parametrize("kind", KINDS)
def test_sentencepiece_itself_reads_the_model(kind: str) -> None:
    tokenizer = train(kind)
    processor = sentencepiece.SentencePieceProcessor(
        model_proto=tokenizer.to_files()["tokenizer.model"]
    )
    text = "the lowest\tof the ▁ new\r\ncafé  "
    assert processor.decode(tokenizer.encode(text).tolist()) == text
    assert processor.encode(" lowest") == tokenizer.encode(" lowest").tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_too_large_for_the_text(kind: str) -> None:
    told: list[str] = []
    tokenizer = train_tokenizer(
        lambda: iter([TEXT]), TokenizerSettings(tokenizer=kind, vocab_size=5000), report=told.append
    )
    assert tokenizer.vocab_size < 400
    assert len(told) == 1
    assert f"pieces for {tokenizer.vocab_size} ids; 5000 were asked for" in told[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_too_small(kind: str) -> None:
    with pytest.raises(UsageError, match=f"vocab_size is 263; {kind} needs at least 264"):
        train(kind, vocab_size=263)
    assert train(kind, vocab_size=264).vocab_size <= 264


@pytest.mark.parametrize("kind", KINDS)
def test_an_alphabet_larger_than_the_vocabulary(kind: str) -> None:
    text = "".join(f"{chr(0x4E00 + i)}{chr(0x4E00 + i // 2)}。\n" for i in range(2000))
    tokenizer = train(kind, text, vocab_size=400)
    assert tokenizer.vocab_size <= 400
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_normalization_only_where_asked_for(kind: str) -> None:
    text = "ﬁne cafe\u0301\u00a0Å\n"
    expected = {
        "identity": text,
        "nfc": "ﬁne café\u00a0Å\n",
        "nfkc": "fine café Å\n",
        "nfkc_cf": "fine café å\n",
    }
    for normalization, result in expected.items():
        tokenizer = train(kind, text * 9, normalization=normalization)
        assert tokenizer.decode(tokenizer.encode(text)) == result
        assert tokenizer.is_lossless == (normalization == "identity")
        again = load_tokenizer(kind, tokenizer.to_files())
        assert again.encode(text).tolist() == tokenizer.encode(text).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_lone_surrogates_are_unknown(kind: str) -> None:
    tokenizer = train(kind, TEXT + "\ud800")
    ids = tokenizer.encode("low\ud800\udfffer").tolist()
    assert ids.count(UNK_ID) == 2
    assert tokenizer.decode(ids) == "low\ufffd\ufffder"
    assert tokenizer.unknown("a\ud800b\ud800") == ["\ud800"]


def test_a_full_cache_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = train("bpe")
    expected = tokenizer.encode(TEXT).tolist()
    monkeypatch.setattr(subword, "CACHE_SIZE", 2)
    assert train("bpe").encode(TEXT).tolist() == expected


def test_a_foreign_model_is_refused() -> None:
    files = dict(train("bpe").to_files())
    foreign = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.split()),
        model_writer=foreign,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    with pytest.raises(ModelError, match="such as textrnn writes"):
        load_tokenizer("bpe", {**files, "tokenizer.model": foreign.getvalue()})
    record = files["tokenizer.json"].replace(b"identity", b"nfd")
    with pytest.raises(ModelError, match="'normalization' is 'nfd'"):
        load_tokenizer("bpe", {**files, "tokenizer.json": record})


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_model_is_refused_or_harmless(kind: str) -> None:
    files = train(kind).to_files()
    model, rng, refused = files["tokenizer.model"], random.Random(1), 0
    for _ in range(300):
        damaged = bytearray(model)
        damaged[rng.randrange(len(model))] = rng.randrange(256)
        try:
            load_tokenizer(kind, {**files, "tokenizer.model": bytes(damaged)})
        except ModelError:
            refused += 1
    assert refused > 100


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 60, 127, 128, 129, 130, 300]), st.sampled_from([" ", "\n"])
        ),
        max_size=6,
    )
)
def test_words_too_long_for_a_unit_are_found(words: list[tuple[int, str]]) -> None:
    text = "".join("x" * length + end for length, end in words)
    longest = max((length for length, _ in words), default=0)
    assert subword._has_long_word(text) == (longest > subword._LONGEST_UNIT)


LEARNED = {kind: train(kind) for kind in KINDS}
PARTS = ["low", "newer", "x" * 127, "x" * 128, "z" * 129, "é▁\u3000\ud800", "\t", " ", "  ", "\n"]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150)
@given(text=st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
def test_lines_are_cut_as_their_units_are(kind: str, text: str) -> None:
    one_by_one = LEARNED[kind]._encode_units(
        [unit for line in subword._lines_of(text) for unit in UNIT.findall(line)]
    )
    assert LEARNED[kind].encode(text).tolist() == one_by_one
