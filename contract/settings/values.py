"""The settings one by one: which texts each variable takes, and what they become."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr

from contract import limits
from contract.claims import load_public_key
from contract.fingerprint import is_fingerprint
from contract.policies import ClaimPolicy, Strictness
from contract.settings import urls
from contract.tenant import ANY_ROOM, is_tenant_id

_LONGEST_NAME = 128
_LONGEST_SECONDS = 7 * 24 * 3600
_MOST_MEGABYTES = 1024 * 1024
_CLAIM_KEYS = (1, 2)
_WHOLE = re.compile(r"-?[0-9]{1,12}")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _tenant(text: str) -> str:
    if not is_tenant_id(text):
        raise ValueError(
            "is no tenant id: lower-case letters and digits with single hyphens between, at most 63"
        )
    return text


def _name(text: str) -> str:
    if len(text) > _LONGEST_NAME or any(character.isspace() for character in text):
        raise ValueError("is longer than 128 characters or has a blank in it")
    return text


def _prefix(text: str) -> str:
    if text != ANY_ROOM and ANY_ROOM in text:
        raise ValueError("is a beginning, not a pattern: no * but a single one for every room")
    return _name(text)


def _secret(value: SecretStr) -> SecretStr:
    if any(character.isspace() for character in value.get_secret_value()):
        raise ValueError("has a blank in it")
    return value


def _url(*schemes: str) -> AfterValidator:
    def check(text: str) -> str:
        if problem := urls.fault(text, schemes):
            raise ValueError(problem)
        return text

    return AfterValidator(check)


def _server(url: str) -> str:
    if urls.is_dashboard(url):
        raise ValueError("is LiveKit Cloud's website; the project's settings there show its URL")
    return url


def _one_of(*choices: str) -> BeforeValidator:
    by_fold = {choice.casefold(): choice for choice in choices}

    def choose(text: str) -> str:
        if text.casefold() not in by_fold:
            raise ValueError(f"is none of {', '.join(choices)}")
        return by_fold[text.casefold()]

    return BeforeValidator(choose)


def _whole(least: int, most: int) -> BeforeValidator:
    def check(text: str) -> int:
        if not _WHOLE.fullmatch(text):
            raise ValueError("is not a whole number")
        number = int(text)
        if not least <= number <= most:
            raise ValueError(f"is not between {least} and {most}")
        return number

    return BeforeValidator(check)


def _seconds(least: int) -> BeforeValidator:
    return _whole(least, _LONGEST_SECONDS)


def _switch(text: str) -> bool:
    switches = {"0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}
    if text.casefold() not in switches:
        raise ValueError("is neither 0 nor 1")
    return switches[text.casefold()]


def _fingerprints(text: str) -> frozenset[str]:
    parts = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    if not all(is_fingerprint(part) for part in parts):
        raise ValueError("is not a list of fingerprints: 16 hex characters each, with commas")
    return parts


def _claim_keys(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if len(parts) not in _CLAIM_KEYS:
        raise ValueError("holds more than two keys")
    try:
        for part in parts:
            load_public_key(part)
    except ValueError as error:
        raise ValueError(
            f"is no Ed25519 public key: {error}; 32 raw bytes as base64url without padding"
        ) from None
    return parts


def _agent(text: str) -> str:
    module, _, attribute = text.partition(":")
    names = [*module.split("."), attribute]
    if not all(name.isidentifier() for name in names):
        raise ValueError("is not written as module:attribute")
    return text


Word = Annotated[str, AfterValidator(_name)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Web = Annotated[str, _url("https", "http")]
Server = Annotated[str, _url("wss", "ws", "https", "http"), AfterValidator(_server)]


class Values(BaseModel):
    """Every variable's value, typed; one that is not set has the default of the reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # Required ones are None here, so that one fault hides no other: `contradictions` asks for them.
    tenant_id: Annotated[str, AfterValidator(_tenant)] | None = None
    livekit_url: Server | None = None
    livekit_api_key: Word | None = None
    livekit_api_secret: Secret | None = None
    livekit_agent_name: Word | None = None
    room_prefix: Annotated[str, AfterValidator(_prefix)] | None = None
    foreign_key_fingerprints: Annotated[frozenset[str], BeforeValidator(_fingerprints)] = (
        frozenset()
    )
    claim_public_key: Annotated[tuple[str, ...], BeforeValidator(_claim_keys)] = ()
    claim_policy: Annotated[ClaimPolicy | None, _one_of(*ClaimPolicy)] = None
    token_rule: Annotated[Strictness | None, _one_of(Strictness.REQUIRED, Strictness.WARN)] = None
    rival_check: Annotated[Strictness, _one_of(*Strictness)] = Strictness.REQUIRED
    provider_check: Annotated[Strictness, _one_of(*Strictness)] = Strictness.REQUIRED
    allow_insecure_url: Annotated[bool, BeforeValidator(_switch)] = False
    openai_api_key: Secret | None = None
    openai_base_url: Web | None = None
    agent_config: str | None = None
    agent: Annotated[str, AfterValidator(_agent)] | None = None
    max_calls: Annotated[int, _whole(1, limits.MOST_CALLS)] = limits.DEFAULT_MAX_CALLS
    max_call_seconds: Annotated[int, _seconds(1)] = limits.DEFAULT_MAX_CALL_SECONDS
    call_memory_limit_mb: Annotated[int, _whole(1, _MOST_MEGABYTES)] = (
        limits.DEFAULT_CALL_MEMORY_LIMIT_MB
    )
    drain_seconds: Annotated[int, _seconds(0)] = limits.DEFAULT_DRAIN_SECONDS
    hurry_seconds: Annotated[int, _seconds(0)] = limits.DEFAULT_HURRY_SECONDS
    health_host: Word = limits.DEFAULT_HEALTH_HOST
    health_port: Annotated[int, _whole(0, 65535)] = limits.DEFAULT_HEALTH_PORT
    state_dir: str | None = None
    usage_url: Web | None = None
    usage_secret: Secret | None = None
    log_format: Annotated[Literal["json", "text"] | None, _one_of("json", "text")] = None
    log_level: Annotated[str, _one_of(*_LEVELS)] = limits.DEFAULT_LOG_LEVEL
