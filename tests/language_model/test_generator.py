import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn import bundle, records
from textrnn.config import as_dict
from textrnn.decoding.sampling import SamplingSettings
from textrnn.errors import ModelError, UsageError
from textrnn.language_model.generator import LanguageModel
from textrnn.language_model.model import RecurrentLanguageModel
from textrnn.language_model.placing import (
    PRECISIONS,
    pick_generation_device,
    pick_generation_precision,
)
from textrnn.language_model.prompts import UnknownText, start_ids
from textrnn.language_model.samples import sample_text
from textrnn.language_model.settings import LanguageModelSettings
from textrnn.language_model.stepped import SteppedLanguageModel
from textrnn.language_model.stepper import NumpyStepModel, make_stepper
from textrnn.language_model.torch_stepper import TorchStepModel
from textrnn.language_model.writing import Completion
from textrnn.nn.products import is_int8_exact
from textrnn.tokenizers import ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer

LETTERS = CharTokenizer("abcdefgh \n.é🙂")
SMALL = LanguageModelSettings(
    hidden_size=12, embedding_dim=10, num_layers=2, ngram_order=1, ngram_rows=64, dropout=0.0
)


def network(vocab_size: int, **changes: object) -> RecurrentLanguageModel:
    """Return a network with weights that are large enough to tell ids apart."""
    model = RecurrentLanguageModel(dataclasses.replace(SMALL, **changes), vocab_size)
    generator = torch.Generator().manual_seed(5)
    model.reset_parameters(generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    return model


def write(path: Path, tokenizer: Tokenizer = LETTERS, **changes: object) -> Path:
    """Write a model directory."""
    path.mkdir()
    model = network(tokenizer.vocab_size, **changes)
    arrays = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    files = {name: records.write_file(path / name, c) for name, c in tokenizer.to_files().items()}
    files["weights-00000001.safetensors"] = records.write_tensors(
        path / "weights-00000001.safetensors", arrays
    )
    record = {
        "job": "language-model",
        "settings": as_dict(dataclasses.replace(SMALL, **changes)),
        "tokenizer": {"kind": tokenizer.kind, "files": sorted(tokenizer.to_files())},
        "weights": "weights-00000001.safetensors",
        "files": files,
    }
    records.write_record(path, bundle.CONFIG, record)
    return path


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., LanguageModel]:
    def made(
        tokenizer: Tokenizer = LETTERS, device: str = "cpu", **changes: object
    ) -> LanguageModel:
        path = write(tmp_path / f"m{len(list(tmp_path.iterdir()))}", tokenizer, **changes)
        return LanguageModel(bundle.open_bundle(path), device)

    return made


