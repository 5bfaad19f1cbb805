"""Models whose files are no files, lead elsewhere, or claim to be larger than they are."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faults.hostile_forging import JOBS, STATE, change_record, lay_out, reseal
from faults.hostile_pool import Opener, commands

from textrnn import bundle, records

CONFIG = Path("config.json")


def weights_of(model: Path) -> Path:
    return next(model.glob("weights-*.safetensors"))


def refused(opener: Opener, job: str, model: Path, *names: str) -> str:
    """Run commands on a model; return what the last one said, once all were refused."""
    runs, faults = opener.ask(commands(job, model, *names))
    assert not faults, faults[0]
    assert all(run["code"] for run in runs), runs
    return str(runs[-1]["err"])


def link(path: Path, to: Path) -> None:
    if path.is_dir():
        shutil.move(path, to)
    elif path.exists():
        path.replace(to)
    path.symlink_to(to)


def pipe(path: Path, _: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def device(path: Path, _: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def folder(path: Path, _: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.mark.parametrize("change", [link, pipe, device, folder])
@pytest.mark.parametrize("name", ["config.json", "weights", "tokenizer.json"])
def test_what_is_no_file_of_the_models_own_is_not_read(
    change: Callable[[Path, Path], None], name: str, tmp_path: Path, opener: Opener
) -> None:
    model = lay_out("language-model", tmp_path)
    path = weights_of(model) if name == "weights" else model / name
    change(path, tmp_path / "elsewhere")
    assert "plain file" in refused(opener, "language-model", model, "use", "info", "resume", "init")


@pytest.mark.parametrize("change", [link, pipe, device])
@pytest.mark.parametrize(
    "name", ["resume", "resume/.lock", "resume/state.json", "log.jsonl", "tensorboard"]
)
def test_a_resumed_run_writes_into_its_own_directory_only(
    change: Callable[[Path, Path], None], name: str, tmp_path: Path, opener: Opener
) -> None:
    model = lay_out("language-model", tmp_path)
    if name == "resume" and change is not link:
        shutil.rmtree(model / name)
    outside = tmp_path / "outside"
    outside.mkdir()
    if change is link and not (model / name).exists():
        (outside / "it").write_text("precious")
    change(model / name, outside / "it")
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    said = refused(opener, "language-model", model, "resume")
    assert "not a plain" in said or "no training state" in said
    assert before == {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}


def test_a_save_does_not_write_through_what_lies_in_its_way(tmp_path: Path, opener: Opener) -> None:
    model = lay_out("language-model", tmp_path)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    for name in ("config.json", "resume/state.json", "resume/last-00001202.safetensors"):
        place = (model / name).with_name(f".{Path(name).name}.part")
        place.symlink_to(precious)
    runs, faults = opener.ask(commands("language-model", model, "resume"))
    assert not faults
    assert runs[0]["code"] == 0
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("kind", [".replaced-00", ".replacing-00", ".discarded-00"])
def test_a_model_put_aside_elsewhere_is_left_there(
    kind: str, tmp_path: Path, opener: Opener
) -> None:
    model = lay_out("language-model", tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("precious")
    (model / kind).symlink_to(elsewhere)
    os.mkfifo(model / f"{kind}1")
    _, faults = opener.ask(commands("language-model", model, "resume"))
    assert not faults
    assert (elsewhere / "precious").read_text() == "precious"
    assert not (model / "precious").exists()


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "a/../../secret", "", ".", "..", "a\0b", "\ud800", "x" * 300],
)
def test_names_in_a_record_lead_nowhere(name: str, tmp_path: Path, opener: Opener) -> None:
    (tmp_path / "secret").write_text("secret")
    for place, record in enumerate((CONFIG, STATE)):
        model = lay_out("language-model", tmp_path / str(place))
        entry = {
            "bytes": 6,
            "sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        }
        change_record(model / record, lambda found, e=entry: found["files"].update({name: e}))  # type: ignore[misc]
        said = refused(opener, "language-model", model, "resume")
        assert "outside itself" in said or "missing" in said


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize(
    "sizes",
    [
        {"hidden_size": 65536},
        {"hidden_size": 65536, "num_layers": 64, "embedding_dim": 65536},
        {"ngram_order": 16, "ngram_rows": 1 << 26},
        {"batch_size": 10**18, "seq_len": 65536, "batch_tokens": 1 << 24, "bag_rows": 1 << 26},
        {"embedding_dim": 65536, "spelling_rows": 1 << 24},
        {"hidden_size": 10**9},
        {"num_layers": 10**6},
        {"vocab_size": 10**12},
    ],
    ids=str,
)
def test_sizes_that_only_a_record_names_take_no_memory(
    job: str, sizes: dict[str, int], tmp_path: Path, opener: Opener
) -> None:
    model = lay_out(job, tmp_path)

    def lie(config: dict) -> None:
        config["settings"] |= {
            name: size for name, size in sizes.items() if name in config["settings"]
        }

    change_record(model / CONFIG, lie)
    _, faults = opener.ask(commands(job, model, "use", "resume", "init"))
    assert not faults, faults[0]


HEADERS = {
    "terabytes": (10**13, b"{}"),
    "all there is": ((1 << 64) - 1, b"{}"),
    "no json": (8, b"no json "),
    "deep": (200_000, b"[" * 200_000),
    "many": (
        None,
        b"{"
        + b",".join(
            b'"%d":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}' % i for i in range(9_999)
        )
        + b"}",
    ),
    "wide": (None, b'{"a":{"dtype":"F32","shape":[0,4611686018427387904],"data_offsets":[0,0]}}'),
    "overflow": (
        None,
        b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}',
    ),
    "far": (
        None,
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[1099511627776,1099511627780]}}',
    ),
    "twice": (
        None,
        b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
    ),
    "empty": (None, b"{}"),
}


@pytest.mark.parametrize("header", HEADERS)
def test_weights_that_lie_about_their_sizes_are_refused(
    header: str, tmp_path: Path, opener: Opener
) -> None:
    size, content = HEADERS[header]
    for job in JOBS:
        model = lay_out(job, tmp_path)
        path = weights_of(model)
        path.write_bytes((len(content) if size is None else size).to_bytes(8, "little") + content)
        reseal(model, path.relative_to(model))
        refused(
            opener,
            job,
            model,
            "use",
            "info" if header not in ("many", "empty", "wide", "twice") else "use",
        )
    last = next((model / "resume").glob("last-*"))
    last.write_bytes(path.read_bytes())
    reseal(model, last.relative_to(model))
    refused(opener, JOBS[-1], model, "resume")


def altered(model: Path, path: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """Write tensors anew after a change."""
    tensors = records.read_tensors(path)
    change(tensors)
    records.write_tensors(path, tensors)
    reseal(model, path.relative_to(model))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("job", JOBS)
def test_weights_that_are_no_numbers_are_refused(
    value: float, job: str, tmp_path: Path, opener: Opener
) -> None:
    model = lay_out(job, tmp_path)

    def ruin(tensors: dict[str, np.ndarray]) -> None:
        next(iter(tensors.values())).flat[0] = value

    altered(model, weights_of(model), ruin)
    assert "not finite" in refused(opener, job, model, "use", "init", "resume")


def optimizer_states(tensors: dict[str, np.ndarray]) -> list[str]:
    return sorted(name for name in tensors if name.startswith("optimizer:"))


RUINS: dict[str, Callable[[dict[str, np.ndarray]], object]] = {
    "a number that is none": lambda t: next(iter(t.values())).flat.__setitem__(0, np.nan),
    "too small": lambda t: t.update({n: np.zeros(1, np.float32) for n in optimizer_states(t)}),
    "whole numbers": lambda t: t.update({n: t[n].astype(np.int64) for n in optimizer_states(t)}),
    "halves": lambda t: t.update({n: t[n].astype(np.float16) for n in list(t)}),
    "a part of it": lambda t: [t.pop(n) for n in optimizer_states(t)[::2]],
    "of nothing": lambda t: t.update({"optimizer:x/exp_avg": np.zeros(3, np.float32)}),
    "no kind": lambda t: t.update({"pickle": np.zeros(3, np.float32)}),
    "no model": lambda t: [t.pop(n) for n in list(t) if n.startswith("model:")],
    "an average": lambda t: t.update({"ema:embedding.weight": np.zeros(3, np.float32)}),
    "carried": lambda t: t.update({"carried:0.h": np.zeros((10**5, 1), np.float32)}),
    "carried badly": lambda t: t.update({"carried:0.h": np.zeros((), np.float32)}),
    "words": lambda t: t.update({"carried:history": np.zeros((16, 1), np.int64)}),
}


@pytest.mark.parametrize("ruin", RUINS)
def test_a_training_state_that_does_not_fit_is_refused(
    ruin: str, tmp_path: Path, opener: Opener
) -> None:
    for job in ("language-model", "classifier"):  # AdamW, and SGD with momentum
        model = lay_out(job, tmp_path)
        altered(model, next((model / "resume").glob("last-*")), RUINS[ruin])
        assert "training state is damaged" in refused(opener, job, model, "resume")


BODIES = {
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 500 + b"1" + b"}" * 500,
    "a long number": b'{"format": 1' + b"0" * 100_000 + b"}",
    "NaN": b'{"format": NaN}',
    "beyond": b'{"format": 1e999}',
    "not text": b"\xff\xfe{}",
    "nothing": b"",
    "an endless string": b'{"format": "' + b"x" * 1_000_000,
}


@pytest.mark.parametrize("body", BODIES)
def test_json_that_is_none_is_told_in_a_line(body: str, tmp_path: Path, opener: Opener) -> None:
    for name in (CONFIG, STATE, Path("tokenizer.json")):
        model = lay_out("language-model", tmp_path / name.name)
        (model / name).write_bytes(BODIES[body])
        if name.name == "tokenizer.json":
            reseal(model, name)
        refused(opener, "language-model", model, "resume")


def test_entries_that_name_a_file_again_and_again_cost_nothing(
    tmp_path: Path, opener: Opener
) -> None:
    model = lay_out("language-model", tmp_path)
    change_record(
        model / CONFIG,
        lambda config: config["tokenizer"]["files"].extend(["tokenizer.json"] * 10**5),
    )
    assert "'tokenizer'" in refused(opener, "language-model", model, "use")


def test_a_record_of_too_many_bytes_is_not_read(tmp_path: Path, opener: Opener) -> None:
    model = lay_out("language-model", tmp_path)
    with (model / CONFIG).open("wb") as file:
        file.truncate(1 << 40)  # takes no room
    assert "too large" in refused(opener, "language-model", model, "use", "info", "resume", "init")


def test_a_name_of_a_setting_without_end_is_told_in_a_line(tmp_path: Path, opener: Opener) -> None:
    model = lay_out("language-model", tmp_path)
    change_record(model / CONFIG, lambda config: config["settings"].update({"x" * 10**6: 1}))
    said = refused(opener, "language-model", model, "use", "resume")
    assert len(said) < 500


def test_labels_that_would_write_to_the_terminal_are_shown_as_text(
    tmp_path: Path, opener: Opener
) -> None:
    model = lay_out("classifier", tmp_path)
    change_record(model / CONFIG, lambda config: config.update(labels=["\x1b[2J", "\ud800", "c"]))
    runs, faults = opener.ask(commands("classifier", model, "use"))
    assert not faults, faults[0]
    assert json.dumps("\x1b")[1:-1] in runs[0]["out"] or runs[0]["code"]


LINES = {
    "no event": b'{"event": "evaluated"}',
    "of other types": b'{"event": "evaluated", "step": "x", "metrics": [1]}',
    "a list": b'{"event": "evaluated", "step": 3, "metrics": [1]}',
    "texts": b'{"event": "evaluated", "step": 3, "metrics": {"valid_loss": "x", "valid_bleu": {}}}',
    "endless": b'{"event": "evaluated", "step": 3, "metrics": {"valid_loss": 1e999, "b": NaN}}',
    "deep": b'{"event": "evaluated", "step": ' + b"[" * 50_000,
    "cut": b'{"event": "evaluated", "ste',
}


@pytest.mark.parametrize("line", LINES)
def test_a_log_of_anything_is_read_for_what_it_tells(
    line: str, tmp_path: Path, opener: Opener
) -> None:
    model = lay_out("language-model", tmp_path)
    (model / bundle.LOG).write_bytes(LINES[line] + b"\n")
    runs, faults = opener.ask(commands("language-model", model, "info", "resume"))
    assert not faults, faults[0]
    assert [run["code"] for run in runs] == [0, 0]


@pytest.mark.faults
@pytest.mark.parametrize("filling", ["[],", '{"":0},', "1.5,", '"x\\u20ac",'])
@pytest.mark.parametrize("size", [12, 60])
def test_enormous_records_are_refused_within_bounds(
    filling: str, size: int, tmp_path: Path, opener: Opener
) -> None:
    model = lay_out("language-model", tmp_path)
    inner = filling * ((size << 20) // len(filling))
    for body in (f"[{inner}0]", f'{{"format": 1, "files": {{}}, "x": [{inner}0]}}'):
        (model / CONFIG).write_text(body)
        refused(opener, "language-model", model, "use")
