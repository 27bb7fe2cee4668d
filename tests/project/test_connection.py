"""Every failure of a request is a fault by name, in bounded time, on real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pydantic import SecretStr

from project import faults, rooms, tokens
from project.connection import Project, ask_validate
from project.credentials import Credentials
from sandbox.ports import free_port
from sandbox.servers import RunningProject

CANARY = "canary-secret-of-more-than-32-characters"

pytestmark = pytest.mark.integration

Change = Callable[[Credentials], Credentials]


@asynccontextmanager
async def stranger(reply: bytes | None) -> AsyncIterator[Credentials]:
    """A server that is not LiveKit's: it sends `reply` to anything, or never answers."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1024)
            if reply is None:
                await reader.read()  # until the other side gives up
            else:
                writer.write(reply)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Credentials(f"ws://127.0.0.1:{port}", "APIcanary", SecretStr(CANARY))
    finally:
        server.close()


def http(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


async def fault_of(credentials: Credentials, timeout_seconds: float = 5.0) -> faults.ProjectFault:
    async with Project(credentials, timeout_seconds) as project:
        with pytest.raises(faults.ProjectFault) as caught:
            await rooms.list_rooms(project)
    assert CANARY not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda right: replace(right, api_key="APIother"), faults.UnknownKey),
        (lambda right: replace(right, api_secret=SecretStr(CANARY)), faults.WrongSecret),
        (lambda right: replace(right, url=f"{right.url}/elsewhere"), faults.NotLiveKit),
        (lambda right: replace(right, url=f"ws://127.0.0.1:{free_port()}"), faults.Unreachable),
        (lambda right: replace(right, url="ws://nowhere.invalid"), faults.Unreachable),
    ],
    ids=["unknown key", "wrong secret", "wrong path", "closed port", "unknown name"],
)
async def test_a_wrong_value_is_named_by_the_project_itself(
    acme: RunningProject, change: Change, fault: type[faults.ProjectFault]
) -> None:
    assert type(await fault_of(change(acme.credentials))) is fault


async def test_another_tenants_key_is_unknown_to_this_project(
    acme: RunningProject, globex: RunningProject
) -> None:
    foreign = replace(globex.credentials, url=acme.url)
    assert isinstance(await fault_of(foreign), faults.UnknownKey)


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (http("200 OK", b"<html>welcome to nginx</html>"), faults.NotLiveKit),
        (http("404 Not Found", b"<html>nginx</html>"), faults.NotLiveKit),
        (http("502 Bad Gateway", b""), faults.ServerFault),
        (http("503 Service Unavailable", b"later"), faults.ServerFault),
        (http("401 Unauthorized", b"log in first"), faults.Refused),
        (b"SSH-2.0-OpenSSH_9.2\r\n", faults.NotLiveKit),
        (b"", faults.Unreachable),
    ],
    ids=["web page", "404", "502", "503", "stranger's 401", "ssh", "dropped"],
)
async def test_whatever_is_not_livekit_is_told_by_what_it_answers(
    reply: bytes, fault: type[faults.ProjectFault]
) -> None:
    async with stranger(reply) as credentials:
        assert type(await fault_of(credentials)) is fault


async def test_a_host_that_never_answers_is_unreachable_after_the_time_allowed() -> None:
    async with stranger(None) as credentials:
        fault = await fault_of(credentials, timeout_seconds=0.2)
    assert isinstance(fault, faults.Unreachable)
    assert "0.2 s" in str(fault)


async def test_a_proxy_that_points_nowhere_is_unreachable(acme: RunningProject) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    async with Project(acme.credentials, proxy=proxy) as project:
        with pytest.raises(faults.Unreachable):
            await rooms.list_rooms(project)


async def test_a_token_is_judged_by_the_server_and_the_cause_is_read(acme: RunningProject) -> None:
    right = acme.credentials
    await ask_validate(right, tokens.caller_token(right, "acme--1", "bob"))
    for token, signer, fault in [
        (tokens.bare_token, right, faults.MissingGrant),
        (tokens.bare_token, replace(right, api_key="APIother"), faults.UnknownKey),
        (tokens.bare_token, replace(right, api_secret=SecretStr(CANARY)), faults.WrongSecret),
    ]:
        with pytest.raises(fault):
            await ask_validate(signer, token(signer))


async def test_a_token_of_another_time_is_told_as_such(acme: RunningProject) -> None:
    late = tokens.caller_token(acme.credentials, "acme--1", "bob", ttl_seconds=-3600)
    with pytest.raises(faults.TokenTimeFault):
        await ask_validate(acme.credentials, late)


async def test_a_connection_that_is_not_open_cannot_be_used(acme: RunningProject) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await rooms.list_rooms(Project(acme.credentials))
