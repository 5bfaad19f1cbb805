"""A trained translator in use."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from translator_models import SRC_WORDS, TGT_WORDS, words, write_translator

from textrnn import bundle, load, records
from textrnn.bundle import open_bundle
from textrnn.decoding.beam import beam_search, length_norm
from textrnn.errors import DeviceError, ModelError, UsageError
from textrnn.tokenizers.base import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from textrnn.tokenizers.char import CharTokenizer
from textrnn.training import device, inference
from textrnn.translator import predictor
from textrnn.translator.engines import ChosenEngine
from textrnn.translator.predictor import Translator
from textrnn.translator.protocol import Source
from textrnn.translator.search import SearchSettings
from textrnn.translator.wording import Wording

TEXTS = ["der hund sieht .", "", "ein haus", " \t", "der hund und die katze , und und", "fremd rot"]

lines = st.lists(
    st.lists(st.sampled_from([*SRC_WORDS, "fremd"]), min_size=1, max_size=12).map(" ".join),
    min_size=1,
    max_size=7,
)
quick = settings(max_examples=20, deadline=None)


def of_kind(translator, kind):
    """Make a translator answer all it is asked without torch, or all with it."""
    chosen = translator._engine
    translator._engine = chosen._make_light() if kind == "light" else chosen._make_heavy()
    translator._wording = Wording(translator.tokenizers, translator._engine)
    assert isinstance(chosen, ChosenEngine)
    return translator


def opened_network(translator):
    return Translator(open_bundle(translator.path), "cpu", threads=1)._engine._make_heavy()._model


def opened(path, kind):
    return of_kind(Translator(open_bundle(path), "cpu", threads=1), kind)


@pytest.fixture(scope="module", params=["light", "torch"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def translator(small, kind):
    return of_kind(Translator(small, "cpu", threads=1), kind)


@pytest.fixture(scope="module")
def in_torch(small):
    return of_kind(Translator(small, "cpu", threads=1), "torch")


@pytest.fixture(scope="module")
def calm(tmp_path_factory, kind):
    """A translator whose weights do not blow the last digits of its sums up."""
    path = write_translator(tmp_path_factory.mktemp("calm") / "m", scale=2.0)
    return opened(path, kind)


@pytest.fixture(scope="module")
def chars(tmp_path_factory, kind):
    """A translator of characters, whose texts are cut in one way only."""
    letters = CharTokenizer(sorted(set("".join(SRC_WORDS) + " ")))
    path = write_translator(
        tmp_path_factory.mktemp("chars") / "m", tokenizers=(letters, letters), tokenizer="char"
    )
    return opened(path, kind)


def test_no_threads_are_refused_before_anything_is_loaded(small):
    with pytest.raises(UsageError, match="threads is 0; it must be at least 1"):
        Translator(small, "cpu", threads=0)


def told(translator, texts, **options):
    return [each.translation for each in translator.translate(texts, **options)]


def greedy_ids(translator, text, limit):
    """The likeliest token at every step, by the network's own steps."""
    model = opened_network(translator)
    ids = torch.tensor([[*translator.tokenizers[0].encode(text).tolist(), EOS_ID]])
    said, token = [], BOS_ID
    with torch.no_grad():
        state = model.start(model.encode(ids, torch.tensor([ids.shape[1]])))
        while len(said) < limit:
            logits, state, _ = model.step(torch.tensor([token]), state)
            logits[:, [PAD_ID, BOS_ID]] = -math.inf
            token = int(logits.argmax())
            if token == EOS_ID:
                break
            said.append(token)
    return said


def found_ids(translator, texts, limit, **options):
    sources = translator._sources(texts, range(len(texts)), None)
    limits = [limit] * len(sources)
    return translator._engine.search(sources, SearchSettings(**options), limits, 64)


def test_every_text_has_its_translation_and_blank_ones_none(translator):
    found = translator.translate(TEXTS, beam_size=3)
    assert [each.source for each in found] == TEXTS
    for text, each in zip(TEXTS, found, strict=True):
        if text.strip():
            assert each.translation == each.hypotheses[0].text != ""
            assert each.score == each.hypotheses[0].score < 0
            assert "\n" not in each.translation
        else:
            assert (each.translation, each.score, each.hypotheses) == ("", None, ())
    assert len(set(told(translator, ["der hund", "ein haus", "rot", "katze"]))) > 2
    assert translator.translate([]) == []
    # Line ends and runs of spaces are spaces.
    assert told(translator, ["der\nhund  sieht\t. "]) == told(translator, ["der hund sieht ."])


