"""Hosts that cannot be reached, or are no LiveKit server: each is named for what it is."""

import asyncio
import socket

import pytest
from aiohttp import web

from tests.bootstrap.preflight.asking import Ask, canary, detail_of, failed, settings_of
from tests.bootstrap.preflight.hosts import Handler, always, raw_host, web_host

pytestmark = pytest.mark.integration


def _url(port: int, path: str = "") -> str:
    return f"ws://127.0.0.1:{port}{path}"


async def test_a_closed_port_takes_no_connections(ask: Ask) -> None:
    with socket.socket() as held:  # bound and not listening: nobody else opens it meanwhile
        held.bind(("127.0.0.1", 0))
        report = await ask(settings_of(canary(_url(held.getsockname()[1]))))
    assert failed(report) == (["network.connects"], 69)


async def test_every_address_of_a_name_is_tried(ask: Ask) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        report = await ask(settings_of(canary(f"ws://localhost:{port}")))
    told = detail_of(report, "network.connects")
    addresses = {entry[4][0] for entry in socket.getaddrinfo("localhost", port)}
    assert all(str(address) in told for address in addresses)


async def test_a_name_that_does_not_resolve_is_named(ask: Ask) -> None:
    report = await ask(settings_of(canary("wss://livekit.preflight.invalid")))
    assert failed(report) == (["network.resolves"], 69)
    assert "livekit.preflight.invalid" in detail_of(report, "network.resolves") or (
        "no answer in time" in detail_of(report, "network.resolves")
    )


async def test_a_host_that_accepts_and_never_answers_is_given_up(ask: Ask) -> None:
    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            continue

    async with raw_host(silence) as port:
        report = await ask(settings_of(canary(_url(port))))
    assert failed(report) == (["server.is-livekit"], 69)
    assert "no answer" in detail_of(report, "server.is-livekit")


async def test_a_tls_handshake_that_never_ends_is_given_up(ask: Ask) -> None:
    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            continue

    async with raw_host(silence) as port:
        report = await ask(settings_of(canary(f"wss://127.0.0.1:{port}")))
    assert failed(report) == (["network.tls"], 69)


async def test_a_connection_dropped_in_the_middle_is_no_answer(ask: Ask) -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nO")
        await writer.drain()
        writer.transport.abort()

    async with raw_host(drop) as port:
        report = await ask(settings_of(canary(_url(port))))
    assert failed(report) == (["server.is-livekit"], 69)
    assert "broke off" in detail_of(report, "server.is-livekit")


async def test_what_speaks_no_http_is_no_livekit_server(ask: Ask) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        await writer.drain()
        await _reader.read(1024)

    async with raw_host(greet) as port:
        report = await ask(settings_of(canary(_url(port))))
    assert failed(report) == (["server.is-livekit"], 78)


_NGINX = "<!DOCTYPE html><html><h1>Welcome to nginx!</h1></html>"


@pytest.mark.parametrize(
    ("handler", "code", "named"),
    [
        (always(404, "<html>404 Not Found</html>", Server="nginx/1.22.1"), 78, "nginx"),
        (always(502, "<html>502 Bad Gateway</html>", Server="nginx/1.22.1"), 69, "502"),
        (always(503, "no server is available", Server="awselb/2.0"), 69, "503"),
        (always(302, "", Location="http://login.hotel.example/?from=x"), 78, "login.hotel.example"),
        (always(200, _NGINX, Server="nginx"), 78, "captive portal"),
        (always(401, "who are you?", WWW_Authenticate="Basic"), 78, "401"),
        (always(200, "x" * 10_000_000), 78, "200"),
    ],
    ids=["nginx", "502", "503", "redirect", "page", "login", "10-MB"],
)
async def test_whatever_stands_in_livekits_place_is_named(
    ask: Ask, handler: Handler, code: int, named: str
) -> None:
    async with web_host(handler) as port:
        report = await ask(settings_of(canary(_url(port))))
    assert failed(report) == (["server.is-livekit"], code)
    assert named in detail_of(report, "server.is-livekit")


async def test_no_token_is_sent_to_a_host_that_is_not_proven(ask: Ask) -> None:
    sent: list[str] = []

    async def listen(request: web.Request) -> web.StreamResponse:
        sent.append(f"{request.path_qs} {dict(request.headers)}")
        return web.Response(status=404)

    async with web_host(listen) as port:
        await ask(settings_of(canary(_url(port))))
    assert sent
    assert not any("eyJ" in request or "Authorization" in request for request in sent)


async def test_a_proxy_variable_that_points_nowhere_is_the_fault(ask: Ask) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        proxy = f"http://user:canary-proxy-password@127.0.0.1:{held.getsockname()[1]}"
        report = await ask(
            settings_of(canary("ws://127.0.0.1:9")),
            proxy=proxy,
            secrets=["canary-proxy-password"],
        )
    assert failed(report) == (["network.connects"], 69)
    assert "the proxy" in detail_of(report, "network.connects")
    assert "HTTPS_PROXY" in next(line.hint for line in report.faults)


async def test_a_proxy_that_grants_no_tunnel_is_the_fault(ask: Ask) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with raw_host(refuse) as port:
        report = await ask(
            settings_of(canary("wss://livekit.example.com")), proxy=f"http://127.0.0.1:{port}"
        )
    assert failed(report) == (["network.tls"], 69)
    assert "403" in detail_of(report, "network.tls")
