"""The control plane's own settings: the one file of this program that reads the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from contract import claims
from contract.fingerprint import fingerprint
from contract.programs import CONTROL
from contract.settings.files import UnusableFile, read_value
from control.files import read_file
from control.first_keys import MADE_HERE, ensure_keys
from control.storage.sealing import Sealer

_FILE = "_FILE"
_FROM_FILES = ("KEY", "TOKEN", "URL", "PASSWORD")
_URL_WITH_USER = re.compile(r"([^:/@]+://[^:/@]+)(@.+)")
DEFAULT_DATABASE = "control.db"
# Whoever has chosen any of these runs more than a first try, and is told what is missing.
_CHOSEN = (
    "CONTROL_DATABASE_URL",
    "CONTROL_DATABASE_URL_FILE",
    "CONTROL_SEALING_KEY",
    "CONTROL_SEALING_KEY_FILE",
)


class LauncherKind(StrEnum):
    """What starts tenants' containers."""

    PROCESS = "process"
    DOCKER = "docker"
    NONE = "none"


class ControlSettingsFault(Exception):
    """Settings of the control plane that cannot be used; one line per fault, no values."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class _Raw(BaseSettings):
    """The variables as they stand; the errors name them and hide their values."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    control_database_url: SecretStr = SecretStr(f"sqlite:///{DEFAULT_DATABASE}")
    control_database_password: SecretStr | None = None
    control_token: SecretStr | None = None
    control_sealing_key: SecretStr | None = None
    control_url: str = "http://127.0.0.1:8080"
    claim_private_key: SecretStr | None = None
    operator_livekit_api_key: SecretStr | None = None
    launcher: LauncherKind = LauncherKind.PROCESS
    worker_image: str = "livekit-tenant-worker"
    calls_keep_days: float = Field(30.0, gt=0, le=3650)
    log_format: Literal["json", "text"] | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"


@dataclass(frozen=True)
class ControlSettings:
    """What the operator chose; `url` is where workers reach this control plane.

    `secrets` are the texts of these settings that no output may hold.
    """

    database_url: SecretStr
    token: SecretStr | None
    sealer: Sealer
    url: str
    claim_private_key: Ed25519PrivateKey | None = field(repr=False)
    operator_fingerprint: str | None
    launcher: LauncherKind
    worker_image: str
    calls_keep_days: float
    log_format: Literal["json", "text"] | None
    log_level: str
    secrets: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    @property
    def claim_public_key(self) -> str | None:
        """Give the public half of the claim key, as CLAIM_PUBLIC_KEY carries it."""
        if self.claim_private_key is None:
            return None
        return claims.encode_key(self.claim_private_key.public_key().public_bytes_raw())


def read(env_file: Path | None = None) -> ControlSettings:
    """Read the environment, and before it the env file where one is named.

    Raises:
        ControlSettingsFault: naming every variable that is missing or malformed.
    """
    variables = {name: text for name, text in os.environ.items() if text}
    if env_file is not None:
        variables |= _from_file(env_file)
    if not any(variables.get(name) for name in _CHOSEN):
        variables = _first_keys() | variables
    return parse(variables)


def secret_files() -> dict[str, Path]:
    """Give the files that the environment names for secrets which can be made here."""
    named = {name: os.environ.get(name + _FILE) for name in MADE_HERE}
    return {name: Path(path) for name, path in named.items() if path}


def read_database_url(env_file: Path | None = None) -> SecretStr:
    """Read where the database is, for what needs nothing else."""
    variables = {name: text for name, text in os.environ.items() if text}
    if env_file is not None:
        variables |= _from_file(env_file)
    return _database_url(_raw(_with_files(variables)))


