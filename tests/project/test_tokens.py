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
    ("changed", "cause"),
    [
        ({"secret": "another-secret-of-32-characters-or-more"}, "another secret"),
        ({"iss": "APIother"}, "another API key"),
        ({"exp": 1_700_000_000}, "no longer valid"),
        ({"exp": None}, "none of this project's"),
        ({"sub": None}, "none of this project's"),
        ({"nbf": 9_999_999_999}, "none of this project's"),
        ({"video": {"room": "globex--1", "roomJoin": True, "agent": True}}, "another room"),
        ({"video": {"room": ROOM, "roomJoin": True}}, "not an agent's"),
        ({"video": {"room": ROOM, "agent": True}}, "not an agent's"),
        ({"video": {"room": ROOM, "roomJoin": "true", "agent": 1}}, "not an agent's"),
        ({"video": "everything"}, "another room"),
    ],
)
def test_a_join_token_that_differs_in_anything_is_foreign_and_says_why(
    changed: dict[str, Any], cause: str
) -> None:
    assert cause in refusal_of(join_token(**changed))


@pytest.mark.parametrize("text", ["", "not a token", "é.é.é", jwt.encode({}, "", "none")])
def test_a_text_that_is_no_token_is_foreign(text: str) -> None:
    assert "none of this project's" in refusal_of(text)


def refusal_of(token: str) -> str:
    with pytest.raises(ForeignToken) as caught:
        tokens.verify_join_token(CREDENTIALS, token, ROOM)
    assert SECRET not in str(caught.value)
    assert not token or token not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_a_token_of_another_project_with_the_same_key_name_is_foreign() -> None:
    other = replace(CREDENTIALS, api_secret=SecretStr("the-other-projects-secret-of-32-chars"))
    with pytest.raises(ForeignToken, match="another secret"):
        tokens.verify_join_token(other, join_token(), ROOM)
