"""What a tenant's worker is given: its own variables, and the key that signs its usage."""

import asyncio
from pathlib import Path
from typing import Any

from contract.fingerprint import fingerprint
from control.plane import open_plane
from control.settings import parse
from control.storage.sealing import new_key
from control.tenants.registry import Registry, TenantRegistration
from tests.control.planes import CANARY, OPERATOR_KEY, livekit, opened, sqlite, variables


async def test_a_worker_gets_its_own_variables_and_the_others_fingerprints(
    tmp_path: Path,
) -> None:
    more: dict[str, Any] = {
        "openai": {"api_key": CANARY},
        "agent": {"env": {"TOKEN_RULE": "warn"}, "max_calls": 3},
    }
    async with opened(sqlite(tmp_path)) as plane:
        await plane.registry.register(TenantRegistration("globex", settings=livekit("APIglobex")))
        tenant, _ = await plane.registry.register(
            TenantRegistration("acme", settings=livekit(**more))
        )
        given = tenant.variables()
        foreign = {fingerprint("APIglobex"), fingerprint(OPERATOR_KEY)}
        assert set(str(given["FOREIGN_KEY_FINGERPRINTS"]).split(",")) == foreign
        assert (given["MAX_CALLS"], given["TOKEN_RULE"]) == ("3", "warn")
        assert given["CLAIM_PUBLIC_KEY"] == plane.settings.claim_public_key
        assert given["USAGE_SECRET"] == await plane.registry.usage_secret("acme")
        assert CANARY not in repr(given)


async def test_a_usage_key_that_no_listed_key_opens_is_a_fault_and_is_not_made_anew(
    database_url: str,
) -> None:
    old = new_key()
    async with opened(database_url, CONTROL_SEALING_KEY=old) as plane:
        await plane.registry.register(TenantRegistration("acme", settings=livekit()))
        secret = await plane.registry.usage_secret("acme")
    async with opened(database_url) as plane:
        (tenant,) = await plane.registry.tenants()
        assert any("the key for its usage" in fault.problem for fault in tenant.faults)
    async with opened(database_url, CONTROL_SEALING_KEY=old) as plane:
        assert await plane.registry.usage_secret("acme") == secret


async def test_two_planes_that_make_the_usage_key_at_once_agree(database_url: str) -> None:
    async with opened(database_url) as plane:
        registries = [Registry(plane.database, plane.settings) for _ in range(5)]
        secrets = await asyncio.gather(*(one.usage_secret("acme") for one in registries))
        assert len({secret.get_secret_value() for secret in secrets}) == 1


def test_one_plane_of_settings_serves_both_kinds_of_url() -> None:
    for url in ("sqlite:///x.db", "postgresql://u@h/d", "postgres://u@h/d"):
        plane = open_plane(parse(variables(url)))
        assert plane.database.dialect in ("sqlite", "postgresql")
