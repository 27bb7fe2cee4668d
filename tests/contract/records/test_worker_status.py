"""What a worker reports of itself: written as documented, and read whatever it holds."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.records.report import Mark, ReportLine, problems, read_lines
from contract.records.worker_status import (
    LONGEST_BYTES,
    MOST_OFFERS,
    AnsweredOffer,
    Readiness,
    StateFile,
    WorkerState,
    WorkerStatus,
)

# The same examples everywhere: a slow machine must not fail what it does not measure.
QUICKLY = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)

LINE = {
    "id": "credential.secret",
    "title": "the secret is the key's",
    "outcome": "fail",
    "detail": "it is not the key's",
    "hint": "look it up",
    "elapsed_ms": 12,
}
REPORT = {"schema": 1, "verdict": "fail", "exit_code": 77, "checks": [LINE]}
OFFER = AnsweredOffer("AD_1", "AJ_1", "acme--1", "accepted", "2026-11-24T19:14:29.863+00:00")
STATUS = WorkerStatus(
    tenant="acme",
    project_host="acme.livekit.cloud",
    edition="cloud",
    key_fingerprint="0f1e2d3c4b5a6978",
    agent_name="acme-agent",
    worker_id="AW_1",
    state=WorkerState.READY,
    reason="",
    calls=1,
    max_calls=10,
    accepted=3,
    refused={"wrong-room": 2},
    offers=(OFFER,),
    rivals=("agent-AJ_9",),
    usage_waiting=4,
    report=REPORT,
    started_at="2026-11-24T19:00:00.000+00:00",
    version="0.1.0",
)


def as_bytes(report: Readiness | WorkerStatus | StateFile) -> bytes:
    return json.dumps(report.as_json()).encode()


def test_readyz_has_the_documented_names() -> None:
    report = Readiness(WorkerState.CHECKING, "the preflight is under way", is_proven=False)
    assert json.loads(as_bytes(report)) == {
        "state": "checking",
        "reason": "the preflight is under way",
        "proven": False,
    }


def test_status_has_the_documented_names() -> None:
    fields = json.loads(as_bytes(STATUS))
    assert list(fields) == [
        *("tenant", "project_host", "edition", "key_fingerprint", "agent_name", "worker_id"),
        *("state", "reason", "calls", "max_calls", "accepted", "refused", "offers", "rivals"),
        *("usage_waiting", "report", "started_at", "version"),
    ]
    assert fields["state"] == "ready"
    assert fields["offers"] == [
        {
            "dispatch_id": "AD_1",
            "job_id": "AJ_1",
            "room": "acme--1",
            "answer": "accepted",
            "at": "2026-11-24T19:14:29.863+00:00",
        }
    ]


def test_the_state_file_has_the_documented_names() -> None:
    report = StateFile(pid=7, port=8081, state=WorkerState.FULL)
    assert json.loads(as_bytes(report)) == {
        "pid": 7,
        "port": 8081,
        "state": "full",
        "report": None,
        "exit_code": None,
    }


@pytest.mark.parametrize(
    "report",
    [
        Readiness(WorkerState.FULL, "all 2 calls are taken"),
        Readiness(WorkerState.READY, is_proven=False),
        STATUS,
        StateFile(7, 8081, WorkerState.DRAINING, REPORT, 77),
    ],
)
def test_what_is_written_is_read_as_it_was(report: Readiness | WorkerStatus | StateFile) -> None:
    assert type(report).parse(as_bytes(report)) == report


def test_names_and_states_of_a_later_version_are_left_out() -> None:
    later = json.dumps(STATUS.as_json() | {"state": "resting", "mood": "good"}).encode()
    assert WorkerStatus.parse(later).state is None
    assert WorkerStatus.parse(later).calls == 1


def test_a_worker_from_before_it_could_be_unproven_is_proven() -> None:
    assert Readiness.parse(b'{"state": "ready"}').takes_calls
    assert not Readiness.parse(b'{"state": "ready", "proven": false}').takes_calls


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"pid": true, "report": {"checks": 3}}',
        b'{"pid": -1, "port": 70000, "exit_code": 256}',
        b'{"pid": 1e3, "state": ["ready"]}',
        b'{"report": []}',
        b'{"pid": 7, "state": "ready", "port": 1, "more": "' + b"x" * LONGEST_BYTES + b'"}',
    ],
)
def test_whatever_is_not_as_agreed_counts_as_not_said(text: bytes) -> None:
    assert StateFile.parse(text) == StateFile()
    assert Readiness.parse(text) == Readiness()
    assert not Readiness().takes_calls


@given(
    fields=st.dictionaries(st.sampled_from([*STATUS.as_json(), "pid", "port", "proven"]), JSON),
    offer=st.dictionaries(st.sampled_from(["dispatch_id", "answer", "room", "at"]), JSON),
)
@QUICKLY
def test_nothing_made_up_raises_and_whatever_is_read_can_be_written_and_stored(
    fields: dict[str, Any], offer: dict[str, Any]
) -> None:
    text = json.dumps(fields | {"offers": [offer, fields]}).encode()
    Readiness.parse(text)
    StateFile.parse(text)
    status = WorkerStatus.parse(text)
    names = [status.tenant, status.worker_id, *status.refused, *status.rivals]
    names += [name for offer in status.offers for name in vars(offer).values()]
    assert all("\0" not in (name or "").encode().decode() for name in names)
    assert min(status.calls, status.accepted, status.usage_waiting) >= 0


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "a\nb", "\x1b[31m", "x" * 257, 7, None])
def test_an_answer_that_cannot_be_shown_is_no_answer(name: Any) -> None:
    text = json.dumps({"tenant": name, "offers": [{"answer": name}]}).encode()
    assert WorkerStatus.parse(text) == WorkerStatus()


def test_no_more_offers_are_read_than_a_worker_remembers() -> None:
    offers = [{"answer": str(number)} for number in range(MOST_OFFERS + 5)]
    read_offers = WorkerStatus.parse(json.dumps({"offers": offers}).encode()).offers
    assert [offer.answer for offer in read_offers] == [
        str(number) for number in range(5, MOST_OFFERS + 5)
    ]


def test_the_cause_of_an_end_is_the_first_check_that_failed() -> None:
    passed = {"id": "credential.known", "outcome": "pass", "detail": ""}
    second = {"id": "network.tls", "outcome": "fail", "detail": "later"}
    text = json.dumps({"report": {"checks": [passed, LINE, second]}, "exit_code": 77}).encode()
    assert StateFile.parse(text).cause == "credential.secret: it is not the key's"
    assert StateFile.parse(b'{"exit_code": 70}').cause == ""


def test_a_reports_lines_are_read_and_what_is_no_line_is_left_out() -> None:
    strange: list[Any] = [3, {}, {"id": 3, "outcome": "fail"}, {"id": "a.b", "outcome": "perhaps"}]
    lines = read_lines({"checks": [*strange, LINE, {"id": "a.b", "outcome": "fail", "title": "b"}]})
    first = ReportLine(
        id="credential.secret",
        title="the secret is the key's",
        outcome=Mark.FAIL,
        detail="it is not the key's",
        hint="look it up",
        elapsed_ms=12,
    )
    assert lines == (first, ReportLine("a.b", "b", Mark.FAIL, "", "", 0))
    assert problems(lines) == ("credential.secret: it is not the key's", "a.b: b")
    no_reports: list[Any] = [None, [], {}, {"checks": None}, "text"]
    assert [read_lines(report) for report in no_reports] == [()] * 5
