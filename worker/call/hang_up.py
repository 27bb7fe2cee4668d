"""The hang-up: how a call ends, by who left, who never came, what broke; the first cause counts."""

import asyncio
import logging
from dataclasses import dataclass

from livekit import rtc

from contract.records.usage import CallOutcome
from project.connection import Project
from project.credentials import Credentials
from project.faults import ProjectFault
from project.rooms import delete_room

logger = logging.getLogger(__name__)

DROP_SECONDS = 15.0
NO_CALLER_SECONDS = 60.0
# From when the SDK notices, 15 s late; left alone, it waits for a dead connection up to 15 minutes.
LOST_SECONDS = 30.0

_Reason = rtc.DisconnectReason
# Whoever ends so means it; every other reason may be a tunnel or a lift, and the caller comes back.
_ON_PURPOSE = frozenset(
    {
        _Reason.CLIENT_INITIATED,
        _Reason.PARTICIPANT_REMOVED,
        _Reason.ROOM_DELETED,
        _Reason.ROOM_CLOSED,
        _Reason.USER_REJECTED,
        _Reason.USER_UNAVAILABLE,
    }
)
_NO_CALLERS = frozenset(
    {rtc.ParticipantKind.PARTICIPANT_KIND_AGENT, rtc.ParticipantKind.PARTICIPANT_KIND_EGRESS}
)


@dataclass(frozen=True)
class CallEnding:
    """Why a call is over; `deletes_room` where we end it and the room is still there."""

    outcome: CallOutcome
    cause: str
    deletes_room: bool = True


class HangUp:
    """Watches one room until the call in it is over."""

    def __init__(
        self,
        room: rtc.Room,
        *,
        drop_seconds: float = DROP_SECONDS,
        no_caller_seconds: float = NO_CALLER_SECONDS,
        lost_seconds: float = LOST_SECONDS,
    ) -> None:
        self._room = room
        self._drop_seconds = drop_seconds
        self._no_caller_seconds = no_caller_seconds
        self._lost_seconds = lost_seconds
        self._ended: asyncio.Future[CallEnding] = asyncio.get_running_loop().create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._away: asyncio.TimerHandle | None = None
        self._has_left = False
        room.on("participant_connected", self._came)
        room.on("participant_disconnected", self._left)
        room.on("connection_quality_changed", self._quality_changed)
        room.on("reconnecting", self._went_away)
        room.on("reconnected", self._came_back)
        room.on("disconnected", self._lost)

    def expect_caller(self) -> None:
        """Give a caller so long to come; the agent is in the room already."""
        if not self._callers():
            self._end_in(self._no_caller_seconds, CallEnding(CallOutcome.NO_CALLER, "nobody came"))

    def end(self, outcome: CallOutcome, cause: str, deletes_room: bool = True) -> None:
        """End the call; a later cause changes nothing."""
        if not self._ended.done():
            self._stay()
            if self._away is not None:
                self._away.cancel()
            self._ended.set_result(CallEnding(outcome, cause, deletes_room))

    async def ended(self) -> CallEnding:
        """Wait until the call is over; gives why."""
        return await asyncio.shield(self._ended)

    def _callers(self) -> list[rtc.RemoteParticipant]:
        everybody = self._room.remote_participants.values()
        return [present for present in everybody if present.kind not in _NO_CALLERS]

    def _came(self, participant: rtc.RemoteParticipant) -> None:
        if participant.kind not in _NO_CALLERS:
            self._stay()

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        # The SDK starts over with an empty room: nobody has left it.
        if participant.kind in _NO_CALLERS or self._away is not None:
            return
        self._has_left = True
        if self._others(participant):
            return
        if participant.disconnect_reason in _ON_PURPOSE:
            self.end(CallOutcome.CALLER_LEFT, "the caller left")
        else:
            self._dropped()

    def _others(self, participant: rtc.RemoteParticipant) -> bool:
        return any(caller.identity != participant.identity for caller in self._callers())

    def _quality_changed(self, participant: rtc.Participant, quality: int) -> None:
        # A caller whose network is cut is shown for another 20 s; this tells of it sooner.
        if participant.identity not in [caller.identity for caller in self._callers()]:
            return
        if quality == rtc.ConnectionQuality.QUALITY_LOST:
            if len(self._callers()) == 1:
                self._dropped()
        else:
            self._stay()

    def _went_away(self) -> None:
        if self._away is None and not self._ended.done():
            # The room stays: who watches over the call may send another agent to its caller.
            self._away = asyncio.get_running_loop().call_later(
                self._lost_seconds, self.end, CallOutcome.FAILED, "the room was lost", False
            )

    def _came_back(self) -> None:
        if self._away is not None:
            self._away.cancel()
            self._away = None
        if self._timer is None and not self._callers() and not self._ended.done():
            self._dropped()

    def _lost(self, reason: object = None) -> None:
        if reason == _Reason.ROOM_DELETED:
            self.end(CallOutcome.COMPLETED, "the room was deleted", deletes_room=False)
        elif reason == _Reason.PARTICIPANT_REMOVED:
            self.end(CallOutcome.CUT_OFF, "the agent was removed", deletes_room=False)
        elif reason == _Reason.ROOM_CLOSED:
            self._closed()
        else:
            self.end(CallOutcome.FAILED, "the room was lost", deletes_room=False)

    def _closed(self) -> None:
        # The server closes a room without callers, long before we would where its times are short.
        if self._has_left:
            self.end(
                CallOutcome.CALLER_LEFT, "the room closed after the caller", deletes_room=False
            )
        else:
            self.end(CallOutcome.NO_CALLER, "the room closed: nobody came", deletes_room=False)

    def _dropped(self) -> None:
        if self._timer is None:
            logger.info("the caller's connection dropped", extra={"grace": self._drop_seconds})
            self._end_in(
                self._drop_seconds, CallEnding(CallOutcome.CALLER_LEFT, "the caller dropped out")
            )

    def _end_in(self, seconds: float, ending: CallEnding) -> None:
        self._stay()
        self._timer = asyncio.get_running_loop().call_later(
            seconds, self.end, ending.outcome, ending.cause
        )

    def _stay(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def remove_room(credentials: Credentials, room: str) -> None:
    """Delete a call's room, so that nobody is left in it without an agent."""
    try:
        async with Project(credentials) as project:
            await delete_room(project, room)
    except ProjectFault as fault:
        logger.warning("the call's room could not be deleted: %s", fault)
