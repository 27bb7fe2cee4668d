"""What goes when: answers after a day, ended calls after the days that are set, nothing twice."""

import pytest

from control.calls.call import CallAnswer, CallState
from control.calls.upkeep.retention import ANSWERS_KEPT_SECONDS, CallRetention
from control.storage.database import Database
from tests.control.calls.stored import NOW, control_plane, make_call, set_clock

DAY = 24 * 3600.0
ANSWER = CallAnswer(201, {"token": "t"})


async def test_an_answer_goes_after_a_day_and_its_key_may_be_used_again(
    database: Database,
) -> None:
    store, _ = control_plane(database, "first")
    retention, call = CallRetention(database, keep_days=30), make_call()
    await store.open(call, "key")
    await store.keep_answer(call, ANSWER, state=CallState.JOINED.value)

    set_clock(database, NOW + ANSWERS_KEPT_SECONDS - 1)
    assert await retention.forget() == 0
    assert await store.answer_of(call.id) == ANSWER

    set_clock(database, NOW + ANSWERS_KEPT_SECONDS + 1)
    assert await retention.forget() == 1
    assert await store.answer_of(call.id) is None
    assert (await store.open(make_call(), "key")).is_new
    # What was forgotten is not touched again, however often one looks.
    assert await retention.forget() == 0


async def test_ended_calls_go_after_their_days_and_open_ones_never(database: Database) -> None:
    store, _ = control_plane(database, "first")
    retention = CallRetention(database, keep_days=30)
    ended, open_call = [make_call() for _ in range(3)], make_call()
    for call in (*ended, open_call):
        await store.open(call, None)
    for call in ended:
        await store.end(call.id)
    set_clock(database, NOW + 30 * DAY - 1)
    assert await retention.forget() == 0
    set_clock(database, NOW + 30 * DAY + 1)
    assert await retention.forget() == 3
    assert [await store.call(call.id) for call in ended] == [None, None, None]
    assert await store.call(open_call.id) is not None


async def test_more_than_one_write_takes_goes_in_several(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control.calls.upkeep.retention._CHUNK", 4)
    store, _ = control_plane(database, "first")
    calls = [make_call() for _ in range(11)]
    for call in calls:
        await store.open(call, None)
        await store.end(call.id)
    set_clock(database, NOW + 31 * DAY)
    assert await CallRetention(database, keep_days=30).forget() == 11
