"""One record per call, whatever ended it, delivered at least once, and to nobody else."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from contract.records.signature import SIGNATURE_HEADER, is_signed
from contract.records.usage import CallOutcome
from worker.usage.delivery import Delivery
from worker.usage.journal import RecordIdentity, UsageJournal

SECRET = SecretStr("usage-secret-0123456789")
ACME = RecordIdentity("acme", "acme.example", "0123456789abcdef", "acme-agent")
SNAPSHOT = {
    "tenant": "forged",
    "started_at": "2026-01-01T00:00:00.000+00:00",
    "ended_at": "2026-01-01T00:00:08.000+00:00",
    "seconds": 8.0,
    "outcome": "completed",
    "models": [{"kind": "llm", "name": "m", "tokens_in": 3}],
}


class Receiver:
    """A real HTTP receiver that takes, or answers what it is told to."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.tries = 0
        self.answer: Callable[[dict[str, Any]], int] = lambda _record: 200
        self.has_signed = True
        self.url = ""
        self._changed = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        record = json.loads(body)
        self.tries += 1
        header = request.headers.get(SIGNATURE_HEADER, "")
        self.has_signed &= is_signed(
            body, header, SECRET.get_secret_value(), float(header[2:].split(",")[0])
        )
        status = self.answer(record)
        if status == 200:
            self.taken.append(record)
        self._changed.set()
        return web.Response(status=status)

    def jobs(self) -> list[str]:
        return [record["job_id"] for record in self.taken]

    async def until(self, is_true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not is_true():
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/usage", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/usage"))
        yield receiver


def _delivering(url: str) -> Callable[..., Delivery]:
    return partial(Delivery, url=url, secret=SECRET, first_pause_seconds=0.01)


def _settle(journal: UsageJournal, *jobs: str) -> None:
    for job in jobs:
        journal.begin(job, dispatch_id=f"AD_{job}", call_id=None, room=f"acme--{job}")
        journal.settle(job, {**SNAPSHOT, "outcome": "completed"}, True, CallOutcome.COMPLETED)


def test_a_complete_record_is_the_calls_own_but_for_who_it_is(tmp_path: Path) -> None:
    journal = UsageJournal(ACME, tmp_path)
    journal.begin("AJ_1", dispatch_id="AD_1", call_id="c1", room="acme--1")
    record = journal.settle("AJ_1", SNAPSHOT, True, CallOutcome.COMPLETED)
    assert record is not None
    assert record["tenant"] == "acme"
    assert (record["job_id"], record["dispatch_id"], record["call_id"]) == ("AJ_1", "AD_1", "c1")
    assert (record["outcome"], record["complete"], record["seconds"]) == ("completed", True, 8.0)
    assert journal.waiting == 1


def test_a_call_that_died_is_failed_with_its_last_snapshot(tmp_path: Path) -> None:
    journal = UsageJournal(ACME, tmp_path)
    journal.begin("AJ_1", dispatch_id="AD_1", call_id=None, room="acme--1")
    journal.note("AJ_1", SNAPSHOT)
    record = journal.settle("AJ_1")
    assert record is not None
    assert (record["outcome"], record["complete"]) == ("failed", False)
    assert record["models"] == SNAPSHOT["models"]


def test_a_call_that_died_at_once_has_a_record_too(tmp_path: Path) -> None:
    journal = UsageJournal(ACME, tmp_path)
    journal.begin("AJ_1", dispatch_id="AD_1", call_id=None, room="acme--1")
    record = journal.settle("AJ_1")
    assert record is not None
    assert (record["complete"], record["models"]) == (False, [])


def test_a_call_is_settled_once(tmp_path: Path) -> None:
    journal = UsageJournal(ACME, tmp_path)
    _settle(journal, "AJ_1")
    assert journal.settle("AJ_1") is None
    assert journal.waiting == 1


def test_a_refused_call_leaves_no_record(tmp_path: Path) -> None:
    journal = UsageJournal(ACME, tmp_path)
    journal.begin("AJ_1", dispatch_id="AD_1", call_id=None, room="acme--1")
    journal.forget("AJ_1")
    assert UsageJournal(ACME, tmp_path).waiting == 0


def test_each_record_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        _settle(UsageJournal(ACME, tmp_path), "AJ_1")
    assert [r.__dict__["usage"]["job_id"] for r in caplog.records if "usage" in r.__dict__] == [
        "AJ_1"
    ]


