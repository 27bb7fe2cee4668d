"""The first secrets, made once: those of a first try, and those that are kept in files."""

import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dotenv import dotenv_values

from contract import claims
from control.storage.sealing import new_key

TOKEN = "CONTROL_TOKEN"  # noqa: S105 - a variable's name
_DATABASE_PASSWORD = "CONTROL_DATABASE_PASSWORD"  # noqa: S105 - the same
MADE_HERE = (TOKEN, "CONTROL_SEALING_KEY", "CLAIM_PRIVATE_KEY", _DATABASE_PASSWORD)


def new_keys() -> dict[str, str]:
    """Make the secrets that a control plane begins with."""
    key = Ed25519PrivateKey.generate()
    return {
        TOKEN: secrets.token_urlsafe(32),
        "CONTROL_SEALING_KEY": new_key(),
        "CLAIM_PRIVATE_KEY": claims.encode_key(key.private_bytes_raw()),
    }


def ensure_keys(path: Path) -> dict[str, str]:
    """Read the keys kept at `path`; make them first, readable by the owner alone, if absent."""
    if not path.exists():
        text = "".join(f"{name}={value}\n" for name, value in new_keys().items())
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
        except FileExistsError:
            pass  # another command was quicker; its keys are as good
        else:
            sys.stderr.write(f"made new keys for a first try: {path} belongs to the database\n")
    kept = dotenv_values(path, interpolate=False)
    return {name: value for name, value in kept.items() if value}


def make_files(paths: Mapping[str, Path]) -> dict[str, str]:
    """Make secrets that are kept in files, readable by the owner alone; those there stay.

    Args:
        paths: names of MADE_HERE, and the file of each, in a folder that exists.

    Returns:
        The secrets that were made; none when every file was there.

    Raises:
        OSError: a file cannot be written.
    """
    made = new_keys() | {_DATABASE_PASSWORD: secrets.token_urlsafe(32)}
    return {name: made[name] for name, path in paths.items() if _make_file(path, made[name])}


def _make_file(path: Path, text: str) -> bool:
    """Write a file whole or not at all; tell whether it was not there before."""
    if path.exists():
        return False
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # which has mode 0600
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        try:
            path.hardlink_to(file.name)
        except FileExistsError:
            return False
    return True