def parse(variables: Mapping[str, str]) -> ControlSettings:
    """Turn variables into settings.

    Raises:
        ControlSettingsFault: naming every variable that is missing or malformed.
    """
    raw = _raw(_with_files(variables))
    faults: list[str] = []
    sealer = _sealer(raw.control_sealing_key, faults)
    claim_key = _claim_key(raw.claim_private_key, faults)
    if faults or sealer is None:
        raise ControlSettingsFault(*faults)
    operator = raw.operator_livekit_api_key
    return ControlSettings(
        database_url=_database_url(raw),
        token=raw.control_token,
        sealer=sealer,
        url=raw.control_url.rstrip("/"),
        claim_private_key=claim_key,
        operator_fingerprint=fingerprint(operator.get_secret_value()) if operator else None,
        launcher=raw.launcher,
        worker_image=raw.worker_image,
        calls_keep_days=raw.calls_keep_days,
        log_format=raw.log_format,
        log_level=raw.log_level,
        secrets=_secrets(raw),
        environment=dict(variables),
    )


def _secrets(raw: _Raw) -> tuple[str, ...]:
    held = (raw.control_token, raw.claim_private_key, raw.operator_livekit_api_key)
    texts = [secret.get_secret_value() for secret in held if secret is not None]
    if raw.control_sealing_key is not None:
        texts += raw.control_sealing_key.get_secret_value().split(",")
    _, _, after_user = (
        raw.control_database_url.get_secret_value().partition("://")[2].partition(":")
    )
    password = after_user.rpartition("@")[0]
    return tuple(text.strip() for text in (*texts, password, unquote(password)) if text.strip())


def _raw(variables: Mapping[str, str]) -> _Raw:
    known = {
        name: variables[name.upper()] for name in _Raw.model_fields if variables.get(name.upper())
    }
    try:
        return _Raw.model_validate(known)
    except ValidationError as error:
        lines = [
            f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)
        ]
        raise ControlSettingsFault(*lines) from None


def _first_keys() -> dict[str, str]:
    path = Path(DEFAULT_DATABASE + ".keys").resolve()
    try:
        return ensure_keys(path)
    except OSError as error:
        raise ControlSettingsFault(
            f"{path}: {error.strerror}, so no keys could be made for a first try; "
            "name CONTROL_DATABASE_URL and CONTROL_SEALING_KEY, or run where files can be written"
        ) from error


def _database_url(raw: _Raw) -> SecretStr:
    """Give the database's URL, with the password in it where that came by itself."""
    if raw.control_database_password is None:
        return raw.control_database_url
    parts = _URL_WITH_USER.fullmatch(raw.control_database_url.get_secret_value())
    if parts is None:
        raise ControlSettingsFault(
            "CONTROL_DATABASE_PASSWORD: CONTROL_DATABASE_URL is not like "
            "postgresql://USER@HOST/NAME, with a user and without a password"
        )
    password = quote(raw.control_database_password.get_secret_value(), safe="")
    return SecretStr(f"{parts[1]}:{password}{parts[2]}")


def _from_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise ControlSettingsFault(f"--env-file: there is no file {path}")
    return {name: text for name, text in dotenv_values(path, interpolate=False).items() if text}


def _with_files(variables: Mapping[str, str]) -> dict[str, str]:
    values = dict(variables)
    for name in _Raw.model_fields:
        variable = name.upper()
        if not variable.endswith(_FROM_FILES) or not variables.get(variable + _FILE):
            continue
        if variables.get(variable):
            raise ControlSettingsFault(
                f"{variable}: given twice, also as {variable}{_FILE}; keep one"
            )
        try:
            values[variable] = read_value(Path(variables[variable + _FILE]), read_file)
        except UnusableFile as fault:
            raise ControlSettingsFault(
                f"{variable}: the file of {variable}{_FILE} {fault}"
            ) from None
    return values


def _sealer(keys: SecretStr | None, faults: list[str]) -> Sealer | None:
    if keys is None:
        faults.append(f"CONTROL_SEALING_KEY: missing; `{CONTROL} keys` makes one")
        return None
    try:
        return Sealer.from_text(keys)
    except ValueError as error:
        faults.append(f"CONTROL_SEALING_KEY: {error}; `{CONTROL} keys` makes a good one")
        return None


def _claim_key(key: SecretStr | None, faults: list[str]) -> Ed25519PrivateKey | None:
    if key is None:
        return None
    try:
        return claims.load_private_key(key.get_secret_value())
    except ValueError as error:
        faults.append(f"CLAIM_PRIVATE_KEY: {error}; `{CONTROL} keys` makes a good one")
        return None
