"""Memory that steps leave behind is not paid for again; asked of the system in a process of its own."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from textrnn.training.memory import give_back_memory, keep_freed_memory

def fill():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(16_000_000).fill_(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "kept":
    assert keep_freed_memory()
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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_a_step_finds_the_pages_of_the_one_before_until_they_are_given_back():
    usual, kept = faults("default"), faults("kept")
    assert kept[0] < 100 < usual[0]
    assert kept[1] > 100
