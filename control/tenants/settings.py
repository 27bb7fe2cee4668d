"""What `clients.settings` may hold: its parts and their types. `value_faults` judges the values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from contract.limits import DEFAULT_MAX_CALLS
from control.tenants.env_rule import find_name_fault
from control.tenants.tenant import TenantFault

Path = tuple[str, ...]
Part = TypeVar("Part", bound=BaseModel)

_SECRET_ENDINGS = ("KEY", "SECRET", "TOKEN", "PASSWORD")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class LivekitPart(_Part):
    """`settings.livekit`: the tenant's project."""

    server_url: str | None = None
    api_key: str | None = None
    api_secret: str | None = None


class OpenaiPart(_Part):
    """`settings.openai`: the tenant's model endpoint."""

    api_key: str | None = None
    base_url: str | None = None


class AgentPart(_Part):
    """`settings.agent`; `config` is AGENT_CONFIG's content, or its path inside the container."""

    name: str | None = None
    room_prefix: str | None = None
    config: dict[str, Any] | str | None = None
    max_calls: int = DEFAULT_MAX_CALLS
    env: dict[str, str] = Field(default_factory=dict)

    @field_validator("env")
    @classmethod
    def _leaves_the_rest_alone(cls, env: dict[str, str]) -> dict[str, str]:
        for name, value in env.items():
            if problem := find_name_fault(name):
                raise ValueError(problem)
            if "\0" in value:
                raise ValueError(f"{name} has a value that no environment can hold")
        return env


@dataclass(frozen=True)
class TenantSettings:
    """The parts that could be read, secrets as stored, and what is wrong with the others."""

    livekit: LivekitPart | None = field(repr=False)
    openai: OpenaiPart = field(repr=False)
    agent: AgentPart = field(repr=False)
    faults: tuple[TenantFault, ...]


def read(settings: Any) -> TenantSettings:
    """Read a row's settings; never raises, whatever the operator's SQL has put there."""
    faults: list[TenantFault] = []
    if not isinstance(settings, Mapping):
        faults.append(malformed("settings: not a JSON object"))
        settings = {}
    if settings.get("livekit") is None:
        faults.append(malformed("settings.livekit: missing: server_url, api_key and api_secret"))
        livekit = None
    else:
        livekit = _part(LivekitPart, "livekit", settings, faults)
    return TenantSettings(
        livekit=livekit,
        openai=_part(OpenaiPart, "openai", settings, faults) or OpenaiPart(),
        agent=_part(AgentPart, "agent", settings, faults) or AgentPart(),
        faults=tuple(faults),
    )


def unknown_names(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """List names that no part knows: a registration refuses them, SQL may keep its own."""
    parts: dict[str, type[BaseModel]] = {
        "livekit": LivekitPart,
        "openai": OpenaiPart,
        "agent": AgentPart,
    }
    unknown = [name for name in settings if name not in parts]
    for name, part in parts.items():
        given = settings.get(name)
        if isinstance(given, Mapping):
            unknown += [f"{name}.{one}" for one in given if one not in part.model_fields]
    return tuple(unknown)


def secrets_in(settings: Any) -> Iterator[tuple[Path, str]]:
    """Give each secret of a row's settings, sealed or not, with the path to it."""
    for path in (("livekit", "api_secret"), ("openai", "api_key")):
        text = _at(settings, path)
        if isinstance(text, str) and text:
            yield path, text
    env = _at(settings, ("agent", "env"))
    for name, text in env.items() if isinstance(env, Mapping) else ():
        if is_secret_name(name) and isinstance(text, str) and text:
            yield ("agent", "env", name), text


def is_secret_name(name: str) -> bool:
    """Tell whether a variable's value must be sealed and never shown."""
    return name.upper().endswith(_SECRET_ENDINGS)


def replace_at(settings: Mapping[str, Any], path: Path, text: str) -> dict[str, Any]:
    """Give the settings with another text at a path that exists."""
    head, *rest = path
    inner = replace_at(settings[head], tuple(rest), text) if rest else text
    return dict(settings) | {head: inner}


def malformed(problem: str) -> TenantFault:
    """Make a fault of what a row's settings say."""
    return TenantFault(
        id="malformed-settings",
        problem=problem,
        hint="mend the row's settings, or register the tenant anew",
    )


def _at(settings: Any, path: Path) -> Any:
    for name in path:
        settings = settings.get(name) if isinstance(settings, Mapping) else None
    return settings


def _part(
    model: type[Part], name: str, settings: Mapping[str, Any], faults: list[TenantFault]
) -> Part | None:
    given = settings.get(name)
    try:
        return model.model_validate({} if given is None else given)
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            where = ".".join(str(step) for step in (name, *one["loc"]))
            problem = one["msg"].removeprefix("Value error, ")
            faults.append(malformed(f"settings.{where}: {problem}"))
        return None
