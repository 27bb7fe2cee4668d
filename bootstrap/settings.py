"""A tenant's settings, read from every source and proven as far as that needs no network."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import SecretStr, ValidationError

from bootstrap import agent_file, contradictions
from bootstrap.examples import EXAMPLES
from bootstrap.findings import COMPLETE, WELLFORMED, Finding, Findings
from bootstrap.sources import Gathered, gather
from bootstrap.suspicions import suspicion
from bootstrap.values import Choice, Values
from contract.agent_config import AgentConfig
from contract.fingerprint import fingerprint
from contract.tenant import default_agent_name, default_room_prefix, is_tenant_id
from project.credentials import Credentials

STATE_FOLDER = "livekit-tenant-worker"


@dataclass(frozen=True)
class Settings:
    """What one container was told; durations in seconds, memory in MiB.

    `others` is what an env file holds beside our variables, for the tenant's own code; `findings`
    are warnings, for people.
    """

    tenant: str
    credentials: Credentials
    agent_name: str
    room_prefix: str
    foreign_fingerprints: frozenset[str]
    claim_keys: tuple[Ed25519PublicKey, ...]
    claim_policy: Literal["required", "optional", "off"]
    token_rule: Literal["required", "warn"]
    rival_check: Choice
    provider_check: Choice
    openai_api_key: SecretStr | None
    openai_base_url: str | None
    agent_config: AgentConfig
    agent: str | None
    max_calls: int
    max_call_seconds: float
    call_memory_limit_mb: int
    drain_seconds: float
    hurry_seconds: float
    health_host: str
    health_port: int
    state_dir: Path
    usage_url: str | None
    usage_secret: SecretStr | None
    log_format: Literal["json", "text"]
    log_level: str
    env_file: Path | None = None
    others: Mapping[str, SecretStr] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def read(
    environment: Mapping[str, str], env_file: Path | None = None, *, is_terminal: bool = False
) -> Settings | Findings:
    """Read all settings, or say everything that is wrong with them at once."""
    gathered = gather(environment, env_file)
    if not gathered.is_complete:
        return Findings(tuple(gathered.findings))
    _blame_suspicious(gathered)
    values = _values(gathered)
    config = agent_file.load(gathered.values.get("AGENT_CONFIG"), gathered.findings)
    if values is not None:
        gathered.findings.extend(contradictions.find(values))
    if values is None or config is None or _are_faulty(gathered.findings):
        return _findings(gathered)
    return _settings(values, config, gathered, env_file, is_terminal=is_terminal)


def _blame_suspicious(gathered: Gathered) -> None:
    for name, text in tuple(gathered.values.items()):
        if problem := suspicion(text):
            gathered.blame(Finding(WELLFORMED, name, problem, EXAMPLES[name]))
            del gathered.values[name]


def _values(gathered: Gathered) -> Values | None:
    texts: dict[str, Any] = {name.lower(): text for name, text in gathered.values.items()}
    try:
        return Values(**texts)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            name = str(fault["loc"][0]).upper()
            if name not in gathered.faulty:
                gathered.blame(_finding(name, fault["type"], fault["msg"], gathered))
    return None


def _finding(name: str, kind: str, message: str, gathered: Gathered) -> Finding:
    if kind == "missing":
        problem = "is empty" if name in gathered.empty else "is missing"
        return Finding(COMPLETE, name, problem, EXAMPLES[name])
    return Finding(WELLFORMED, name, message.removeprefix("Value error, "), EXAMPLES[name])


def _are_faulty(findings: list[Finding]) -> bool:
    return any(not finding.is_warning for finding in findings)


def _findings(gathered: Gathered) -> Findings:
    tenant = gathered.values.get("TENANT_ID", "")
    key = gathered.values.get("LIVEKIT_API_KEY")
    return Findings(
        tuple(gathered.findings),
        tenant=tenant if is_tenant_id(tenant) else None,
        key_fingerprint=fingerprint(key) if key else None,
    )


def _settings(
    values: Values,
    config: AgentConfig,
    gathered: Gathered,
    env_file: Path | None,
    *,
    is_terminal: bool,
) -> Settings:
    credentials = Credentials(values.livekit_url, values.livekit_api_key, values.livekit_api_secret)
    return Settings(
        tenant=values.tenant_id,
        credentials=credentials,
        agent_name=values.livekit_agent_name or default_agent_name(values.tenant_id),
        room_prefix=values.room_prefix or default_room_prefix(values.tenant_id),
        foreign_fingerprints=values.foreign_key_fingerprints,
        claim_keys=values.claim_public_key,
        claim_policy=values.claim_policy or ("required" if values.claim_public_key else "off"),
        token_rule=values.token_rule or ("warn" if credentials.is_cloud else "required"),
        rival_check=values.rival_check,
        provider_check=values.provider_check,
        openai_api_key=values.openai_api_key,
        openai_base_url=values.openai_base_url,
        agent_config=config,
        agent=values.agent,
        max_calls=values.max_calls,
        max_call_seconds=values.max_call_seconds,
        call_memory_limit_mb=values.call_memory_limit_mb,
        drain_seconds=values.drain_seconds,
        hurry_seconds=values.hurry_seconds,
        health_host=values.health_host,
        health_port=values.health_port,
        state_dir=_state_dir(values),
        usage_url=values.usage_url,
        usage_secret=values.usage_secret,
        log_format=values.log_format or ("text" if is_terminal else "json"),
        log_level=values.log_level,
        env_file=env_file,
        others={name: SecretStr(text) for name, text in gathered.others.items()},
        findings=tuple(gathered.findings),
    )


def _state_dir(values: Values) -> Path:
    if values.state_dir:
        return Path(values.state_dir)
    return Path(tempfile.gettempdir()) / STATE_FOLDER / values.tenant_id
