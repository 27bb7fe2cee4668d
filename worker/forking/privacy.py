"""Privacy: no other process of this one's user may look into its memory."""

import ctypes
import logging

logger = logging.getLogger(__name__)

_PR_SET_DUMPABLE = 4  # of Linux's prctl.h


def seclude() -> None:
    """Close this process's memory, environment and open files to whoever may not trace all.

    Else the tenant's own code, which runs with the same user id, could read there what was kept
    from it. Forks inherit it, so the calls' template comes first. No core is dumped any more.
    See prctl(2), PR_SET_DUMPABLE.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None or prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        logger.warning("processes of the same user may look into this one's memory")