@quick
@given(lines, st.integers(1, 4), st.integers(1, 5))
@example(["der", ". fremd ein und fremd sieht sieht läuft . sieht läuft"], 3, 3)
def test_company_and_batches_change_nothing(calm, texts, beam, batch):
    together = calm.translate(texts, beam_size=beam, n_best=beam, batch_size=batch)
    for text, each in zip(texts, together, strict=True):
        (alone,) = calm.translate([text], beam_size=beam, n_best=beam)
        assert [h.text for h in alone.hypotheses] == [h.text for h in each.hypotheses]
        for one, other in zip(alone.hypotheses, each.hypotheses, strict=True):
            assert one.log_prob == pytest.approx(other.log_prob, rel=1e-5, abs=1e-5)


def test_a_beam_of_one_takes_the_likeliest_token_at_every_step(translator):
    texts = ["der hund sieht .", "ein haus", "katze und hund , rot", "fremd"]
    found = found_ids(translator, texts, 12, beam_size=1)
    expected = [greedy_ids(translator, text, 12) for text in texts]
    assert [each[0].ids.tolist() for each in found] == expected
    assert len(set(map(tuple, expected))) > 1


@pytest.mark.parametrize(
    "options", [{}, {"input_feeding": True}, {"rnn_type": "gru", "num_layers": 1}]
)
def test_the_score_is_that_of_forced_decoding(options, kind, tmp_path):
    translator = opened(write_translator(tmp_path / "m", **options), kind)
    texts = ["der hund sieht .", "ein haus", "katze und hund , rot", "fremd"]
    found = found_ids(translator, texts, 9, beam_size=4, n_best=4, length_penalty=0.6)
    pairs = [
        (source.ids, each.ids)
        for source, several in zip(translator._sources(texts, range(4), None), found, strict=True)
        for each in several
    ]
    every = [each for several in found for each in several]
    assert len(every) >= 4 * 4
    for each, forced in zip(every, translator._engine.forced(pairs), strict=True):
        assert each.log_prob == pytest.approx(forced.log_prob, abs=1e-3)
        assert each.score == pytest.approx(each.log_prob / length_norm(len(each.ids) + 1, 0.6))


def test_given_translations_have_the_scores_that_they_were_found_with(chars):
    texts = ["der hund", "rot", "ein haus und"]
    for penalty in (0.0, 1.0):
        found = chars.translate(texts, beam_size=3, n_best=3, length_penalty=penalty, max_length=12)
        every = [(each.source, h) for each in found for h in each.hypotheses]
        whole = [(text, h) for text, h in every if h.text == h.text.strip() and "  " not in h.text]
        scores = chars.score(
            [text for text, _ in whole], [h.text for _, h in whole], length_penalty=penalty
        )
        assert len(whole) >= 3
        # White space at the ends is no part of a text, though it was one of the hypothesis.
        same = [
            score.score == pytest.approx(h.score, abs=1e-3)
            for score, (_, h) in zip(scores, whole, strict=True)
        ]
        assert sum(same) >= len(whole) - 2
        assert [score.tokens for score in scores] == [len(h.text) + 1 for _, h in whole]


def test_the_n_best_are_distinct_and_in_order(translator):
    (found,) = translator.translate(["der hund sieht ."], beam_size=8, n_best=6)
    assert len({each.text for each in found.hypotheses}) == len(found.hypotheses) == 6
    scores = [each.score for each in found.hypotheses]
    assert scores == sorted(scores, reverse=True)
    (best,) = translator.translate(["der hund sieht ."], beam_size=8)
    assert best.hypotheses[0].score >= scores[0] - 1e-4
    with pytest.raises(UsageError, match="n_best is 6 and beam_size 5"):
        translator.translate(["hund"], n_best=6)


def test_texts_that_are_cut_in_several_ways_are_given_once(kind, tmp_path):
    def change(model):
        for weight in model.parameters():
            weight.detach().zero_()
        bias = model.output.bias.detach()
        bias.fill_(-30.0)
        known = words(TGT_WORDS)
        shares = {EOS_ID: 0.4, "glued": 0.3, "the": 0.25, "dog": 0.05}
        glued = int(
            known.encode("dog the")[1]
        )  # with the space before it; at a text's head the same
        ids = {
            EOS_ID: EOS_ID,
            "glued": glued,
            **{w: int(known.encode(w)[0]) for w in ("the", "dog")},
        }
        for name, share in shares.items():
            bias[ids[name]] = math.log(share)
        assert len(set(ids.values())) == 4

    model = opened(write_translator(tmp_path / "m", change=change), kind)
    (found,) = model.translate(["rot"], beam_size=4, n_best=3, length_penalty=0)
    # Each of the three best has two cuts, but for the empty one.
    assert [each.text for each in found.hypotheses] == ["", "the", "the the"]
    assert [math.exp(each.score) for each in found.hypotheses] == pytest.approx([0.4, 0.12, 0.036])
    (drawn,) = model.translate(["rot"], sample=True, n_best=40, seed=1, length_penalty=0)
    texts = [each.text for each in drawn.hypotheses]
    assert len(set(texts)) == len(texts) < 40
    assert texts[:2] == ["", "the"]
    assert drawn.translation == ""
    scores = [each.score for each in drawn.hypotheses]
    assert scores == sorted(scores, reverse=True)


