"""What a worker is told before it serves: one proven tenant, and this host's limits."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import SecretStr

from contract.agent_config import AgentConfig
from contract.claims import load_public_key
from contract.exits import ExitCode
from project.credentials import Credentials


class ClaimPolicy(StrEnum):
    """Whether a call's dispatch must carry a claim."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    OFF = "off"


class Strictness(StrEnum):
    """How strictly something is held."""

    REQUIRED = "required"
    WARN = "warn"
    OFF = "off"


# The preflight's complete report and the exit code that follows from it.
FinalReport = Callable[[], Awaitable[tuple[dict[str, Any], ExitCode]]]


@dataclass(frozen=True)
class Configuration:
    """A tenant's and a host's settings, checked by whoever built them; sizes in MiB, times in s.

    `report` is the preflight's, as JSON; where it is not complete yet, `last_word` waits for the
    complete one and the exit code that follows from it. `health_socket` listens already.
    `on_state` is told the state's name and the exit code (None while running), whenever one of
    them changes.
    """

    tenant: str
    credentials: Credentials
    agent_name: str
    room_prefix: str
    agent_config: AgentConfig
    state_dir: Path
    edition: str | None = None
    # The claim's public keys as settings carry them: text, since key objects cannot be pickled.
    claim_keys: tuple[str, ...] = ()
    claim_policy: ClaimPolicy = ClaimPolicy.OFF
    token_rule: Strictness = Strictness.REQUIRED
    rival_check: Strictness = Strictness.REQUIRED
    agent: str | None = None
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    max_calls: int = 10
    max_call_seconds: int = 3600
    call_memory_limit_mb: int = 256
    drain_seconds: int = 3600
    hurry_seconds: int = 10
    usage_url: str | None = None
    usage_secret: SecretStr | None = None
    log_format: str = "json"
    log_level: str = "INFO"
    report: dict[str, Any] | None = None
    last_word: FinalReport | None = None
    health_socket: socket.socket | None = None
    on_state: Callable[[str, int | None], None] | None = None
    # How often a running worker looks for rivals, and how long it waits for one.
    rival_interval_seconds: float = 600.0
    rival_patience_seconds: float = 6.0

    def for_a_call(self) -> "Configuration":
        """Give what a call's process may know: no usage secret, no socket, nobody to report to."""
        return replace(
            self,
            usage_url=None,
            usage_secret=None,
            report=None,
            last_word=None,
            health_socket=None,
            on_state=None,
        )

    def public_keys(self) -> tuple[Ed25519PublicKey, ...]:
        """Load the claim's public keys; ValueError when one is no key."""
        return tuple(load_public_key(text) for text in self.claim_keys)

    def secrets(self) -> tuple[str, ...]:
        """List every secret value that logs have to mask."""
        held = (self.credentials.api_secret, self.openai_api_key, self.usage_secret)
        return (
            self.credentials.api_key,
            *(secret.get_secret_value() for secret in held if secret is not None),
        )
