"""Completions: against every way that there is, on vocabularies small enough to write them all down."""

import re
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from language_models import SMALL, network, write_language_model

import textrnn
from textrnn.config import as_dict, make
from textrnn.errors import UsageError
from textrnn.language_model.completion import Completer, Suggestions
from textrnn.language_model.prompts import start_ids
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.stepper import make_stepper
from textrnn.language_model.word_ends import Mode, Vocabulary, typed_word, walk
from textrnn.tokenizers import (
    BOS_ID,
    EOS_ID,
    PAD_ID,
    UNK_ID,
    BpeTokenizer,
    ByteTokenizer,
    CharTokenizer,
    WordTokenizer,
    train_tokenizer,
)
from textrnn.tokenizers.settings import TokenizerSettings

LETTERS = CharTokenizer("ab'. \n")
WORDS = WordTokenizer([" ", "\n", "a", "b", " a", " ab", " aba", "."])
JOINED = WordTokenizer(["a", "ab", "b", "."], spaces=False)


def stepper(tokenizer, change=lambda model: None, **options):
    model = network(tokenizer.vocab_size, change, **options)
    own = as_dict(make(LanguageModelSettings, {**SMALL, **options}))
    return make_stepper(model.tensors(), own)


def completer(tokenizer, *, lines=False, **options):
    model = stepper(tokenizer, **options)
    return Completer(model, tokenizer, is_lines=lines), model


def decided(typed: str, text: str, words: int) -> str | None:
    """What ``text``, typed behind the beginning of a word, completes; None where that is open."""
    whole = typed + text
    line_end = whole.find("\n")
    line = whole if line_end < 0 else whole[:line_end]
    found = list(re.finditer(r"\w+(?:['’]\w+)*", line))
    if len(found) >= words:
        end = found[words - 1].end()
        behind = whole[end:]
        if len(behind) > 1 or (behind and behind not in "'’"):
            return whole[len(typed) : max(len(typed), end)]
    return None if line_end < 0 else whole[len(typed) : line_end + 1]


def by_hand(model, tokenizer, head, rest, typed, *, words, depth, lines=False):
    """Every completion that ends within so many tokens, with its share of all that agrees."""
    start = [*start_ids(tokenizer, is_lines=lines), *tokenizer.encode(head)]
    state = model.start(1)
    for token in start[:-1]:
        state = model.advance(np.array([token]), state)
    texts = Vocabulary(tokenizer, lines).texts
    rows = [(1.0, "")]
    last = np.array([start[-1]])
    shares, agreeing = defaultdict(float), 0.0
    for _ in range(depth):
        logits, state = model.step(last, state)
        probabilities = torch.softmax(torch.from_numpy(logits).double(), -1).numpy()
        kept = []
        for row, (mass, before) in enumerate(rows):
            for token, p in enumerate(probabilities[row]):
                if token in (PAD_ID, BOS_ID) or (token == EOS_ID and not lines):
                    continue
                text = before + ("\ufffd" if token == UNK_ID else texts[token])
                if len(before) < len(rest) and not (text.startswith(rest) or rest.startswith(text)):
                    continue
                if len(before) < len(rest) <= len(text):
                    agreeing += mass * p
                answer = (
                    decided(typed, text[len(rest) :], words) if len(text) >= len(rest) else None
                )
                if answer is not None:
                    shares[answer] += mass * p
                elif token != UNK_ID:
                    kept.append((row, token, mass * p, text))
        if not kept:
            break
        state = model.reorder(state, np.array([row for row, *_ in kept]))
        last = np.array([token for _, token, *_ in kept])
        rows = [(mass, text) for *_, mass, text in kept]
    whole = agreeing if rest else 1.0
    return {text: mass / whole for text, mass in shares.items()}


@pytest.mark.parametrize("words", [1, 2])
@pytest.mark.parametrize("prompt", ["", "a", "b a", "ab'", "a.", "b\n"])
def test_characters_against_every_continuation(prompt, words):
    subject, model = completer(LETTERS)
    found = subject.complete(prompt, 1000, words=words, most_steps=6000)
    typed, _ = typed_word(prompt)
    expected = by_hand(model, LETTERS, prompt, "", typed, words=words, depth=6)
    short = {text: p for text, p in expected.items() if len(text) <= 3}
    assert len(short) > 5
    mine = {each.text: each.probability for each in found}
    for text, p in short.items():
        assert mine[text] == pytest.approx(p, rel=1e-4), text


