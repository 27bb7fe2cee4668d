"""The allocator's arenas: one for all threads of a call."""

import ctypes

_M_ARENA_MAX = -8  # of glibc's malloc.h


def use_one() -> None:
    """Let all threads of this process and of its forks share one heap, where glibc allocates.

    It would give each of a call's 17 threads a heap of its own, and keep what is freed in it: 2 MiB
    a call, for a lock that nobody waits for.
    """
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_M_ARENA_MAX, 1)
