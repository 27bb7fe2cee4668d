"""The signature with which usage records are sent; of the standard library alone."""

import hashlib
import hmac

SIGNATURE_HEADER = "Tenant-Worker-Signature"
_OLDEST_SECONDS = 300


def sign(body: bytes, secret: str, at: int) -> str:
    """Make the signature header's value for a body sent at a Unix second."""
    return f"t={at},v1={_mac(body, secret, at)}"


def is_signed(body: bytes, header: str, secret: str, now: float) -> bool:
    """Tell whether the header signs this body and is at most five minutes old; never raises."""
    fields = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp, mac = fields.get("t", ""), fields.get("v1", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and mac.isascii()):
        return False
    if abs(now - int(stamp)) > _OLDEST_SECONDS:
        return False
    return hmac.compare_digest(_mac(body, secret, int(stamp)), mac)


def _mac(body: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
