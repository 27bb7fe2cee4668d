"""What a tenant's own backend does to start a call: a room with its dispatch, a caller's token."""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from dotenv import dotenv_values
from livekit import api
from pydantic import SecretStr

from contract.tenant import call_room, default_agent_name, default_room_prefix, new_nonce
from project.connection import Project
from project.credentials import Credentials
from project.rooms import create_room
from project.tokens import caller_token

_CALLER = "caller"
_OPEN_SECONDS = 6 * 3600


@dataclass(frozen=True)
class Arranged:
    """A call that an agent has been asked to; `at` is time.monotonic() of the asking."""

    room: str
    url: str
    token: str
    at: float


@dataclass(frozen=True)
class Account:
    """Whose calls are arranged: a tenant's project and the names that its worker goes by."""

    tenant: str
    credentials: Credentials
    agent_name: str
    room_prefix: str


def account(tenant: str, credentials: Credentials) -> Account:
    """Give a tenant that goes by its default names."""
    return Account(tenant, credentials, default_agent_name(tenant), default_room_prefix(tenant))


def read_account(env_file: Path) -> Account:
    """Read a tenant from its env file; KeyError names what is missing there."""
    values = {name: value for name, value in dotenv_values(env_file).items() if value}
    credentials = Credentials(
        url=values["LIVEKIT_URL"],
        api_key=values["LIVEKIT_API_KEY"],
        api_secret=SecretStr(values["LIVEKIT_API_SECRET"]),
    )
    tenant = values["TENANT_ID"]
    return Account(
        tenant,
        credentials,
        values.get("LIVEKIT_AGENT_NAME", default_agent_name(tenant)),
        values.get("ROOM_PREFIX", default_room_prefix(tenant)),
    )


async def arrange(whose: Account) -> Arranged:
    """Make a room with its dispatch in one request, and the caller's token."""
    room, at = call_room(whose.room_prefix, new_nonce()), time.monotonic()
    async with Project(whose.credentials) as project:
        await create_room(project, room, agent_name=whose.agent_name)
    token = caller_token(whose.credentials, room, _CALLER)
    return Arranged(room, whose.credentials.url, token, at)


def open_invitation(whose: Account) -> Arranged:
    """Make a token that brings the agent by itself when somebody joins with it, for six hours."""
    room = call_room(whose.room_prefix, new_nonce())
    config = api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name=whose.agent_name)])
    key = whose.credentials
    token = (
        api.AccessToken(key.api_key, key.api_secret.get_secret_value())
        .with_identity(_CALLER)
        .with_ttl(timedelta(seconds=_OPEN_SECONDS))
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .with_room_config(config)
        .to_jwt()
    )
    return Arranged(room, key.url, token, time.monotonic())
