"""Tokens: those that a project's key signs, and the check of a join token that a server sent."""

from datetime import timedelta
from typing import Any

import jwt
from livekit.api import AccessToken, VideoGrants

from project.credentials import Credentials
from project.faults import ForeignToken

_BARE_SECONDS = 10
_WORKER_SECONDS = 60
_LEEWAY_SECONDS = 60  # as livekit's own verifiers


def caller_token(
    credentials: Credentials,
    room: str,
    identity: str,
    name: str | None = None,
    ttl_seconds: float = 600,
) -> str:
    """Sign a caller's token: join this room, publish a microphone, subscribe, nothing else."""
    grants = VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_publish_sources=["microphone"],
        can_subscribe=True,
        can_publish_data=False,
    )
    token = _token(credentials, ttl_seconds).with_identity(identity).with_grants(grants)
    return (token.with_name(name) if name else token).to_jwt()


def bare_token(credentials: Credentials) -> str:
    """Sign a token without grants that lives 10 s: one that an unproven host may see."""
    return _token(credentials, _BARE_SECONDS).to_jwt()


def worker_token(credentials: Credentials) -> str:
    """Sign a token with the `agent` grant that lives 60 s: what a worker registers with."""
    return _token(credentials, _WORKER_SECONDS).with_grants(VideoGrants(agent=True)).to_jwt()


def verify_join_token(credentials: Credentials, token: str, room: str) -> None:
    """Prove that a join token is this key's, for an agent, in this room, and still valid.

    Raises:
        ForeignToken: says which of these does not hold, without the token.
    """
    video = _claims(credentials, token).get("video")
    if not isinstance(video, dict) or video.get("room") != room:
        raise ForeignToken("the join token is for another room")
    if video.get("roomJoin") is not True or video.get("agent") is not True:
        raise ForeignToken("the join token is not an agent's")


def _claims(credentials: Credentials, token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            credentials.api_secret.get_secret_value(),
            algorithms=["HS256"],
            issuer=credentials.api_key,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "sub"]},
        )
    except jwt.ExpiredSignatureError:
        raise ForeignToken("the join token is no longer valid") from None
    except jwt.InvalidSignatureError:
        raise ForeignToken("the join token is signed with another secret") from None
    except jwt.InvalidIssuerError:
        raise ForeignToken("the join token is of another API key") from None
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise ForeignToken("the join token is none of this project's") from None
    return claims


def _token(credentials: Credentials, ttl_seconds: float) -> AccessToken:
    secret = credentials.api_secret.get_secret_value()
    return AccessToken(credentials.api_key, secret).with_ttl(timedelta(seconds=ttl_seconds))