def test_limits_and_repeats(translator):
    for each in found_ids(translator, ["der hund sieht .", "rot"], 4, beam_size=3):
        assert all(len(hypothesis.ids) <= 4 for hypothesis in each)
    once = found_ids(translator, ["rot", "katze und"], 30, beam_size=2, no_repeat_ngram=1)
    free = found_ids(translator, ["rot", "katze und"], 30, beam_size=2)
    assert all(len(set(h.ids.tolist())) == len(h.ids) for each in once for h in each)
    assert any(len(set(h.ids.tolist())) < len(h.ids) for each in free for h in each)


def test_samples_depend_on_seed_and_text_alone(translator):
    texts = ["der hund sieht .", "ein haus", "katze und hund"]
    options = {"sample": True, "n_best": 2, "temperature": 0.9}
    first = translator.translate(texts, seed=1, **options)
    assert told(translator, texts[1:], seed=1, **options) == [
        each.translation for each in first[1:]
    ]
    assert [
        each.translation for each in translator.translate(texts, seed=1, batch_size=1, **options)
    ] == [each.translation for each in first]
    assert told(translator, texts, seed=2, **options) != [each.translation for each in first]
    assert told(translator, texts, **options) != told(translator, texts, **options)
    assert all(each.hypotheses[0].text != each.hypotheses[1].text for each in first)
    # Next to no temperature is greedy search, but for what is never drawn.
    cold = told(translator, ["katze und hund"], sample=True, temperature=0)
    assert cold == told(translator, ["katze und hund"], beam_size=1)
    with pytest.raises(UsageError, match="only with sample"):
        translator.translate(texts, temperature=0.5)
    with pytest.raises(UsageError, match="only with sample"):
        translator.translate(texts, seed=1)
    with pytest.raises(UsageError, match="beam_size 3 at once"):
        translator.translate(texts, sample=True, beam_size=3)


def always(*tokens):
    """Make a model say these tokens, whatever it reads, each once, then end."""

    def change(model):
        for weight in model.parameters():
            weight.detach().zero_()
        for token in tokens:
            model.output.bias.detach()[token] = 9.0

    return change


def test_what_is_unknown_is_copied_from_where_the_model_looked(translator, tmp_path):
    path = write_translator(tmp_path / "m", change=always(UNK_ID), max_length=2)
    (found,) = Translator(open_bundle(path), "cpu", threads=1).translate(
        ["Xylophon"], align=True, beam_size=1
    )
    assert found.translation == "Xylophon Xylophon"
    assert found.alignment.target == ["Xylophon", "Xylophon"]
    # Pieces and letters stand for no word: they never say that they do not know one.
    letters = CharTokenizer(["a", "b"])
    path = write_translator(
        tmp_path / "c", tokenizers=(letters, letters), tokenizer="char", change=always(UNK_ID)
    )
    (found,) = Translator(open_bundle(path), "cpu", threads=1).translate(["ab"], beam_size=1)
    assert "\ufffd" not in found.translation


def test_alignments_are_attention_word_by_word(translator, chars):
    for model in (translator, chars):
        text = "der hund und" if model is chars else "der hund , und fremd ."
        (found,) = model.translate([text], align=True, beam_size=2, max_length=12)
        alignment = found.alignment
        assert alignment.source == text.split()
        assert "".join(alignment.target) == found.translation.replace(" ", "")
        assert alignment.weights.shape == (len(alignment.target), len(alignment.source))
        assert (alignment.weights >= 0).all()
        sums = alignment.weights.sum(1)
        assert (sums <= 1 + 1e-5).all()
        assert (sums > 0).all()
        assert alignment.links == alignment.weights.argmax(1).tolist()
    assert translator.translate(["hund"])[0].alignment is None
    assert translator.translate([" "], align=True)[0].alignment is None


