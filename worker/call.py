"""One call, in its own process: admitted, held by the conversation, and told up how it ended."""

import asyncio
import logging
import os
import socket
import time
from functools import partial
from typing import Any, cast

from livekit.agents import JobContext, JobProcess

from contract.metadata import Probe
from contract.usage import Outcome
from worker import admission, conversation, logs, probe_answer, sdk
from worker.admission import Refused
from worker.channel import Finish, Line
from worker.configuration import Configuration
from worker.offer import Offer, read

logger = logging.getLogger(__name__)


def prepare(configuration: Configuration, _: JobProcess) -> None:
    """Make a freshly forked process ready for its one call."""
    sdk.renew_randomness()
    _furnish(configuration)
    logs.in_call(configuration)


async def enter(configuration: Configuration, ctx: JobContext) -> None:
    """Serve one job to its end: what the SDK runs in a call's process."""
    line = await Line.open(cast(socket.socket, ctx.proc.user_arguments))
    logs.worker_is(ctx.worker_id)
    logs.call_is(ctx.job.id, ctx.job.room.name)
    reason = "the call is over"
    try:
        await _serve(configuration, ctx, line)
    except Refused as refused:
        reason = refused.refusal.value
        line.refuse(reason, refused.detail)
    except asyncio.CancelledError:
        # The SDK ends this process: the room is lost, or the main process is.
        line.end(Outcome.CUT_OFF)
        raise
    except Exception:
        # The edge of this task: whatever it was, the main process has to know that it is over.
        logger.exception("the call has failed")
        line.end(Outcome.FAILED)
    finally:
        await line.close()
        ctx.shutdown(reason)


async def _serve(configuration: Configuration, ctx: JobContext, line: Line) -> None:
    offer = read(ctx.job)
    await line.turn()
    await admission.admit(ctx, configuration, offer)
    if isinstance(offer.said, Probe):
        await probe_answer.answer(ctx, line)
        return
    _watch_joining(ctx, configuration, line)
    loop = asyncio.get_running_loop()
    alarm = loop.call_later(configuration.max_call_seconds, line.ask_to_finish, Finish.TIME_IS_UP)
    try:
        line.end(await _hold(configuration, ctx, line, offer))
    finally:
        alarm.cancel()


def _watch_joining(ctx: JobContext, configuration: Configuration, line: Line) -> None:
    """Let nobody into the room but by our own door: the session and tenants' code call connect."""
    connect, has_joined = ctx.connect, False

    async def join(**options: Any) -> None:
        nonlocal has_joined
        if has_joined:
            return
        await admission.join(ctx, configuration, partial(connect, **options))
        has_joined = True
        line.joined()
        line.count("joined_after", time.time() - sdk.offered_at(ctx))

    line.joins_by(join)
    ctx.connect = join  # type: ignore[method-assign] # the SDK has no hook for it


async def _hold(configuration: Configuration, ctx: JobContext, line: Line, offer: Offer) -> Outcome:
    holding = asyncio.create_task(conversation.hold(ctx, configuration, line), name="conversation")

    def withdraw(told: asyncio.Future[str]) -> None:
        if not told.cancelled() and told.result() == Finish.WITHDRAWN:
            holding.cancel()

    line.finish.add_done_callback(withdraw)
    try:
        return await holding
    except asyncio.CancelledError:
        if not (line.finish.done() and line.finish.result() == Finish.WITHDRAWN):
            holding.cancel()
            raise
        logger.info("withdrawn", extra={"job": offer.job_id, "room": offer.room})
        return Outcome.CUT_OFF


def _furnish(configuration: Configuration) -> None:
    """Put the tenant's own values where the SDK's clients and the tenant's code look for them."""
    credentials = configuration.credentials
    values = {
        "LIVEKIT_URL": credentials.ws_url,
        "LIVEKIT_API_KEY": credentials.api_key,
        "LIVEKIT_API_SECRET": credentials.api_secret.get_secret_value(),
        "OPENAI_BASE_URL": configuration.openai_base_url,
    }
    if configuration.openai_api_key is not None:
        values["OPENAI_API_KEY"] = configuration.openai_api_key.get_secret_value()
    os.environ.update({name: value for name, value in values.items() if value})
