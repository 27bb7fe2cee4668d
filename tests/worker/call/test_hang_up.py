"""Who ends a call: a room that reports what no test can order within seconds."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from livekit import rtc

from contract.records.usage import CallOutcome
from worker.call.hang_up import CallEnding, HangUp

_Reason = rtc.DisconnectReason
_LOST = rtc.ConnectionQuality.QUALITY_LOST
_GOOD = rtc.ConnectionQuality.QUALITY_GOOD
# Far below what a test waits, far above what a loaded machine takes for a callback.
SOON = 0.2
NEVER = 60.0


@dataclass
class Person:
    """As much of a participant as matters; a real one cannot be made to drop on command."""

    identity: str = "alice"
    kind: int = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
    disconnect_reason: int | None = None


@dataclass
class Room:
    """A room's events, to be emitted by hand."""

    remote_participants: dict[str, Person] = field(default_factory=dict)
    emitter: rtc.EventEmitter[Any] = field(default_factory=rtc.EventEmitter)

    def on(self, event: str, told: Any) -> None:
        self.emitter.on(event, told)

    def comes(self, person: Person) -> None:
        self.remote_participants[person.identity] = person
        self.emitter.emit("participant_connected", person)

    def leaves(self, person: Person, reason: int) -> None:
        del self.remote_participants[person.identity]
        person.disconnect_reason = reason
        self.emitter.emit("participant_disconnected", person)


def _hang_up(room: Room, drop: float = SOON, nobody: float = NEVER, lost: float = SOON) -> HangUp:
    hang_up = HangUp(
        room,  # type: ignore[arg-type]  # stands in for it
        drop_seconds=drop,
        no_caller_seconds=nobody,
        lost_seconds=lost,
    )
    hang_up.expect_caller()
    return hang_up


async def _ending(hang_up: HangUp) -> CallEnding:
    async with asyncio.timeout(20):
        return await hang_up.ended()


async def _another_call_ends_by_the_same_time() -> None:
    """Let pass what an earlier drop had: the loop's timers ring in the order of their times."""
    room, caller = Room(), Person()
    hang_up = _hang_up(room)
    room.comes(caller)
    room.leaves(caller, _Reason.SIGNAL_CLOSE)
    await _ending(hang_up)


def _is_over(hang_up: HangUp) -> bool:
    return hang_up._ended.done()


@pytest.mark.parametrize(
    "reason", [_Reason.CLIENT_INITIATED, _Reason.PARTICIPANT_REMOVED, _Reason.USER_REJECTED]
)
async def test_a_caller_who_leaves_ends_the_call_at_once(reason: int) -> None:
    room, caller = Room(), Person()
    hang_up = _hang_up(room, drop=NEVER)
    room.comes(caller)
    room.leaves(caller, reason)
    assert _is_over(hang_up)
    assert (await _ending(hang_up)).outcome is CallOutcome.CALLER_LEFT


@pytest.mark.parametrize(
    "reason", [_Reason.SIGNAL_CLOSE, _Reason.CONNECTION_TIMEOUT, _Reason.UNKNOWN_REASON]
)
async def test_a_caller_whose_connection_drops_has_time_to_come_back(reason: int) -> None:
    room, caller = Room(), Person()
    hang_up = _hang_up(room)
    room.comes(caller)
    room.leaves(caller, reason)
    assert not _is_over(hang_up)
    assert (await _ending(hang_up)).cause == "the caller dropped out"


async def test_a_caller_who_comes_back_in_time_goes_on() -> None:
    room, caller = Room(), Person()
    hang_up = _hang_up(room)
    room.comes(caller)
    room.leaves(caller, _Reason.SIGNAL_CLOSE)
    room.comes(Person())
    await _another_call_ends_by_the_same_time()
    assert not _is_over(hang_up)


async def test_a_line_that_is_lost_and_found_again_goes_on() -> None:
    room, caller = Room(), Person()
    hang_up = _hang_up(room)
    room.comes(caller)
    room.emitter.emit("connection_quality_changed", caller, _LOST)
    room.emitter.emit("connection_quality_changed", caller, _GOOD)
    await _another_call_ends_by_the_same_time()
    assert not _is_over(hang_up)


