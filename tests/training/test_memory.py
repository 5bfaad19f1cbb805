"""Memory that steps leave behind is not paid for again; asked of the system in a process of its own."""

import platform
import subprocess
import sys

import pytest

from textrnn.training import memory

FAULTS = """
import resource, sys, torch
from textrnn.training.memory import give_back_memory, keep_freed_memory

def fill():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(16_000_000).fill_(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "kept":
    assert keep_freed_memory()
elif sys.argv[1] == "training":
    from textrnn.classifier.settings import ClassifierSettings
    from textrnn.training.run import Machine
    Machine.of(ClassifierSettings(device="cpu", precision="float32", threads=1))
# The first ones leave a few bytes between them, which others then lie in.
steps = [fill() for _ in range(30)]
give_back_memory()
print(steps[-1], fill())
"""


def faults(how: str) -> list[int]:
    """Pages that a tensor of 64 MB found missing after 29 others, and after all was given back."""
    command = [sys.executable, "-c", FAULTS, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(number) for number in done.stdout.split()]


def is_told() -> bool:
    """Return whether the C library is a glibc that is known to do as it is told."""
    name, version = platform.libc_ver()
    return name == "glibc" and tuple(map(int, version.split(".")[:2])) >= (2, 36)


@pytest.mark.skipif(not is_told(), reason="only glibc can be told, from 2.35 on or so")
def test_a_step_finds_the_pages_of_the_one_before_until_they_are_given_back():
    assert faults("default")[0] > 100
    for kept in (faults("kept"), faults("training")):
        assert kept[0] < 100 < kept[1]


GROWTH = """
import torch
from textrnn.training.memory import LeftMemory, _own_bytes, keep_freed_memory

assert keep_freed_memory()
left, held, sizes = LeftMemory(), [], []
for step in range(30):
    # Tensors of ever other sizes, and something small that stays behind each.
    for size in (8_000_000 + 500_000 * step, 5_000_000 + 400_000 * step):
        torch.empty(size).fill_(1.0)
        held.append(torch.empty(50_000))
    left.after_step()
    sizes.append(_own_bytes() >> 20)
print(sizes[0], max(sizes))
"""


@pytest.mark.skipif(not is_told(), reason="only glibc can be told, from 2.35 on or so")
def test_what_uneven_steps_leave_does_not_add_up():
    command = [sys.executable, "-c", GROWTH]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, most = map(int, done.stdout.split())
    # The largest block takes 90 MB and what stays 12 MB.
    assert most < first + 500


def test_an_older_library_that_refuses_is_left_to_its_own_ways(monkeypatch):
    told = []

    def mallopt(which: int, value: int) -> int:
        told.append(which)
        # As glibc 2.34 has it (malloc.c, do_set_mmap_threshold); any other wish ends its adapting.
        return int(which != memory._M_MMAP_THRESHOLD or value <= 32 << 20)

    monkeypatch.setattr(memory, "_glibc", {"mallopt": mallopt}.get)
    assert not memory.keep_freed_memory()
    assert told == [memory._M_MMAP_THRESHOLD]
