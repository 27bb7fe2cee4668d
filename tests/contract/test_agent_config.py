"""An agent's configuration: what it may say, what is told when it is wrong."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.agent_config import AgentConfig, AgentConfigFault, HttpTool, parse

TOOL = {
    "name": "opening_hours",
    "description": "When the shop is open on a day of the week.",
    "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
    "url": "https://shop.example.com/hours",
}


def _faults(mapping: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(AgentConfigFault) as raised:
        parse(mapping)
    return raised.value.faults


def test_an_empty_file_is_a_polite_default() -> None:
    config = parse({})
    assert config == AgentConfig()
    assert config.greeting
    assert config.pipeline == "chained"
    assert config.caller_may_interrupt


def test_a_whole_configuration_is_read() -> None:
    config = parse(
        {
            "instructions": "You sell pizza.",
            "greeting": "Pizza Roma, good evening!",
            "language": "de-AT",
            "models": {"llm": "small"},
            "voice": "joe",
            "pipeline": "realtime",
            "caller_may_interrupt": False,
            "tools": [TOOL | {"method": "GET", "headers": {"X": "1"}, "timeout_seconds": 2}],
        }
    )
    assert config.models.llm == "small"
    assert config.models.stt == AgentConfig().models.stt
    assert config.tools[0] == HttpTool.model_validate(
        TOOL | {"method": "GET", "headers": {"X": "1"}, "timeout_seconds": 2.0}
    )


def test_the_models_in_use_are_those_of_the_pipeline() -> None:
    assert parse({"models": {"stt": "a", "llm": "b", "tts": "c"}}).models_in_use == ("a", "b", "c")
    realtime = parse({"pipeline": "realtime", "models": {"realtime": "r"}})
    assert realtime.models_in_use == ("r",)


@pytest.mark.parametrize(
    ("mapping", "fault"),
    [
        ({"greting": "Hi"}, "greting: unknown key; did you mean greeting?"),
        ({"models": {"lm": "x"}}, "models.lm: unknown key; did you mean llm?"),
        ({"tools": [TOOL | {"uri": "x"}]}, "tools.0.uri: unknown key; did you mean url?"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_known_one(
    mapping: dict[str, Any], fault: str
) -> None:
    assert _faults(mapping) == (fault,)


def test_a_key_like_no_other_is_told_with_all_known_ones() -> None:
    assert "known are instructions, greeting" in _faults({"zzz": 1})[0]


def test_all_faults_are_told_at_once() -> None:
    faults = _faults({"greting": "Hi", "voice": "", "pipeline": "fast", "language": "?"})
    assert len(faults) == 4


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "two words"},
        {"name": "x" * 65},
        {"description": ""},
        {"url": "ftp://shop.example.com"},
        {"url": "https://user:pw@shop.example.com/"},
        {"url": "https://"},
        {"url": "shop.example.com"},
        {"method": "TRACE"},
        {"parameters": {"type": "string"}},
        {"parameters": []},
        {"timeout_seconds": 0},
        {"timeout_seconds": 31},
        {"headers": {"X": 1}},
    ],
)
def test_a_malformed_tool_is_refused(changed: dict[str, Any]) -> None:
    assert _faults({"tools": [TOOL | changed]})


def test_two_tools_of_one_name_are_refused() -> None:
    assert "the same name twice: opening_hours" in _faults({"tools": [TOOL, TOOL]})[0]


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_whether_the_caller_may_interrupt_is_true_or_false(value: object) -> None:
    assert _faults({"caller_may_interrupt": value})


def test_a_tools_headers_are_not_in_its_repr() -> None:
    tool = HttpTool.model_validate(TOOL | {"headers": {"Authorization": "canary-secret"}})
    assert "canary-secret" not in repr(parse({"tools": [tool.model_dump()]}))


def test_no_fault_repeats_a_value() -> None:
    secret = "canary-secret"
    faults = _faults(
        {"voice": {"x": secret}, "language": secret + "!", "tools": [{"headers": {"X": [secret]}}]}
    )
    assert secret not in "".join(faults)


def test_a_session_overrides_what_it_names_and_keeps_the_rest() -> None:
    config = parse({"greeting": "Hello", "voice": "joe", "models": {"llm": "big"}, "tools": [TOOL]})
    call = config.overridden({"greeting": "Hello Ann", "models": {"tts": "fast"}})
    assert (call.greeting, call.voice) == ("Hello Ann", "joe")
    assert (call.models.llm, call.models.tts) == ("big", "fast")
    assert call.tools == config.tools
    assert config.greeting == "Hello"


def test_a_session_without_anything_changes_nothing() -> None:
    config = parse({"greeting": "Hello", "tools": [TOOL]})
    assert config.overridden({}) == config


def test_a_session_adds_to_the_instructions() -> None:
    config = parse({"instructions": "You sell pizza."})
    call = config.overridden({"additional_instructions": "The caller is Ann."})
    assert call.instructions == "You sell pizza.\n\nThe caller is Ann."


@pytest.mark.parametrize("key", ["tools", "pipeline", "greting", ""])
def test_a_session_may_bring_neither_tools_nor_a_pipeline_nor_unknown_keys(key: str) -> None:
    with pytest.raises(AgentConfigFault, match=f"session.{key}: "):
        AgentConfig().overridden({key: []})


@pytest.mark.parametrize(
    "session",
    [
        {"greeting": 7},
        {"models": "x"},
        {"models": {"lm": "x"}},
        {"additional_instructions": ["x"]},
        {"instructions": ""},
    ],
)
def test_a_malformed_session_is_refused(session: dict[str, Any]) -> None:
    with pytest.raises(AgentConfigFault):
        AgentConfig().overridden(session)


_plain = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
_json = _plain | st.lists(_plain, max_size=2) | st.dictionaries(st.just("llm"), _plain)
_keys = st.sampled_from([*AgentConfig.model_fields, "additional_instructions"])


@given(st.dictionaries(_keys, _json, max_size=4))
@settings(max_examples=50)
def test_no_mapping_and_no_session_raises_anything_but_its_fault(mapping: dict[str, Any]) -> None:
    for read in (parse, AgentConfig().overridden):
        with contextlib.suppress(AgentConfigFault):
            assert isinstance(read(mapping), AgentConfig)
