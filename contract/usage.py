"""A call's usage record, and the signature under which it travels."""

import hashlib
import hmac
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

SCHEMA = 1
SIGNATURE_HEADER = "Tenant-Worker-Signature"
_OLDEST_SECONDS = 300


class CallOutcome(StrEnum):
    """How a call ended."""

    COMPLETED = "completed"
    CALLER_LEFT = "caller-left"
    NO_CALLER = "no-caller"
    FAILED = "failed"
    CUT_OFF = "cut-off"


@dataclass(frozen=True)
class ModelUsage:
    """What one model did in one call; `kind` is stt, llm, tts or realtime."""

    kind: str
    name: str
    tokens_in: int = 0
    tokens_out: int = 0
    characters: int = 0
    audio_seconds: float = 0.0


@dataclass(frozen=True)
class UsageRecord:
    """What one call cost; times in ISO 8601 UTC, `seconds` from start to end."""

    tenant: str
    project_host: str
    key_fingerprint: str
    agent_name: str
    job_id: str
    dispatch_id: str
    call_id: str | None
    room: str
    started_at: str
    ended_at: str
    seconds: float
    outcome: CallOutcome
    complete: bool
    models: tuple[ModelUsage, ...] = ()
    schema: int = SCHEMA

    def as_json(self) -> dict[str, Any]:
        """Give the record as plain JSON values."""
        return asdict(self) | {
            "outcome": self.outcome.value,
            "models": [asdict(m) for m in self.models],
        }


def sign(body: bytes, secret: str, at: int) -> str:
    """Make the signature header's value for a body sent at a Unix second."""
    return f"t={at},v1={_mac(body, secret, at)}"


def is_signed(body: bytes, header: str, secret: str, now: float) -> bool:
    """Tell whether the header is the body's own and at most five minutes old; never raises."""
    fields = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp, given = fields.get("t", ""), fields.get("v1", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and given.isascii()):
        return False
    if abs(now - int(stamp)) > _OLDEST_SECONDS:
        return False
    return hmac.compare_digest(_mac(body, secret, int(stamp)), given)


def _mac(body: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
