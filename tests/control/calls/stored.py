"""Calls on record for tests of their store, at a time that is given."""

from dataclasses import replace
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Float, literal

from contract.tenant import new_nonce
from control.calls.call import Call, CallRequest, CallState
from control.calls.store import CallStore
from control.calls.upkeep.leases import Leases
from control.storage.database import Database
from control.storage.sealing import Sealer, new_key
from project.credentials import Credentials

NOW = 1_800_000_000.0
SEALER = Sealer.from_text(SecretStr(new_key()))


def set_clock(database: Database, at: float) -> None:
    """Let the database's clock stand at a Unix second."""
    database.clock = literal(at, Float)


def make_call(tenant: str = "acme", state: CallState = CallState.BOOKED, port: int = 9) -> Call:
    """Make a call of a tenant whose project is at a port of this machine."""
    credentials = Credentials(f"ws://127.0.0.1:{port}", f"API{tenant}", SecretStr("s" * 32))
    return Call(
        id=new_nonce(),
        tenant_id=tenant,
        room=f"{tenant}--{new_nonce()}",
        makes_room=True,
        request=CallRequest("caller"),
        credentials=credentials,
        agent_name=f"{tenant}-agent",
        state=state,
        created_at=NOW,
    )


def control_plane(
    database: Database, name: str, sealer: Sealer = SEALER
) -> tuple[CallStore, Leases]:
    """Give the store and the leases of a control plane on another machine: only leases tell."""
    store = CallStore(database, sealer)
    store.me = f"{name}|boot/pid:[1]|1|1"
    return store, Leases(database, store)


def changed(call: Call, **values: Any) -> Call:
    """Give the call with other values."""
    return replace(call, **values)
