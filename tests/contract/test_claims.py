"""Claims: what is signed is what is read, and nothing else admits a call."""

import contextlib
import json
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import claims
from contract.claims import Claim, ClaimExpired, ClaimFault, ClaimInvalid, ClaimMismatch

NOW = 1_700_000_000.0
KEY = Ed25519PrivateKey.generate()
OTHER_KEY = Ed25519PrivateKey.generate()
METADATA: dict[str, Any] = {"call_id": "7", "session": {"greeting": "Grüß Gott"}}
CLAIM = Claim(
    tenant="acme",
    agent="acme-agent",
    room="acme--1",
    exp=int(NOW) + 60,
    jti="one",
    digest=claims.digest(METADATA),
)


def _verify(token: str, **changed: Any) -> Claim:
    offer: dict[str, Any] = {
        "tenant": "acme",
        "agent": "acme-agent",
        "room": "acme--1",
        "metadata": METADATA,
        "now": NOW,
    }
    return claims.verify(token, [KEY.public_key()], **(offer | changed))


def _forged(**changed: Any) -> str:
    body = jwt.decode(claims.sign(CLAIM, KEY), options={"verify_signature": False})
    return jwt.encode(body | changed, KEY, algorithm="EdDSA")


def test_a_claim_is_read_as_it_was_signed() -> None:
    assert _verify(claims.sign(CLAIM, KEY)) == CLAIM


def test_the_claim_inside_the_metadata_is_not_part_of_its_digest() -> None:
    token = claims.sign(CLAIM, KEY)
    assert _verify(token, metadata={**METADATA, "claim": token}) == CLAIM


def test_the_digest_is_the_one_that_others_can_compute() -> None:
    assert claims.digest({"b": 1, "a": "ü", "claim": "x"}) == claims.digest({"a": "ü", "b": 1})
    assert claims.digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_either_of_two_public_keys_opens_during_a_rotation() -> None:
    keys = [OTHER_KEY.public_key(), KEY.public_key()]
    offer: dict[str, Any] = {"tenant": "acme", "agent": "acme-agent", "room": "acme--1"}
    token = claims.sign(CLAIM, KEY)
    assert claims.verify(token, keys, metadata=METADATA, now=NOW, **offer) == CLAIM


@pytest.mark.parametrize(
    ("changed", "statement"),
    [
        ({"tenant": "globex"}, "tenant"),
        ({"agent": "globex-agent"}, "agent"),
        ({"room": "acme--2"}, "room"),
        ({"metadata": {"call_id": "8"}}, "digest"),
        ({"metadata": {}}, "digest"),
    ],
)
def test_a_claim_for_something_else_is_a_mismatch_and_says_of_what(
    changed: dict[str, Any], statement: str
) -> None:
    with pytest.raises(ClaimMismatch, match=f"another {statement}"):
        _verify(claims.sign(CLAIM, KEY), **changed)


def test_a_claim_is_good_for_five_seconds_after_its_end_and_no_longer() -> None:
    token = claims.sign(CLAIM, KEY)
    assert _verify(token, now=CLAIM.exp + 5)
    with pytest.raises(ClaimExpired):
        _verify(token, now=CLAIM.exp + 5.1)


def test_a_claim_that_would_live_for_more_than_two_minutes_is_invalid() -> None:
    assert _verify(claims.sign(replace(CLAIM, exp=int(NOW) + 120), KEY))
    with pytest.raises(ClaimInvalid, match="120 seconds"):
        _verify(claims.sign(replace(CLAIM, exp=int(NOW) + 126), KEY))


def test_a_claim_signed_by_a_stranger_is_invalid() -> None:
    with pytest.raises(ClaimInvalid, match="no known key"):
        _verify(claims.sign(CLAIM, OTHER_KEY))


def test_an_unsigned_claim_is_invalid() -> None:
    body = jwt.decode(claims.sign(CLAIM, KEY), options={"verify_signature": False})
    with pytest.raises(ClaimInvalid):
        _verify(jwt.encode(body, "", algorithm="none"))


def test_a_claim_signed_with_the_public_key_as_a_shared_secret_is_invalid() -> None:
    raw = KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    body = jwt.decode(claims.sign(CLAIM, KEY), options={"verify_signature": False})
    with pytest.raises(ClaimInvalid):
        _verify(jwt.encode(body, raw, algorithm="HS256"))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["acme", "globex"]},
        {"aud": ""},
        {"agent": None},
        {"room": 7},
        {"jti": ""},
        {"jti": "x" * 129},
        {"exp": str(int(NOW) + 60)},
        {"exp": NOW + 60.5},
        {"exp": True},
        {"exp": None},
        {"digest": None},
    ],
)
def test_a_claim_with_a_malformed_statement_is_invalid(changed: dict[str, Any]) -> None:
    with pytest.raises(ClaimInvalid):
        _verify(_forged(**changed))


@given(st.text(max_size=80) | st.binary(max_size=80).map(bytes.hex))
@settings(max_examples=50)
def test_no_text_is_taken_for_a_claim(text: str) -> None:
    with pytest.raises(ClaimInvalid):
        _verify(text)


@given(st.integers(min_value=0), st.sampled_from("AZaz09-_."))
@settings(max_examples=50)
def test_a_claim_with_one_character_changed_is_refused_or_the_same(
    position: int, letter: str
) -> None:
    token = claims.sign(CLAIM, KEY)
    position %= len(token)
    with contextlib.suppress(ClaimFault):
        assert _verify(token[:position] + letter + token[position + 1 :]) == CLAIM


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(), max_size=4))
@settings(max_examples=50)
def test_a_digest_survives_the_way_through_json(fields: dict[str, Any]) -> None:
    assert claims.digest(json.loads(json.dumps(fields))) == claims.digest(fields)


def test_keys_are_written_and_read_alike() -> None:
    raw = KEY.private_bytes_raw()
    text = claims.encode_key(raw)
    assert "=" not in text
    assert claims.load_private_key(text).private_bytes_raw() == raw
    public = claims.encode_key(KEY.public_key().public_bytes_raw())
    assert claims.load_public_key(public).public_bytes_raw() == KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize("text", ["", "short", "A" * 42, "A" * 44, "!" * 43, "ä" * 43])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64url|bytes instead of 32"):
        claims.load_public_key(text)


def test_a_claim_of_this_minute_opens_now() -> None:
    now = time.time()
    assert _verify(claims.sign(replace(CLAIM, exp=int(now) + 60), KEY), now=now)