async def test_a_line_that_stays_lost_ends_the_call() -> None:
    room, caller = Room(), Person()
    hang_up = _hang_up(room)
    room.comes(caller)
    room.emitter.emit("connection_quality_changed", caller, _LOST)
    assert (await _ending(hang_up)).outcome is CallOutcome.CALLER_LEFT


async def test_the_first_of_two_callers_may_leave() -> None:
    room, alice, bob = Room(), Person("alice"), Person("bob")
    hang_up = _hang_up(room)
    room.comes(alice)
    room.comes(bob)
    room.leaves(alice, _Reason.CLIENT_INITIATED)
    assert not _is_over(hang_up)
    room.leaves(bob, _Reason.CLIENT_INITIATED)
    assert _is_over(hang_up)


async def test_nobody_coming_ends_the_call() -> None:
    hang_up = _hang_up(Room(), nobody=SOON)
    assert (await _ending(hang_up)).outcome is CallOutcome.NO_CALLER


async def test_another_agent_is_no_caller() -> None:
    room = Room()
    hang_up = _hang_up(room, nobody=SOON)
    agent = Person("agent-x", kind=rtc.ParticipantKind.PARTICIPANT_KIND_AGENT)
    room.comes(agent)
    room.leaves(agent, _Reason.CLIENT_INITIATED)
    assert (await _ending(hang_up)).outcome is CallOutcome.NO_CALLER


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (_Reason.ROOM_DELETED, CallOutcome.COMPLETED),
        (_Reason.PARTICIPANT_REMOVED, CallOutcome.CUT_OFF),
        (_Reason.ROOM_CLOSED, CallOutcome.NO_CALLER),
        (_Reason.STATE_MISMATCH, CallOutcome.FAILED),
    ],
)
async def test_a_room_that_is_gone_settles_the_call_and_is_not_deleted_again(
    reason: int, outcome: CallOutcome
) -> None:
    room = Room()
    hang_up = _hang_up(room)
    room.emitter.emit("disconnected", reason)
    ending = await _ending(hang_up)
    assert (ending.outcome, ending.deletes_room) == (outcome, False)


async def test_a_room_that_closes_after_its_caller_dropped_out_ends_as_caller_left() -> None:
    room, caller = Room(), Person()
    hang_up = _hang_up(room, drop=NEVER)
    room.comes(caller)
    room.leaves(caller, _Reason.SIGNAL_CLOSE)
    room.emitter.emit("disconnected", _Reason.ROOM_CLOSED)
    assert (await _ending(hang_up)).outcome is CallOutcome.CALLER_LEFT


async def test_a_room_that_stays_lost_fails_the_call() -> None:
    room = Room()
    hang_up = _hang_up(room)
    room.comes(Person())
    room.emitter.emit("reconnecting")
    lost = CallEnding(CallOutcome.FAILED, "the room was lost", deletes_room=False)
    assert await _ending(hang_up) == lost


async def test_a_caller_who_vanishes_while_the_room_is_lost_has_not_left() -> None:
    room, caller = Room(), Person()
    hang_up = _hang_up(room, lost=NEVER)
    room.comes(caller)
    room.emitter.emit("reconnecting")
    room.leaves(caller, _Reason.CLIENT_INITIATED)
    room.comes(Person())
    room.emitter.emit("reconnected")
    await _another_call_ends_by_the_same_time()
    assert not _is_over(hang_up)


async def test_a_caller_who_is_not_there_when_the_room_is_found_again_has_time_to_come_back() -> (
    None
):
    room, caller = Room(), Person()
    hang_up = _hang_up(room, lost=NEVER)
    room.comes(caller)
    room.emitter.emit("reconnecting")
    room.leaves(caller, _Reason.UNKNOWN_REASON)
    room.emitter.emit("reconnected")
    assert (await _ending(hang_up)).cause == "the caller dropped out"


async def test_the_first_cause_settles_the_call() -> None:
    room = Room()
    hang_up = _hang_up(room)
    hang_up.end(CallOutcome.COMPLETED, "its time was up")
    hang_up.end(CallOutcome.FAILED, "too late")
    assert (await _ending(hang_up)).outcome is CallOutcome.COMPLETED
