"""Processes that lost their parent and fall to this one, as to a container's PID 1: reaped."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Let orphans of calls fall to this process also where it is not PID 1; Linux alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(is_waited_for: Callable[[int], bool]) -> None:
    """Reap every dead child that nobody else in this process waits for."""
    for pid in _dead_children():
        if not is_waited_for(pid):
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue  # somebody did wait for it


def _dead_children() -> list[int]:
    us = str(os.getpid())
    dead = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name, which may hold anything: state, parent's pid, …
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue  # it ended while we looked
        if state == "Z" and parent == us:
            dead.append(int(stat.parent.name))
    return dead
