"""A tenant's env file, read as its container reads it, and turned into the row's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contract.settings.reading import Reading, read
from control.files import read_file
from control.tenants.env_rule import find_name_fault
from control.tenants.registry import RegistrationRefused
from control.tenants.value_faults import PATHS

# Whoever registers a tenant says which one, and the registry knows its own claim key.
_ELSEWHERE = frozenset({"TENANT_ID", "CLAIM_PUBLIC_KEY"})


@dataclass(frozen=True)
class TenantEnvFile:
    """What an env file says of one tenant; `ignored` are names that are not the tenant's to set."""

    tenant_id: str
    settings: Mapping[str, Any] = field(repr=False)
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_env_file(path: Path, tenant_id: str | None = None) -> TenantEnvFile:
    """Read a tenant's env file; without an id, TENANT_ID or else the file's name is the id.

    Raises:
        RegistrationRefused: with everything for which `bootstrap check` would refuse this file,
            in the same words, and warnings after it; or it is another tenant's.
    """
    reading = read({}, path, read_file, elsewhere=_ELSEWHERE)
    stated = reading.values.tenant_id
    faults = [str(finding) for finding in reading.faults]
    if tenant_id is not None and stated not in (None, tenant_id):
        faults.append(f"TENANT_ID: is {stated}, not {tenant_id}")
    warnings = tuple(str(finding) for finding in reading.findings if finding.is_warning)
    if faults:
        raise RegistrationRefused(*faults, *(f"warning: {warning}" for warning in warnings))
    ignored = sorted(name for name in {**reading.texts, **reading.others} if not _is_tenants(name))
    return TenantEnvFile(
        tenant_id or stated or path.stem, _settings(reading), tuple(ignored), warnings
    )


def _is_tenants(name: str) -> bool:
    return name in PATHS or name == "TENANT_ID" or find_name_fault(name) is None


def _settings(reading: Reading) -> dict[str, Any]:
    settings: dict[str, Any] = {"livekit": {}, "openai": {}, "agent": {}}
    for name, text in reading.texts.items():
        if name in PATHS:
            part, key = PATHS[name]
            settings[part][key] = text
    agent = settings["agent"]
    agent["env"] = _env(reading)
    if "max_calls" in agent:
        agent["max_calls"] = reading.values.max_calls
    if "config" in agent:
        # The content itself, so that the worker needs no file on its host.
        agent["config"] = dict(reading.agent_file.mapping)
    return settings


def _env(reading: Reading) -> dict[str, str]:
    ours = {name: text for name, text in reading.texts.items() if name not in (*PATHS, "TENANT_ID")}
    # A name that only begins like ours was warned of, and no worker would see it.
    others = {n: text for n, text in reading.others.items() if not n.startswith("LIVEKIT_")}
    return {name: text for name, text in (ours | others).items() if _is_tenants(name)}