def test_long_texts_are_cut_with_a_warning(translator):
    long = "der hund " * 40
    with pytest.warns(
        UserWarning, match="text 2 has 80 tokens; the model reads the first 16"
    ) as told_of:
        found = translator.translate(["rot", long], beam_size=1)
    assert [each.filename for each in told_of] == [__file__]
    cuts = []
    assert translator.translate(["rot", long], beam_size=1, on_cut=cuts.append) == found
    assert [(cut.number, cut.tokens, cut.read) for cut in cuts] == [(1, 80, 16)]
    assert told(translator, [" ".join(long.split()[:16])], beam_size=1) == [found[1].translation]


@pytest.mark.parametrize("words", [("der hund ",), ("rot xyz ", "katze"), ("\u200b" * 50, "rot ")])
def test_very_long_texts_are_encoded_some_at_a_time(translator, monkeypatch, words):
    long = "".join(words) * 40
    cuts = []
    expected = translator.translate([long], beam_size=2, align=True, on_cut=cuts.append)[0]
    monkeypatch.setattr(predictor, "_LONG", 60)
    found = translator.translate([long], beam_size=2, align=True, on_cut=cuts.append)[0]
    assert (found.translation, found.score) == (expected.translation, expected.score)
    assert cuts[:1] == cuts[1:]
    assert found.source == long


