"""What the control plane logs: one form, tenant and call and request on each line, no secret."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import docker
import pytest
import sqlalchemy
from docker.errors import DockerException
from pydantic import BaseModel, SecretStr
from sqlalchemy.exc import SQLAlchemyError

from control import logs, settings
from control.settings import ControlSettings
from project.credentials import Credentials
from tests.control.planes import CANARY, client, livekit, opened, sqlite, variables

PASSWORD = "database-password-of-the-canary"


@pytest.fixture
def read(tmp_path: Path) -> ControlSettings:
    url = f"postgresql://control:{PASSWORD}@127.0.0.1:9/control"
    # A tenant's secret is none of the settings that the masks know.
    return settings.parse(variables(url, LOG_FORMAT="json"))


@pytest.fixture
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


class _Row(BaseModel):
    api_secret: SecretStr
    number: int


async def _aiohttp(read: ControlSettings) -> None:
    headers = {"Authorization": f"Bearer {CANARY}"}
    async with aiohttp.ClientSession() as session:
        await session.get(f"http://127.0.0.1:9/?access_token={CANARY}", headers=headers)


async def _sqlalchemy(read: ControlSettings) -> None:
    engine = sqlalchemy.create_engine(
        read.database_url.get_secret_value().replace("postgresql", "postgresql+psycopg")
    )
    with engine.connect():
        pass


async def _sqlalchemy_parameters(_: ControlSettings) -> None:
    engine = sqlalchemy.create_engine("sqlite://", hide_parameters=True)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT :secret FROM nowhere"), {"secret": CANARY})


async def _docker(_: ControlSettings) -> None:
    docker.APIClient(base_url=f"tcp://user:{CANARY}@127.0.0.1:9", version="auto")


async def _pydantic(_: ControlSettings) -> None:
    _Row.model_validate({"api_secret": CANARY, "number": "none"})


async def _a_dict_of_credentials(_: ControlSettings) -> None:
    credentials = Credentials("wss://acme.livekit.cloud", "APIx", SecretStr(CANARY))
    empty: dict[Credentials, str] = {}
    empty[credentials]


@pytest.mark.usefixtures("logging_restored")
@pytest.mark.parametrize(
    "fails",
    [_aiohttp, _sqlalchemy, _sqlalchemy_parameters, _docker, _pydantic, _a_dict_of_credentials],
)
async def test_no_librarys_traceback_shows_a_secret(
    fails: object, read: ControlSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    assert callable(fails)
    logs.begin(read)
    kinds = (aiohttp.ClientError, SQLAlchemyError, DockerException, ValueError, KeyError)
    try:
        await fails(read)
    except kinds:
        logging.getLogger("control").exception("it failed with %s", read)
    written = capfd.readouterr().err
    record = json.loads(written.splitlines()[-1])
    assert "Traceback" in record["exception"]
    assert CANARY not in written
    assert PASSWORD not in written


@pytest.mark.usefixtures("logging_restored")
def test_a_record_that_cannot_be_written_is_named_without_its_arguments(
    read: ControlSettings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.begin(read)
    handler = logging.getLogger().handlers[0]
    monkeypatch.setattr(handler, "format", lambda _: 1 / 0)
    logging.getLogger("control").error("holds %s", CANARY)
    assert capfd.readouterr().err == "a log record could not be written: ZeroDivisionError\n"


@asynccontextmanager
async def _read_lines(capfd: pytest.CaptureFixture[str]) -> AsyncIterator[list[dict[str, str]]]:
    lines: list[dict[str, str]] = []
    yield lines
    lines += [json.loads(line) for line in capfd.readouterr().err.splitlines()]


@pytest.mark.usefixtures("logging_restored")
async def test_each_line_names_its_request_its_tenant_and_its_call(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with opened(sqlite(tmp_path), LOG_FORMAT="json") as plane, client(plane) as asking:
        logs.begin(plane.settings)
        # Nothing answers at this address, so the call is not made, and the log says why.
        project = {**livekit()["livekit"], "server_url": "ws://127.0.0.1:9"}
        await asking.put("/v1/tenants/acme", json={"settings": {"livekit": project}})
        capfd.readouterr()
        body = {"identity": "caller", "wait_seconds": 0}
        headers = {"X-Request-Id": "request-of-the-test"}
        async with _read_lines(capfd) as lines:
            answer = await asking.post("/v1/tenants/acme/calls", json=body, headers=headers)
        assert answer.headers["X-Request-Id"] == "request-of-the-test"
        about_the_call = [line for line in lines if line["message"].startswith("call ")]
        assert about_the_call
        for line in about_the_call:
            assert line["tenant"] == "acme"
            assert line["request"] == "request-of-the-test"
            assert line["call"] == answer.json()["call_id"]
        odd = {"X-Request-Id": "two words\tand more"}
        answer = await asking.get("/v1/tenants/acme", headers=odd)
        assert answer.headers["X-Request-Id"] not in odd.values()


async def test_a_task_that_outlives_a_request_is_nobodys() -> None:
    fields: list[object] = []

    async def look() -> None:
        fields.append(logs._fields.get())

    with logs.about(request="1", tenant="acme"):
        task = asyncio.create_task(look(), name="look", context=logs.nobodys())
        mine = asyncio.create_task(look(), name="look")
        await asyncio.gather(task, mine)
    assert fields == [{}, {"request": "1", "tenant": "acme"}]