async def test_records_arrive_signed_and_oldest_first(tmp_path: Path, receiver: Receiver) -> None:
    journal = UsageJournal(ACME, tmp_path, _delivering(receiver.url))
    _settle(journal, "AJ_1", "AJ_2")
    delivering = asyncio.create_task(journal.deliver())
    await receiver.until(lambda: len(receiver.taken) == 2)
    _settle(journal, "AJ_3")
    await receiver.until(lambda: len(receiver.taken) == 3)
    delivering.cancel()
    assert receiver.jobs() == ["AJ_1", "AJ_2", "AJ_3"]
    assert receiver.has_signed


async def test_a_receiver_that_fails_loses_nothing_and_keeps_the_order(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer = lambda _record: 503 if receiver.tries < 6 else 200
    journal = UsageJournal(ACME, tmp_path, _delivering(receiver.url))
    _settle(journal, "AJ_1", "AJ_2")
    delivering = asyncio.create_task(journal.deliver())
    await receiver.until(lambda: len(receiver.taken) == 2)
    delivering.cancel()
    assert receiver.jobs() == ["AJ_1", "AJ_2"]


async def test_a_record_that_the_receiver_calls_bad_does_not_hold_up_the_others(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer = lambda record: 422 if record["job_id"] == "AJ_1" else 200
    journal = UsageJournal(ACME, tmp_path, _delivering(receiver.url))
    _settle(journal, "AJ_1", "AJ_2")
    assert not await journal.flush(10)
    assert receiver.jobs() == ["AJ_2"]
    assert journal.waiting == 1


async def test_a_redirect_is_not_followed(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answer = lambda _record: 307
    journal = UsageJournal(ACME, tmp_path, _delivering(receiver.url))
    _settle(journal, "AJ_1")
    assert not await journal.flush(10)
    assert journal.waiting == 1


async def test_what_a_closed_port_did_not_take_is_delivered_by_the_next_start(
    tmp_path: Path, receiver: Receiver
) -> None:
    journal = UsageJournal(ACME, tmp_path, _delivering("http://127.0.0.1:9/usage"))
    _settle(journal, "AJ_1")
    assert not await journal.flush(10)
    again = UsageJournal(ACME, tmp_path, _delivering(receiver.url))
    assert await again.flush(10)
    assert receiver.jobs() == ["AJ_1"]
    assert again.waiting == 0


async def test_another_tenants_records_are_never_sent(tmp_path: Path, receiver: Receiver) -> None:
    theirs = UsageJournal(RecordIdentity("globex", "g.example", "f" * 16, "globex-agent"), tmp_path)
    theirs.begin("AJ_G", dispatch_id="AD_G", call_id=None, room="globex--1")
    theirs.settle("AJ_G", SNAPSHOT, True, CallOutcome.COMPLETED)
    journal = UsageJournal(ACME, tmp_path, _delivering(receiver.url))
    _settle(journal, "AJ_1")
    assert await journal.flush(10)
    assert receiver.jobs() == ["AJ_1"]


_DIES = """
import os, signal, sys
from pathlib import Path
from worker.usage.journal import RecordIdentity, UsageJournal
from contract.records.usage import CallOutcome
identity = RecordIdentity("acme", "acme.example", "0" * 16, "acme-agent")
journal = UsageJournal(identity, Path(sys.argv[1]))
for job in ("AJ_1", "AJ_2"):
    journal.begin(job, dispatch_id="AD", call_id=None, room="acme--1")
journal.settle("AJ_1", {"models": []}, True, CallOutcome.COMPLETED)
journal.note("AJ_2", {"models": [{"kind": "llm", "name": "m"}]})
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_records_survive_a_kill_and_open_calls_become_failed_ones(
    tmp_path: Path, receiver: Receiver
) -> None:
    dead = subprocess.run([sys.executable, "-c", _DIES, str(tmp_path)], env=_environment())
    assert dead.returncode == -signal.SIGKILL
    journal = UsageJournal(ACME, tmp_path, _delivering(receiver.url))
    assert journal.waiting == 2
    assert await journal.flush(10)
    outcomes = {r["job_id"]: (r["outcome"], r["complete"]) for r in receiver.taken}
    assert outcomes == {"AJ_1": ("completed", True), "AJ_2": ("failed", False)}
    killed = next(r for r in receiver.taken if r["job_id"] == "AJ_2")
    assert killed["models"] == [{"kind": "llm", "name": "m"}]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
