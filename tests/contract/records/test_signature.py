"""The signature with which usage records are sent."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.records.signature import is_signed, sign

NOW = 1_700_000_000
BODY = b'{"job_id": "AJ_1"}'
SECRET = "s" * 32


def test_a_signature_has_the_form_that_receivers_know() -> None:
    stamp, mac = sign(BODY, SECRET, NOW).split(",")
    assert stamp == "t=1700000000"
    assert mac.startswith("v1=")
    assert len(mac) == len("v1=") + 64


def test_a_signed_body_is_known_by_its_secret() -> None:
    assert is_signed(BODY, sign(BODY, SECRET, NOW), SECRET, NOW + 1)


def test_another_secret_does_not_open_it() -> None:
    assert not is_signed(BODY, sign(BODY, SECRET, NOW), "t" * 32, NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 3600])
def test_a_signature_from_more_than_five_minutes_away_is_refused(seconds: int) -> None:
    assert not is_signed(BODY, sign(BODY, SECRET, NOW), SECRET, NOW + seconds)


def test_a_signature_moved_to_another_time_is_refused() -> None:
    header = sign(BODY, SECRET, NOW).replace(f"t={NOW}", f"t={NOW + 60}")
    assert not is_signed(BODY, header, SECRET, NOW + 60)


@given(st.text(max_size=100))
@settings(max_examples=50)
def test_no_text_is_taken_for_a_signature_and_none_raises(header: str) -> None:
    assert not is_signed(BODY, header, SECRET, NOW)


@given(st.binary(max_size=64), st.binary(max_size=64), st.text(min_size=1, max_size=32))
@settings(max_examples=50)
def test_a_signature_is_its_bodys_alone(body: bytes, other: bytes, secret: str) -> None:
    assert is_signed(other, sign(body, secret, NOW), secret, NOW) == (body == other)


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "\u0661", "9" * 30])
def test_a_malformed_time_is_refused(stamp: str) -> None:
    assert not is_signed(BODY, f"t={stamp},v1={'0' * 64}", SECRET, NOW)