def test_memory_that_is_short_halves_batches(in_torch, monkeypatch):
    translator = in_torch
    expected = told(translator, TEXTS, beam_size=2)
    sizes = []

    def scarce(model, state, limits, options):
        sizes.append(len(limits))
        if len(limits) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return beam_search(model, state, limits, options)

    monkeypatch.setattr("textrnn.translator.searching.beam_search", scarce)
    assert told(translator, TEXTS, beam_size=2) == expected
    assert sizes == [4, 2, 1, 1, 2, 1, 1]
    monkeypatch.setattr(device, "is_out_of_memory", lambda error: True)
    monkeypatch.setattr("textrnn.translator.searching.beam_search", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        translator.translate(["rot"])

    def never(*_):
        raise MemoryError

    monkeypatch.setattr("textrnn.translator.searching.beam_search", never)
    with pytest.raises(DeviceError, match="a text of 2 tokens"):
        translator.translate(["rot"])


def test_wrong_arguments_are_told(translator, small):
    with pytest.raises(TypeError, match="put it into a list"):
        translator.translate("der hund")
    with pytest.raises(TypeError, match="number 1 is a int"):
        translator.translate(["der", 1])
    with pytest.raises(UsageError, match="did you mean beam_size"):
        translator.translate(["hund"], beam=3)
    with pytest.raises(UsageError, match="batch_size"):
        translator.translate(["hund"], batch_size=0)
    with pytest.raises(UsageError, match="2 sources and 1 targets"):
        translator.score(["a", "b"], ["c"])
    with pytest.raises(UsageError, match="precision"):
        Translator(small, "cpu", "int8")
    assert isinstance(load(small.path, "cpu", threads=1), Translator)
    with pytest.raises(UsageError, match="quantum"):
        Translator(small, "quantum")


def test_torch_is_loaded_for_many_texts_and_not_for_single_ones(small, monkeypatch):
    translator = Translator(small, "cpu", threads=1)
    chosen = translator._engine
    made = []
    heavy = chosen._make_heavy
    monkeypatch.setattr(chosen, "_make_heavy", lambda: made.append(1) or heavy())
    (source,) = translator._sources(["der hund sieht"], [0], None)
    monkeypatch.setattr(inference, "_LOADING_S", 30 * len(source.ids) * chosen._token_s + 1e-9)
    alone = [told(translator, ["der hund sieht"], beam_size=1) for _ in range(40)]
    # Neither does company that is soon done with; all of it counts.
    some = told(translator, ["der hund sieht"] * 12, beam_size=1)
    told(translator, ["der hund sieht"] * 9, beam_size=2)
    assert not made
    assert translator.device == "cpu"
    assert told(translator, ["der hund sieht"] * 9, beam_size=1) == some[:9]
    assert len(made) == 1
    assert torch.get_num_threads() == 1
    # What is quicker without torch goes without it still; nothing is loaded twice.
    monkeypatch.setattr(chosen._heavy, "search", lambda *_: 1 / 0)
    assert [told(translator, ["der hund sieht"], beam_size=1)] * 40 == alone
    with pytest.raises(ZeroDivisionError):
        translator.translate(["der hund sieht"] * 9)
    assert len(made) == 1
    # A single one that takes as long as torch to load.
    late = Translator(small, "cpu", threads=1)
    monkeypatch.setattr(inference, "_LOADING_S", 3 * late._engine._token_s)
    assert told(late, ["der hund sieht"], beam_size=1) == alone[0]
    assert late._engine._heavy is not None


def rewrite(path, **entries):
    """Change entries of ``config.json``, with a digest that fits."""
    record = json.loads((path / bundle.CONFIG).read_text())
    for name in ("format", "digest"):
        record.pop(name)
    records.write_record(path, bundle.CONFIG, {**record, **entries})


def test_a_damaged_model_is_told(tmp_path, small):
    path = write_translator(tmp_path / "m")
    sound = json.loads((path / bundle.CONFIG).read_text())["settings"]
    for changed, message in (
        ({**sound, "hidden_size": 16}, "do not fit"),
        ({**sound, "max_length": None}, "max_length"),
        ({**sound, "hidden_sizes": 3}, "damaged"),
        ({**sound, "embedding_dim": None}, "damaged"),
    ):
        rewrite(path, settings=changed)
        with pytest.raises(ModelError, match=message):
            Translator(open_bundle(path), "cpu", threads=1)
    broken = write_translator(
        tmp_path / "nan", change=lambda model: model.output.bias.detach().fill_(math.nan)
    )
    with pytest.raises(ModelError, match="not finite"):
        Translator(open_bundle(broken), "cpu", threads=1)


def test_what_has_gone_to_a_gpu_stays_there(small, monkeypatch):
    class Far:
        device = "cuda:0"

        def search(self, sources, *_):
            return [f"found {source.text}" for source in sources]

    chosen = ChosenEngine(Translator(small, "cpu")._engine._make_light, Far, weights=1)
    one, several = [Source("rot", np.array([5, EOS_ID]))], SearchSettings(beam_size=1)
    assert chosen.search(one, several, [3], 64)[0][0].log_prob < 0
    assert chosen.device == "cpu"
    monkeypatch.setattr(inference, "_LOADING_S", 1e-9)
    assert chosen.search(one * 3, several, [3] * 3, 64) == ["found rot"] * 3
    monkeypatch.undo()
    assert chosen.device == "cuda:0"
    assert chosen.search(one, several, [3], 64) == ["found rot"]


@pytest.mark.parametrize("options", [{"beam_size": 1}, {"beam_size": 3}], ids=str)
def test_weights_that_overflow_are_told(options, kind, tmp_path):
    def change(model):
        model.output.bias.detach().fill_(3e38)
        model.output.weight.detach().fill_(3e38)
        model.decoder.readout.bias.detach().fill_(9)

    broken = opened(write_translator(tmp_path / "m", change=change, tie_weights=False), kind)
    with pytest.raises(ModelError, match="make no number"):
        broken.translate(["rot"], **options)


def test_candidates_are_those_that_numpy_finds(in_torch):
    from textrnn.decoding.candidates import best_candidates

    stepper = in_torch._engine._stepper
    model = in_torch._engine._model
    ids = torch.tensor([[5, 6, 7, EOS_ID], [8, 9, 10, EOS_ID]])
    with torch.no_grad():
        state = model.start(model.encode(ids, torch.tensor([4, 4])))
        begin = np.array([BOS_ID, BOS_ID])
        logits, _ = stepper.step(begin, state)
        for count in (1, 3, 99):
            for banned in (None, (np.array([0, 1, 1]), np.array([9, 5, 6]))):
                found, _ = stepper.extend(begin, state, count, banned)
                expected = best_candidates(logits, count, banned)
                assert found.ids.tolist() == expected.ids.tolist()
                np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-5)
                np.testing.assert_allclose(found.ends, expected.ends, atol=1e-5)
        # Where all are equal, the lowest ids come first.
        model_weight = model.output.weight.clone(), model.output.bias.clone()
        model.output.weight.zero_()
        model.output.bias.zero_()
        level, _ = stepper.extend(begin, state, 3, None)
        model.output.weight.copy_(model_weight[0])
        model.output.bias.copy_(model_weight[1])
    assert level.ids.tolist() == [[UNK_ID, 4, 5]] * 2
    assert words(SRC_WORDS).vocab_size > 10


def test_bf16_is_near_float32(small, translator):
    half = Translator(small, "cpu", "bf16", threads=1)
    exact = translator.score(["der hund sieht .", "rot"], ["the dog sees .", "red"])
    for one, other in zip(
        half.score(["der hund sieht .", "rot"], ["the dog sees .", "red"]), exact, strict=True
    ):
        assert one.log_prob == pytest.approx(other.log_prob, rel=0.05, abs=0.5)
        assert one.log_prob != other.log_prob
    assert len(half.translate(TEXTS, beam_size=3, align=True)) == len(TEXTS)
