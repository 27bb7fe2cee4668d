"""The faults of a project: what can go wrong, each by name, with what to do next."""

import json
from typing import Any, ClassVar


class ProjectFault(Exception):
    """A request that the project did not fulfil; the message never holds a key, secret or token."""

    is_permanent: ClassVar[bool] = False
    hint: ClassVar[str] = ""


class PermanentFault(ProjectFault):
    """Only a person can change the outcome of another try."""

    is_permanent = True
    hint = "Read the message; another try will end the same way."


class TemporaryFault(ProjectFault):
    """Another try may succeed."""

    hint = "Try again in a moment."


class Refused(PermanentFault):
    """The project refuses these credentials, or this token."""

    hint = (
        "Compare LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET with the project's settings."
    )


class UnknownKey(Refused):
    """The project does not know the API key."""

    hint = (
        "Take key and secret from the project that LIVEKIT_URL names; a key belongs to one project."
    )


class WrongSecret(Refused):
    """The API key is known, but the secret is not the key's."""

    hint = "Copy LIVEKIT_API_SECRET again from the same line of the project's keys as the API key."


class MissingGrant(Refused):
    """Key and secret are right; the token lacks a grant that the request needs."""

    hint = "Use an API key that may manage rooms and agents."


class TokenTimeFault(Refused):
    """The token is too early or too late for the server's clock."""

    hint = "Set this machine's clock, or the server's: more than a few seconds apart fails."


class NotLiveKit(PermanentFault):
    """Something answers at the URL, but it is not a LiveKit server."""

    hint = "Check LIVEKIT_URL's host and path; a proxy or web server may answer in its place."


class NotFound(PermanentFault):
    """The room, dispatch or participant is not there (any more)."""

    hint = "Nothing to do if it was expected to be gone."


class BadRequest(PermanentFault):
    """The server understood the request and finds it wrong."""

    hint = "The server's version may differ from what this program knows."


class Unreachable(TemporaryFault):
    """Nothing answers at the project's host, or not in time."""

    hint = "Check that the server runs and that the network, proxy and firewall let this through."


class Limited(TemporaryFault):
    """The project has had more requests than it takes in a minute (HTTP 429)."""

    hint = "Wait a minute; LiveKit Cloud takes 1,000 API requests a minute for each project."


class ServerFault(TemporaryFault):
    """The server answers that it cannot, for now."""

    hint = "The project's server or the load balancer before it is in trouble; try again."


class ForeignToken(PermanentFault):
    """A join token that is not of this project's key, for this room, for an agent."""

    hint = "Another server or another tenant's worker may be behind this; the call is not joined."


_NO_GRANT = ("permissions denied", "no permissions", "permission_denied")
_NO_TIME = ("(nbf)", "(exp)", "not valid yet", "is expired")
_BAD_SIGNATURE = ("cryptographic primitive", "signature")


def fault_of_refusal(status: int, body: str) -> Refused:
    """Name a 401's or 403's cause by its body, which can hold the token and is never repeated."""
    text = body.lower()
    if text.startswith("invalid api key"):
        return UnknownKey("the project does not know this API key")
    if any(mark in text for mark in _NO_GRANT):
        return MissingGrant("the project knows the key, but the token's grants do not suffice")
    if any(mark in text for mark in _NO_TIME):
        return TokenTimeFault("the server finds the token too early or too late: clocks differ")
    if any(mark in text for mark in _BAD_SIGNATURE):
        return WrongSecret("the project knows the API key, but the secret is not this key's")
    return Refused(f"the project refuses the credentials (HTTP {status}) and does not say why")


def fault_of_status(status: int, code: str, message: str) -> ProjectFault:
    """Name the fault of any other answer that is no success.

    Args:
        status: the HTTP status.
        code: the Twirp error's code; "unknown" where the body was none of the API's.
        message: the Twirp error's message; used to tell causes apart, not repeated.
    """
    if status in (401, 403):
        return fault_of_refusal(status, message)
    if status == 429:
        return Limited("the project takes no more requests for now (HTTP 429)")
    if status >= 500 or status == 408:
        return ServerFault(f"the server answered HTTP {status} ({_plain(code)})")
    if code == "not_found":
        return NotFound("the project has no such room, dispatch or participant")
    if code in ("unknown", "bad_route"):
        return NotLiveKit(f"HTTP {status} without a LiveKit API's answer")
    return BadRequest(f"the server answered HTTP {status} ({_plain(code)})")


def fault_of_body(status: int, body: str) -> ProjectFault:
    """Name the fault of an answer whose body was read: a Twirp error, or none."""
    try:
        fields: Any = json.loads(body)
    except ValueError:
        fields = None
    if status in (401, 403):
        return fault_of_refusal(status, body)
    if not isinstance(fields, dict):
        return fault_of_status(status, "unknown", "")
    return fault_of_status(status, str(fields.get("code", "unknown")), str(fields.get("msg", "")))


def _plain(code: str) -> str:
    # LiveKit's codes are single words of a closed list; any other text is some other program's.
    return code if code.replace("_", "").isalpha() and len(code) <= 32 else "unknown"
