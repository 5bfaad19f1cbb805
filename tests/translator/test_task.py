"""Translation as a task: loss, figures, parts of batches."""

import dataclasses
import math
import random

import pytest
import torch
from other_device import DEVICE, train_elsewhere
from sacrebleu.metrics.bleu import BLEU
from torch.nn import functional
from translator_models import write_translator

from textrnn.bundle import open_bundle
from textrnn.data.pairs import PairCorpus, prepare_pairs
from textrnn.nn.dropout import MaskSource
from textrnn.tokenizers.base import PAD_ID, UNK_ID
from textrnn.translator.batches import batch_of
from textrnn.translator.model import EncoderDecoder
from textrnn.translator.predictor import Translator
from textrnn.translator.settings import TranslatorSettings
from textrnn.translator.task import TranslatorTask, training_loss

SETTINGS = TranslatorSettings(
    tokenizer="char",
    hidden_size=8,
    embedding_dim=6,
    num_layers=2,
    encoder_layers=1,
    ngram_order=1,
    dropout=0.0,
    max_length=12,
    batch_tokens=60,
    batch_size=5,
    optimizer="muon",
    learning_rate=0.01,
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> PairCorpus:
    folder = tmp_path_factory.mktemp("pairs")
    rng = random.Random(0)

    def words(most: int) -> str:
        return "".join(rng.choices("abcdef", k=rng.randint(1, most)))

    for name, count in (("train", 40), ("valid", 17)):
        for side in ("src", "tgt"):
            # Some are longer than may be.
            lines = [f"{words(16 if name == 'valid' else 12)}\n" for _ in range(count)]
            (folder / f"{name}.{side}").write_text("".join(lines))
    names = [[str(folder / f"{p}.{s}")] for p in ("train", "valid") for s in ("src", "tgt")]
    settings = dataclasses.replace(SETTINGS, length_ratio=1000.0)
    return prepare_pairs(
        [], *names[:2], [], *names[2:], settings, settings, settings,
        joint=False, seed=0, cache=folder / "cache",
    )  # fmt: skip


def make_task(corpus: PairCorpus, **changes: object) -> TranslatorTask:
    settings = dataclasses.replace(SETTINGS, **changes)
    sizes = corpus.src_tokenizer.vocab_size, corpus.tgt_tokenizer.vocab_size
    model = EncoderDecoder(settings, *sizes)
    model.reset_parameters(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return TranslatorTask(model, settings, corpus)


def surprises(task: TranslatorTask, corpus: PairCorpus, smoothing: float) -> torch.Tensor:
    """The loss of the validation pairs that fit, one at a time, by torch's own cross-entropy."""
    total = torch.zeros(())
    for number in range(len(corpus.valid)):
        src, tgt = corpus.valid_pair(number)
        if max(len(src), len(tgt)) > SETTINGS.max_length:
            continue
        one = batch_of(corpus.valid, torch.tensor([number]).numpy())
        logits, _ = task.model.decode(one.tgt_in, task.model.encode(one.src, one.src_lengths))
        total = total + functional.cross_entropy(
            logits[:, 0], one.tgt_out[0], label_smoothing=smoothing, reduction="sum"
        )
    return total


def test_the_loss_is_the_smoothed_surprise_of_real_tokens(corpus: PairCorpus):
    task = make_task(corpus, label_smoothing=0.2)
    fits = [
        n
        for n in range(len(corpus.valid))
        if max(map(len, corpus.valid_pair(n))) <= SETTINGS.max_length
    ]
    assert 3 < len(fits) < len(corpus.valid)
    batch = batch_of(corpus.valid, torch.tensor(fits).numpy())
    assert (batch.tgt_out == PAD_ID).any()
    with torch.no_grad():
        loss = training_loss(task.model, task._settings, batch, MaskSource(0, (1,), CPU))
        torch.testing.assert_close(loss, surprises(task, corpus, 0.2), atol=1e-3, rtol=1e-4)


def test_an_evaluation_gives_the_figures_of_all_pairs_that_fit(
    corpus: PairCorpus, monkeypatch: pytest.MonkeyPatch
):
    task = make_task(corpus)
    with torch.no_grad():
        figures = task.evaluate(None)
        targets = sum(
            len(tgt) + 1
            for src, tgt in corpus.valid_pairs()
            if max(len(src), len(tgt)) <= SETTINGS.max_length
        )
        mean = float(surprises(task, corpus, 0.0)) / targets
        monkeypatch.setattr("textrnn.translator.batches._TOKENS_AT_ONCE", 1)
        monkeypatch.setattr("textrnn.translator.engine._TOKENS_AT_ONCE", 1)
        one_by_one = task.evaluate(None)
        some = task.evaluate(20)
    assert figures["valid_loss"] == pytest.approx(mean, rel=1e-4)
    assert figures["valid_perplexity"] == pytest.approx(math.exp(mean), rel=1e-3)
    for name, value in figures.items():
        assert value == pytest.approx(one_by_one[name], rel=1e-4), name
    assert some["valid_loss"] != pytest.approx(figures["valid_loss"], rel=1e-6)


def test_what_is_scored_is_what_a_user_gets_with_a_beam_of_one(corpus: PairCorpus, tmp_path):
    task = make_task(corpus)
    with torch.no_grad():
        for weight in task.model.parameters():
            weight.mul_(3)
    task.model.output.bias.detach()[UNK_ID] = 9.0  # which letters never say
    path = write_translator(
        tmp_path / "m",
        tokenizers=(corpus.src_tokenizer, corpus.tgt_tokenizer),
        change=lambda model: model.load_tensors(task.model.tensors()),
        **{f.name: getattr(SETTINGS, f.name) for f in dataclasses.fields(SETTINGS)},
    )
    translator = Translator(open_bundle(path), "cpu", threads=1)
    pairs = [corpus.valid_pair(number) for number in task._valid.tolist()]
    expected = [
        each.translation for each in translator.translate([p[0] for p in pairs], beam_size=1)
    ]
    assert len(set(expected)) > 3
    assert task._translated(task._valid) == expected
    references = [tgt for _, tgt in pairs]
    bleu = BLEU().corpus_score(expected, [references]).score
    with torch.no_grad():
        assert task.evaluate(None)["valid_bleu"] == pytest.approx(bleu)
    blocks = task.sample(0).split("\n")
    assert len(blocks) == 9
    known = dict(zip((p[0] for p in pairs), zip(expected, references, strict=True), strict=True))
    for place in range(0, 9, 3):
        assert (blocks[place + 1][2:], blocks[place + 2][2:]) == known[blocks[place][2:]]


def test_weights_that_make_no_number_have_no_bleu(corpus: PairCorpus):
    task = make_task(corpus)
    task.model.output.bias.detach().fill_(math.nan)
    with torch.no_grad():
        assert task.evaluate(None)["valid_bleu"] is None


def test_parts_of_a_batch_make_up_the_batch(corpus: PairCorpus):
    task = make_task(corpus)
    batch = next(task.batches(0, 0))
    masks = MaskSource(0, (1,), CPU)
    whole = task.step(batch, None, masks)
    parts = [task.step(piece, None, masks) for piece, _ in task.split(batch, None, 3)]
    assert len(parts) == 3
    torch.testing.assert_close(sum(out.loss for out in parts), whole.loss)


def test_an_epoch_has_every_pair_once_and_goes_on_where_it_stopped(corpus: PairCorpus):
    task = make_task(corpus)
    batches = list(task.batches(3, 0))
    assert sum(map(len, batches)) == 40
    assert abs(task.batches_per_epoch() - len(batches)) <= 2 + len(batches) // 3
    rest = list(task.batches(3, 2))
    assert [batch.src.tolist() for batch in rest] == [b.src.tolist() for b in batches[2:]]
    assert [b.src.tolist() for b in task.batches(4, 0)] != [b.src.tolist() for b in batches]


def test_without_validation_there_are_no_figures(corpus: PairCorpus):
    task = make_task(corpus, max_length=2)
    if len(task._valid):
        task._valid = task._valid[:0]
    assert set(task.evaluate(None).values()) == {None}
    assert task.fault(task.evaluate(None)) is None
    assert task.sample(0) is None


def test_faults_are_told_and_bleu_is_to_become_greater(corpus: PairCorpus):
    task = make_task(corpus)
    assert "not finite" in task.fault({"valid_loss": math.nan})
    assert "exploded" in task.fault({"valid_loss": 100.0})
    assert task.fault({"valid_loss": 3.0}) is None
    assert (task.metric, task.maximize) == ("valid_loss", False)
    by_bleu = make_task(corpus, select="bleu")
    assert (by_bleu.metric, by_bleu.maximize) == ("valid_bleu", True)


def test_masks_drop_in_training_alone(corpus: PairCorpus):
    task = make_task(corpus, dropout=0.5)
    batch = next(task.batches(0, 0))
    with torch.no_grad():
        losses = [task.step(batch, None, MaskSource(0, (n,), CPU)).loss for n in (1, 1, 2)]
        plain = [task.evaluate(None)["valid_loss"] for _ in range(2)]
    assert losses[0] == losses[1] != losses[2]
    assert plain[0] == plain[1]


def test_hidden_tokens_are_drawn_in_training_alone_and_marks_stay(corpus: PairCorpus):
    task, plain = make_task(corpus, token_dropout=0.9), make_task(corpus)
    batch = next(task.batches(0, 0))
    seen = []

    def encode(src: torch.Tensor, *rest: object) -> object:
        seen.append(src)
        return EncoderDecoder.encode(task.model, src, *rest)

    task.model.encode = encode
    with torch.no_grad():
        loss = task.step(batch, None, MaskSource(0, (1,), CPU)).loss
        assert task.evaluate(None) == plain.evaluate(None)
    inside = batch.src >= 4
    assert 0.7 < float((seen[0][inside] == 1).float().mean()) < 1
    assert torch.equal(seen[0][~inside], batch.src[~inside])
    assert loss != plain.step(batch, None, MaskSource(0, (1,), CPU)).loss


@pytest.mark.parametrize(
    "changes",
    [
        {"dropout": 0.2, "token_dropout": 0.1},
        {"input_feeding": True, "dropout": 0.2, "locked_dropout": True, "attention": "dot"},
        {"rnn_type": "gru", "optimizer": "adamw", "ngram_order": 3, "accumulation": 2},
    ],
    ids=str,
)
def test_updates_on_a_gpu_wait_for_no_number_and_mix_no_devices(
    corpus: PairCorpus, changes: dict[str, object]
):
    task = make_task(corpus, **changes)
    task.model.to(DEVICE)
    settings = dataclasses.replace(SETTINGS, **changes)
    train_elsewhere(TranslatorTask(task.model, settings, corpus), settings)
