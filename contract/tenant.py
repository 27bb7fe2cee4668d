"""Tenant ids, and the names that follow from them: agent, room prefix, rooms."""

import re
import secrets

_TENANT_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_ID = 63
_NONCE_BYTES = 12

ANY_ROOM = "*"


def is_tenant_id(text: str) -> bool:
    """Tell whether `text` is a DNS label with single hyphens, at most 63 characters."""
    return len(text) <= _LONGEST_ID and _TENANT_ID.fullmatch(text) is not None


def default_agent_name(tenant: str) -> str:
    """Name a tenant's agent, unless the tenant chose another name."""
    return f"{tenant}-agent"


def default_room_prefix(tenant: str) -> str:
    """Give the prefix of a tenant's rooms; ids have no double hyphen, so prefixes differ."""
    return f"{tenant}--"


def serves_room(room_prefix: str, room: str) -> bool:
    """Tell whether a room is within a prefix; `*` serves every room that has a name."""
    return bool(room) and (room_prefix == ANY_ROOM or room.startswith(room_prefix))


def new_nonce() -> str:
    """Make 96 random bits as 24 hex characters, for names that nobody should guess."""
    return secrets.token_hex(_NONCE_BYTES)


def call_room(room_prefix: str, nonce: str) -> str:
    """Name a call's room; where a worker serves every room, the name has no prefix."""
    return f"{_prefix(room_prefix)}{nonce}"


def probe_room(room_prefix: str, nonce: str) -> str:
    """Name a probe's room: half of what makes a dispatch a probe."""
    return f"{_prefix(room_prefix)}probe-{nonce}"


def _prefix(room_prefix: str) -> str:
    return "" if room_prefix == ANY_ROOM else room_prefix