SHAPES = [
    {},
    {"rnn_type": "gru"},
    {"rnn_type": "rnn_tanh", "num_layers": 3},
    {"rnn_type": "rnn_relu", "num_layers": 1},
    {"layer_norm": True},
    {"layer_norm": True, "rnn_type": "gru", "num_layers": 1, "ngram_order": 2},
    {"ngram_order": 5},
    {"ngram_order": 3, "rnn_type": "gru"},
    {"embedding_dim": 12, "tie_weights": True},
]
MAKERS = {
    "numpy": NumpyStepModel,
    "torch": lambda tensors, settings: TorchStepModel(tensors, settings, "cpu"),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("changes", SHAPES, ids=str)
def test_steps_equal_the_whole_sequence(changes: dict[str, object], maker: str):
    model = network(30, **changes)
    tensors = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    stepper = MAKERS[maker](tensors, as_dict(dataclasses.replace(SMALL, **changes)))
    assert stepper.vocab_size == 30
    ids = torch.randint(30, (6, 15), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, _ = model(ids, model.start(6))  # (time, batch, vocab)
    tolerance = 5e-6 * max(1.0, float(expected.abs().max()))
    for rows in ([0, 1, 2, 3, 4, 5], [2]):
        state = stepper.start(len(rows))
        for time in range(15):
            logits, state = stepper.step(ids[rows, time].numpy(), state)
            assert logits.dtype == np.float32
            np.testing.assert_allclose(logits, expected[time, rows], atol=tolerance)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("changes", [{}, {"ngram_order": 4, "rnn_type": "gru"}], ids=str)
def test_rows_can_be_reordered_joined_and_gone_on_from_twice(changes, maker):
    model = network(30, **changes)
    tensors = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    stepper = MAKERS[maker](tensors, as_dict(dataclasses.replace(SMALL, **changes)))
    ids = np.random.default_rng(0).integers(0, 30, (5, 4))
    state = stepper.start(4)
    for step in ids:
        state = stepper.advance(step, state)
    index = np.array([3, 0, 0, 2, 1])
    there = stepper.reorder(state, index)
    joined = stepper.join(there, stepper.start(1))
    last = np.array([7, 8, 9, 7, 7, 7])
    logits, _ = stepper.step(last, joined)
    for row, (source, token) in enumerate(zip([*index, None], last, strict=True)):
        alone = stepper.start(1)
        for step in ids if source is not None else []:
            alone = stepper.advance(step[source : source + 1], alone)
        expected, _ = stepper.step(np.array([token]), alone)
        np.testing.assert_allclose(logits[row], expected[0], atol=1e-5)
    # What was stepped from has not changed.
    again, _ = stepper.step(last, joined)
    np.testing.assert_array_equal(again, logits)


def test_a_vocabulary_without_a_table_gives_the_same(monkeypatch: pytest.MonkeyPatch):
    tensors = {name: tensor.numpy() for name, tensor in network(30).tensors().items()}
    tabulated = NumpyStepModel(tensors, as_dict(SMALL))
    monkeypatch.setattr("textrnn.language_model.stepper._MOST_TABLE_BYTES", 0)
    plain = NumpyStepModel(tensors, as_dict(SMALL))
    ids = np.arange(6)
    expected, _ = tabulated.step(ids, tabulated.start(6))
    np.testing.assert_allclose(plain.step(ids, plain.start(6))[0], expected, atol=1e-5)


needs_int8 = pytest.mark.skipif(not is_int8_exact(), reason="no fast int8 on this processor")
LOWER = ["bf16", pytest.param("int8", marks=needs_int8)]


@pytest.mark.parametrize("precision", LOWER)
@pytest.mark.parametrize("changes", SHAPES, ids=str)
def test_lower_precision_stays_near_and_rows_do_not_depend_on_each_other(changes, precision):
    model = network(30, **changes)
    tensors = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    own = as_dict(dataclasses.replace(SMALL, **changes))
    plain, lower = NumpyStepModel(tensors, own), NumpyStepModel(tensors, own, precision)
    ids = np.random.default_rng(0).integers(0, 30, (12, 5))
    states = plain.start(5), lower.start(5)
    alone = lower.start(1)
    farthest = 0.0
    for step in ids:
        exact, first = plain.step(step, states[0])
        near, second = lower.step(step, states[1])
        single, alone = lower.step(step[2:3], alone)
        states = first, second
        size = max(1.0, float(np.abs(exact).max()))
        assert near.dtype == np.float32
        farthest = max(farthest, float(np.abs(near - exact).max()) / size)
        # Sums of int8 are exact; what is left is BLAS's own rounding in the output layer.
        tolerance = 1e-5 if precision == "int8" else 0.05
        np.testing.assert_allclose(single[0], near[2], atol=tolerance * size)
    assert 0 < farthest < 0.15


@pytest.mark.parametrize("precision", LOWER)
def test_a_large_output_layer_is_packed_too(precision: str, monkeypatch: pytest.MonkeyPatch):
    tensors = {name: tensor.numpy() for name, tensor in network(30).tensors().items()}
    plain = NumpyStepModel(tensors, as_dict(SMALL), precision)
    monkeypatch.setattr("textrnn.language_model.stepper._LEAST_OUTPUT_BYTES", 0)
    packed = NumpyStepModel(tensors, as_dict(SMALL), precision)
    expected, found = (m.step(np.arange(6), m.start(6))[0] for m in (plain, packed))
    np.testing.assert_allclose(found, expected, atol=0.1)
    assert not np.array_equal(found, expected)


@pytest.mark.parametrize("changes", [{}, {"ngram_order": 3, "rnn_type": "gru"}], ids=str)
def test_steps_are_measured_as_whole_sequences_are(changes: dict[str, object]):
    model = network(30, **changes)
    tensors = {name: tensor.numpy() for name, tensor in model.tensors().items()}
    stepped = SteppedLanguageModel(dataclasses.replace(SMALL, **changes), tensors, "float32")
    ids = torch.randint(30, (4, 21), generator=torch.Generator().manual_seed(1))
    states = model.start(4), stepped.start(4)
    with torch.no_grad():
        for part in (slice(0, 8), slice(8, 20)):
            following = slice(part.start + 1, part.stop + 1)
            expected, whole = model.nats(ids[:, part], ids[:, following], states[0])
            found, one = stepped.nats(ids[:, part], ids[:, following], states[1])
            torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-5)
            states = whole, one


def test_lower_precision_is_for_processors_that_are_good_at_it(make, monkeypatch, tmp_path):
    path = write(tmp_path / "m")
    with pytest.raises(UsageError, match="threads is 0; it must be at least 1"):
        LanguageModel(bundle.open_bundle(path), "cpu", threads=0)
    with pytest.raises(UsageError, match="precision is 'int4'; it must be one of auto, float32"):
        LanguageModel(bundle.open_bundle(path), "cpu", precision="int4")
    with pytest.raises(UsageError, match="the device mps, where all is float32"):
        pick_generation_precision("int8", "mps", pytest.fail)
    monkeypatch.setattr("textrnn.nn.products.is_int8_exact", lambda: False)
    # A build of torch without oneDNN has no such products, however good the processor is.
    monkeypatch.setattr("textrnn.training.device.pick_precision", lambda *_: "bf16")
    monkeypatch.setattr("torch.backends.mkldnn.is_available", lambda: False)
    for lower in ("bf16", "int8"):
        with pytest.warns(UserWarning, match=f"{lower}, but this machine has no .* in float32"):
            slow = LanguageModel(bundle.open_bundle(path), "cpu", precision=lower)
        assert slow.precision == "float32"
    options = {"max_new_tokens": 30, "seed": 1}
    assert slow.generate("a", **options) == make().generate("a", **options)


def test_weights_that_do_not_fit_are_refused():
    tensors = dict(network(30).tensors())
    del tensors["recurrent.layers.1.weight_hh"]
    with pytest.raises(ModelError, match=r"recurrent\.layers\.1\.weight_hh"):
        make_stepper(tensors, as_dict(SMALL))


def test_weights_too_many_or_of_another_shape_are_refused():
    tensors = dict(network(30).tensors())
    with pytest.raises(ModelError, match=r"also recurrent\.layers\.2\.bias_hh"):
        make_stepper({**tensors, "recurrent.layers.2.bias_hh": np.zeros(9)}, as_dict(SMALL))
    for name, tensor in tensors.items():
        for other in (tensor[..., :-1], tensor[None], tensor.new_zeros(())):
            with pytest.raises(ModelError, match="do not fit"):
                make_stepper({**tensors, name: other}, as_dict(SMALL))
    del tensors["output.weight"]
    with pytest.raises(ModelError, match=r"embedding\.weight has shape \(30, 10\), not \(30, 12\)"):
        make_stepper(tensors, as_dict(dataclasses.replace(SMALL, tie_weights=True)))


HOSTILE = [
    {"hidden_size": None},
    {"hidden_size": "x"},
    {"hidden_size": 10**400},
    {"hidden_size": 65536},
    {"hidden_size": [12]},
    {"num_layers": "x"},
    {"num_layers": 0},
    {"num_layers": 64},
    {"num_layers": 1},
    {"embedding_dim": 65536},
    {"rnn_type": "gru"},
    {"rnn_type": {}},
    {"tie_weights": True},
    {"layer_norm": True},
    {"ngram_order": None},
    {"ngram_order": 1},
    {"ngram_order": 16},
    {"ngram_rows": 10**18},
    {"ngram_rows": 10**400},
    {"learning_rate": 10**400},
    {"lines": "perhaps"},
    {"colour": "red"},
]


def hostile(path: Path, settings: dict[str, object]) -> bundle.Bundle:
    """Write a model that claims other settings than its own, all digests right."""
    write(path, ngram_order=2)
    config = records.read_record(path, bundle.CONFIG)
    rest = {name: value for name, value in config.items() if name != "digest"}
    records.write_record(path, bundle.CONFIG, {**rest, "settings": settings})
    return bundle.open_bundle(path, "language-model")


@pytest.mark.parametrize("changes", HOSTILE, ids=lambda changes: str(changes)[:40])
def test_settings_that_lie_are_refused_before_they_cost_memory(tmp_path: Path, changes):
    own = as_dict(dataclasses.replace(SMALL, ngram_order=2))
    with pytest.raises(ModelError) as caught:
        LanguageModel(hostile(tmp_path / "m", {**own, **changes}))
    assert str(caught.value).startswith(str(tmp_path / "m"))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(tmp_path)) + 700


