"""Tenant ids, and the names that follow from them."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.tenant import (
    ANY_ROOM,
    call_room,
    default_agent_name,
    default_room_prefix,
    is_tenant_id,
    new_nonce,
    probe_room,
    serves_room,
)

_parts = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
tenant_ids = st.lists(_parts, min_size=1, max_size=4).map("-".join)


@pytest.mark.parametrize(
    "text", ["acme", "a", "7", "acme-2", "6f1c1a30-6f6e-4b0a-9c0e-0d5d7a3a1b2c", "a" * 63]
)
def test_a_dns_label_with_single_hyphens_is_a_tenant_id(text: str) -> None:
    assert is_tenant_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "Acme", "ac me", "-acme", "acme-", "acme--eu", "acme_eu", "a" * 64, "acme\n", "äcme", "*"],
)
def test_everything_else_is_no_tenant_id(text: str) -> None:
    assert not is_tenant_id(text)


@given(tenant_ids)
@settings(max_examples=50)
def test_a_tenants_default_prefix_serves_its_own_rooms(tenant: str) -> None:
    prefix = default_room_prefix(tenant)
    assert serves_room(prefix, call_room(prefix, new_nonce()))
    assert serves_room(prefix, probe_room(prefix, new_nonce()))
    assert default_agent_name(tenant) == f"{tenant}-agent"


@given(tenant_ids, tenant_ids)
@settings(max_examples=50)
def test_no_tenants_default_prefix_serves_anothers_room(tenant: str, other: str) -> None:
    room = call_room(default_room_prefix(other), new_nonce())
    assert serves_room(default_room_prefix(tenant), room) == (tenant == other)


def test_a_worker_for_every_room_serves_all_but_a_room_without_name() -> None:
    assert serves_room(ANY_ROOM, "anything")
    assert not serves_room(ANY_ROOM, "")
    assert not serves_room("", "")


def test_a_room_of_a_worker_for_every_room_has_no_star_in_its_name() -> None:
    assert call_room(ANY_ROOM, "n") == "n"
    assert probe_room(ANY_ROOM, "n") == "probe-n"


def test_two_nonces_are_never_the_same() -> None:
    assert len({new_nonce() for _ in range(1000)}) == 1000
