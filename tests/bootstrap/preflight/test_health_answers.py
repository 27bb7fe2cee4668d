"""Health during the start: whoever has connected is answered, also while another takes over."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator

import pytest

from bootstrap.preflight import health_answers
from bootstrap.preflight.health_answers import HealthAnswers

_TAKE_OVERS = 20
_CLIENTS = 8


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens for as long as a test runs, whoever answers on it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


async def connect(listener: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*listener.getsockname())


async def ask(listener: socket.socket, request: bytes) -> tuple[bytes, bytes]:
    """Give the answer's first line and its body."""
    reader, writer = await connect(listener)
    return await answer_to(request, reader, writer)


async def answer_to(
    request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[bytes, bytes]:
    writer.write(request)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.partition(b"\r\n")[0], body


@pytest.mark.parametrize(
    ("target", "status"), [("/livez", b"200 OK"), ("/readyz", b"503 Service Unavailable")]
)
async def test_it_is_alive_and_not_ready_and_a_head_has_no_body(
    listener: socket.socket, target: str, status: bytes
) -> None:
    answers = HealthAnswers(listener)
    answers.open()
    line, body = await ask(listener, f"GET {target}?full=ok HTTP/1.1\r\n\r\n".encode())
    assert line == b"HTTP/1.1 " + status
    assert json.loads(body)["state"] == "checking"
    assert await ask(listener, f"HEAD {target} HTTP/1.1\r\n\r\n".encode()) == (line, b"")
    await answers.close()


async def test_who_connected_before_the_take_over_is_answered_when_asking_after_it(
    listener: socket.socket,
) -> None:
    answers = HealthAnswers(listener)
    answers.open()
    reader, writer = await connect(listener)
    await ask(listener, b"GET /livez HTTP/1.1\r\n\r\n")  # the one before is taken by now
    closing = asyncio.create_task(answers.close())
    await asyncio.sleep(0)
    assert not closing.done()  # whoever closes may end the process
    line, _ = await answer_to(b"GET /livez HTTP/1.1\r\n\r\n", reader, writer)
    assert line == b"HTTP/1.1 200 OK"
    await closing


async def test_of_many_that_ask_all_the_time_none_is_lost_in_any_take_over(
    listener: socket.socket,
) -> None:
    is_over = asyncio.Event()
    lines: list[bytes] = []

    async def keep_asking() -> None:
        while not is_over.is_set():
            line, _ = await ask(listener, b"GET /livez HTTP/1.1\r\n\r\n")
            lines.append(line)

    asking = [asyncio.create_task(keep_asking()) for _ in range(_CLIENTS)]
    for _ in range(_TAKE_OVERS):
        answers = HealthAnswers(listener)
        answers.open()
        enough = len(lines) + _CLIENTS
        while len(lines) < enough:
            await asyncio.sleep(0)
        await answers.close()
    last = HealthAnswers(listener)
    last.open()
    is_over.set()
    await asyncio.gather(*asking)
    await last.close()
    assert set(lines) == {b"HTTP/1.1 200 OK"}


@pytest.mark.parametrize(
    "request_", [b"", b"GET /livez HT", b"x" * 20_000, b"\x16\x03\x01\r\n\r\n"]
)
async def test_who_asks_slowly_or_nothing_sensible_keeps_nobody_waiting(
    listener: socket.socket, request_: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_answers, "_LEAVE_SECONDS", 0.05)
    answers = HealthAnswers(listener)
    answers.open()
    _, slow = await connect(listener)
    slow.write(request_)
    line, _ = await ask(listener, b"GET /livez HTTP/1.1\r\n\r\n")
    assert line == b"HTTP/1.1 200 OK"
    began = time.monotonic()
    await answers.close()
    # Left to itself, the slow one would be waited for until its request's time is over.
    assert time.monotonic() - began < health_answers._REQUEST_SECONDS
    slow.close()
