"""The keys of a first try: made once beside the default database, so that nothing must be set."""

import os
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dotenv import dotenv_values

from contract import claims
from control.storage.sealing import new_key


def new_keys() -> dict[str, str]:
    """Make the secrets that a control plane begins with."""
    key = Ed25519PrivateKey.generate()
    return {
        "CONTROL_TOKEN": secrets.token_urlsafe(32),
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
