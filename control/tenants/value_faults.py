"""What is wrong with a row's values, by the rules of the variables that its worker gets."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import SecretStr

from contract import agent_config
from contract.settings.findings import WELLFORMED, Finding
from contract.settings.reading import find_faults
from contract.settings.sources import NAMES
from contract.variables import PROJECT_VARIABLES
from control.tenants.settings import Path, TenantSettings

# Where a row holds what a worker gets as a variable; every other variable stands in agent.env.
PATHS: Mapping[str, Path] = {
    "LIVEKIT_URL": ("livekit", "server_url"),
    "LIVEKIT_API_KEY": ("livekit", "api_key"),
    "LIVEKIT_API_SECRET": ("livekit", "api_secret"),
    "OPENAI_API_KEY": ("openai", "api_key"),
    "OPENAI_BASE_URL": ("openai", "base_url"),
    "LIVEKIT_AGENT_NAME": ("agent", "name"),
    "ROOM_PREFIX": ("agent", "room_prefix"),
    "MAX_CALLS": ("agent", "max_calls"),
    "AGENT_CONFIG": ("agent", "config"),
}
# A worker that is started by hand may have a provider's key that no row knows.
_ELSEWHERE = frozenset({"OPENAI_API_KEY"})


def find_value_faults(
    tenant_id: str,
    read: TenantSettings,
    opened: Mapping[Path, SecretStr],
    claim_public_key: str | None,
) -> tuple[Finding, ...]:
    """Say why bootstrap would refuse these values; each finding names the variable.

    Args:
        tenant_id: as it stands in the row.
        read: the row's settings, of the right shape.
        opened: its secrets; one that is not among them is taken as it stands.
        claim_public_key: what the control plane gives every worker.
    """
    texts = {"TENANT_ID": tenant_id, **dict(_texts(read, opened))}
    if claim_public_key is not None:
        texts["CLAIM_PUBLIC_KEY"] = claim_public_key
    elsewhere = _ELSEWHERE if read.livekit else _ELSEWHERE | set(PROJECT_VARIABLES)
    return (*find_faults(texts, elsewhere=elsewhere), *_config_faults(read.agent.config))


def describe(finding: Finding) -> str:
    """Say a finding with the place in the row where the value stands."""
    return str(replace(finding, variable=_place(finding.variable)))


def _texts(read: TenantSettings, opened: Mapping[Path, SecretStr]) -> Iterator[tuple[str, str]]:
    parts = {"livekit": read.livekit, "openai": read.openai, "agent": read.agent}
    for variable, path in PATHS.items():
        value = opened.get(path) or getattr(parts[path[0]], path[1], None)
        if isinstance(value, SecretStr):
            yield variable, value.get_secret_value()
        elif isinstance(value, str | int):
            yield variable, str(value)
    yield from ((name, text) for name, text in read.agent.env.items() if name in NAMES)


def _config_faults(config: object) -> Iterator[Finding]:
    if not isinstance(config, Mapping):
        return
    try:
        agent_config.parse(config)
    except agent_config.AgentConfigFault as fault:
        yield from (Finding(WELLFORMED, "AGENT_CONFIG", problem) for problem in fault.faults)


def _place(variable: str) -> str:
    if variable in PATHS:
        return ".".join(("settings", *PATHS[variable]))
    if variable == "TENANT_ID":
        return "id"
    return variable if variable == "CLAIM_PUBLIC_KEY" else f"settings.agent.env.{variable}"
