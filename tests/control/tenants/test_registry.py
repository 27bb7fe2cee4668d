import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from control.plane import Plane
from control.storage.sealing import is_sealed, new_key
from control.tenants.registry import (
    RegistrationRefused,
    SharedKey,
    TenantRegistration,
    UnknownTenant,
)
from tests.control.planes import CANARY, OPERATOR_KEY, livekit, opened, sqlite


def _with(**changed: str) -> Any:
    settings = dict(livekit())
    return settings | {"livekit": settings["livekit"] | changed}


async def _sql(plane: Plane, statement: str, **values: Any) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text(statement), values)

    await plane.database.write(work)


async def _insert(plane: Plane, tenant_id: str, settings: Any) -> None:
    cast = "CAST(:settings AS jsonb)" if plane.database.dialect == "postgresql" else ":settings"
    await _sql(
        plane,
        f"INSERT INTO clients (id, settings) VALUES (:id, {cast})",
        id=tenant_id,
        settings=json.dumps(settings),
    )


async def _stored(plane: Plane, tenant_id: str) -> Any:
    async def work(connection: AsyncConnection) -> Any:
        found = await connection.execute(
            text("SELECT settings FROM clients WHERE id = :id"), {"id": tenant_id}
        )
        return found.scalar_one()

    found = await plane.database.read(work)
    return json.loads(found) if isinstance(found, str) else found


async def test_a_registered_tenant_is_given_with_its_defaults(database_url: str) -> None:
    async with opened(database_url) as plane:
        tenant, is_new = await plane.registry.register(
            TenantRegistration("acme", "Acme", None, livekit())
        )
        assert is_new
        assert tenant.enabled
        assert (tenant.agent_name, tenant.room_prefix) == ("acme-agent", "acme--")
        assert tenant.credentials.api_secret.get_secret_value() == CANARY
        assert await plane.registry.tenants() == (tenant,)


async def test_a_secret_is_sealed_in_the_table_and_the_key_is_not(database_url: str) -> None:
    extra: dict[str, Any] = {"openai": {"api_key": CANARY}, "agent": {"env": {"CRM_TOKEN": CANARY}}}
    async with opened(database_url) as plane:
        await plane.registry.register(TenantRegistration("acme", settings=livekit(**extra)))
        stored = await _stored(plane, "acme")
        assert CANARY not in json.dumps(stored)
        assert stored["livekit"]["api_key"] == "APIacme"
        assert is_sealed(stored["agent"]["env"]["CRM_TOKEN"])
        assert CANARY not in repr(await plane.registry.tenant("acme"))


async def test_a_secret_that_came_by_sql_is_used_sealed_and_reported(database_url: str) -> None:
    async with opened(database_url) as plane:
        await _insert(plane, "acme", livekit())
        tenant = await plane.registry.callee("acme")
        assert tenant.credentials.api_secret.get_secret_value() == CANARY
        assert CANARY not in json.dumps(await _stored(plane, "acme"))
        (notice,) = (await plane.registry.tenant("acme")).notices
        assert notice == "settings.livekit.api_secret came in plain text; it is sealed now"
        again, _ = await plane.registry.register(TenantRegistration("acme", settings=livekit()))
        assert again.notices == ()


