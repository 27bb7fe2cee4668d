"""Claims: a claim is the control plane's signed statement inside a dispatch, for one call soon."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LONGEST_LIFE_SECONDS = 120
LEEWAY_SECONDS = 5
_KEY_BYTES = 32
_MAX_JTI = 128


class ClaimFault(Exception):
    """A claim that admits no call; each kind is a refusal reason of its own."""


class ClaimInvalid(ClaimFault):
    """Not a claim, not signed by a known key, or valid for too long."""


class ClaimExpired(ClaimFault):
    """A signed claim that has expired."""


class ClaimMismatch(ClaimFault):
    """A signed claim for another tenant, agent, room or metadata; says which."""


@dataclass(frozen=True)
class Claim:
    """What a verified claim states; `exp` in Unix seconds."""

    tenant: str
    agent: str
    room: str
    exp: int
    jti: str
    digest: str


def digest(metadata: Mapping[str, Any]) -> str:
    """Digest a dispatch's metadata without its claim (SHA-256, hex, of its canonical JSON)."""
    unsigned = {name: value for name, value in metadata.items() if name != "claim"}
    canonical = json.dumps(
        unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def sign(claim: Claim, private_key: Ed25519PrivateKey) -> str:
    """Write a claim as a JWT signed EdDSA."""
    body = {
        "aud": claim.tenant,
        "agent": claim.agent,
        "room": claim.room,
        "exp": claim.exp,
        "jti": claim.jti,
        "digest": claim.digest,
    }
    return jwt.encode(body, private_key, algorithm="EdDSA")


def verify(
    token: str,
    public_keys: Sequence[Ed25519PublicKey],
    *,
    tenant: str,
    agent: str,
    room: str,
    metadata: Mapping[str, Any],
    now: float,
) -> Claim:
    """Read a claim and compare it with the offer that carries it; `now` in Unix seconds.

    Raises:
        ClaimInvalid, ClaimMismatch, ClaimExpired: tried in this order.
    """
    claim = _read(token, public_keys)
    if claim.exp > now + LONGEST_LIFE_SECONDS + LEEWAY_SECONDS:
        raise ClaimInvalid("it lives longer than 120 seconds")
    expected = {"tenant": tenant, "agent": agent, "room": room, "digest": digest(metadata)}
    for name, value in expected.items():
        if getattr(claim, name) != value:
            raise ClaimMismatch(f"it is for another {name}")
    if claim.exp + LEEWAY_SECONDS < now:
        raise ClaimExpired(f"it ran out {now - claim.exp:.0f} seconds ago")
    return claim


def load_public_key(text: str) -> Ed25519PublicKey:
    """Read 32 raw bytes, base64url without padding; ValueError when it is no public key."""
    return Ed25519PublicKey.from_public_bytes(_key_bytes(text))


def load_private_key(text: str) -> Ed25519PrivateKey:
    """Read 32 raw bytes, base64url without padding; ValueError when it is no private key."""
    return Ed25519PrivateKey.from_private_bytes(_key_bytes(text))


def encode_key(raw: bytes) -> str:
    """Write a key's 32 raw bytes the way settings carry it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _key_bytes(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if len(raw) != _KEY_BYTES:
        raise ValueError(f"{len(raw)} bytes instead of 32")
    return raw


def _read(token: str, public_keys: Sequence[Ed25519PublicKey]) -> Claim:
    for key in public_keys:
        try:
            body = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                # `verify` compares audience and expiry with the offer, after the signature.
                options={"verify_aud": False, "verify_exp": False, "verify_jti": False},
            )
        except (jwt.PyJWTError, ValueError):
            continue
        return _claim(body)
    raise ClaimInvalid("no known key has signed it")


def _claim(body: Mapping[str, Any]) -> Claim:
    texts = [body.get(name) for name in ("aud", "agent", "room", "jti", "digest")]
    exp = body.get("exp")
    if not all(isinstance(text, str) and text for text in texts):
        raise ClaimInvalid("a statement is missing")
    if isinstance(exp, bool) or not isinstance(exp, int):
        raise ClaimInvalid("`exp` is not a whole number of seconds")
    tenant, agent, room, jti, metadata_digest = (str(text) for text in texts)
    if len(jti) > _MAX_JTI:
        raise ClaimInvalid("`jti` is longer than 128 characters")
    return Claim(tenant, agent, room, exp, jti, metadata_digest)
