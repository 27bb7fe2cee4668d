"""Usage records as JSON."""

import json

from contract.records.usage import CallOutcome, ModelUsage, UsageRecord

RECORD = UsageRecord(
    tenant="acme",
    project_host="acme.livekit.cloud",
    key_fingerprint="0f1e2d3c4b5a6978",
    agent_name="acme-agent",
    job_id="AJ_1",
    dispatch_id="AD_1",
    call_id=None,
    room="acme--1",
    started_at="2026-01-01T00:00:00Z",
    ended_at="2026-01-01T00:01:00Z",
    seconds=60.0,
    outcome=CallOutcome.CALLER_LEFT,
    complete=True,
    models=(ModelUsage("tts", "voice-1", characters=120),),
)


def test_a_record_becomes_plain_json_with_every_field() -> None:
    fields = json.loads(json.dumps(RECORD.as_json()))
    assert fields["schema"] == 1
    assert fields["outcome"] == "caller-left"
    assert fields["models"] == [
        {
            "kind": "tts",
            "name": "voice-1",
            "tokens_in": 0,
            "tokens_out": 0,
            "characters": 120,
            "audio_seconds": 0.0,
        }
    ]
    assert set(fields) == {
        *("schema", "tenant", "project_host", "key_fingerprint", "agent_name", "job_id"),
        *("dispatch_id", "call_id", "room", "started_at", "ended_at", "seconds", "outcome"),
        *("complete", "models"),
    }
