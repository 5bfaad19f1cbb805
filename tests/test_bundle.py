import json
from pathlib import Path

import numpy as np
import pytest

from textrnn import bundle, records
from textrnn.errors import ModelError
from textrnn.tokenizers import ByteTokenizer

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, dtype=np.float32)}


def write_model(path: Path, **changes: object) -> Path:
    """Write a small whole model."""
    path.mkdir()
    tokenizer = ByteTokenizer()
    files = {name: records.write_file(path / name, c) for name, c in tokenizer.to_files().items()}
    weights = "weights-00000007.safetensors"
    record = {
        "job": "language-model",
        "settings": {"hidden_size": 3},
        "versions": {"textrnn": "0.1.0"},
        "tokenizer": {"kind": "byte", "files": sorted(files)},
        "weights": weights,
        "files": {**files, weights: records.write_tensors(path / weights, ARRAYS)},
    }
    records.write_record(path, bundle.CONFIG, {**record, **changes})
    return path


def test_what_was_written_is_read(tmp_path: Path):
    opened = bundle.open_bundle(write_model(tmp_path / "m"), "language-model")
    assert opened.job == "language-model"
    assert opened.settings == {"hidden_size": 3}
    assert opened.tokenizer().encode("aé").tolist() == ByteTokenizer().encode("aé").tolist()
    for name, array in opened.tensors().items():
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_every_changed_byte_of_every_file_is_found(tmp_path: Path):
    path = write_model(tmp_path / "m")
    for file in sorted(path.iterdir()):
        content = file.read_bytes()
        for at in range(0, len(content), max(1, len(content) // 97)):
            changed = bytearray(content)
            changed[at] ^= 0x01
            file.write_bytes(bytes(changed))
            try:
                bundle.open_bundle(path)
            except ModelError:
                continue
            finally:
                file.write_bytes(content)
            # White space between JSON's tokens carries nothing.
            assert file.name == bundle.CONFIG
            assert json.loads(changed) == json.loads(content)
    bundle.open_bundle(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: (path / bundle.CONFIG).unlink(), "not a model directory"),
        (lambda path: (path / "weights-00000007.safetensors").unlink(), "missing"),
        (lambda path: (path / bundle.CONFIG).write_text("{"), "not valid JSON"),
        (lambda path: (path / bundle.CONFIG).write_text("[" * 100_000), "not valid JSON"),
        (lambda path: (path / bundle.CONFIG).write_text("[]"), "damaged"),
        (lambda path: (path / bundle.CONFIG).write_bytes(b"\xff"), "not valid JSON"),
    ],
)
def test_damage_is_told_in_a_line(tmp_path: Path, change, message: str):
    path = write_model(tmp_path / "m")
    change(path)
    with pytest.raises(ModelError, match=message) as caught:
        bundle.open_bundle(path)
    assert "\n" not in str(caught.value)


def test_a_missing_directory_and_another_job_are_told(tmp_path: Path):
    with pytest.raises(ModelError, match="no such model directory"):
        bundle.open_bundle(tmp_path / "none")
    with pytest.raises(ModelError, match="classifier"):
        bundle.open_bundle(write_model(tmp_path / "m"), "classifier")


def test_a_newer_format_names_the_version_that_wrote_it(tmp_path: Path):
    path = write_model(tmp_path / "m")
    record = json.loads((path / bundle.CONFIG).read_text())
    record |= {"format": records.FORMAT + 1, "versions": {"textrnn": "9.1"}}
    (path / bundle.CONFIG).write_text(json.dumps(record))
    with pytest.raises(ModelError, match=r"9\.1.*upgrade"):
        bundle.open_bundle(path)


@pytest.mark.parametrize("versions", [[1], "x", None, {"textrnn": 9}], ids=str)
def test_a_newer_format_needs_no_versions(tmp_path: Path, versions: object):
    path = write_model(tmp_path / "m")
    record = json.loads((path / bundle.CONFIG).read_text()) | {"format": 9, "versions": versions}
    (path / bundle.CONFIG).write_text(json.dumps(record))
    with pytest.raises(ModelError, match="format 9 by textrnn a newer version"):
        bundle.open_bundle(path)


BYTE = {"kind": "byte", "files": ["tokenizer.json"]}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *(("weights", value) for value in (["x"], None, 3, {}, "tokenizer.jso")),
        *(("tokenizer", value) for value in ("byte", None, [], {"kind": "byte"})),
        *(("tokenizer", {"files": ["tokenizer.json"], "kind": kind}) for kind in (None, ["byte"])),
        *(("tokenizer", {**BYTE, "files": names}) for names in ([["a"]], [{}], [None], "x", ["x"])),
        ("tokenizer", {"files": ["tokenizer.json"]}),
        *(("job", value) for value in (None, ["language-model"], 3)),
        *(("settings", value) for value in (None, [], "x", 1)),
        *((part, value) for part in ("training", "data", "versions") for value in ("x", None, [1])),
    ],
    ids=str,
)
@pytest.mark.parametrize("job", [None, "language-model"])
def test_a_malformed_entry_is_named(tmp_path: Path, part: str, value: object, job: str | None):
    path = write_model(tmp_path / "m", **{part: value})
    with pytest.raises(ModelError, match=f"'{part}' is missing or malformed"):
        bundle.open_bundle(path, job)


@pytest.mark.parametrize("training", [{}, {"metrics": 3}, {"metrics": {"loss": "x"}}], ids=str)
def test_a_malformed_summary_of_the_training_is_told_by_info(tmp_path: Path, training: object):
    from textrnn.cli.info import info

    path = write_model(tmp_path / "m", training=training, tokenizer={**BYTE, "vocab_size": 260})
    with pytest.raises(ModelError, match="'training' is missing or malformed"):
        info.main([str(path)], standalone_mode=False)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b", "..", "a\\b", ""])
def test_names_outside_the_directory_are_refused(tmp_path: Path, name: str):
    (tmp_path / "outside").write_bytes(b"x")
    path = write_model(tmp_path / "m")
    record = json.loads((path / bundle.CONFIG).read_text())
    record["files"][name] = {"bytes": 1, "sha256": "0" * 64}
    del record["digest"]
    records.write_record(path, bundle.CONFIG, record)
    with pytest.raises(ModelError, match="outside"):
        bundle.open_bundle(path)


def test_links_are_refused(tmp_path: Path):
    path = write_model(tmp_path / "m")
    weights = path / "weights-00000007.safetensors"
    weights.rename(tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="not a plain file"):
        bundle.open_bundle(path)
