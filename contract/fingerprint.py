"""Fingerprints: what logs, reports and settings show in place of an API key."""

import hashlib
import re

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


def fingerprint(api_key: str) -> str:
    """Give the first 16 hex characters of the key's SHA-256."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:16]


def is_fingerprint(text: str) -> bool:
    """Tell whether `text` has a fingerprint's shape."""
    return _FINGERPRINT.fullmatch(text) is not None
