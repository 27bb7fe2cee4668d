"""What a worker is told before it serves: one proven tenant, and this host's limits."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contract.claims import load_public_key
from contract.exits import ExitCode
from contract.records.worker_status import WorkerState
from contract.settings.groups import (
    AgentChoice,
    CheckRules,
    ClaimRules,
    Host,
    Identity,
    Limits,
    Provider,
)
from project.credentials import Credentials

# The preflight's complete report and the exit code that follows from it.
FinalReport = Callable[[], Awaitable[tuple[dict[str, Any], ExitCode]]]


@dataclass(frozen=True)
class Configuration:
    """A tenant's and a host's settings, checked by whoever built them; times in seconds.

    `report` is the preflight's, as JSON; where it is not complete yet, `final_report` waits for the
    complete one and the exit code that follows from it. `health_socket` listens already.
    `on_state` is told the state and the exit code (None while running), whenever one of
    them changes.
    """

    identity: Identity
    credentials: Credentials
    host: Host
    claims: ClaimRules = field(default_factory=ClaimRules)
    checks: CheckRules = field(default_factory=CheckRules)
    provider: Provider = field(default_factory=Provider)
    agent: AgentChoice = field(default_factory=AgentChoice)
    limits: Limits = field(default_factory=Limits)
    edition: str | None = None
    report: dict[str, Any] | None = None
    final_report: FinalReport | None = None
    health_socket: socket.socket | None = None
    on_state: Callable[[WorkerState, int | None], None] | None = None
    # How often a running worker looks for rivals, and how long it waits for one.
    rival_interval_seconds: float = 600.0
    rival_patience_seconds: float = 6.0

    def for_a_call(self) -> "Configuration":
        """Give what a call's process may know: no usage secret, no socket, nobody to report to."""
        return replace(
            self,
            host=self.host.for_a_call(),
            report=None,
            final_report=None,
            health_socket=None,
            on_state=None,
        )

    def public_keys(self) -> tuple[Ed25519PublicKey, ...]:
        """Load the claim's public keys; ValueError when one is no key."""
        return tuple(load_public_key(text) for text in self.claims.public_keys)

    def secrets(self) -> tuple[str, ...]:
        """List every secret value that logs have to mask."""
        held = (self.credentials.api_secret, self.provider.api_key, self.host.usage_secret)
        return (
            self.credentials.api_key,
            *(secret.get_secret_value() for secret in held if secret is not None),
        )
