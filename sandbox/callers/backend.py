"""A tenant's backend: what it does so that a caller and the tenant's agent meet in a room."""

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

_CALLER_IDENTITY = "caller"
_TOKEN_SECONDS = 6 * 3600


@dataclass(frozen=True)
class ConnectionDetails:
    """What a caller needs to join a room; `at` is the time.monotonic() of the dispatch."""

    room: str
    url: str
    token: str
    at: float


@dataclass(frozen=True)
class TenantProject:
    """A tenant's project, and the names that its agent and its rooms have there."""

    tenant: str
    credentials: Credentials
    agent_name: str
    room_prefix: str


def default_tenant_project(tenant: str, credentials: Credentials) -> TenantProject:
    """Give the project of a tenant that uses the default names."""
    agent_name, room_prefix = default_agent_name(tenant), default_room_prefix(tenant)
    return TenantProject(tenant, credentials, agent_name, room_prefix)


def read_tenant_project(env_file: Path) -> TenantProject:
    """Read a tenant's project from its env file; KeyError names the variable that is missing."""
    values = {name: value for name, value in dotenv_values(env_file).items() if value}
    credentials = Credentials(
        url=values["LIVEKIT_URL"],
        api_key=values["LIVEKIT_API_KEY"],
        api_secret=SecretStr(values["LIVEKIT_API_SECRET"]),
    )
    tenant = values["TENANT_ID"]
    return TenantProject(
        tenant,
        credentials,
        values.get("LIVEKIT_AGENT_NAME", default_agent_name(tenant)),
        values.get("ROOM_PREFIX", default_room_prefix(tenant)),
    )


async def dispatch_by_room(tenant: TenantProject) -> ConnectionDetails:
    """Make a room with its dispatch in one request, and the caller's token."""
    room, at = call_room(tenant.room_prefix, new_nonce()), time.monotonic()
    async with Project(tenant.credentials) as project:
        await create_room(project, room, agent_name=tenant.agent_name)
    token = caller_token(tenant.credentials, room, _CALLER_IDENTITY)
    return ConnectionDetails(room, tenant.credentials.url, token, at)


def dispatch_by_token(tenant: TenantProject) -> ConnectionDetails:
    """Make a token with a dispatch inside: whoever joins with it in six hours meets the agent."""
    room = call_room(tenant.room_prefix, new_nonce())
    config = api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name=tenant.agent_name)])
    credentials = tenant.credentials
    token = (
        api.AccessToken(credentials.api_key, credentials.api_secret.get_secret_value())
        .with_identity(_CALLER_IDENTITY)
        .with_ttl(timedelta(seconds=_TOKEN_SECONDS))
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .with_room_config(config)
        .to_jwt()
    )
    return ConnectionDetails(room, credentials.url, token, time.monotonic())
