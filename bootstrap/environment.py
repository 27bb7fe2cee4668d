"""The process's environment: the one place that reads and changes it.

Imports next to nothing, since `set_apart` may begin the program again.
"""

import os
import sys
from collections.abc import Mapping

# What only the main process may know: no memory that calls are forked from may ever hold it.
_SET_APART = ("USAGE_SECRET",)
_DESCRIPTOR = "LIVEKIT_TENANT_WORKER_SET_APART"


def set_apart() -> None:
    """Move what only the main process may know out of the environment, into a file without a name.

    What a process was started with stays in its memory, so the program then begins again, with
    that file open. Where there is nothing to move, or no such file to be had, all stays as it is.
    """
    names = [name for name in _SET_APART if os.environ.get(name)]
    if not names or sys.platform != "linux":
        return
    try:
        descriptor = os.memfd_create("set apart", 0)
    except OSError:
        return  # `settings_process` needs such a file too, and its error has an exit code
    entries = "\0".join(f"{name}={os.environ.pop(name)}" for name in names)
    os.write(descriptor, os.fsencode(entries))
    os.environ[_DESCRIPTOR] = str(descriptor)
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - becoming this program again is the purpose


def as_started() -> dict[str, str]:
    """Give a copy of what the program was started with, what was set apart included."""
    environment = dict(os.environ)
    if descriptor := environment.pop(_DESCRIPTOR, ""):
        entries = os.pread(int(descriptor), os.fstat(int(descriptor)).st_size, 0)
        environment |= dict(entry.split("=", 1) for entry in os.fsdecode(entries).split("\0"))
    return environment


def forget_set_apart() -> None:
    """Close the file of what was set apart, once it was read."""
    if descriptor := os.environ.pop(_DESCRIPTOR, ""):
        os.close(int(descriptor))


def current() -> dict[str, str]:
    """Give a copy of the process's environment."""
    return dict(os.environ)


def proxy() -> str | None:
    """Name the proxy that the SDK would take; it asks for these two alone and ignores NO_PROXY."""
    return os.environ.get("HTTPS_PROXY") or os.environ.get("HTTP_PROXY") or None


def python_path() -> tuple[str, ...]:
    """List PYTHONPATH's folders; one that an env file names comes too late for the interpreter."""
    return tuple(folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder)


def replace(kept: Mapping[str, str]) -> None:
    """Leave nothing but `kept` in the process's environment; also for its future children.

    What the process was started with is overwritten too, since /proc shows it for as long as the
    process and its forks live.
    """
    gone = [name for name in os.environ if name not in kept]
    for name in gone:
        del os.environ[name]
    os.environ.update(kept)
    _overwrite_initial(gone)


def _overwrite_initial(gone: list[str]) -> None:
    # Linux shows the block of strings that exec laid down, whatever unsetenv did since.
    try:
        start, end = (int(field) for field in _stat_fields()[47:49])
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            block = memory.read(end - start)
            at = start
            for entry in block.split(b"\0"):
                if entry.partition(b"=")[0].decode(errors="replace") in gone:
                    memory.seek(at)
                    memory.write(b"\0" * len(entry))
                at += len(entry) + 1
    except (OSError, ValueError):
        return  # another platform, or a kernel that forbids it: unsetenv is then all there is


def _stat_fields() -> list[str]:
    # The second field, the program's name, may hold blanks and brackets: count from its end.
    with open("/proc/self/stat", encoding="utf-8") as stat:
        return stat.read().rpartition(")")[2].split()
