"""What a log record shows, and what it never shows."""

import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.fingerprint import fingerprint
from contract.records.log_record import CONTEXT_FIELDS, JsonFormatter, TextFormatter, mask

CANARY = "canary-secret-9f8e7d6c5b4a"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUElhYmMiLCJzdWIiOiJhIn0.c2lnbmF0dXJl-_x"
CONTEXT = {"tenant": "acme", "project_host": "acme.example", "worker_id": "AW_1", "job": None}


def _record(message: str, *args: object, **extra: Any) -> logging.LogRecord:
    logger = logging.getLogger("test.log_record")
    return logger.makeRecord(
        logger.name, logging.WARNING, __file__, 1, message, args, None, None, extra
    )


def _json(record: logging.LogRecord, *secrets: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(JsonFormatter(lambda: CONTEXT, secrets).format(record))
    return fields


def test_a_record_says_whose_it_is_in_fixed_fields() -> None:
    fields = _json(_record("hello %s", "world"))
    assert fields["message"] == "hello world"
    assert (fields["tenant"], fields["project_host"]) == ("acme", "acme.example")
    assert "job" not in fields


def test_a_record_of_a_call_brings_its_own_job_and_room() -> None:
    fields = _json(_record("x", job="AJ_1", room="acme--1"))
    assert (fields["job"], fields["room"]) == ("AJ_1", "acme--1")


def test_every_context_field_is_written_when_it_is_known() -> None:
    context = {name: f"the {name}" for name in CONTEXT_FIELDS}
    fields = json.loads(JsonFormatter(lambda: context).format(_record("x")))
    assert {name: fields[name] for name in CONTEXT_FIELDS} == context


@pytest.mark.parametrize(
    "text",
    [
        f"url?access_token={TOKEN}&x=1",
        f"invalid token: {TOKEN}, error: no",
        f"Bearer {TOKEN}",
        f'metadata: "{{\\"claim\\":\\"{TOKEN}\\"}}"',
        f"cut off {TOKEN[:40]}",
    ],
)
def test_a_token_is_masked_wherever_it_stands(text: str) -> None:
    assert "eyJ" not in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        'turn_password: "hunter2 and more" creation_time: 3',
        '{"turn_password": "hunter2", "x": 1}',
        "{'turnPassword': 'hunter2'}",
        '"{\\"turn_password\\": \\"hunter2\\"}"',
        'ice_servers { credential: "hunter2" }',
        "OPENAI_API_KEY=hunter2 next",
        "api_secret='hunter2'",
    ],
)
def test_a_password_is_masked_by_the_name_before_it(text: str) -> None:
    assert "hunter2" not in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "LIVEKIT_API_KEY: is missing",
        "the credential: unknown to this project",
        "key_fingerprint=0123456789abcdef",
        "room acme--eyewitness, job AJ_x",
    ],
)
def test_an_ordinary_sentence_stays_as_it_is(text: str) -> None:
    assert mask(text, [CANARY]) == text


@settings(max_examples=50)
@given(st.text(st.characters(codec="ascii", exclude_characters="<>*"), min_size=6, max_size=40))
def test_a_known_secret_is_masked_however_it_is_escaped(secret: str) -> None:
    for spelling in (secret, json.dumps(secret), repr(secret)):
        assert secret not in mask(f"<<{spelling}>>", [secret])


def test_a_secret_is_masked_in_message_extra_exception_and_nested_values() -> None:
    try:
        raise ValueError(f"wrong: {CANARY}")
    except ValueError as error:
        record = _record("with %s", CANARY, plain=CANARY, deep={"a": [CANARY, {CANARY: 1}]})
        record.exc_info = (type(error), error, error.__traceback__)
    for formatter in (
        JsonFormatter(lambda: CONTEXT, [CANARY]),
        TextFormatter(lambda: CONTEXT, [CANARY]),
    ):
        assert CANARY not in formatter.format(record)


def test_a_mapping_gives_no_password_away_by_standing_apart_from_its_name() -> None:
    assert (
        _json(_record("x", reply={"turn_password": "hunter2"}))["reply"]["turn_password"] == "***"
    )


def test_what_the_sdk_calls_private_is_not_written() -> None:
    assert _json(_record("x", **{"lk.pii.user_input": "my words"}))["lk.pii.user_input"] == "***"


def test_an_api_key_is_shown_as_its_fingerprint_alone() -> None:
    fields = _json(_record("key APIabcdef has %s", fingerprint("APIabcdef")), "APIabcdef")
    assert "APIabcdef" not in fields["message"]
    assert fingerprint("APIabcdef") in fields["message"]


def test_a_record_whose_arguments_do_not_fit_is_written_all_the_same() -> None:
    assert "not fit" in _json(_record("%d calls", "many"))["message"]


def test_an_object_that_json_does_not_know_is_written_as_text() -> None:
    assert _json(_record("x", thing=object()))["thing"].startswith("<object")


def test_a_text_record_stays_on_its_line() -> None:
    line = TextFormatter(lambda: CONTEXT).format(_record("a room named %s", "x\nERROR forged"))
    assert "\n" not in line
    assert "acme" in line