def test_missing_settings_are_named_or_have_their_defaults(tmp_path: Path):
    with pytest.raises(
        ModelError, match="lack hidden_size, num_layers, embedding_dim, ngram_order"
    ):
        LanguageModel(hostile(tmp_path / "none", {}))
    kept = ("hidden_size", "num_layers", "embedding_dim", "ngram_order", "ngram_rows")
    own = as_dict(dataclasses.replace(SMALL, ngram_order=2))
    lm = LanguageModel(hostile(tmp_path / "few", {name: own[name] for name in kept}))
    assert lm.settings["lines"] is False
    assert lm.generate(max_new_tokens=3)


def test_texts_are_measured_on_the_device_that_was_asked_for(make, monkeypatch):
    asked: list[object] = []

    class Asked:
        def __init__(self, model: bundle.Bundle, *, device: str, precision: str) -> None:
            asked.append((device, precision))

        def evaluate(self, inputs: list[str]) -> list[str]:
            return inputs

    monkeypatch.setattr("textrnn.language_model.evaluation.Evaluator", Asked)
    assert make(device="cpu").evaluate("a", Path("b")) == ["a", "b"]
    make(device="auto").evaluate("a")
    assert asked == [("cpu", "auto"), ("auto", "auto")]


def test_a_prompt_goes_in_and_its_continuation_comes_out(make):
    lm = make()
    text = lm.generate("abc", max_new_tokens=40, temperature=0.8, seed=1)
    assert len(text) == 40
    assert text == lm.generate("abc", max_new_tokens=40, temperature=0.8, seed=1)
    assert text != lm.generate("abc", max_new_tokens=40, temperature=0.8, seed=2)
    assert text != lm.generate("abd", max_new_tokens=40, temperature=0.8, seed=1)
    assert "".join(lm.stream("abc", max_new_tokens=40, temperature=0.8, seed=1)) == text
    assert lm.generate("abc", max_new_tokens=40) != lm.generate("abc", max_new_tokens=40)
    assert lm.generate("abc", max_new_tokens=0) == ""


