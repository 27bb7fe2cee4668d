"""PostgreSQL is away: before the control plane starts, while it serves, and with its machine."""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from contract.exits import ExitCode
from contract.programs import ROOT
from control.storage import database
from control.storage.database import DatabaseUnreachable, UnknownDatabase, database_url
from sandbox.child import plain_environment, start_child
from sandbox.debian import install
from sandbox.ports import free_port
from tests.control.fleet.fleets import running_fleet
from tests.control.planes import CANARY, livekit, variables
from tests.control.postgres import RunningPostgres
from tests.control.running import Serving, eventually

pytestmark = pytest.mark.integration

# Patience with the database is 20 s; whoever has not ended or answered by then hangs.
HANGING_SECONDS = 80
LEADS, FOLLOWS = "this control plane runs the fleet", "this control plane stands by for the fleet"


def with_password(url: str) -> str:
    """Add a password, which this server does not ask for and which nobody may ever show."""
    return url.replace("postgres@", f"postgres:{CANARY}@")


def test_a_start_without_its_database_tells_why_and_what_to_do_and_may_be_tried_again(
    postgres: RunningPostgres,
) -> None:
    given = variables(with_password(postgres.empty_database()))
    with postgres.away():
        done = subprocess.run(
            [sys.executable, "-m", "control", "serve", "--port", str(free_port())],
            env=plain_environment() | given,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=HANGING_SECONDS,
        )
    said = done.stdout + done.stderr
    assert done.returncode == ExitCode.UNAVAILABLE, said
    *_, waiting, cause, what, hint = done.stderr.splitlines()
    assert "cannot be reached yet, trying for 20 s in all" in waiting
    assert f"port {postgres.port} failed: Connection refused" in cause
    assert (what, hint) == ("the database cannot be reached", f"  {DatabaseUnreachable.hint}")
    assert "Traceback" not in said
    assert CANARY not in said


def test_a_password_is_refused_of_which_a_part_would_be_taken_for_the_host_and_shown() -> None:
    for password in (f"a@{CANARY}", f"a@{CANARY}/b", f"{CANARY}@"):
        with pytest.raises(UnknownDatabase, match="%40") as refused:
            database_url(SecretStr(f"postgresql://postgres:{password}@127.0.0.1/postgres"))
        assert CANARY not in str(refused.value)
    for user in ("postgres", "postgres@somewhere"):
        written = database_url(SecretStr(f"postgresql://{user}:a%40{CANARY}@127.0.0.1/postgres"))
        assert (written.host, written.password) == ("127.0.0.1", f"a@{CANARY}")


def test_a_start_waits_for_a_database_that_is_just_coming_up(
    postgres: RunningPostgres, tmp_path: Path
) -> None:
    given = {"CONTROL_DATABASE_URL": postgres.empty_database()}

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", serving.port)):
            return True
        return False

    with contextlib.ExitStack() as stack:
        with postgres.away():
            serving = stack.enter_context(Serving(tmp_path, given, waits=False))
            serving.child.wait_until(listens, "listening", HANGING_SECONDS)
        serving.wait_until_ready()


async def test_a_database_stopped_while_serving_is_told_to_who_asks_and_used_again_when_back(
    postgres: RunningPostgres, tmp_path: Path
) -> None:
    given = {
        "CONTROL_DATABASE_URL": with_password(postgres.empty_database()),
        "LAUNCHER": "process",
        "LAUNCHER_FOLDER": str(tmp_path),
    }
    with Serving(tmp_path, given) as serving:
        async with serving.client(timeout=HANGING_SECONDS) as client:
            await _register_disabled(client)
            with postgres.away():
                await _is_told(serving, client)
            await _is_back(serving, client)
        said = serving.log()
    assert "Connection refused" in said
    assert "Traceback" not in said
    assert CANARY not in said


async def _register_disabled(client: httpx.AsyncClient) -> None:
    body = {"enabled": False, "settings": livekit()}
    assert (await client.put("/v1/tenants/acme", json=body)).status_code == 201


async def _is_told(serving: Serving, client: httpx.AsyncClient) -> None:
    """Have each request answered for what it is, and both background tasks go on trying."""
    alive, *told = await asyncio.gather(
        client.get("/livez"),
        client.get("/readyz"),
        client.get("/v1/tenants"),
        client.post("/v1/tenants/acme/calls", json={"identity": "caller"}),
    )
    assert alive.status_code == 200
    for answer in told:
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "2"
        problem = answer.json()
        assert problem["type"] == "/problems/database-away"
        assert problem["hint"] == DatabaseUnreachable.hint
        assert CANARY not in answer.text

    async def is_logged() -> bool:
        return "calls are not looked after" in serving.log() and FOLLOWS in serving.log()

    await eventually(is_logged, HANGING_SECONDS)
    assert serving.child.is_running


async def _is_back(serving: Serving, client: httpx.AsyncClient) -> None:
    """Have everything work again in the same process."""

    async def is_ready() -> bool:
        return (await client.get("/readyz")).status_code == 200

    async def leads_again() -> bool:
        return serving.log().count(LEADS) == 2

    await eventually(is_ready)
    listed = await client.get("/v1/tenants")
    assert listed.status_code == 200
    assert [tenant["id"] for tenant in listed.json()["tenants"]] == ["acme"]
    assert CANARY not in listed.text
    await eventually(leads_again)
    assert serving.child.is_running


async def test_the_fleet_tells_in_a_line_that_its_registry_is_away_and_looks_again_when_back(
    postgres: RunningPostgres,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.5)  # how long it is, is no matter here
    caplog.set_level(logging.INFO)

    async def is_told() -> bool:
        return "the fleet cannot be looked at: the database cannot be reached" in caplog.text

    async def is_found() -> bool:
        return "the fleet can be looked at again" in caplog.text

    async with running_fleet(tmp_path, CONTROL_DATABASE_URL=postgres.empty_database()):
        with postgres.away():
            await eventually(is_told)
        await eventually(is_found)
    assert "Traceback" not in caplog.text


def test_a_database_whose_machine_vanished_is_told_as_away_and_not_waited_for(
    tmp_path: Path,
) -> None:
    install({"/usr/sbin/ip": "iproute2"})
    command = ["unshare", "--net", sys.executable, "-m", "tests.control.vanishing"]
    child = start_child("vanishing", command, log=tmp_path / "log")
    try:
        assert child.process.wait(HANGING_SECONDS) == 0, child.log_tail()
    finally:
        child.kill()
    assert "told\n" in child.log_tail()