async def test_sealing_changes_nothing_that_a_worker_is_replaced_for(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as plane:
        await _insert(plane, "acme", livekit())
        before = await plane.registry.callee("acme")
        after = await plane.registry.tenant("acme")
        other, _ = await plane.registry.register(
            TenantRegistration("globex", settings=livekit("APIb"))
        )
        assert before.content_hash == after.content_hash
        assert (await plane.registry.tenant("acme")).content_hash == after.content_hash
        assert other.content_hash != after.content_hash


async def test_a_rotated_sealing_key_opens_and_seals_anew(database_url: str) -> None:
    async with opened(database_url) as plane:
        await plane.registry.register(TenantRegistration("acme", settings=livekit()))
        sealed = (await _stored(plane, "acme"))["livekit"]["api_secret"]
        old = plane.settings.environment["CONTROL_SEALING_KEY"]
    async with opened(database_url, CONTROL_SEALING_KEY=f"{new_key()},{old}") as plane:
        tenant = await plane.registry.callee("acme")
        assert tenant.credentials.api_secret.get_secret_value() == CANARY
        assert (await _stored(plane, "acme"))["livekit"]["api_secret"] != sealed
        assert (await plane.registry.tenant("acme")).notices == ()
    async with opened(database_url) as plane:
        (fault,) = (await plane.registry.callee("acme")).faults
        assert fault.id == "unsealable"


async def test_another_tenants_key_is_refused_naming_its_owner(database_url: str) -> None:
    async with opened(database_url) as plane:
        await plane.registry.register(TenantRegistration("acme", settings=livekit()))
        with pytest.raises(SharedKey, match="tenant acme"):
            await plane.registry.register(TenantRegistration("globex", settings=livekit()))
        with pytest.raises(SharedKey, match="the operator"):
            await plane.registry.register(
                TenantRegistration("globex", settings=livekit(OPERATOR_KEY))
            )
        with pytest.raises(UnknownTenant):
            await plane.registry.tenant("globex")


async def test_a_key_shared_by_sql_is_a_fault_of_both(database_url: str) -> None:
    async with opened(database_url) as plane:
        await _insert(plane, "acme", livekit())
        await _insert(plane, "globex", livekit())
        for tenant_id, other in (("acme", "globex"), ("globex", "acme")):
            tenant = await plane.registry.callee(tenant_id)
            assert [(fault.id, fault.other) for fault in tenant.faults] == [("shared-key", other)]
            assert not tenant.is_served
        listed = await plane.registry.tenants()
        assert [tenant.faults[0].other for tenant in listed] == ["globex", "acme"]


async def test_the_operators_key_by_sql_is_a_fault(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as plane:
        await _insert(plane, "acme", livekit(OPERATOR_KEY))
        (fault,) = (await plane.registry.callee("acme")).faults
        assert fault.other == "the operator"


@pytest.mark.parametrize(
    "settings",
    [
        [],
        "text",
        7,
        {},
        {"livekit": None},
        {"livekit": []},
        {"livekit": {"server_url": "wss://a", "api_key": "k"}},
        {"livekit": {"server_url": "ftp://a", "api_key": "k", "api_secret": CANARY}},
        {"livekit": {"server_url": "wss://u:p@a", "api_key": "k", "api_secret": CANARY}},
        {"livekit": {"server_url": "wss://[", "api_key": 5, "api_secret": {"a": CANARY}}},
        {"livekit": {"server_url": "wss://a", "api_key": "", "api_secret": ""}},
    ],
)
async def test_whatever_sql_puts_there_is_a_named_fault(tmp_path: Path, settings: Any) -> None:
    async with opened(sqlite(tmp_path)) as plane:
        await _insert(plane, "acme", settings)
        tenant = await plane.registry.callee("acme")
        assert tenant.faults
        assert all(fault.problem.startswith("settings") for fault in tenant.faults)
        assert CANARY not in repr(tenant)
        assert len(await plane.registry.tenants()) == 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"livekit": {"server_url": "wss://a", "api_key": "k"}}, "livekit.api_secret"),
        (livekit(agent={"max_calls": 0}), "agent.max_calls"),
        (livekit(agent={"env": {"LIVEKIT_API_KEY": "k"}}), "LIVEKIT_API_KEY does not belong"),
        (livekit(agent={"env": {"PYTHONSTARTUP": "/x.py"}}), "PYTHONSTARTUP does not belong"),
        (livekit(agent={"conifg": {}}), "agent.conifg: unknown name"),
        (livekit(agent={"config": {"instrutions": "x"}}), "instrutions"),
        (livekit(opnai={}), "opnai: unknown name"),
    ],
)
async def test_settings_that_cannot_be_right_are_refused_by_name(
    tmp_path: Path, settings: Any, problem: str
) -> None:
    async with opened(sqlite(tmp_path)) as plane:
        with pytest.raises(RegistrationRefused, match=problem):
            await plane.registry.register(TenantRegistration("acme", settings=settings))


