import hashlib
import json
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
        "half": rng.normal(size=3).astype(np.float16),
        'name of \N{SNOWMAN} and "marks"': np.arange(3, dtype=np.int32),
    }
    expected = save({name: array.copy() for name, array in arrays.items()})
    entry = records.write_tensors(tmp_path / "x", arrays)
    assert (tmp_path / "x").read_bytes() == expected
    assert entry == {"bytes": len(expected), "sha256": hashlib.sha256(expected).hexdigest()}
    records.verify_file(tmp_path, "x", entry)
    found = records.read_tensors(tmp_path / "x")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
