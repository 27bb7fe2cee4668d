"""An example of a good value for every variable, for faults and for the reference."""

from collections.abc import Mapping
from types import MappingProxyType

_CLAIM_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "TENANT_ID": "acme",
        "LIVEKIT_URL": "wss://acme-1a2b3c4d.livekit.cloud",
        "LIVEKIT_API_KEY": "APIa1B2c3D4e5F6",
        "LIVEKIT_API_SECRET": "tq7vN2xLrB9wKf4ZsE6hYj1pQc8mUd3gA5oXiVbTnR0e",
        "LIVEKIT_AGENT_NAME": "acme-agent",
        "ROOM_PREFIX": "acme--",
        "FOREIGN_KEY_FINGERPRINTS": "0f1e2d3c4b5a6978,8796a5b4c3d2e1f0",
        "CLAIM_PUBLIC_KEY": _CLAIM_KEY,
        "CLAIM_POLICY": "required",
        "TOKEN_RULE": "required",
        "RIVAL_CHECK": "required",
        "PROVIDER_CHECK": "required",
        "ALLOW_INSECURE_URL": "0",
        "OPENAI_API_KEY": "sk-proj-…",
        "OPENAI_BASE_URL": "https://api.openai.com/v1",
        "AGENT_CONFIG": "/agent/agent.yaml",
        "AGENT": "acme_agent:answer",
        "MAX_CALLS": "10",
        "MAX_CALL_SECONDS": "3600",
        "CALL_MEMORY_LIMIT_MB": "256",
        "DRAIN_SECONDS": "3600",
        "HURRY_SECONDS": "10",
        "HEALTH_HOST": "0.0.0.0",  # noqa: S104 - an example of the default; nothing binds to it here
        "HEALTH_PORT": "8081",
        "STATE_DIR": "/var/lib/livekit-tenant-worker",
        "USAGE_URL": "https://control.example.com/v1/tenants/acme/usage",
        "USAGE_SECRET": "the output of `openssl rand -hex 32`",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
    }
)
