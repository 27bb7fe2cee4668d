"""One call's conversation: joined, greeted, watched, ended, counted."""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from livekit.agents import AgentSession, CloseEvent, JobContext
from livekit.agents.voice.events import ConversationItemAddedEvent

from contract.agent_config import AgentConfig, AgentConfigFault
from contract.metadata import CallMetadata, parse
from contract.records.usage import CallOutcome
from livekit_tenant import Start, _modules
from project.connection import Project
from project.dispatches import is_listed
from project.faults import ProjectFault
from worker.agent import built_in
from worker.agent.announcements import Announcement, AnnouncementCache, frames
from worker.agent.announcer import Announcer
from worker.agent.provider_watch import ProviderWatch, Stage
from worker.call import hang_up
from worker.call.hang_up import CallEnding, HangUp
from worker.call.room_join import RoomJoin
from worker.call.start import SessionStart
from worker.call_pipe import Finish, PipeToMain
from worker.configuration import Configuration
from worker.usage.meter import SNAPSHOT_SECONDS, UsageMeter

logger = logging.getLogger(__name__)

_CLOSE_SECONDS = 5.0
# What a client plays late is still to be heard after the last frame has left.
_LINGER_SECONDS = 0.4
_TELL_APART_SECONDS = 0.5

TenantCode = Callable[[JobContext, Start], Awaitable[None]]


async def hold(
    ctx: JobContext, configuration: Configuration, pipe: PipeToMain, room_join: RoomJoin
) -> CallOutcome:
    """Hold an admitted call to its end, and send its usage; gives how it ended.

    Cancelled, it still ends in order: that is how a withdrawn call is told to leave.

    Raises:
        admission.Refused: an older agent of ours is in the room, or the room is gone.
    """
    conversation = _Conversation(ctx, configuration, pipe, room_join)
    holding = asyncio.create_task(conversation.hold(), name="hold-call")
    try:
        return await asyncio.shield(holding)
    except asyncio.CancelledError:
        await conversation.withdraw()
        return await holding


