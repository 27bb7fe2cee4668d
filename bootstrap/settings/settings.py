"""A tenant's settings, read from every source and proven as far as that needs no network."""

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from bootstrap.settings import agent_file
from contract.agent_config import AgentConfig
from contract.fingerprint import fingerprint
from contract.settings import contradictions
from contract.settings.examples import EXAMPLES
from contract.settings.findings import WELLFORMED, Finding, Findings
from contract.settings.sources import Gathered, gather
from contract.settings.suspicions import suspicion
from contract.settings.values import Choice, Values
from contract.tenant import default_agent_name, default_room_prefix
from project.credentials import Credentials

STATE_FOLDER = "livekit-tenant-worker"
_AS_GIVEN = (
    "rival_check",
    "provider_check",
    "openai_api_key",
    "openai_base_url",
    "agent",
    "max_calls",
    "max_call_seconds",
    "call_memory_limit_mb",
    "drain_seconds",
    "hurry_seconds",
    "health_host",
    "health_port",
    "usage_url",
    "usage_secret",
    "log_level",
)


@dataclass(frozen=True)
class WorkerSettings:
    """What one container was told; durations in seconds, memory in MiB.

    `others` is what an env file holds beside our variables, for the tenant's own code; `findings`
    are warnings, for people.
    """

    tenant: str
    credentials: Credentials
    agent_name: str
    room_prefix: str
    foreign_fingerprints: frozenset[str]
    claim_keys: tuple[str, ...]
    claim_policy: Literal["required", "optional", "off"]
    token_rule: Literal["required", "warn"]
    rival_check: Choice
    provider_check: Choice
    openai_api_key: SecretStr | None
    openai_base_url: str | None
    agent_config: AgentConfig
    agent: str | None
    max_calls: int
    max_call_seconds: int
    call_memory_limit_mb: int
    drain_seconds: int
    hurry_seconds: int
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

    def spoiled_by(self, fault: Finding) -> Findings:
        """Give what a fault makes of these settings that only using them brought to light."""
        return Findings(
            (fault, *self.findings),
            tenant=self.tenant,
            host=self.credentials.host,
            key_fingerprint=self.credentials.fingerprint,
        )

    def secrets(self) -> tuple[str, ...]:
        """List every text that no output may hold, the env file's other values among them."""
        held = (self.credentials.api_secret, self.openai_api_key, self.usage_secret)
        long_enough = 8  # `en` or `10` may be somebody's value, and is in many a sentence
        return (
            self.credentials.api_key,
            *(secret.get_secret_value() for secret in held if secret is not None),
            *(
                other.get_secret_value()
                for other in self.others.values()
                if len(other.get_secret_value()) >= long_enough
            ),
        )


def read(
    environment: Mapping[str, str], env_file: Path | None = None, *, is_terminal: bool = False
) -> WorkerSettings | Findings:
    """Read all settings, or say everything that is wrong with them at once."""
    gathered = gather(environment, env_file)
    if not gathered.has_all_sources:
        return Findings(tuple(gathered.findings), has_all_sources=False)
    _blame_suspicious(gathered)
    values = _values(gathered)
    config = agent_file.load(values.agent_config, gathered.findings)
    for finding in contradictions.find(values, gathered.faulty):
        gathered.findings.append(_with_emptiness(finding, gathered.empty))
    if any(not finding.is_warning for finding in gathered.findings):
        return _findings(values, gathered)
    return _settings(values, config, gathered, env_file, is_terminal=is_terminal)


def _blame_suspicious(gathered: Gathered) -> None:
    for name, text in tuple(gathered.values.items()):
        if problem := suspicion(text):
            gathered.blame(Finding(WELLFORMED, name, problem, EXAMPLES[name]))
            del gathered.values[name]


def _values(gathered: Gathered) -> Values:
    texts: dict[str, Any] = {name.lower(): text for name, text in gathered.values.items()}
    try:
        return Values(**texts)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            name = str(fault["loc"][0])
            problem = fault["msg"].removeprefix("Value error, ")
            gathered.blame(Finding(WELLFORMED, name.upper(), problem, EXAMPLES[name.upper()]))
            texts.pop(name, None)
        return Values(**texts)


def _with_emptiness(finding: Finding, empty: Collection[str]) -> Finding:
    if finding.problem.startswith("is missing") and finding.variable in empty:
        return replace(finding, problem=finding.problem.replace("is missing", "is empty", 1))
    return finding


def _findings(values: Values, gathered: Gathered) -> Findings:
    faults = [finding for finding in gathered.findings if not finding.is_warning]
    warnings = [finding for finding in gathered.findings if finding.is_warning]
    key = values.livekit_api_key
    return Findings(
        (*faults, *warnings),
        tenant=values.tenant_id,
        host=urlsplit(values.livekit_url).netloc.lower() if values.livekit_url else None,
        key_fingerprint=fingerprint(key) if key else None,
    )


def _settings(
    values: Values,
    config: AgentConfig,
    gathered: Gathered,
    env_file: Path | None,
    *,
    is_terminal: bool,
) -> WorkerSettings:
    tenant, credentials = _identity(values)
    return WorkerSettings(
        tenant=tenant,
        credentials=credentials,
        agent_name=values.livekit_agent_name or default_agent_name(tenant),
        room_prefix=values.room_prefix or default_room_prefix(tenant),
        foreign_fingerprints=values.foreign_key_fingerprints,
        claim_keys=values.claim_public_key,
        claim_policy=values.claim_policy or ("required" if values.claim_public_key else "off"),
        token_rule=values.token_rule or ("warn" if credentials.is_cloud else "required"),
        agent_config=config,
        state_dir=_state_dir(values.state_dir, tenant),
        log_format=values.log_format or ("text" if is_terminal else "json"),
        env_file=env_file,
        others={name: SecretStr(text) for name, text in gathered.others.items()},
        findings=tuple(gathered.findings),
        **{name: getattr(values, name) for name in _AS_GIVEN},
    )


def _identity(values: Values) -> tuple[str, Credentials]:
    given = (values.tenant_id, values.livekit_url, values.livekit_api_key)
    tenant, url, key = (text or "" for text in given)
    if not (tenant and url and key and values.livekit_api_secret):
        raise RuntimeError("a required setting got lost after it was asked for")
    return tenant, Credentials(url, key, values.livekit_api_secret)


def _state_dir(given: str | None, tenant: str) -> Path:
    return Path(given) if given else Path(tempfile.gettempdir()) / STATE_FOLDER / tenant
