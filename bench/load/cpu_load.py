"""A load on every core of the machine: what a worker has beside a busy neighbour."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_cpu_load() -> Iterator[None]:
    """Run one endless loop a core until the block ends."""
    children = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()
