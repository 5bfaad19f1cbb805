"""What a device is asked and told, where a CPU can tell."""

import pytest
import torch

from textrnn.errors import UsageError
from textrnn.nn.precision import exact_type
from textrnn.training.device import answering, finish, is_out_of_memory, use_threads


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("Expected all tensors to be on the same device"), False),
    ],
    ids=str,
)
def test_every_way_of_running_out_of_memory_is_known(error: Exception, is_so: bool):
    assert is_out_of_memory(error) is is_so


def test_what_answers_in_float32_on_a_gpu_is_not_rounded_to_tf32():
    assert torch.backends.cudnn.allow_tf32
    with answering(torch.device("cuda"), "float32"):
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32
    with answering(torch.device("cpu"), "bf16"):
        assert torch.is_autocast_enabled("cpu")


def test_every_device_has_a_longest_type_of_numbers():
    assert exact_type(torch.device("cpu")) == exact_type(torch.device("cuda")) == torch.float64
    assert exact_type(torch.device("mps")) == torch.float32


def test_a_gpu_is_waited_for_and_a_cpu_is_not(monkeypatch: pytest.MonkeyPatch):
    waited = []
    monkeypatch.setattr("torch.cuda.synchronize", waited.append)
    monkeypatch.setattr("torch.mps.synchronize", lambda: waited.append("mps"))
    for device in ("cpu", "cuda:1", "mps"):
        finish(torch.device(device))
    assert waited == [torch.device("cuda:1"), "mps"]


@pytest.mark.parametrize("threads", [0, -2])
def test_fewer_threads_than_one_are_refused(threads: int):
    with pytest.raises(UsageError, match=f"threads is {threads}; it must be at least 1"):
        use_threads(threads)
