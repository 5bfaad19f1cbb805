import hashlib
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from textrnn import records
from textrnn.errors import ModelError


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "X7"])
def test_weights_of_a_type_unknown_to_numpy_are_refused(tmp_path: Path, kind: str):
    size = 1 if kind == "F8_E4M3" else 2
    header = json.dumps({"a": {"dtype": kind, "shape": [1], "data_offsets": [0, size]}}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    with pytest.raises(ModelError, match="safetensors"):
        records.read_tensors(path)


@pytest.mark.parametrize("big", [False, True])
def test_arrays_are_written_byte_for_byte_as_the_library_does(tmp_path: Path, big: bool):
    rng = np.random.default_rng(0)
    arrays = {
        "b.weight": rng.normal(size=(700, 900) if big else (7, 9)).astype(np.float32),
        "turned": rng.normal(size=(4, 6)).astype(np.float32).T,
        "a": rng.integers(0, 1 << 40, 5),
        "state": rng.integers(0, 256, 13).astype(np.uint8),
        "whole": np.array(3.5, np.float64),
        "none": np.zeros((0, 4), np.float32),
        "mask": np.array([True, False]),
        "from elsewhere": np.arange(5, dtype=">f4"),
        "half": rng.normal(size=3).astype(np.float16),
        'name of \N{SNOWMAN} and "marks"': np.arange(3, dtype=np.int32),
    }
    # The library turns the bytes of what comes from elsewhere round in place.
    expected = save(
        {
            name: array.astype(array.dtype.newbyteorder("<"), order="C")
            for name, array in arrays.items()
        }
    )
    entry = records.write_tensors(tmp_path / "x", arrays)
    assert (tmp_path / "x").read_bytes() == expected
    assert entry == {"bytes": len(expected), "sha256": hashlib.sha256(expected).hexdigest()}
    records.verify_file(tmp_path, "x", entry)
    found = records.read_tensors(tmp_path / "x")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_what_safetensors_do_not_hold_is_refused_by_name(tmp_path: Path):
    with pytest.raises(TypeError, match="odd holds complex64"):
        records.write_tensors(tmp_path / "x", {"odd": np.zeros(2, np.complex64)})
    assert not list(tmp_path.iterdir())


def test_a_file_is_written_where_no_thread_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    content = bytes(range(256)) * 8192
    entry = records.write_file(tmp_path / "x", content)
    records.verify_file(tmp_path, "x", entry)
