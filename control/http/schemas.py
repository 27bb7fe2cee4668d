"""What requests look like, and what is shown of tenants and calls: never a secret."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from contract.metadata import MAX_SESSION_BYTES
from control.calls.call import DEFAULT_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Call, CallRequest
from control.plane import Plane
from control.tenants.preflight import TenantCheck
from control.tenants.tenant import Tenant

_Line = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TenantBody(_Body):
    """What registers or changes a tenant; what is left out stays as it is."""

    name: Annotated[str, StringConstraints(max_length=256)] | None = None
    enabled: bool | None = None
    settings: dict[str, Any] | None = Field(default=None, repr=False)


class CallBody(_Body):
    """What asks for a call."""

    identity: _Line
    name: _Line | None = None
    room: _Line | None = None
    wait_seconds: float = Field(
        DEFAULT_WAIT_SECONDS, ge=0, le=LONGEST_WAIT_SECONDS, allow_inf_nan=False
    )
    session: dict[str, Any] = Field(default_factory=dict)

    @field_validator("session")
    @classmethod
    def _is_short_enough(cls, session: dict[str, Any]) -> dict[str, Any]:
        if measure(session) > MAX_SESSION_BYTES:
            raise ValueError("longer than 8 KiB")
        return session

    def request(self) -> CallRequest:
        """Give it as the desk takes it."""
        return CallRequest(self.identity, self.name, self.room, self.wait_seconds, self.session)


def measure(session: Mapping[str, Any]) -> int:
    """Measure a session as the worker will: the bytes of its JSON; ValueError for NaN and such."""
    return len(json.dumps(session, allow_nan=False).encode())


def plane_of(request: Request) -> Plane:
    """Give the control plane's parts to a route."""
    plane = request.app.state.plane
    assert isinstance(plane, Plane)
    return plane


def show_tenant(tenant: Tenant, last: TenantCheck | None) -> dict[str, Any]:
    """Show a tenant: its project by host and fingerprint, and what is wrong with it."""
    project = None
    if tenant.livekit is not None:
        project = {"host": tenant.livekit.host, "key_fingerprint": tenant.livekit.fingerprint}
    return {
        "id": tenant.id,
        "name": tenant.name,
        "enabled": tenant.enabled,
        "project": project,
        "agent_name": tenant.agent_name,
        "room_prefix": tenant.room_prefix,
        "max_calls": tenant.max_calls,
        "faults": [
            {"id": fault.id, "problem": fault.problem, "hint": fault.hint, "other": fault.other}
            for fault in tenant.faults
        ],
        "notices": list(tenant.notices),
        "last_check": None if last is None else _show_check(last, tenant),
    }


def show_call(call: Call) -> dict[str, Any]:
    """Show a call without its token."""
    agent: dict[str, Any] = {"state": call.state.value}
    if call.agent_identity is not None:
        agent["identity"] = call.agent_identity
    if call.cause is not None:
        agent["cause"] = call.cause
    return {
        "call_id": call.id,
        "room": call.room,
        "url": call.credentials.ws_url,
        "identity": call.request.identity,
        "dispatch_id": call.dispatch_id,
        "agent": agent,
        "attempts": call.attempts,
        "created_at": _moment(call.created_at),
        "ended_at": None if call.ended_at is None else _moment(call.ended_at),
    }


def _show_check(last: TenantCheck, tenant: Tenant) -> dict[str, Any]:
    return {
        "at": _moment(last.at),
        "verdict": last.verdict,
        "exit_code": last.exit_code,
        "is_current": last.content_hash == tenant.content_hash,
        "problems": list(last.problems),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