def test_greedy_text_is_the_networks_argmax(make):
    lm = make(ngram_order=3)
    model = network(LETTERS.vocab_size, ngram_order=3)
    ids = LETTERS.encode("\nab").tolist()
    for _ in range(25):
        with torch.no_grad():
            logits, _ = model(torch.tensor([ids]), model.start(1))
        ids.append(4 + int(logits[-1, 0, 4:].argmax()))
    expected = LETTERS.decode(ids[3:])
    assert lm.generate("ab", max_new_tokens=25, temperature=0) == expected


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.text("abcdefgh \n.", max_size=9), min_size=1, max_size=7),
    st.integers(1, 3),
    st.integers(1, 30),
    st.sampled_from([{}, {"ngram_order": 3}]),
)
def test_batches_change_no_text(tmp_path_factory, prompts, num, batch_size, changes):
    path = write(tmp_path_factory.mktemp("batch") / "m", **changes)
    lm = LanguageModel(bundle.open_bundle(path), "cpu")
    options = {"max_new_tokens": 25, "seed": 4, "top_p": 0.9, "stop": ["a."], "num": num}
    together = list(lm.generate_many(iter(prompts), batch_size=batch_size, **options))
    assert [text.prompt for text in together] == [p for p in prompts for _ in range(num)]
    for number, prompt in enumerate(prompts):
        alone = list(lm.generate_many([prompt], batch_size=1, **options))
        assert alone == together[number * num : (number + 1) * num]


