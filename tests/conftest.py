"""What all tests share."""

import os

# Tiny models gain nothing from threads, and two test processes share the machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
