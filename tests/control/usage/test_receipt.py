"""Which bodies are usage records: what a worker writes, and nothing beyond all reckoning."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.records.usage import CallOutcome, ModelUsage, UsageRecord
from control.usage.receipt import MalformedUsage, read_record
from worker.usage.journal import RecordIdentity, UsageJournal
from worker.usage.meter import UsageMeter

# The same examples everywhere: a slow machine must not fail what it does not measure.
QUICKLY = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
RECORD = UsageRecord(
    tenant="acme",
    project_host="acme.livekit.cloud",
    key_fingerprint="0f1e2d3c4b5a6978",
    agent_name="acme-agent",
    job_id="AJ_1",
    dispatch_id="AD_1",
    call_id=None,
    room="acme--1",
    started_at="2026-11-24T19:14:29.863+00:00",
    ended_at="2026-11-24T19:14:41.654+00:00",
    seconds=11.791,
    outcome=CallOutcome.CALLER_LEFT,
    complete=True,
    models=(ModelUsage("tts", "voice-1", characters=120, audio_seconds=7.25),),
)
FIELDS = RECORD.as_json()
CANARY = "canary-that-must-not-be-repeated"


def body(**changed: Any) -> bytes:
    return json.dumps(FIELDS | changed).encode()


def cause_of(text: bytes) -> str:
    with pytest.raises(MalformedUsage) as raised:
        read_record(text, "acme")
    return str(raised.value)


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        replace(RECORD, call_id="c-17", complete=False, outcome=CallOutcome.FAILED, models=()),
        replace(RECORD, started_at="1970-01-01T00:00:00Z", ended_at="9998-12-31T23:59:59Z"),
        replace(RECORD, seconds=0.0, models=(ModelUsage("llm", "", tokens_in=2**53 - 1),) * 100),
        replace(RECORD, dispatch_id="", room="á" * 256),
    ],
)
def test_a_workers_record_is_taken_as_it_was_written(record: UsageRecord) -> None:
    assert read_record(json.dumps(record.as_json()).encode(), "acme") == record


def test_whatever_a_workers_journal_settles_is_taken(tmp_path: Path) -> None:
    identity = RecordIdentity("acme", "acme.livekit.cloud", "0f1e2d3c4b5a6978", "acme-agent")
    journal, meter = UsageJournal(identity, tmp_path), UsageMeter()
    usages: list[dict[str, Any] | None] = [meter.read(outcome) for outcome in CallOutcome]
    for number, usage in enumerate([*usages, None]):
        journal.begin(f"AJ_{number}", dispatch_id="AD_1", call_id=None, room="acme--1")
        record = journal.settle(f"AJ_{number}", usage, complete=True)
        read = read_record(json.dumps(record).encode(), "acme")
        assert (read.as_json(), read.complete) == (record, usage is not None)


def test_counts_that_a_model_does_not_have_may_be_left_out_and_later_names_are() -> None:
    text = body(models=[{"kind": "llm", "name": "m", "tokens_in": 3}], seconds=60, mood="good")
    read = read_record(text, "acme")
    assert read.models == (ModelUsage("llm", "m", tokens_in=3),)
    assert (read.seconds, "mood" in read.as_json()) == (60.0, False)


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"job_id": ""}, "job_id"),
        ({"job_id": "x" * 257}, "job_id"),
        ({"room": f"{CANARY}\0"}, "room"),
        ({"agent_name": None}, "agent_name"),
        ({"call_id": 3}, "call_id"),
        ({"call_id": CANARY + "\0"}, "call_id"),
        ({"started_at": CANARY}, "started_at"),
        ({"started_at": "2026-13-24T10:00:00Z"}, "started_at"),
        ({"started_at": "2026-11-24T99:99:99Z"}, "started_at"),
        ({"started_at": "2026-11-24T::::::::Z"}, "started_at"),
        ({"started_at": "2026-11-24T10:00:00"}, "started_at"),
        ({"started_at": "2026-11-24T10:00:00+02:00"}, "started_at"),
        ({"started_at": "1969-12-31T23:59:59Z"}, "started_at"),
        ({"ended_at": "9999-01-01T00:00:00Z"}, "ended_at"),
        ({"ended_at": "\u0662026-11-24T10:00:00Z"}, "ended_at"),
        ({"ended_at": 1_700_000_000}, "ended_at"),
        ({"seconds": float("nan")}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"seconds": -0.5}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"seconds": "60"}, "seconds"),
        ({"outcome": CANARY}, "outcome"),
        ({"complete": 1}, "complete"),
        ({"models": {}}, "models"),
        ({"models": [{}]}, "models.0.kind"),
        ({"models": [{"kind": "llm", "name": CANARY * 20}]}, "models.0.name"),
        ({"models": [{"kind": "llm", "name": "m", "tokens_in": -1}]}, "models.0.tokens_in"),
        ({"models": [{"kind": "llm", "name": "m", "tokens_in": 2**53}]}, "models.0.tokens_in"),
        ({"models": [{"kind": "llm", "name": "m", "tokens_in": 1e300}]}, "models.0.tokens_in"),
        ({"models": [{"kind": "llm", "name": "m"}] * 101}, "models"),
    ],
)
def test_what_is_wrong_is_named_by_its_place_and_never_repeated(
    changed: dict[str, Any], place: str
) -> None:
    cause = cause_of(body(**changed))
    assert cause.startswith(f"{place}: ")
    for value in changed.values():
        assert not isinstance(value, str) or not value or value not in cause
    assert "canary" not in cause


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"schema": 1, "tenant": "\\ud800"}', body() + b"x"],
)
def test_what_is_no_json_is_told_so(text: bytes) -> None:
    assert cause_of(text) == "not JSON"


@pytest.mark.parametrize("text", [b"[]", b"3", b"{}", b'{"schema": "1"}', body(schema=3)])
def test_a_record_names_its_schema(text: bytes) -> None:
    assert cause_of(text) == "not a record of schema 1"


def test_another_tenants_record_is_refused_without_naming_it() -> None:
    assert cause_of(body(tenant="globex")) == "the record is another tenant's"


def test_a_number_too_large_for_any_reader_is_refused() -> None:
    assert cause_of(body().replace(b"11.791", b"1e999")).startswith("seconds: ")
    assert cause_of(body().replace(b"120", b"9" * 3000)).startswith("models.0.characters: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(changed=st.dictionaries(st.sampled_from([*FIELDS, "more"]), JSON, max_size=3))
@QUICKLY
def test_nothing_made_up_raises_anything_else_and_what_is_taken_can_be_stored(
    changed: dict[str, Any],
) -> None:
    try:
        record = read_record(body(**changed), "acme")
    except MalformedUsage:
        return
    assert b"\\u0000" not in json.dumps(record.as_json(), allow_nan=False).encode()
