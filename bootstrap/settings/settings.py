"""A tenant's settings, read from every source and proven as far as that needs no network."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from bootstrap.settings.files import read_file
from contract.fingerprint import fingerprint
from contract.policies import ClaimPolicy, Strictness
from contract.settings import reading as settings_reading
from contract.settings.findings import Finding, Findings
from contract.settings.groups import (
    AgentChoice,
    CheckRules,
    ClaimRules,
    Host,
    Identity,
    Limits,
    Provider,
)
from contract.settings.reading import Reading
from contract.settings.values import Values
from contract.tenant import default_agent_name, default_room_prefix
from project.credentials import Credentials

STATE_FOLDER = "livekit-tenant-worker"


@dataclass(frozen=True)
class WorkerSettings:
    """What one container was told, in groups that are passed on as they are.

    `others` is what an env file holds beside our variables, for the tenant's own code; `findings`
    are warnings, for people.
    """

    identity: Identity
    credentials: Credentials
    claims: ClaimRules
    checks: CheckRules
    provider: Provider
    agent: AgentChoice
    limits: Limits
    host: Host
    env_file: Path | None = None
    others: Mapping[str, SecretStr] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def spoiled_by(self, fault: Finding) -> Findings:
        """Give what a fault makes of these settings that only using them brought to light."""
        return Findings(
            (fault, *self.findings),
            tenant=self.identity.tenant,
            host=self.credentials.host,
            key_fingerprint=self.credentials.fingerprint,
        )

    def secrets(self) -> tuple[str, ...]:
        """List every text that no output may hold, the env file's other values among them."""
        held = (self.credentials.api_secret, self.provider.api_key, self.host.usage_secret)
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
    reading = settings_reading.read(environment, env_file, read_file)
    if reading.faults:
        return _findings(reading)
    return _settings(reading, env_file, is_terminal=is_terminal)


def _findings(reading: Reading) -> Findings:
    url, key = reading.values.livekit_url, reading.values.livekit_api_key
    return Findings(
        reading.findings,
        tenant=reading.values.tenant_id,
        host=urlsplit(url).netloc.lower() if url else None,
        key_fingerprint=fingerprint(key) if key else None,
        has_all_sources=reading.has_all_sources,
    )


def _settings(reading: Reading, env_file: Path | None, *, is_terminal: bool) -> WorkerSettings:
    values = reading.values
    identity, credentials = _identity(values)
    return WorkerSettings(
        identity=identity,
        credentials=credentials,
        claims=_claim_rules(values, is_cloud=credentials.is_cloud),
        checks=CheckRules(
            rivals=values.rival_check,
            provider=values.provider_check,
            foreign_fingerprints=values.foreign_key_fingerprints,
        ),
        provider=Provider(values.openai_api_key, values.openai_base_url),
        agent=AgentChoice(reading.agent_file.config, values.agent),
        limits=Limits(values.max_calls, values.max_call_seconds, values.call_memory_limit_mb),
        host=_host(values, identity.tenant, is_terminal=is_terminal),
        env_file=env_file,
        others={name: SecretStr(text) for name, text in reading.others.items()},
        findings=reading.findings,
    )


def _identity(values: Values) -> tuple[Identity, Credentials]:
    texts = (values.tenant_id, values.livekit_url, values.livekit_api_key)
    tenant, url, key = (text or "" for text in texts)
    if not (tenant and url and key and values.livekit_api_secret):
        raise RuntimeError("a required setting got lost after it was asked for")
    identity = Identity(
        tenant=tenant,
        agent_name=values.livekit_agent_name or default_agent_name(tenant),
        room_prefix=values.room_prefix or default_room_prefix(tenant),
    )
    return identity, Credentials(url, key, values.livekit_api_secret)


def _claim_rules(values: Values, *, is_cloud: bool) -> ClaimRules:
    has_key = bool(values.claim_public_key)
    policy = ClaimPolicy.REQUIRED if has_key else ClaimPolicy.OFF
    token_rule = Strictness.WARN if is_cloud else Strictness.REQUIRED
    return ClaimRules(
        policy=values.claim_policy or policy,
        public_keys=values.claim_public_key,
        token_rule=values.token_rule or token_rule,
    )


def _host(values: Values, tenant: str, *, is_terminal: bool) -> Host:
    default_folder = Path(tempfile.gettempdir()) / STATE_FOLDER / tenant
    return Host(
        state_dir=Path(values.state_dir) if values.state_dir else default_folder,
        drain_seconds=values.drain_seconds,
        hurry_seconds=values.hurry_seconds,
        health_host=values.health_host,
        health_port=values.health_port,
        usage_url=values.usage_url,
        usage_secret=values.usage_secret,
        log_format=values.log_format or ("text" if is_terminal else "json"),
        log_level=values.log_level,
    )
