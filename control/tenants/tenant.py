"""One tenant as the registry knows it: whose project, which agent, and what is wrong with it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from contract.tenant import default_agent_name, default_room_prefix
from project.credentials import Credentials


@dataclass(frozen=True)
class TenantFault:
    """Why a tenant gets no calls and no worker; `other` is who shares its key, if that is it."""

    id: str
    problem: str
    hint: str
    other: str | None = None


class FaultyTenant(Exception):
    """A tenant was asked for something that its faults forbid."""

    def __init__(self, tenant_id: str, faults: tuple[TenantFault, ...]) -> None:
        super().__init__(f"tenant {tenant_id}: {'; '.join(fault.problem for fault in faults)}")
        self.tenant_id = tenant_id
        self.faults = faults


@dataclass(frozen=True)
class Tenant:
    """A row of `clients`, read, checked and unsealed.

    `agent_config` is what AGENT_CONFIG's file must hold (a mapping) where the row carries it;
    `content_hash` changes with whatever a worker must be replaced for, and with nothing else.
    """

    id: str
    name: str
    enabled: bool
    livekit: Credentials | None
    agent_name: str
    room_prefix: str
    openai_api_key: SecretStr | None
    openai_base_url: str | None
    max_calls: int
    env: Mapping[str, str | SecretStr] = field(repr=False)
    agent_config: Mapping[str, Any] | None = field(repr=False)
    content_hash: str
    faults: tuple[TenantFault, ...] = ()
    notices: tuple[str, ...] = ()
    known_fingerprints: frozenset[str] = field(default=frozenset(), repr=False)
    claim_public_key: str | None = None
    usage_url: str | None = None
    usage_secret: SecretStr | None = None

    @property
    def credentials(self) -> Credentials:
        """Give the tenant's own project's credentials.

        Raises:
            FaultyTenant: there are none that may be used; `faults` say why.
        """
        if self.livekit is None:
            raise FaultyTenant(self.id, self.faults)
        return self.livekit

    @property
    def is_served(self) -> bool:
        """Tell whether it should have a worker and may have calls."""
        return self.enabled and not self.faults

    @property
    def foreign_fingerprints(self) -> frozenset[str]:
        """Give the fingerprints of every known key that is not this tenant's alone."""
        if any(fault.id == "shared-key" for fault in self.faults):
            return self.known_fingerprints
        return self.known_fingerprints - {self.credentials.fingerprint}

    def variables(self) -> dict[str, str | SecretStr]:
        """Give what its container gets, AGENT_CONFIG's file and the host's own values excepted.

        Raises:
            FaultyTenant: it has no usable credentials.
        """
        mine: dict[str, str | SecretStr | None] = {
            "TENANT_ID": self.id,
            "LIVEKIT_URL": self.credentials.url,
            "LIVEKIT_API_KEY": SecretStr(self.credentials.api_key),
            "LIVEKIT_API_SECRET": self.credentials.api_secret,
            "LIVEKIT_AGENT_NAME": self.agent_name,
            "ROOM_PREFIX": self.room_prefix,
            "FOREIGN_KEY_FINGERPRINTS": ",".join(sorted(self.foreign_fingerprints)),
            "CLAIM_PUBLIC_KEY": self.claim_public_key,
            "OPENAI_API_KEY": self.openai_api_key,
            "OPENAI_BASE_URL": self.openai_base_url,
            "MAX_CALLS": str(self.max_calls),
            "USAGE_URL": self.usage_url,
            "USAGE_SECRET": self.usage_secret,
        }
        return dict(self.env) | {name: value for name, value in mine.items() if value}

    def agent_config_file(self) -> str | None:
        """Give the text of AGENT_CONFIG's file (JSON, which is YAML), or None without one."""
        return None if self.agent_config is None else json.dumps(self.agent_config)


def name_agent(tenant_id: str, chosen: str | None) -> str:
    """Give the agent's name: the chosen one, else the tenant's default."""
    return chosen or default_agent_name(tenant_id)


def name_rooms(tenant_id: str, chosen: str | None) -> str:
    """Give how its rooms begin: as chosen, else the tenant's default."""
    return chosen or default_room_prefix(tenant_id)