def test_stop_strings_and_pieces(make):
    lm = make()
    whole = lm.generate(max_new_tokens=60, seed=0)
    stop = whole[20:22]
    cut = whole[: whole.index(stop)]
    assert lm.generate(max_new_tokens=60, seed=0, stop=[stop, "zz"]) == cut
    pieces = list(lm.pieces([""], num=2, max_new_tokens=60, seed=0, stop=[stop]))
    assert "".join(piece.text for piece in pieces if piece.sample == 0) == cut
    assert [piece.sample for piece in pieces] == sorted(piece.sample for piece in pieces)
    assert sum(bool(piece.finish) for piece in pieces) == 2
    (text,) = lm.generate_many(max_new_tokens=-1, seed=0, stop=[stop])
    assert text == Completion("", cut, "stop")


def test_lines_begin_with_bos_and_may_end(make):
    lm = make(lines=True)
    assert start_ids(LETTERS, is_lines=True).tolist() == [2]
    assert start_ids(LETTERS, is_lines=False).tolist() == LETTERS.encode("\n").tolist()
    assert start_ids(CharTokenizer("ab"), is_lines=False).tolist() == [2]
    texts = list(lm.generate_many(num=30, max_new_tokens=-1, seed=0))
    assert {text.finish for text in texts} == {"end"}
    running = make(lines=False)
    assert {t.finish for t in running.generate_many(num=9, max_new_tokens=99, seed=0)} == {"length"}


def test_endless_text_needs_a_stream(make):
    lm = make()
    with pytest.raises(UsageError, match="max_new_tokens is -1"):
        lm.generate(max_new_tokens=-1)
    with pytest.raises(UsageError, match="max_new_tokens is -1"):
        lm.pieces([""], num=2, max_new_tokens=-1)
    stream = lm.stream(max_new_tokens=-1, seed=0)
    assert len("".join(next(stream) for _ in range(700))) >= 700


def test_unknown_characters_are_named_and_replaced(make):
    lm = make()
    found: list[UnknownText] = []
    options = {"max_new_tokens": 20, "temperature": 0}
    text = lm.generate("aẞ Á!", on_unknown=found.append, **options)
    (unknown,) = found
    assert unknown.unknown == ["ẞ", "Á", "!"]
    assert "'ẞ' (U+1E9E)" in unknown.message
    assert text == lm.generate(unknown.used, **options)
    with pytest.warns(UserWarning, match="never saw"):
        lm.generate("🙃", **options)
    long = UnknownText("x", [f"{c}" for c in "123456789"], "y" * 500)
    assert "4 more" in long.message
    assert len(long.message) < 250
    assert "\n" not in UnknownText("\x07\n", ["\x07", "\n"], "").message


