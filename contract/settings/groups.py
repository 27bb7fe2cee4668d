"""A container's settings in the groups in which they are used, each passed on as it is."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from contract import limits
from contract.agent_config import AgentConfig
from contract.policies import ClaimPolicy, Strictness


@dataclass(frozen=True)
class Identity:
    """Who is served, and which dispatches are this tenant's."""

    tenant: str
    agent_name: str
    room_prefix: str


@dataclass(frozen=True)
class ClaimRules:
    """What a call has to prove: its dispatch by a claim, its join token by this tenant's key.

    `public_keys` are the control plane's, as text: key objects cannot be pickled.
    """

    policy: ClaimPolicy = ClaimPolicy.OFF
    public_keys: tuple[str, ...] = ()
    token_rule: Strictness = Strictness.REQUIRED


@dataclass(frozen=True)
class CheckRules:
    """How the preflight's questions are held, and which keys must never be used here."""

    rivals: Strictness = Strictness.REQUIRED
    provider: Strictness = Strictness.REQUIRED
    foreign_fingerprints: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True)
class Provider:
    """The OpenAI-compatible endpoint; without a key only a tenant's own code can do."""

    api_key: SecretStr | None = None
    base_url: str | None = None


@dataclass(frozen=True)
class AgentChoice:
    """The built-in agent's configuration, or the tenant's own code (`module:attribute`)."""

    config: AgentConfig = field(default_factory=AgentConfig)
    code: str | None = None


@dataclass(frozen=True)
class Limits:
    """What calls may take; memory in MiB."""

    max_calls: int = limits.DEFAULT_MAX_CALLS
    max_call_seconds: int = limits.DEFAULT_MAX_CALL_SECONDS
    call_memory_limit_mb: int = limits.DEFAULT_CALL_MEMORY_LIMIT_MB


@dataclass(frozen=True)
class Host:
    """What the host decides: how long ends may last, where health, state, usage and the log go."""

    state_dir: Path
    drain_seconds: int = limits.DEFAULT_DRAIN_SECONDS
    hurry_seconds: int = limits.DEFAULT_HURRY_SECONDS
    health_host: str = limits.DEFAULT_HEALTH_HOST
    health_port: int = limits.DEFAULT_HEALTH_PORT
    usage_url: str | None = None
    usage_secret: SecretStr | None = None
    log_format: Literal["json", "text"] = "json"
    log_level: str = limits.DEFAULT_LOG_LEVEL

    def for_a_call(self) -> "Host":
        """Give what a call's process may know: not where usage goes, nor what signs it."""
        return replace(self, usage_url=None, usage_secret=None)
