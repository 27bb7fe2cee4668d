"""A silent worker that dies on the way to its first call, or one that waits for such a death.

`killed_once` is the same as a tenant's own code: it ends the whole worker around its first call.

Usage: python -m tests.control.dying_worker AGENT_NAME, with LIVEKIT_* in the environment and
DIES_WHEN=offered or accepted (before it answers; before its agent joins), or =never: then it gives
every offer back until the other has died. DEATH names the file that says so.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from livekit.agents import JobContext, JobRequest

from tests.control.silent_worker import accept, serve, stay_silent
from tests.worker.agents import silent

DEATH = Path(os.environ["DEATH"])
DIES_WHEN = os.environ.get("DIES_WHEN")


def die() -> None:
    """End as a killed container does, and leave word."""
    DEATH.touch()
    os.killpg(os.getpgrp(), signal.SIGKILL)


async def die_instead(_ctx: JobContext) -> None:
    """Have taken the call, and never join it."""
    die()


async def killed_once(ctx: JobContext, start: Any) -> None:
    """Never join the first call; be silent in any other."""
    if not DEATH.exists():
        die()
    await silent(ctx, start)


async def answer(request: JobRequest) -> None:
    """Take the offer; die first, or let the other die first, where that is asked for."""
    if DIES_WHEN == "offered":
        die()
    if DIES_WHEN == "never" and not DEATH.exists():
        await request.reject(terminate=False)
    else:
        await accept(request)


if __name__ == "__main__":
    agent = die_instead if DIES_WHEN == "accepted" else stay_silent
    asyncio.run(serve(sys.argv[1], agent, answer))
