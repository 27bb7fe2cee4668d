"""Who looks after a call: this process, by a name under which its death can be noticed."""

import os
import socket
from pathlib import Path

from control.process_start_time import process_start_time


def name_myself() -> str:
    """Name this process so that another on the same machine can tell whether it is gone."""
    return f"{socket.gethostname()}|{_namespace()}|{os.getpid()}|{process_start_time(os.getpid())}"


def is_surely_gone(owner: str) -> bool:
    """Tell whether an owner has certainly ended; of another machine's one only its lease tells."""
    host, namespace, pid, started = (*owner.split("|"), "", "", "", "")[:4]
    if host != socket.gethostname() or not namespace or namespace != _namespace():
        return False
    return pid.isdigit() and str(process_start_time(int(pid))) != started


def _namespace() -> str:
    # The same process number means another process in another container.
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
