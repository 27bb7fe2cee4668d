"""The answers to an offer: taken, or a reason to refuse it or to give it back (a closed list)."""

from enum import StrEnum

# The answers of `/status` and of the metrics to offers that are taken.
ACCEPTED = "accepted"
PROBE = "probe"


class Refusal(StrEnum):
    """Why a dispatch is not served by the worker that was asked."""

    DRAINING = "draining"
    AT_CAPACITY = "at-capacity"
    GUARD_ERROR = "guard-error"
    WRONG_AGENT = "wrong-agent"
    WRONG_ROOM = "wrong-room"
    ROOM_TAKEN = "room-taken"
    CLAIM_MISSING = "claim-missing"
    CLAIM_INVALID = "claim-invalid"
    CLAIM_EXPIRED = "claim-expired"
    CLAIM_MISMATCH = "claim-mismatch"
    CLAIM_REPLAYED = "claim-replayed"
    FOREIGN_TOKEN = "foreign-token"  # noqa: S105 - a reason's name, no secret
    FOREIGN_URL = "foreign-url"
    WITHDRAWN = "withdrawn"

    @property
    def is_given_back(self) -> bool:
        """Tell whether another worker of the tenant should be asked (`terminate=False`)."""
        return self in _GIVEN_BACK


_GIVEN_BACK = frozenset({Refusal.DRAINING, Refusal.AT_CAPACITY, Refusal.GUARD_ERROR})
