"""Tenants' own code for tests: agents that need no model, so that two cores serve a storm."""

import asyncio
import contextlib
import dataclasses
import gc
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from livekit.agents import JobContext
from pydantic import SecretStr

HERE = "the tenant's code runs"
PRIED = "the usage secret was found in"
CANARY = "canary-of-the-usage-secret-0123456789"
logger = logging.getLogger(__name__)


async def silent(ctx: JobContext, start: Any) -> None:
    """Be in the room and say nothing, until the room is over."""
    gone = asyncio.Event()
    ctx.room.on("disconnected", lambda *_: gone.set())
    await ctx.connect()
    await gone.wait()


async def insistent(ctx: JobContext, start: Any) -> None:
    """Take no refusal of the room's door for an answer."""
    while True:
        with contextlib.suppress(Exception):
            await ctx.connect()
        await asyncio.sleep(0.1)


async def absent(ctx: JobContext, start: Any) -> None:
    """Take the call and never join: a storm of a hundred needs no hundred media connections."""
    logger.info(HERE)
    await asyncio.Event().wait()


async def brief(ctx: JobContext, start: Any) -> None:
    """Be done at once."""


async def greedy(ctx: JobContext, start: Any) -> None:
    """Be in the room and use more and more memory, up to 600 MiB."""
    await ctx.connect()
    held = []
    for _ in range(75):
        held.append(bytearray(b"x") * 8 * 1024 * 1024)
        await asyncio.sleep(0.2)
    await asyncio.Event().wait()


async def stubborn(ctx: JobContext, start: Any) -> None:
    """Be in the room and hear nothing, not even that the worker ends."""
    await ctx.connect()
    time.sleep(300)  # a blocked loop is what is shown here; the test kills it long before


async def parent(ctx: JobContext, start: Any) -> None:
    """Leave a child behind that outlives the call's process, and then be done."""
    subprocess.Popen(["sleep", "60"], start_new_session=True)


async def prying(ctx: JobContext, start: Any) -> None:
    """Look for the usage secret wherever a tenant's code can look without breaking in."""
    places = {
        "environment": " ".join(os.environ.values()),
        "start": Path("/proc/self/environ").read_text(),
        "frames": " ".join(_secrets_in_frames()),
        "objects": " ".join(_secrets_in(gc.get_objects())),
    }
    found = [place for place, text in places.items() if CANARY in text]
    logger.info(f"{PRIED}: {found}")


def _secrets_in_frames() -> Iterator[str]:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield from _secrets_in(list(frame.f_locals.values()))
        frame = frame.f_back


def _secrets_in(things: list[Any]) -> Iterator[str]:
    for thing in things:
        held = list(vars(thing).values()) if dataclasses.is_dataclass(type(thing)) else [thing]
        for one in held:
            if isinstance(one, SecretStr):
                yield one.get_secret_value()


async def by_room(ctx: JobContext, start: Any) -> None:
    """Be one of these, as the room's name says after the tenant's prefix."""
    kinds = {"greedy": greedy, "stubborn": stubborn, "parent": parent, "prying": prying}
    kind = ctx.job.room.name.split("--")[1].split("-")[0]
    await kinds.get(kind, silent)(ctx, start)
