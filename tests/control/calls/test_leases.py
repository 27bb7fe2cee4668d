"""Who looks after a call: by leases on the database's clock, whoever has which clock."""

import asyncio

import pytest
from pydantic import SecretStr

from control.calls.call import CallState
from control.calls.store import LEASE_SECONDS
from control.storage.database import Database
from control.storage.sealing import Sealer, new_key
from tests.control.calls.stored import NOW, SEALER, control_plane, make_call, set_clock


async def test_a_lease_that_is_renewed_is_nobody_elses_and_one_that_ran_out_is_taken_once(
    database: Database,
) -> None:
    store, leases = control_plane(database, "first")
    _, others = control_plane(database, "second")
    call = make_call()
    await store.open(call, None)

    set_clock(database, NOW + LEASE_SECONDS - 1)
    assert await others.take_over_orphans() == ()
    await leases.renew()
    set_clock(database, NOW + 2 * LEASE_SECONDS - 2)
    assert await others.take_over_orphans() == ()

    set_clock(database, NOW + 2 * LEASE_SECONDS)
    assert [taken.id for taken in await others.take_over_orphans()] == [call.id]
    assert await others.take_over_orphans() == ()
    assert await leases.take_over_orphans() == ()
    # The one that stood still so long must do nothing more for it.
    assert not await store.note(call.id, state=CallState.JOINED.value)


async def test_calls_that_are_let_go_are_taken_at_once_and_ended_ones_by_nobody(
    database: Database,
) -> None:
    store, leases = control_plane(database, "first")
    _, others = control_plane(database, "second")
    kept, ended = make_call(), make_call()
    for call in (kept, ended):
        await store.open(call, None)
    await store.end(ended.id)
    await leases.let_go()
    assert [taken.id for taken in await others.take_over_orphans()] == [kept.id]


async def test_two_that_look_at_once_share_the_orphans_and_take_none_twice(
    database: Database,
) -> None:
    store, leases = control_plane(database, "first")
    calls = [make_call() for _ in range(30)]
    for call in calls:
        await store.open(call, None)
    await leases.let_go()
    lookers = [control_plane(database, name)[1] for name in ("second", "third", "fourth")]
    taken = await asyncio.gather(*(leases.take_over_orphans() for leases in lookers))
    ids = [call.id for found in taken for call in found]
    assert sorted(ids) == sorted(call.id for call in calls)


async def test_a_call_that_no_key_opens_is_named_and_the_others_are_looked_after(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    retired = Sealer.from_text(SecretStr(new_key()))
    old, old_leases = control_plane(database, "first", retired)
    new, new_leases = control_plane(database, "first", SEALER)
    unreadable, readable = make_call(), make_call()
    await old.open(unreadable, None)
    await new.open(readable, None)
    await old_leases.let_go()
    await new_leases.let_go()
    _, others = control_plane(database, "second", SEALER)
    assert [taken.id for taken in await others.take_over_orphans()] == [readable.id]
    assert f"call {unreadable.id} cannot be looked after" in caplog.text
    assert "CONTROL_SEALING_KEY" in caplog.text