def test_words_stay_unknown(make):
    lm = make(WordTokenizer.train(["one two three one two\n"]))
    found: list[UnknownText] = []
    assert lm.generate("one zwei", max_new_tokens=9, seed=0, on_unknown=found.append)
    assert "'zwei'" in found[0].message


def test_bytes_come_as_whole_characters(make):
    lm = make(ByteTokenizer())
    pieces = list(lm.pieces(["é"], max_new_tokens=300, seed=3))
    assert "".join(p.text for p in pieces)
    assert not pieces[-1].text.endswith("\ufffd")


@pytest.mark.parametrize(
    "options",
    [{"top_p": 3}, {"top_q": 0.5}, {"num": 0}, {"batch_size": 0}, {"stop": [""]}],
    ids=str,
)
def test_wrong_options_are_refused(make, options: dict[str, object]):
    with pytest.raises(UsageError):
        make().pieces([""], **options)


def test_torch_devices_make_the_same_text(make):
    lm = make(ngram_order=3)
    tensors = {
        name: tensor.numpy()
        for name, tensor in network(LETTERS.vocab_size, ngram_order=3).tensors().items()
    }
    there = make(ngram_order=3)
    there._model = TorchStepModel(tensors, lm.settings, "cpu")
    options = {"max_new_tokens": 60, "seed": 8, "temperature": 0.7, "num": 3}
    prompts = ["abc", "", "h"]
    expected = list(lm.generate_many(prompts, **options))
    assert list(there.generate_many(prompts, **options)) == expected


def test_the_device_is_chosen_without_torch_for_small_models():
    assert pick_generation_device("auto", {"recurrent.layers.0.weight_hh": np.zeros(9)}) == "cpu"
    assert pick_generation_device("cpu", {}) == "cpu"
    with pytest.raises(UsageError, match="--device gpu"):
        pick_generation_device("gpu", {})


def test_a_large_model_in_a_precision_of_cpus_stays_on_the_cpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("textrnn.language_model.placing._GPU_PARAMETERS", 1)
    monkeypatch.setattr(Path, "exists", lambda _: True)
    monkeypatch.setattr("textrnn.training.device.pick_device", lambda _: "cuda")
    large = {"recurrent.layers.0.weight_hh": np.zeros(9)}
    found = {
        precision: pick_generation_device("auto", large, precision) for precision in PRECISIONS
    }
    assert found == {"auto": "cuda", "float32": "cuda", "bf16": "cpu", "int8": "cpu"}


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path):
    path = write(tmp_path / "m")
    other = CharTokenizer("abc")
    config = records.read_record(path, bundle.CONFIG)
    for name, content in other.to_files().items():
        config["files"][name] = records.write_file(path / name, content)
    records.write_record(path, bundle.CONFIG, {k: v for k, v in config.items() if k != "digest"})
    with pytest.raises(ModelError, match="7 ids"):
        LanguageModel(bundle.open_bundle(path))


def test_a_model_in_training_shows_a_sample():
    model = network(LETTERS.vocab_size)
    sampling = SamplingSettings(max_new_tokens=30, seed=1)
    text = sample_text(model.tensors(), as_dict(SMALL), LETTERS, sampling)
    assert len(text) == 30
    assert text == sample_text(model.tensors(), as_dict(SMALL), LETTERS, sampling)


def test_threads_are_tuned(make):
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController().select(user_api="blas")
    with controller.limit(limits=None):
        lm = make()
        lm.tune_threads()
        assert lm.generate(max_new_tokens=3)


def test_generating_on_a_cpu_imports_no_torch(tmp_path: Path):
    path = write(tmp_path / "m")
    code = (
        "import sys, textrnn; lm = textrnn.load(sys.argv[1]); "
        "print(lm.generate('a', max_new_tokens=5, seed=1)); lm.tune_threads(); "
        "print([name for name in ('torch', 'click', 'rich', 'sentencepiece') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("[]\n")
    assert done.stderr == ""
