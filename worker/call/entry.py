"""One call, in its own process: admitted, held by the conversation, and told up how it ended."""

import asyncio
import logging
import os
import socket
from collections.abc import Coroutine
from typing import Any, cast

from livekit.agents import JobContext, JobProcess

from contract.metadata import Probe
from contract.records.usage import CallOutcome
from contract.refusals import Refusal
from worker import logs
from worker.call import admission, conversation, probe_answer
from worker.call.admission import AdmissionRefused
from worker.call.room_join import RoomJoin
from worker.call_pipe import Finish, PipeToMain
from worker.configuration import Configuration
from worker.forking import fork_server
from worker.guard.offer import read

logger = logging.getLogger(__name__)


def prepare(configuration: Configuration, _: JobProcess) -> None:
    """Make a freshly forked process ready for its one call."""
    fork_server.renew_randomness()
    _furnish(configuration)
    logs.in_call(configuration)


async def enter(configuration: Configuration, ctx: JobContext) -> None:
    """Serve one job to its end: what the SDK runs in a call's process."""
    pipe = await PipeToMain.open(cast(socket.socket, ctx.proc.user_arguments))
    logs.worker_is(ctx.worker_id)
    logs.call_is(ctx.job.id, ctx.job.room.name)
    reason = "the call is over"
    try:
        if outcome := await _unless_withdrawn(pipe, _serve(configuration, ctx, pipe)):
            pipe.end(outcome)
    except AdmissionRefused as refused:
        reason = refused.refusal.value
        pipe.refuse(reason, refused.detail)
    except asyncio.CancelledError:
        # The SDK ends this process: the room is lost, or the main process is.
        pipe.end(CallOutcome.CUT_OFF)
        raise
    except Exception:  # the edge of this task: the main process has to know that it is over
        logger.exception("the call has failed")
        pipe.end(CallOutcome.FAILED)
    finally:
        await pipe.close()
        ctx.shutdown(reason)


async def _unless_withdrawn(
    pipe: PipeToMain, serving: Coroutine[Any, Any, CallOutcome | None]
) -> CallOutcome | None:
    """Serve, until somebody takes the dispatch back: then leave at once, and leave the room."""
    task = asyncio.create_task(serving, name="serve")
    pipe.finish.add_done_callback(
        lambda finish: task.cancel() if finish.result() == Finish.WITHDRAWN else None
    )
    try:
        return await task
    except asyncio.CancelledError:
        task.cancel()
        if not pipe.is_withdrawn:
            raise
    if not pipe.has_joined:
        raise AdmissionRefused(Refusal.WITHDRAWN, "the dispatch is gone")
    logger.info("the dispatch was withdrawn")
    return CallOutcome.CUT_OFF


async def _serve(
    configuration: Configuration, ctx: JobContext, pipe: PipeToMain
) -> CallOutcome | None:
    offer = read(ctx.job)
    await pipe.turn()
    await admission.admit(ctx, configuration, offer)
    if isinstance(offer.parsed, Probe):
        await probe_answer.answer(ctx, pipe)
        return None
    room_join = RoomJoin(ctx, offer, configuration, pipe)
    loop = asyncio.get_running_loop()
    alarm = loop.call_later(
        configuration.limits.max_call_seconds, pipe.ask_to_finish, Finish.TIME_IS_UP
    )
    try:
        return await conversation.hold(ctx, configuration, pipe, room_join)
    finally:
        alarm.cancel()


def _furnish(configuration: Configuration) -> None:
    """Put the tenant's own values where the SDK's clients and the tenant's code look for them."""
    credentials = configuration.credentials
    values = {
        "LIVEKIT_URL": credentials.ws_url,
        "LIVEKIT_API_KEY": credentials.api_key,
        "LIVEKIT_API_SECRET": credentials.api_secret.get_secret_value(),
        "OPENAI_BASE_URL": configuration.provider.base_url,
    }
    if configuration.provider.api_key is not None:
        values["OPENAI_API_KEY"] = configuration.provider.api_key.get_secret_value()
    os.environ.update({name: value for name, value in values.items() if value})
