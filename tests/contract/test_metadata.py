"""What a dispatch carries, read strictly: malformed is refused, never misread."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.metadata import (
    MAX_SESSION_BYTES,
    CallMetadata,
    MalformedMetadata,
    Probe,
    ProbeWant,
    parse,
    render_probe,
)

_plain = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
_json = _plain | st.lists(_plain, max_size=2) | st.dictionaries(st.text(max_size=8), _plain)


def test_no_metadata_is_a_call_without_claim() -> None:
    assert parse("") == CallMetadata(claim=None, call_id=None, session={}, unsigned={})


def test_a_calls_metadata_is_read_field_by_field() -> None:
    fields = {"claim": "c", "call_id": "7", "session": {"greeting": "Hi"}}
    assert parse(json.dumps(fields)) == CallMetadata(
        claim="c",
        call_id="7",
        session={"greeting": "Hi"},
        unsigned={"call_id": "7", "session": {"greeting": "Hi"}},
    )


@pytest.mark.parametrize("want", list(ProbeWant))
def test_a_probe_is_read_as_it_was_written(want: ProbeWant) -> None:
    probe = Probe("0123456789ab", want)
    assert parse(render_probe(probe)) == probe


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("hello", "not JSON"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ('{"agent": "x"}', "unknown names"),
        ('{"call_id": 7}', "`call_id`"),
        ('{"call_id": null}', "`call_id`"),
        ('{"call_id": ""}', "`call_id`"),
        ('{"claim": {}}', "`claim`"),
        ('{"session": []}', "`session`"),
        ('{"session": {"a": NaN}}', "NaN"),
        ('{"call_id": "a", "call_id": "b"}', "stands twice"),
        ('{"session": {"a": 1, "a": 2}}', "stands twice"),
        ('{"probe": "n"}', "a probe has"),
        ('{"probe": "n", "want": "answer", "claim": "c"}', "a probe has"),
        ('{"probe": "", "want": "answer"}', "nonce"),
        ('{"probe": 7, "want": "answer"}', "nonce"),
        ('{"probe": "n", "want": "more"}', "neither answer nor rivals"),
        ('{"probe": "n", "want": ["answer"]}', "neither answer nor rivals"),
        ("[" * 5000, "not JSON"),
        ('{"claim": "' + "x" * 17000 + '"}', "longer than 16 KiB"),
    ],
)
def test_malformed_metadata_is_refused_and_says_why(text: str, cause: str) -> None:
    with pytest.raises(MalformedMetadata, match=cause):
        parse(text)


def test_a_session_may_be_eight_kib_and_not_a_byte_more() -> None:
    free_bytes = MAX_SESSION_BYTES - len('{"a": ""}')
    assert isinstance(parse(json.dumps({"session": {"a": "x" * free_bytes}})), CallMetadata)
    with pytest.raises(MalformedMetadata, match="longer than 8 KiB"):
        parse(json.dumps({"session": {"a": "x" * (free_bytes + 1)}}))


@given(st.text(max_size=200))
@settings(max_examples=50)
def test_no_text_whatever_raises_anything_else(text: str) -> None:
    with contextlib.suppress(MalformedMetadata):
        parse(text)


@given(st.dictionaries(st.sampled_from(["claim", "call_id", "session", "probe", "x"]), _json))
@settings(max_examples=50)
def test_whatever_object_is_read_has_nothing_but_what_was_designed(fields: dict[str, Any]) -> None:
    try:
        metadata = parse(json.dumps(fields))
    except MalformedMetadata:
        return
    if isinstance(metadata, CallMetadata):
        assert set(fields) <= {"claim", "call_id", "session"}
        assert metadata.unsigned == {
            name: value for name, value in fields.items() if name != "claim"
        }
