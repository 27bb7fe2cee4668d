"""The container's environment variables: the tenant's, the host's, and which may be files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One variable; `tenants` tells the tenant's from the host's."""

    name: str
    tenants: bool = True

    @property
    def is_secret(self) -> bool:
        """Tell whether its value must never be shown."""
        return self.name.endswith(("API_KEY", "SECRET"))

    @property
    def takes_file(self) -> bool:
        """Tell whether NAME_FILE may give it."""
        return self.name.endswith(("KEY", "SECRET")) or self.name == "LIVEKIT_URL"


PROJECT_VARIABLES = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")

_TENANTS = (
    "TENANT_ID",
    *PROJECT_VARIABLES,
    "LIVEKIT_AGENT_NAME",
    "ROOM_PREFIX",
    "FOREIGN_KEY_FINGERPRINTS",
    "CLAIM_PUBLIC_KEY",
    "CLAIM_POLICY",
    "TOKEN_RULE",
    "RIVAL_CHECK",
    "PROVIDER_CHECK",
    "ALLOW_INSECURE_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "AGENT_CONFIG",
    "AGENT",
    "MAX_CALLS",
    "MAX_CALL_SECONDS",
    "CALL_MEMORY_LIMIT_MB",
)
_HOSTS = (
    "DRAIN_SECONDS",
    "HURRY_SECONDS",
    "HEALTH_HOST",
    "HEALTH_PORT",
    "STATE_DIR",
    "USAGE_URL",
    "USAGE_SECRET",
    "LOG_FORMAT",
    "LOG_LEVEL",
)

VARIABLES = tuple(Variable(name) for name in _TENANTS) + tuple(
    Variable(name, tenants=False) for name in _HOSTS
)
