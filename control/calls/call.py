"""A call as it was asked for, as it stands, and as it is answered."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import SecretStr

from project.credentials import Credentials

LONGEST_WAIT_SECONDS = 30.0
DEFAULT_WAIT_SECONDS = 10.0
# A token opens the door this long; without a caller by then the call is over.
TOKEN_SECONDS = 600
RESERVED_IDENTITY = "agent-"


class CallState(StrEnum):
    """How far a call has come; the first four are open, the others are over."""

    BOOKED = "booked"  # on record, perhaps nothing sent yet, not answered
    PENDING = "pending"  # answered or being tried; no agent has come yet, or it was lost
    JOINED = "joined"
    ENDING = "ending"  # to be ended, and its project does not answer: undone as soon as it does
    ABANDONED = "abandoned"  # undone before any answer; the same key may ask again
    ENDED = "ended"


OPEN_STATES = (CallState.BOOKED, CallState.PENDING, CallState.JOINED, CallState.ENDING)


class Cause(StrEnum):
    """Why an agent is not there; `refused:<reason>` stands beside these."""

    NO_WORKER = "no-worker"
    NOT_READY = "not-ready"
    FULL = "full"
    AGENT_DIED = "agent-died"
    UNREACHABLE = "unreachable"
    REVOKED = "revoked"
    NOT_TAKEN = "not-taken"
    LIMITED = "limited"


@dataclass(frozen=True)
class CallRequest:
    """What whoever wants a call asks for; `room` None is a room of our own."""

    identity: str
    name: str | None = None
    room: str | None = None
    wait_seconds: float = DEFAULT_WAIT_SECONDS
    session: Mapping[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """Digest the request, so that one key cannot ask for two things."""
        canonical = json.dumps(asdict(self), sort_keys=True, allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True)
class Call:
    """One call on record, with the project that it was made in; times in Unix seconds.

    `makes_room` tells whether the room is ours to remove.
    """

    id: str
    tenant_id: str
    room: str
    makes_room: bool
    request: CallRequest
    credentials: Credentials
    agent_name: str
    state: CallState
    created_at: float
    cause: str | None = None
    dispatch_id: str | None = None
    agent_identity: str | None = None
    attempts: int = 0
    is_answered: bool = False
    owner: str | None = None
    lease_until: float = 0.0
    ended_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it may still need something of us."""
        return self.state in OPEN_STATES


@dataclass(frozen=True)
class Receipt:
    """What came of sending for an agent; `after_ms` from the first dispatch to the join seen."""

    dispatch_id: str | None
    identity: str | None = None
    after_ms: int | None = None
    cause: str | None = None

    @property
    def has_joined(self) -> bool:
        """Tell whether the agent is in the room."""
        return self.identity is not None


@dataclass(frozen=True)
class CallAnswer:
    """What was answered, and is answered again to the same key; it holds the caller's token."""

    status: int
    body: Mapping[str, Any] = field(repr=False)


def answer(call: Call, receipt: Receipt, token: str) -> CallAnswer:
    """Write the answer to whoever asked for a call."""
    agent: dict[str, Any] = (
        {"state": "joined", "identity": receipt.identity, "after_ms": receipt.after_ms}
        if receipt.has_joined
        else {"state": "pending", "cause": receipt.cause or Cause.NOT_TAKEN.value}
    )
    body = {
        "call_id": call.id,
        "room": call.room,
        "url": call.credentials.ws_url,
        "token": token,
        "dispatch_id": receipt.dispatch_id,
        "agent": agent,
    }
    return CallAnswer(201 if receipt.has_joined else 202, body)


def write_request(request: CallRequest, credentials: Credentials, agent_name: str) -> str:
    """Write what must survive a restart; the text holds secrets and is sealed before it is kept."""
    project = {
        "url": credentials.url,
        "api_key": credentials.api_key,
        "api_secret": credentials.api_secret.get_secret_value(),
    }
    return json.dumps({"request": asdict(request), "project": project, "agent_name": agent_name})


def read_request(text: str) -> tuple[CallRequest, Credentials, str]:
    """Read it again."""
    kept = json.loads(text)
    project = kept["project"]
    credentials = Credentials(project["url"], project["api_key"], SecretStr(project["api_secret"]))
    return CallRequest(**kept["request"]), credentials, kept["agent_name"]
