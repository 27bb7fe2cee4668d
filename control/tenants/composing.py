"""From a row of `clients` to a Tenant: unsealed, named, and with all that is wrong with it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from contract.fingerprint import fingerprint
from contract.settings.findings import Finding
from contract.variables import PROJECT_VARIABLES
from control.settings import ControlSettings
from control.storage.sealing import Sealer, Unsealable, is_sealed
from control.tenants import settings as tenant_settings
from control.tenants.rows import TenantRow
from control.tenants.settings import AgentPart, OpenaiPart, TenantSettings
from control.tenants.tenant import Tenant, TenantFault, name_agent, name_rooms
from control.tenants.value_faults import describe, find_value_faults
from project.credentials import Credentials

OPERATOR = "the operator"


def compose(
    row: TenantRow,
    settings: ControlSettings,
    known: frozenset[str] = frozenset(),
    usage_secret: SecretStr | None = None,
) -> Tenant:
    """Make a tenant of its row; for its calls alone, the row and the settings are enough.

    Args:
        row: as it stands in the table, secrets sealed or plain.
        settings: the control plane's own.
        known: fingerprints of every key, for whoever starts its worker.
        usage_secret: what its worker signs its usage with.
    """
    read = tenant_settings.read(row.settings)
    opened, unsealable = _unsealed(row, settings.sealer)
    wrong = find_value_faults(row.id, read, opened, settings.claim_public_key)
    malformed = (tenant_settings.malformed(describe(finding)) for finding in wrong)
    sharing = _sharing(row, read, settings.operator_fingerprint)
    agent, openai = read.agent, read.openai
    return Tenant(
        id=row.id,
        name=row.name,
        enabled=row.enabled,
        livekit=_credentials(read, opened, wrong),
        agent_name=name_agent(row.id, agent.name),
        room_prefix=name_rooms(row.id, agent.room_prefix),
        openai_api_key=opened.get(("openai", "api_key")),
        openai_base_url=openai.base_url or None,
        max_calls=agent.max_calls,
        env=_env(agent, opened),
        agent_config=agent.config if isinstance(agent.config, dict) else None,
        content_hash=_content_hash(read, agent, openai, opened),
        faults=(*read.faults, *unsealable, *malformed, *sharing),
        notices=row.notices,
        known_fingerprints=known,
        claim_public_key=settings.claim_public_key,
        usage_url=f"{settings.url}/v1/tenants/{row.id}/usage",
        usage_secret=usage_secret,
    )


def place_of(tenant_id: str, path: tuple[str, ...]) -> str:
    """Name the place that a tenant's secret is sealed to."""
    return f"{tenant_id}/{'.'.join(path)}"


Opened = dict[tuple[str, ...], SecretStr]


def _unsealed(row: TenantRow, sealer: Sealer) -> tuple[Opened, tuple[TenantFault, ...]]:
    opened, faults = Opened(), []
    for path, found in tenant_settings.secrets_in(row.settings):
        try:
            opened[path] = (
                sealer.unseal(found, place_of(row.id, path))
                if is_sealed(found)
                else SecretStr(found)
            )
        except Unsealable as error:
            problem = f"settings.{'.'.join(path)}: {error}"
            faults.append(TenantFault("unsealable", problem, error.hint))
    return opened, tuple(faults)


def _credentials(
    read: TenantSettings, opened: Opened, wrong: Sequence[Finding]
) -> Credentials | None:
    livekit, secret = read.livekit, opened.get(("livekit", "api_secret"))
    if any(finding.variable in PROJECT_VARIABLES for finding in wrong):
        return None
    if livekit is None or not livekit.server_url or not livekit.api_key or secret is None:
        return None
    return Credentials(livekit.server_url, livekit.api_key, secret)


def _sharing(row: TenantRow, read: TenantSettings, operator: str | None) -> tuple[TenantFault, ...]:
    if read.livekit is None or not read.livekit.api_key:
        return ()
    owners = [f"tenant {sharer}" for sharer in row.sharers]
    if fingerprint(read.livekit.api_key) == operator:
        owners.insert(0, OPERATOR)
    return tuple(
        TenantFault(
            id="shared-key",
            problem=f"its API key belongs to {owner} as well",
            hint="give it a project and a key of its own, then register it anew",
            other=owner.removeprefix("tenant "),
        )
        for owner in owners
    )


def _env(agent: AgentPart, opened: Opened) -> dict[str, str | SecretStr]:
    env: dict[str, str | SecretStr] = {
        name: opened.get(("agent", "env", name), value) for name, value in agent.env.items()
    }
    path = agent.config if isinstance(agent.config, str) else None
    return env | ({"AGENT_CONFIG": path} if path else {})


def _content_hash(
    read: TenantSettings, agent: AgentPart, openai: OpenaiPart, opened: Opened
) -> str:
    """Digest the settings with their secrets open, so that sealing them changes nothing."""
    plain: dict[str, Any] = {
        "livekit": _open_part(("livekit",), read.livekit, opened) if read.livekit else None,
        "openai": _open_part(("openai",), openai, opened),
        "agent": _open_part(("agent",), agent, opened),
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]


def _open_part(at: tuple[str, ...], part: Any, opened: Opened) -> Mapping[str, Any]:
    values: Mapping[str, Any] = part.model_dump(mode="json")
    for path, secret in opened.items():
        if path[: len(at)] == at:
            values = tenant_settings.replace_at(values, path[len(at) :], secret.get_secret_value())
    return values