class _Conversation:
    def __init__(
        self, ctx: JobContext, configuration: Configuration, pipe: PipeToMain, room_join: RoomJoin
    ) -> None:
        self._ctx = ctx
        self._configuration = configuration
        self._pipe, self._room_join = pipe, room_join
        self._config = _config_of(ctx, configuration)
        self._meter = UsageMeter()
        self._hang_up = HangUp(ctx.room)
        self._session: AgentSession[Any] | None = None
        self._announcer: Announcer | None = None
        self._watch: ProviderWatch | None = None
        self._outcome = CallOutcome.FAILED
        self._tasks: list[asyncio.Task[Any]] = []

    async def hold(self) -> CallOutcome:
        """Talk until something ends the call; then leave, close and count."""
        try:
            ending = await self._until_over()
            self._outcome = ending.outcome
            logger.info("the call ends: %s", ending.cause, extra={"outcome": ending.outcome.value})
            await self._leave(ending)
        finally:
            await self._close()
        return self._outcome

    async def withdraw(self) -> None:
        """End a call that nobody wants any more, unless it is over already.

        Whoever deletes a room also withdraws its dispatch: a moment tells the two apart.
        """
        over = asyncio.create_task(self._hang_up.ended(), name="over-anyway")
        await asyncio.wait({over}, timeout=_TELL_APART_SECONDS)
        if not over.done() and await self._is_still_wanted():
            # A server ends the job of an agent whose media is gone; its caller is still there.
            lost = "the agent's media was lost"
            self._hang_up.end(CallOutcome.FAILED, lost, deletes_room=False)
        self._hang_up.end(CallOutcome.CUT_OFF, "withdrawn", deletes_room=False)
        await over

    async def _is_still_wanted(self) -> bool:
        job = self._ctx.job
        try:
            async with Project(self._configuration.credentials) as project:
                return await is_listed(project, job.dispatch_id, job.room.name)
        except ProjectFault as fault:
            logger.info("nobody says whether the dispatch is listed: %s", fault)
            return False

    async def _until_over(self) -> CallEnding:
        talking = self._keep(self._talk(), "talk")
        self._keep(self._snapshots(), "usage-snapshots")
        self._keep(self._heed_finish(), "heed-finish")
        ended = self._keep(self._hang_up.ended(), "call-ended")
        refused = self._room_join.refused
        await asyncio.wait({talking, ended, refused}, return_when=asyncio.FIRST_COMPLETED)
        failure = talking.exception() if talking.done() and not talking.cancelled() else None
        if refused.done():
            raise refused.result()
        if failure is not None:
            await self._code_failed(failure)
        ending: CallEnding = await ended
        return ending

    async def _close(self) -> None:
        if self._watch:
            self._watch.end()
        for task in self._tasks:
            task.cancel()
        await self._close_session()
        self._pipe.send_usage(self._meter.read(self._outcome))

    async def _talk(self) -> None:
        if self._configuration.agent.code is None:
            await self._talk_as_configured()
            return
        code = _load(self._configuration.agent.code)
        await code(self._ctx, SessionStart(self._join, self._ctx.room))
        if self._session is None:
            # Code that talks without a session knows best when it is done.
            self._hang_up.end(CallOutcome.COMPLETED, "the tenant's code is done")

    async def _talk_as_configured(self) -> None:
        session = built_in.build_session(self._configuration, self._config)
        start = SessionStart(self._join, self._ctx.room)
        await start(session, built_in.build_agent(self._config))
        await self._greet(session)

    async def _greet(self, session: AgentSession[Any]) -> None:
        greeting = self._config.greeting
        if not greeting:
            return
        sound = AnnouncementCache.of(self._configuration).find(Announcement.GREETING, self._config)
        if sound is not None:
            session.say(greeting, audio=_stream(sound))
        elif session.tts is not None:
            session.say(greeting)
        else:
            session.generate_reply(instructions=f'Greet the caller with exactly this: "{greeting}"')

    async def _join(self, session: AgentSession[Any]) -> None:
        if self._session is not None:
            raise RuntimeError("start was called twice")
        self._session = self._meter.session = session
        self._announcer = Announcer(
            session, AnnouncementCache.of(self._configuration), self._config
        )
        self._watch = ProviderWatch(
            session,
            self._announcer,
            count=self._pipe.count,
            give_up=lambda: self._hang_up.end(CallOutcome.FAILED, "the provider failed"),
        )
        session.on("close", self._closed)
        session.on("conversation_item_added", self._item_added)
        await self._room_join.join()
        self._hang_up.expect_caller()
        self._watch.begin()

    def _closed(self, event: CloseEvent) -> None:
        if event.error is None:
            self._hang_up.end(CallOutcome.COMPLETED, "the agent closed the session")
        else:
            self._hang_up.end(CallOutcome.FAILED, "the session closed with an error")

    def _item_added(self, event: ConversationItemAddedEvent) -> None:
        measured = getattr(event.item, "metrics", None) or {}
        if (latency := measured.get("e2e_latency")) is not None:
            self._pipe.count("answered_after", float(latency))

    async def _snapshots(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_SECONDS)
            self._pipe.send_usage(self._meter.read(CallOutcome.FAILED))

    async def _heed_finish(self) -> None:
        reason = await self._pipe.finished()
        if reason == Finish.WITHDRAWN:
            return  # whoever withdraws the call cancels it: nobody wants to hear a goodbye
        await self._announce_last(Announcement.GOODBYE)
        if reason == Finish.TIME_IS_UP:
            self._hang_up.end(CallOutcome.COMPLETED, "its time was up")
        else:
            self._hang_up.end(CallOutcome.CUT_OFF, f"the worker ends: {reason}")

    async def _code_failed(self, error: BaseException) -> None:
        logger.error("the call's code failed", exc_info=error)
        self._pipe.count(f"provider_failed:{Stage.CODE}", 1)
        await self._announce_last(Announcement.GIVING_UP)
        self._hang_up.end(CallOutcome.FAILED, "the call's code failed")

    async def _announce_last(self, announcement: Announcement) -> None:
        if self._announcer is None or self._watch is None:
            return
        self._watch.end()
        await self._announcer.say_last(announcement)
        await asyncio.sleep(_LINGER_SECONDS)

    async def _leave(self, ending: CallEnding) -> None:
        if ending.deletes_room:
            room = self._ctx.job.room.name
            await hang_up.remove_room(self._configuration.credentials, room)
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._ctx.room.disconnect()
        except TimeoutError:
            logger.warning("the room could not be left in time: its network is away")

    async def _close_session(self) -> None:
        if self._session is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._session.aclose()
        except TimeoutError:
            logger.warning("the session did not close in time")
        except Exception:  # the edge of a call: its record is sent whatever the session does
            logger.exception("the session closed with an error")

    def _keep(self, work: Any, name: str) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        return task


def _config_of(ctx: JobContext, configuration: Configuration) -> AgentConfig:
    metadata = parse(ctx.job.metadata)
    assert isinstance(metadata, CallMetadata)  # a probe has no conversation
    try:
        return configuration.agent.config.overridden(metadata.session)
    except AgentConfigFault as fault:
        logger.warning("the dispatch's session is left out: %s", fault)
        return configuration.agent.config


def _load(path: str) -> TenantCode:
    _modules.hide()
    module, _, attribute = path.partition(":")
    return cast(TenantCode, getattr(importlib.import_module(module), attribute))


async def _stream(sound: bytes) -> Any:
    for frame in frames(sound):
        yield frame
