"""A tenant's env file, as its container reads it, turned into the row's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from contract.variables import PROJECT_VARIABLES, VARIABLES
from control.tenants.registry import RegistrationRefused

_FILE = "_FILE"
# The control plane gives these itself, to every worker that it starts.
_OURS = frozenset({"FOREIGN_KEY_FINGERPRINTS", "CLAIM_PUBLIC_KEY"})
_HOSTS = frozenset(variable.name for variable in VARIABLES if not variable.tenants)
_PLACES = {
    "LIVEKIT_URL": ("livekit", "server_url"),
    "LIVEKIT_API_KEY": ("livekit", "api_key"),
    "LIVEKIT_API_SECRET": ("livekit", "api_secret"),
    "OPENAI_API_KEY": ("openai", "api_key"),
    "OPENAI_BASE_URL": ("openai", "base_url"),
    "LIVEKIT_AGENT_NAME": ("agent", "name"),
    "ROOM_PREFIX": ("agent", "room_prefix"),
}


@dataclass(frozen=True)
class TenantEnvFile:
    """What an env file says of one tenant; `ignored` are names that are not the tenant's to set."""

    tenant_id: str
    settings: Mapping[str, Any] = field(repr=False)
    ignored: tuple[str, ...] = ()


def read_env_file(path: Path, tenant_id: str | None = None) -> TenantEnvFile:
    """Read a tenant's env file; without an id, TENANT_ID or else the file's name is the id.

    Raises:
        RegistrationRefused: it cannot be read, or is another tenant's.
    """
    values = _values(path)
    stated = values.pop("TENANT_ID", None)
    if tenant_id is not None and stated not in (None, tenant_id):
        raise RegistrationRefused(f"{path.name}: TENANT_ID is {stated}, not {tenant_id}")
    ignored = tuple(sorted(name for name in values if name in _OURS | _HOSTS))
    for name in ignored:
        values.pop(name)
    missing = [name for name in PROJECT_VARIABLES if name not in values]
    if missing:
        raise RegistrationRefused(f"{path.name}: {', '.join(missing)} missing")
    return TenantEnvFile(tenant_id or stated or path.stem, _settings(values, path), ignored)


def _values(path: Path) -> dict[str, str]:
    try:
        found = dotenv_values(stream=StringIO(path.read_text()), interpolate=False)
    except OSError as error:
        raise RegistrationRefused(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RegistrationRefused(f"{path}: no text in UTF-8") from None
    values = {name: text for name, text in found.items() if text}
    for name in [name for name in values if name.endswith(_FILE)]:
        plain = name.removesuffix(_FILE)
        if plain not in {variable.name for variable in VARIABLES if variable.takes_file}:
            continue
        if plain in values:
            raise RegistrationRefused(f"{path.name}: {plain} is given twice, also as {name}")
        values[plain] = _content(path, name, values.pop(name)).strip()
    return values


def _content(path: Path, name: str, where: str) -> str:
    try:
        return (path.parent / where).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise RegistrationRefused(f"{path.name}: {name}: {error}") from None


def _settings(values: Mapping[str, str], path: Path) -> dict[str, Any]:
    settings: dict[str, Any] = {"livekit": {}, "openai": {}, "agent": {"env": {}}}
    agent = settings["agent"]
    for name, text in values.items():
        if name in _PLACES:
            part, key = _PLACES[name]
            settings[part][key] = text
        elif name == "MAX_CALLS":
            agent["max_calls"] = _whole(path, name, text)
        elif name == "AGENT_CONFIG":
            agent["config"] = _yaml(path, text)
        else:
            agent["env"][name] = text
    return settings


def _whole(path: Path, name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise RegistrationRefused(f"{path.name}: {name} is no whole number")
    return int(text)


def _yaml(path: Path, where: str) -> Any:
    """Read AGENT_CONFIG's file, so that the worker needs none on its host."""
    try:
        return yaml.safe_load(_content(path, "AGENT_CONFIG", where))
    except yaml.YAMLError as error:
        raise RegistrationRefused(f"{path.name}: AGENT_CONFIG is no YAML: {error}") from None
