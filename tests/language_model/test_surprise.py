"""What tokens, characters, words and lines cost: against evaluation, and worked out again from the logits."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from language_models import network, write_language_model

import textrnn
from textrnn.bundle import open_bundle
from textrnn.errors import UsageError
from textrnn.language_model import measuring
from textrnn.language_model.evaluation import Evaluator
from textrnn.language_model.scored import Span, characters, lines, pieces, tokens, words
from textrnn.language_model.surprise import Scorer
from textrnn.tokenizers import BOS_ID, ByteTokenizer, CharTokenizer, WordTokenizer, train_tokenizer
from textrnn.tokenizers.settings import TokenizerSettings

LETTERS = CharTokenizer("abcdefgh \n.é🙂")
TEXT = "a bad cab.\n\nThe 🙂 fed a dé.\nabc"
SAMPLE = "the best of times, the worst of times\nit was the age of wisdom\n" * 9


def subword(kind: str, **options):
    return train_tokenizer(
        lambda: iter([SAMPLE]), TokenizerSettings(tokenizer=kind, vocab_size=300, **options)
    )


TOKENIZERS = {
    "char": lambda: LETTERS,
    "byte": ByteTokenizer,
    "word": lambda: WordTokenizer.train(["a bad cab. fed a a\n\nabc a bad cab fed.\n"]),
    "bare words": lambda: WordTokenizer.train(["a bad cab fed a bad cab fed"], spaces=False),
    "bpe": lambda: subword("bpe"),
    "folded": lambda: subword("unigram", normalization="nfkc_cf"),
}


def scorer(path: Path, tokenizer=LETTERS, **options) -> Scorer:
    return Scorer(open_bundle(write_language_model(path, tokenizer, **options)), threads=1)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("as_lines", [False, True], ids=["running", "lines"])
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_totals_are_those_of_evaluate(kind, as_lines, reverse, tmp_path):
    subject = scorer(tmp_path / "m", TOKENIZERS[kind](), lines=as_lines, reverse=reverse)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8", newline="")
    evaluator = Evaluator(open_bundle(tmp_path / "m"), threads=1, cache=tmp_path / "cache")
    expected = evaluator.evaluate([str(tmp_path / "text.txt")])
    found = subject.score(TEXT)
    assert found.total.loss == pytest.approx(expected.loss, rel=1e-6)
    assert (found.total.bits_per_char is None) == (expected.bits_per_char is None)
    if expected.bits_per_char is not None:
        assert found.total.bits_per_char == pytest.approx(expected.bits_per_char, rel=1e-6)
    assert found.total.targets == expected.targets
    assert found.total.characters == expected.characters
    assert found.total.unknown == expected.unknown
    costs = [token.nats for token in found.tokens if token.nats is not None]
    assert math.fsum(costs) == pytest.approx(found.nats, rel=1e-6)
    assert len(costs) == expected.targets


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_text_comes_back_with_its_places(kind, tmp_path):
    tokenizer = TOKENIZERS[kind]()
    found = scorer(tmp_path / "m", tokenizer).score(TEXT).tokens
    if not tokenizer.is_lossless:
        assert "".join(token.text for token in found) == tokenizer.decode(tokenizer.encode(TEXT))
        return
    assert "".join(token.text for token in found) == TEXT
    for token in found:
        assert TEXT.startswith(token.text, token.start)
        before = TEXT[: token.start]
        assert token.line == before.count("\n") + 1
        assert token.column == len(before) - before.rfind("\n")
    assert all(token.is_known for token in found) == (not tokenizer.unknown(TEXT))


def test_figures_are_those_of_the_logits(tmp_path):
    found = scorer(tmp_path / "m", ngram_order=3).score("abé", top=3).tokens
    ids = [BOS_ID, *LETTERS.encode("abé").tolist()]
    model = network(LETTERS.vocab_size, ngram_order=3)
    with torch.no_grad():
        logits, _ = model(torch.tensor([ids[:-1]]), model.start(1))
    for token, row, (_, own) in zip(found, logits[:, 0].double(), pairwise(ids), strict=True):
        shares = torch.softmax(row, -1).numpy()
        assert token.nats == pytest.approx(-math.log(shares[own]), rel=1e-5)
        assert token.probability == pytest.approx(shares[own], rel=1e-5)
        assert token.rank == 1 + int((shares > shares[own]).sum())
        assert token.entropy == pytest.approx(float(-(shares * np.log(shares)).sum()), rel=1e-5)
        best = np.argsort(-shares)[:3]
        assert [p for _, p in token.alternatives] == pytest.approx(shares[best].tolist(), rel=1e-5)
        assert [text for text, _ in token.alternatives] == [
            LETTERS.decode([i]) or LETTERS.piece(int(i)) for i in best
        ]


def test_a_model_that_reads_from_the_end_predicts_what_stands_before(tmp_path):
    found = scorer(tmp_path / "m", reverse=True).score("abc").tokens
    model = network(LETTERS.vocab_size, reverse=True)
    ids = [*LETTERS.encode("cba").tolist(), BOS_ID]
    with torch.no_grad():
        nats, _ = model.nats(torch.tensor([ids[:-1]]), torch.tensor([ids[1:]]), model.start(1))
    assert [token.text for token in found] == ["", "a", "b", "c"]
    assert found[0].piece == "<bos>"
    assert [t.nats for t in found[:3]] == pytest.approx(nats[0].tolist()[::-1], rel=1e-5)
    assert found[3][2:6] == (None, None, None, None)


def test_blank_lines_keep_their_place_and_cost_nothing(tmp_path):
    subject = scorer(tmp_path / "m", lines=True)
    found = list(lines(pieces(subject.parts(["ab\n\n", "cd"]))))
    assert [(span.text, span.line) for span in found] == [("ab\n", 1), ("\n", 2), ("cd\n", 3)]
    assert found[1].nats is None
    (alone,) = lines(pieces(subject.parts(["cd\n"])))
    assert alone.nats == pytest.approx(found[2].nats, rel=1e-5)


@settings(max_examples=20)
@given(st.lists(st.text("abc .\né", max_size=30), min_size=1, max_size=6), st.sampled_from("ab"))
def test_where_a_text_is_cut_changes_nothing(tmp_path_factory, chunks, kind):
    tokenizer = TOKENIZERS["char" if kind == "a" else "word"]()
    subject = scorer(tmp_path_factory.mktemp("cut") / "m", tokenizer)
    whole = list(tokens(subject.parts(["".join(chunks)]), tokenizer))
    parts = list(tokens(subject.parts(chunks), tokenizer))
    assert [t._replace(nats=0, probability=0, entropy=0) for t in whole] == [
        t._replace(nats=0, probability=0, entropy=0) for t in parts
    ]
    assert [t.nats for t in whole] == pytest.approx([t.nats for t in parts], abs=1e-4)


def test_segments_side_by_side_cost_what_one_after_the_other_does(tmp_path, monkeypatch):
    subject = scorer(tmp_path / "m", ngram_order=3)
    text = "".join(np.random.default_rng(0).choice(list("abcdefgh .\n"), 900))
    whole = np.concatenate([part.nats for part in subject.parts([text])])
    monkeypatch.setattr(measuring, "SEGMENT", 100)
    monkeypatch.setattr(measuring, "BURN_IN", 60)
    stretches = [text[:350], text[350:360], text[360:]]
    parts = np.concatenate([part.nats for part in subject.parts(stretches)])
    np.testing.assert_allclose(parts, whole, atol=2e-3)
    # Where the burn-in goes back to the beginning nothing is left out.
    monkeypatch.setattr(measuring, "BURN_IN", 899)
    exact = np.concatenate([part.nats for part in subject.parts([text])])
    np.testing.assert_allclose(exact, whole, atol=1e-5)


def test_a_loaded_model_scores(tmp_path):
    lm = textrnn.load(write_language_model(tmp_path / "m", LETTERS), device="cpu")
    found = lm.score("abc", top=2)
    assert len(found.tokens) == 3
    assert found.nats == pytest.approx(3 * found.total.loss)
    assert found.total.perplexity == pytest.approx(math.exp(found.total.loss))
    assert len(found.tokens[0].alternatives) == 2
    assert lm.score("").tokens == []
    with pytest.raises(UsageError, match="top is 101"):
        lm.score("abc", top=101)


PIECES = [
    ("It", 2.0, True),
    (" was", 3.0, True),
    ("", 0.5, True),
    ("é", 1.0, True),
    ("\n", 0.25, False),
]


def test_characters_share_and_words_and_lines_add_up():
    each = list(characters(PIECES))
    assert [span.nats for span in each] == [1.0, 1.0, 0.75, 0.75, 0.75, 0.75, 1.5, 0.25]
    assert [span.column for span in each] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(words(PIECES)) == [
        Span("It", 2.0, True, 1, 1),
        Span(" wasé", 4.5, True, 1, 3),
        Span("\n", 0.25, False, 1, 8),
    ]
    assert list(lines(PIECES)) == [Span("It wasé\n", 6.75, False, 1, 1)]


def test_what_was_not_predicted_counts_for_nothing():
    found = [
        ("a", math.nan, True),
        ("b c", 3.0, True),
        ("\n", math.nan, True),
        ("d", math.nan, True),
    ]
    assert [span.nats for span in characters(found)] == [None, 1.0, 1.0, 1.0, None, None]
    assert [span.nats for span in words(found)] == [1.0, 2.0, None, None]
    assert [span.nats for span in lines(found)] == [3.0, None]


@given(
    st.lists(
        st.tuples(st.text("ab \n\t日é", max_size=4), st.floats(0, 20), st.booleans()), max_size=30
    )
)
def test_every_division_holds_all_of_the_text_and_all_that_it_cost(found):
    found.append(("x", 1.0, True))
    whole = "".join(text for text, _, _ in found)
    nats = math.fsum(cost for _, cost, _ in found)
    for divide in (characters, words, lines):
        if divide is lines and any("\n" in text[:-1] for text, _, _ in found):
            continue  # in no tokenizer does a line end stand inside a token
        spans = list(divide(found))
        assert "".join(span.text for span in spans) == whole
        assert math.fsum(span.nats or 0.0 for span in spans) == pytest.approx(nats)
        start = 0
        for span in spans:
            before = whole[:start]
            assert span.line == before.count("\n") + 1
            assert span.column == len(before) - before.rfind("\n")
            start += len(span.text)
    for span in words(found):
        assert len(span.text.split()) <= 1
