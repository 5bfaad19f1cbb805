import json
from pathlib import Path

import pytest

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