_WRONG_VALUES: list[tuple[Any, str]] = [
    (_with(api_key="your-api-key"), "settings.livekit.api_key: is a placeholder, not a value"),
    (_with(api_key="APIacme "), "settings.livekit.api_key: begins or ends with a blank"),
    (_with(api_key="API\nacme"), "settings.livekit.api_key: has a control character in it"),
    (_with(api_secret=f"{CANARY}\n"), "settings.livekit.api_secret: begins or ends with a blank"),
    (_with(api_secret="changeme"), "settings.livekit.api_secret: is a placeholder, not a value"),
    (_with(server_url=" wss://a.example.com"), "settings.livekit.server_url: begins or ends"),
    (_with(server_url="wss://a.example.com?x=1"), "settings.livekit.server_url: has a query"),
    (_with(server_url="https://cloud.livekit.io"), "settings.livekit.server_url: is LiveKit Cloud"),
    (_with(server_url="ws://a.example.com"), "settings.livekit.server_url: goes to a public host"),
    (_with(api_key=CANARY, api_secret="APIacme"), "settings.livekit.api_key: key and secret are"),
    (livekit(openai={"api_key": "sk-..."}), "settings.openai.api_key: is a placeholder"),
    (livekit(openai={"base_url": "api.example.com"}), "settings.openai.base_url: begins with none"),
    (livekit(agent={"max_calls": 5000}), "settings.agent.max_calls: is not between 1 and 1000"),
    (livekit(agent={"name": "two words"}), "settings.agent.name: is longer than 128 characters or"),
    (livekit(agent={"env": {"TOKEN_RULE": "off"}}), "settings.agent.env.TOKEN_RULE: is none of"),
    (livekit(agent={"config": {"greting": "x"}}), "settings.agent.config: greting: unknown key"),
]


@pytest.mark.parametrize(("settings", "problem"), _WRONG_VALUES)
async def test_a_value_that_bootstrap_refuses_is_refused_and_by_sql_a_fault(
    tmp_path: Path, settings: Any, problem: str
) -> None:
    async with opened(sqlite(tmp_path)) as plane:
        with pytest.raises(RegistrationRefused) as refused:
            await plane.registry.register(TenantRegistration("acme", settings=settings))
        assert refused.value.problems[0].startswith(problem)
        await _insert(plane, "acme", settings)
        tenant = await plane.registry.callee("acme")
        assert tenant.faults[0].problem.startswith(problem)
        assert not tenant.is_served
        # Sealed by now, and judged as it was in plain text.
        assert [fault.problem for fault in (await plane.registry.tenant("acme")).faults] == [
            *refused.value.problems
        ]
        assert CANARY not in str(refused.value) + repr(tenant)


async def test_an_id_that_sql_made_up_is_a_fault(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as plane:
        await _insert(plane, "acme/eu", livekit())
        (tenant,) = await plane.registry.tenants()
        assert [fault.problem.partition(",")[0] for fault in tenant.faults] == [
            "id: is no tenant id: lower-case letters and digits with single hyphens between"
        ]


async def test_claims_are_asked_for_where_the_control_plane_can_sign_them(tmp_path: Path) -> None:
    asking = livekit(agent={"env": {"CLAIM_POLICY": "required"}})
    async with opened(sqlite(tmp_path)) as plane:
        await plane.registry.register(TenantRegistration("acme", settings=asking))
        key = plane.settings.environment["CONTROL_SEALING_KEY"]
    async with opened(sqlite(tmp_path), CLAIM_PRIVATE_KEY="", CONTROL_SEALING_KEY=key) as plane:
        (fault,) = (await plane.registry.callee("acme")).faults
        assert fault.problem.startswith("CLAIM_PUBLIC_KEY: is missing while CLAIM_POLICY is ")


async def test_a_providers_key_may_be_with_whoever_starts_the_worker(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as plane:
        tenant, _ = await plane.registry.register(TenantRegistration("acme", settings=livekit()))
        assert tenant.openai_api_key is None
        assert tenant.faults == ()


@pytest.mark.parametrize("tenant_id", ["", "Acme", "a--b", "-a", "a" * 64, "a/b", "ä"])
async def test_an_id_that_is_no_dns_label_is_refused(tmp_path: Path, tenant_id: str) -> None:
    async with opened(sqlite(tmp_path)) as plane:
        with pytest.raises(RegistrationRefused, match="DNS label"):
            await plane.registry.register(TenantRegistration(tenant_id, settings=livekit()))


async def test_a_change_keeps_what_it_does_not_name(database_url: str) -> None:
    async with opened(database_url) as plane:
        await plane.registry.register(TenantRegistration("acme", "Acme", None, livekit()))
        tenant, is_new = await plane.registry.register(TenantRegistration("acme", enabled=False))
        assert not is_new
        assert (tenant.name, tenant.enabled) == ("Acme", False)
        assert tenant.livekit is not None
        with pytest.raises(RegistrationRefused, match="missing for a new tenant"):
            await plane.registry.register(TenantRegistration("globex", enabled=False))


async def test_a_removed_tenant_is_unknown(database_url: str) -> None:
    async with opened(database_url) as plane:
        await plane.registry.register(TenantRegistration("acme", settings=livekit()))
        await plane.registry.remove("acme")
        for asked in (plane.registry.callee, plane.registry.tenant, plane.registry.remove):
            with pytest.raises(UnknownTenant):
                await asked("acme")
