"""The steps of a call, in their order, for whoever watches one being made."""

from collections.abc import Callable
from enum import StrEnum

from control.calls.call import Call


class CallStep(StrEnum):
    """What has just been done; after any of them the process may die and leave no orphan."""

    BOOKED = "booked"
    SENDING = "sending"
    SENT = "sent"
    JOINED = "joined"
    NOT_COME = "not-come"
    WITHDRAWN = "withdrawn"
    ANSWERED = "answered"


OnStep = Callable[[CallStep, Call, str], None]


def tell_nobody(_step: CallStep, _call: Call, _detail: str) -> None:
    """Tell nobody."""
