"""Usage records: whose projects they name, and what they add up to, on both databases."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import insert

from control.audit.billing import Origin, judge_usage, origins
from control.audit.findings import AuditOutcome
from control.commands.usage import draw, parse_since, write_csv
from control.http.app import make_app
from control.plane import Plane
from control.storage.tables import usage_records
from control.usage.sums import read_sums
from project.credentials import Credentials
from tests.control.audit.scenes import make_tenant
from tests.control.planes import opened
from tests.control.running import TOKEN


def record(tenant: str, started: str, *models: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {"tenant": tenant, "project_host": "acme.example", "key_fingerprint": "a" * 16}
    return made | {"started_at": started, "seconds": 30.5, "models": list(models)} | more


LLM = {"kind": "llm", "name": "small", "tokens_in": 100, "tokens_out": 20}
TTS = {"kind": "tts", "name": "voice", "characters": 250, "audio_seconds": 12.25}
RECORDS = {
    "job-1": record("acme", "2026-11-20T23:59:00.000+00:00", LLM, TTS),
    "job-2": record("acme", "2026-11-21T00:01:00.000+00:00", LLM),
    # Still the 20th in UTC, though its own clock says the 21st.
    "job-3": record("acme", "2026-11-21T01:30:00.000+02:00", LLM),
    "job-4": record("acme", "2026-11-21T09:00:00.000+00:00"),
    "job-5": record("acme", "2026-11-19T09:00:00.000+00:00", LLM),
    "job-6": record("globex", "2026-11-21T09:00:00.000+00:00", TTS),
}


async def keep(plane: Plane, records: dict[str, dict[str, Any]]) -> None:
    rows = [
        {
            "tenant_id": kept["tenant"],
            "job_id": job_id,
            "started_at": kept["started_at"],
            "complete": True,
            "record": kept,
            "received_at": time.time(),
        }
        for job_id, kept in records.items()
    ]
    await plane.database.write(lambda connection: connection.execute(insert(usage_records), rows))


async def test_usage_is_summed_per_tenant_day_and_model(database_url: str) -> None:
    async with opened(database_url) as plane:
        await keep(plane, RECORDS)
        sums = await read_sums(plane.database, datetime(2026, 11, 20, tzinfo=UTC), None)
        only = await read_sums(plane.database, datetime(2026, 11, 20, tzinfo=UTC), "globex")
    found = {(one.tenant, one.day, one.model): one for one in sums}
    assert set(found) == {
        ("acme", "2026-11-20", "small"),
        ("acme", "2026-11-20", "voice"),
        ("acme", "2026-11-21", "small"),
        ("acme", "2026-11-21", ""),
        ("globex", "2026-11-21", "voice"),
    }
    first = found["acme", "2026-11-20", "small"]
    assert (first.calls, first.tokens_in, first.tokens_out, first.seconds) == (2, 200, 40, 61.0)
    assert found["acme", "2026-11-20", "voice"].audio_seconds == 12.25
    assert [one.tenant for one in only] == ["globex"]
    lines = write_csv(sums).splitlines()
    assert lines[0].startswith("tenant,day,kind,model,calls,seconds,tokens_in")
    assert lines[1] == "acme,2026-11-20,llm,small,2,61.0,200,40,0,0.0"
    assert draw(sums).row_count == 5


def test_since_is_a_date_a_time_or_a_number_of_days() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert parse_since("2026-11-01", now) == datetime(2026, 11, 1, tzinfo=UTC)
    assert parse_since("2026-11-01T10:00:00+01:00", now) == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert parse_since("7d", now) == datetime(2026, 11, 17, 12, tzinfo=UTC)
    for text in ("yesterday", "d", "-1d", ""):
        with pytest.raises(ValueError):  # noqa: PT011 - whichever words, it is no time
            parse_since(text, now)


async def test_the_origins_of_records_are_read_from_the_records_themselves(
    database_url: str,
) -> None:
    async with opened(database_url) as plane:
        await keep(plane, RECORDS)
        found = await origins(plane.database)
    assert Origin("acme", "acme", "acme.example", "a" * 16, 5) in found
    assert len(found) == 2


def test_records_after_a_rotation_are_still_its_own_and_another_tenants_are_not() -> None:
    def at(name: str, host: str) -> Any:
        return make_tenant(name, Credentials(f"wss://{host}", f"API{name}", SecretStr("s" * 32)))

    acme, globex = at("acme", "acme.example"), at("globex", "globex.example")
    cases = {
        Origin("acme", "acme", "acme.example", "0" * 16, 3): AuditOutcome.PROVEN,
        Origin("acme", "acme", "globex.example", "0" * 16, 3): AuditOutcome.DISPROVEN,
        Origin("acme", "globex", "acme.example", "0" * 16, 3): AuditOutcome.DISPROVEN,
        Origin("acme", "acme", "x", globex.credentials.fingerprint, 3): AuditOutcome.DISPROVEN,
        Origin("acme", "acme", "older.example", "0" * 16, 3): AuditOutcome.UNPROVEN,
        Origin("globex", "acme", "acme.example", "0" * 16, 3): AuditOutcome.PROVEN,
    }
    for origin, outcome in cases.items():
        assert judge_usage(acme, (acme, globex), (origin,)).outcome is outcome, origin


async def test_an_audit_is_run_by_post_read_by_get_and_shown_to_a_browser(
    database_url: str,
) -> None:
    async with opened(database_url) as plane:
        transport = httpx.ASGITransport(make_app(plane))
        async with httpx.AsyncClient(transport=transport, base_url="http://control") as asking:
            assert (await asking.get("/v1/audit")).status_code == 401
            asking.headers["Authorization"] = f"Bearer {TOKEN}"
            missing = await asking.get("/v1/audit")
            assert missing.status_code == 404
            assert missing.json()["type"] == "/problems/no-audit"
            done = await asking.post("/v1/audit")
            assert (done.status_code, done.json()["verdict"]) == (200, "proven")
            assert (await asking.get("/v1/audit")).json() == done.json()
            shown = await asking.get("/v1/audit", headers={"Accept": "text/html"})
            assert shown.text.startswith("<!doctype html>")
