"""What all tests share."""

import os

import pytest
from hypothesis import settings

# Tiny models gain nothing from threads, and two test processes share the machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says more about the machine than about the code.
settings.register_profile("textrnn", deadline=None)
settings.load_profile("textrnn")

# They run command after command, for minutes: what begins last would have one process to itself.
LONGEST = ("test_readme.py", "test_docs.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
