"""Becomes another program, which the kernel kills when its parent ends."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h; elsewhere a child outlives a parent killed with SIGKILL


def main() -> None:
    """Run `parent_death.py PARENT_PID PROGRAM ARGUMENTS…` in this very process."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the kernel was told
        raise SystemExit(1)
    os.execvp(program[0], program)  # noqa: S606 - becoming that program is the purpose


if __name__ == "__main__":
    main()
