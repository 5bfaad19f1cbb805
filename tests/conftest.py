"""What all tests share."""

import os

from hypothesis import settings

# Tiny models gain nothing from threads, and two test processes share the machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says more about the machine than about the code.
settings.register_profile("textrnn", deadline=None)
settings.load_profile("textrnn")