@pytest.mark.parametrize(
    ("prompt", "head", "rest"),
    [("a", "", "a"), ("b a", "b", " a"), ("b ab", "b", " ab"), ("a. ", "a.", " ")],
)
def test_words_typed_in_part_against_every_way_to_cut_them(prompt, head, rest):
    subject, model = completer(WORDS)
    found = subject.complete(prompt, 1000, most_steps=6000)
    typed, _ = typed_word(prompt)
    expected = by_hand(model, WORDS, head, rest, typed, words=1, depth=6)
    mine = {each.text: each.probability for each in found}
    short = [text for text in expected if len(rest + text) <= 4]
    assert len(short) > 2
    for text in short:
        assert mine[text] == pytest.approx(expected[text], rel=1e-3), text


def test_words_without_spaces_have_one_put_before_each():
    subject, model = completer(JOINED)
    found = subject.complete("b a", 1000, most_steps=6000)
    expected = by_hand(model, JOINED, "b", " a", "a", words=1, depth=5)
    assert {each.word for each in found} >= {"a", "ab"}
    for each in found:
        if each.text in ("", "b"):
            assert each.probability == pytest.approx(expected[each.text], rel=1e-3)


def test_lines_end_with_their_text():
    subject, model = completer(LETTERS, lines=True)
    found = subject.complete("ab.", 1000, most_steps=6000)
    expected = by_hand(model, LETTERS, "ab.", "", "", words=1, depth=5, lines=True)
    mine = {each.text: each.probability for each in found}
    for text in ("\n", ".\n", " a", "b"):
        assert mine[text] == pytest.approx(expected[text], rel=1e-4)


@settings(max_examples=15)
@given(st.text("ab'. \n", max_size=6), st.integers(1, 6), st.integers(1, 3), st.integers(1, 200))
def test_no_probability_is_too_large_and_what_is_missing_is_told(prompt, n, words, steps):
    subject, _ = completer(LETTERS)
    most = {
        each.text: each.probability
        for each in subject.complete(prompt, 1000, words=words, most_steps=2500)
    }
    found = subject.complete(prompt, n, words=words, most_steps=steps)
    assert len(found) <= n
    shares = [each.probability for each in found]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1 + 1e-6
    assert 0 <= found.unsearched <= 1
    for each in found:
        assert each.probability <= most[each.text] + 1e-6
        assert most[each.text] <= each.probability + found.unsearched + 1e-6


def test_the_best_are_the_best():
    subject, _ = completer(LETTERS)
    every = subject.complete("a", 1000, most_steps=6000)
    few = subject.complete("a", 4)
    assert [each.text for each in few] == [each.text for each in every][:4]


def test_a_character_of_several_bytes_is_completed():
    tokenizer = ByteTokenizer()
    accented = [4 + byte for byte in "é".encode()]

    def prefer(model):
        model.output.bias[accented] += 6

    model = stepper(tokenizer, prefer)
    found = Completer(model, tokenizer, is_lines=False).complete("caf", 50)
    (mine,) = (each for each in found if each.text == "é")
    ids = [*start_ids(tokenizer, is_lines=False), *tokenizer.encode("caf"), *accented]
    state, share = model.start(1), 1.0
    for place, token in enumerate(ids):
        logits, state = model.step(np.array([token]), state)
        p = torch.softmax(torch.from_numpy(logits[0]).double(), -1).numpy()
        if (
            place + 1 < len(ids)
            and ids[place + 1 :] == accented[len(accented) - len(ids) + place + 1 :]
        ):
            share *= p[ids[place + 1]]
    texts = Vocabulary(tokenizer, False).texts
    ends = [i for i, text in enumerate(texts) if text and walk(text, Mode.WITHIN).ends]
    assert mine.word == "café"
    # What an apostrophe ends comes on top.
    assert share * p[[*ends, UNK_ID]].sum() <= mine.probability < share


