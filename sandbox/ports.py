"""Free ports: no other test run and no outgoing connection of this machine takes them."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the kernel's range for outgoing connections (32768 up), which take ports at random.
_LOWEST, _HIGHEST = 20_000, 32_000
_locks: dict[int, int] = {}


def free_port() -> int:
    """Reserve a port of 127.0.0.1, free for TCP and UDP, for as long as this process lives."""
    for port in random.sample(range(_LOWEST, _HIGHEST), 500):
        if port not in _locks and _reserve(port):
            return port
    raise RuntimeError("no free port between 20000 and 32000")


def _reserve(port: int) -> bool:
    folder = Path(tempfile.gettempdir(), f"sandbox-ports-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _bind(port)
    except OSError:
        os.close(lock)
        return False
    _locks[port] = lock
    return True


def _bind(port: int) -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as listener:
            listener.bind(("127.0.0.1", port))
