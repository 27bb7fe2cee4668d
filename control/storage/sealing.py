"""Secrets at rest: AES-256-GCM, bound to their place, under the first of several keys."""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

_PREFIX = "sealed:1:"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class Unsealable(Exception):
    """A sealed value that no key at hand opens, or that was moved from another place."""

    hint = "list the key that sealed it in CONTROL_SEALING_KEY, or register the secret anew"


@dataclass(frozen=True)
class _Key:
    """One sealing key and the short name by which a sealed value refers to it."""

    raw: bytes = field(repr=False)

    @property
    def name(self) -> str:
        return hashlib.sha256(b"name:" + self.raw).hexdigest()[:8]


@dataclass(frozen=True)
class Sealer:
    """Seals under the first key, opens what any of them has sealed."""

    keys: tuple[_Key, ...]

    @classmethod
    def from_text(cls, text: SecretStr) -> "Sealer":
        """Read one or more comma-separated keys (32 bytes, base64url); ValueError if malformed."""
        parts = [part.strip() for part in text.get_secret_value().split(",") if part.strip()]
        if not parts:
            raise ValueError("no key in it")
        return cls(tuple(_Key(_decode(part)) for part in parts))

    def seal(self, plain: str, place: str) -> str:
        """Seal a text so that it opens at this place only (a tenant and a field, say)."""
        key, nonce = self.keys[0], secrets.token_bytes(_NONCE_BYTES)
        box = nonce + AESGCM(key.raw).encrypt(nonce, plain.encode(), place.encode())
        return f"{_PREFIX}{key.name}:{base64.urlsafe_b64encode(box).decode()}"

    def unseal(self, sealed: str, place: str) -> SecretStr:
        """Open a sealed text.

        Raises:
            Unsealable: none of the keys sealed it, or it was sealed for another place.
        """
        name, _, text = sealed.removeprefix(_PREFIX).partition(":")
        for key in self.keys:
            if key.name == name:
                return _opened(key, text, place)
        raise Unsealable("sealed under a key that is not listed")

    def is_current(self, text: str) -> bool:
        """Tell whether a text is sealed, and under the first key."""
        return text.startswith(f"{_PREFIX}{self.keys[0].name}:")


def is_sealed(text: str) -> bool:
    """Tell whether a text has the form of a sealed one."""
    return text.startswith(_PREFIX)


def new_key() -> str:
    """Make a sealing key as CONTROL_SEALING_KEY carries it."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).rstrip(b"=").decode()


def _opened(key: _Key, text: str, place: str) -> SecretStr:
    try:
        box = base64.b64decode(text, altchars=b"-_", validate=True)
        plain = AESGCM(key.raw).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], place.encode())
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise Unsealable("damaged, or moved here from another place") from error
    return SecretStr(plain.decode())


def _decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if len(raw) != _KEY_BYTES:
        raise ValueError(f"{len(raw)} bytes instead of {_KEY_BYTES}")
    return raw
