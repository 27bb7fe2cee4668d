"""Tokens with least grants, and join tokens that are proven before anybody joins."""

import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from project import tokens
from project.credentials import Credentials
from project.faults import ForeignToken

SECRET = "a-secret-of-the-project-with-32-characters"
CREDENTIALS = Credentials("wss://acme.livekit.cloud", "APIacme", SecretStr(SECRET))
ROOM = "acme--1"


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"])
    return claims


def join_token(secret: str = SECRET, **changed: Any) -> str:
    now = int(time.time())
    video = {"room": ROOM, "roomJoin": True, "agent": True}
    claims = {"iss": "APIacme", "sub": "agent-x", "nbf": now, "exp": now + 60, "video": video}
    claims |= changed
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not None}, secret, "HS256"
    )


def test_a_callers_token_may_join_its_room_speak_and_listen_and_nothing_else() -> None:
    claims = claims_of(tokens.caller_token(CREDENTIALS, ROOM, "bob", name="Bob", ttl_seconds=90))
    assert claims["iss"] == "APIacme"
    assert claims["sub"] == "bob"
    assert claims["name"] == "Bob"
    assert claims["exp"] - claims["nbf"] == 90
    assert claims["video"] == {
        "room": ROOM,
        "roomJoin": True,
        "canPublish": True,
        "canPublishSources": ["microphone"],
        "canSubscribe": True,
        "canPublishData": False,
    }


def test_a_bare_token_has_no_grants_and_lives_ten_seconds() -> None:
    claims = claims_of(tokens.bare_token(CREDENTIALS))
    assert claims["exp"] - claims["nbf"] == 10
    assert set(claims) == {"iss", "sub", "nbf", "exp"}


def test_a_workers_token_may_register_an_agent_and_create_no_room() -> None:
    video = claims_of(tokens.worker_token(CREDENTIALS))["video"]
    assert video["agent"] is True
    assert "roomCreate" not in video


def test_a_join_token_of_this_key_for_an_agent_in_this_room_is_accepted() -> None:
    tokens.verify_join_token(CREDENTIALS, join_token(), ROOM)


@pytest.mark.parametrize(
    ("token", "cause"),
    [
        (join_token(secret="another-secret-of-32-characters-or-more"), "another secret"),
        (join_token(iss="APIother"), "another API key"),
        (join_token(exp=int(time.time()) - 3600), "no longer valid"),
        (join_token(exp=None), "none of this project's"),
        (join_token(sub=None), "none of this project's"),
        (join_token(nbf=int(time.time()) + 3600), "none of this project's"),
        (join_token(video={"room": "globex--1", "roomJoin": True, "agent": True}), "another room"),
        (join_token(video={"room": ROOM, "roomJoin": True}), "not an agent's"),
        (join_token(video={"room": ROOM, "agent": True}), "not an agent's"),
        (join_token(video={"room": ROOM, "roomJoin": "true", "agent": 1}), "not an agent's"),
        (join_token(video="everything"), "another room"),
        (jwt.encode({"iss": "APIacme"}, "", "none"), "none of this project's"),
        ("", "none of this project's"),
        ("not a token", "none of this project's"),
        ("é.é.é", "none of this project's"),
    ],
)
def test_any_other_join_token_is_foreign_and_says_why_without_itself(
    token: str, cause: str
) -> None:
    with pytest.raises(ForeignToken) as caught:
        tokens.verify_join_token(CREDENTIALS, token, ROOM)
    assert cause in str(caught.value)
    assert SECRET not in str(caught.value)
    assert not token or token not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_token_of_another_project_with_the_same_key_name_is_foreign() -> None:
    other = replace(CREDENTIALS, api_secret=SecretStr("the-other-projects-secret-of-32-chars"))
    with pytest.raises(ForeignToken, match="another secret"):
        tokens.verify_join_token(other, join_token(), ROOM)