def test_subwords_complete_what_is_no_whole_token():
    text = "the best of times, the worst of times, the beginning of the bitter best\n" * 30
    tokenizer = train_tokenizer(
        lambda: iter([text]), TokenizerSettings(tokenizer="bpe", vocab_size=300)
    )
    assert isinstance(tokenizer, BpeTokenizer)
    subject, _ = completer(tokenizer)
    found = subject.complete("it was the bes", 20)
    assert all(each.word.startswith("bes") for each in found)
    assert all(each.word == "bes" + each.text for each in found if "\n" not in each.text)
    assert sum(each.probability for each in found) <= 1 + 1e-6
    assert "best" in [each.word for each in found]


def test_what_nothing_agrees_with_has_no_completion():
    subject, _ = completer(WORDS)
    found = subject.complete("a bbq", on_unknown=lambda _: None)
    assert not list(subject.complete("a q"))
    assert found.unsearched == pytest.approx(1.0)


def test_what_a_prompt_shares_with_the_one_before_is_read_once(monkeypatch):
    subject, model = completer(LETTERS)
    fresh = completer(LETTERS)[0]
    read = []
    advance = type(model).advance
    monkeypatch.setattr(
        type(model),
        "advance",
        lambda self, ids, s: (read.append(len(ids)), advance(self, ids, s))[1],
    )
    step = type(model).step

    def plain_step(self, ids, state):
        before = len(read)
        result = step(self, ids, state)
        del read[before:]
        return result

    monkeypatch.setattr(type(model), "step", plain_step)
    for prompt, most in [
        ("ab ab. a", 8),
        ("ab ab. ab", 1),
        ("ab ab. a", 0),
        ("ab ab", 0),
        ("b", 1),
    ]:
        read.clear()
        found = subject.complete(prompt)
        assert len(read) <= most
        assert found == fresh.complete(prompt)
        fresh = completer(LETTERS)[0]


def test_numbers_out_of_range_are_refused():
    subject, _ = completer(LETTERS)
    for options in ({"n": 0}, {"n": 1001}, {"words": 0}, {"words": 9}, {"most_steps": 0}):
        with pytest.raises(UsageError, match=next(iter(options))):
            subject.complete("a", **options)


def test_a_loaded_model_completes(tmp_path):
    lm = textrnn.load(write_language_model(tmp_path / "m", LETTERS))
    found = lm.complete("a", n=3)
    assert isinstance(found, Suggestions)
    assert len(found) == 3
    assert found[0] is found.best[0]
    assert found[0].word == "a" + found[0].text
    with pytest.warns(UserWarning, match="never saw"):
        lm.complete("aé")


@pytest.mark.parametrize(
    ("text", "mode", "ends", "after", "closed"),
    [
        ("best", Mode.WITHIN, (), Mode.WITHIN, None),
        (" best", Mode.WITHIN, (0,), Mode.WITHIN, None),
        ("don't", Mode.BETWEEN, (), Mode.WITHIN, None),
        ("don'", Mode.BETWEEN, (), Mode.APOSTROPHE, None),
        ("t", Mode.APOSTROPHE, (), Mode.WITHIN, None),
        (" ", Mode.APOSTROPHE, (-1,), Mode.BETWEEN, None),
        ("'tis' ", Mode.BETWEEN, (4,), Mode.BETWEEN, None),
        ("a, b\nc", Mode.BETWEEN, (1, 4), Mode.BETWEEN, 5),
        ("日本", Mode.BETWEEN, (1, 2), Mode.BETWEEN, None),
        ("x日", Mode.WITHIN, (1, 2), Mode.BETWEEN, None),
        ("e\u0301t\u200dé_1", Mode.BETWEEN, (), Mode.WITHIN, None),
        ("--", Mode.BETWEEN, (), Mode.BETWEEN, None),
    ],
)
def test_where_words_end(text, mode, ends, after, closed):
    assert walk(text, mode) == (ends, after, closed)


def test_the_word_that_a_prompt_ends_in():
    assert typed_word("It was the b") == ("b", Mode.WITHIN)
    assert typed_word("I don'") == ("don'", Mode.APOSTROPHE)
    assert typed_word("I don't") == ("don't", Mode.WITHIN)
    assert typed_word("the ") == ("", Mode.BETWEEN)
    assert typed_word("") == ("", Mode.BETWEEN)
