"""Which words moved a decision."""

import numpy as np
import pytest
from classifier_models import write_classifier
from hypothesis import given
from hypothesis import strategies as st

from textrnn.bundle import open_bundle
from textrnn.classifier.explanation import MOST_SPANS, explain
from textrnn.classifier.predictor import Classifier

WEIGHTS = {"good": 0.3, "bad": -0.2, "fine": 0.1}


class Scales:
    """Answers with the sum of its words' weights: what each word does is known beforehand.

    It reads ``head`` words from the start of a text and ``tail`` from its end, and encodes ``most``
    characters of each end at all.
    """

    labels = ("pos", "neg")

    def __init__(self, head=10_000, tail=0, most=None):
        self.read_tokens = head, tail
        self._most = most
        self.seen = []

    def tokens(self, text):
        return len(text.split())

    def read_ranges(self, length):
        if self._most is None or length <= 2 * self._most:
            return [(0, length)]
        return [(0, self._most), (length - self._most, length)]

    def probabilities(self, texts):
        self.seen += texts
        rows = [0.5 + sum(WEIGHTS.get(word, 0.0) for word in text.split()) for text in texts]
        return np.array([[p, 1 - p] for p in rows]).reshape(-1, 2)


def test_effects_are_what_the_words_weigh():
    (found,) = explain(Scales(), ["A good  film\tbad\nfine "])
    assert (found.label, found.method) == ("pos", "occlusion")
    assert [(word.word, word.start, word.end) for word in found.words] == [
        ("A", 0, 1),
        ("good", 2, 6),
        ("film", 8, 12),
        ("bad", 13, 16),
        ("fine", 17, 21),
    ]
    assert [word.effect for word in found.words] == pytest.approx([0, 0.3, 0, -0.2, 0.1])


def test_effects_are_about_the_label_that_was_given():
    (found,) = explain(Scales(), ["bad bad good"])
    assert found.label == "neg"
    # Without a "bad" the negative label loses what the positive one gains.
    assert [word.effect for word in found.words] == pytest.approx([0.2, 0.2, -0.3])


def test_a_word_that_is_left_out_joins_no_others_and_leaves_no_hole():
    scales = Scales()
    explain(scales, ["go od\nx y"])
    assert scales.seen == ["go od\nx y", "od\nx y", "go \nx y", "go od\ny", "go od\nx "]


def test_tags_that_break_lines_are_no_words():
    (found,) = explain(Scales(), ["good<br /><br>film.<BR/>bad < br"])
    assert [word.word for word in found.words] == ["good", "film.", "bad", "<", "br"]


def test_texts_without_words_have_no_explanation():
    scales = Scales()
    found = explain(scales, ["", "good", " \n<br />", "bad"])
    assert [one and one.label for one in found] == [None, "pos", None, "neg"]
    assert explain(scales, []) == []


@given(st.integers(1, 700), st.integers(1, 3))
def test_every_word_is_left_out_once_in_at_most_128_parts(count, gap):
    text = (" " * gap).join(f"w{number}" for number in range(count))
    scales = Scales()
    (found,) = explain(scales, [text])
    assert len(found.words) == min(count, MOST_SPANS)
    assert " ".join(word.word for word in found.words).split() == text.split()
    for word in found.words:
        assert text[word.start : word.end] == word.word
    sizes = [len(word.word.split()) for word in found.words]
    assert max(sizes) - min(sizes) <= 1


def test_words_beyond_what_is_read_are_not_asked_about():
    text = " ".join(f"w{number}" for number in range(1000))
    (head,) = explain(Scales(head=50), [text])
    assert [word.word for word in head.words] == text.split()[:50]
    (tail,) = explain(Scales(head=0, tail=50), [text])
    assert [word.word for word in tail.words] == text.split()[-50:]
    (both,) = explain(Scales(head=300, tail=100), [text])
    assert " ".join(w.word for w in both.words).split() == text.split()[:300] + text.split()[-100:]
    # No part reaches over what was cut off.
    assert all(len(word.word.split()) <= 5 for word in both.words)
    assert len(both.words) <= MOST_SPANS


def test_of_a_huge_text_only_the_ends_are_read_again_and_again():
    scales = Scales(head=5, tail=5, most=100)
    text = "good " * 1_000_000 + "bad bad"
    (found,) = explain(scales, [text])
    assert max(map(len, scales.seen[1:])) <= 201
    assert [word.word for word in found.words] == ["good"] * 8 + ["bad"] * 2
    for word in found.words:
        assert text[word.start : word.end] == word.word


def test_many_texts_are_explained_as_each_of_them_alone():
    texts = ["good film", "", "bad " * 300, "fine", "a good bad film"] * 6
    found = explain(Scales(), texts)
    assert found == [explain(Scales(), [text])[0] for text in texts]


def test_a_network_s_effects_are_differences_of_its_probabilities(tmp_path):
    path = write_classifier(tmp_path / "clf", labels=("a", "b", "c"))
    classifier = Classifier(open_bundle(path), "cpu", threads=1)
    text = "the film was not very good"
    (found,) = classifier.explain([text])
    (answer,) = classifier.classify([text])
    assert found.label == answer.label
    words = text.split()
    for place, word in enumerate(found.words):
        without = " ".join(words[:place] + words[place + 1 :])
        left = classifier.probabilities([without])[0, classifier.labels.index(found.label)]
        assert word.effect == pytest.approx(answer.probability - float(left), abs=2e-5)
    assert max(abs(word.effect) for word in found.words) > 0.001


@pytest.mark.parametrize("keep", ["head", "tail", "both"])
def test_a_network_is_asked_about_what_it_reads(keep, tmp_path):
    path = write_classifier(tmp_path / "clf", keep=keep, max_length=12)
    classifier = Classifier(open_bundle(path), "cpu", threads=1)
    head, tail = classifier.read_tokens
    assert {"head": (11, 0), "tail": (0, 11), "both": (5, 5)}[keep] == (head, tail)
    (found,) = classifier.explain(["the film was not good " * 40])
    assert 1 <= len(found.words) <= head + tail
    assert any(word.effect != 0 for word in found.words)
