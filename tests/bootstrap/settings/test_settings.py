"""Settings one by one: which values are taken, which are refused, and in what words."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bootstrap.settings.settings import WorkerSettings, read
from contract.agent_config import AgentConfig
from contract.settings.examples import EXAMPLES
from contract.settings.findings import COMPLETE, NOT_SWAPPED, WELLFORMED, Findings
from contract.variables import VARIABLES
from tests.bootstrap.tenants import GOOD, SECRET, faults_of, settings_of, variables

_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


def test_the_least_settings_have_the_defaults_of_the_design() -> None:
    settings = settings_of()
    assert settings.identity.agent_name == "acme-agent"
    assert settings.identity.room_prefix == "acme--"
    assert settings.checks.foreign_fingerprints == frozenset()
    assert (settings.claims.policy, settings.claims.public_keys) == ("off", ())
    assert (settings.checks.rivals, settings.checks.provider) == ("required", "required")
    assert settings.agent.config == AgentConfig()
    assert (settings.limits.max_calls, settings.limits.max_call_seconds) == (10, 3600)
    assert settings.limits.call_memory_limit_mb == 256
    assert (settings.host.drain_seconds, settings.host.hurry_seconds) == (3600, 10)
    assert (settings.host.health_host, settings.host.health_port) == ("0.0.0.0", 8081)
    assert settings.host.state_dir == Path(tempfile.gettempdir()) / "livekit-tenant-worker" / "acme"
    assert settings.host.log_level == "INFO"
    assert settings.findings == ()


def test_an_empty_optional_variable_counts_as_unset() -> None:
    optional = {variable.name: "" for variable in VARIABLES if variable.name not in GOOD}
    read_anyway = read({**GOOD, **optional})
    assert read_anyway == read(GOOD)


def test_the_log_is_text_on_a_terminal_and_json_elsewhere() -> None:
    for is_terminal, log_format in ((True, "text"), (False, "json")):
        settings = read(GOOD, is_terminal=is_terminal)
        assert isinstance(settings, WorkerSettings)
        assert settings.host.log_format == log_format


def test_a_claim_key_makes_claims_required_unless_told_otherwise() -> None:
    assert settings_of(CLAIM_PUBLIC_KEY=_KEY).claims.policy == "required"
    optional = settings_of(CLAIM_PUBLIC_KEY=f"{_KEY},{_KEY}", CLAIM_POLICY="optional")
    assert (optional.claims.policy, len(optional.claims.public_keys)) == ("optional", 2)


def test_the_token_rule_is_a_warning_on_cloud_and_required_elsewhere() -> None:
    assert settings_of().claims.token_rule == "warn"
    assert settings_of(LIVEKIT_URL="wss://livekit.acme.com").claims.token_rule == "required"
    assert settings_of(TOKEN_RULE="required").claims.token_rule == "required"


def test_every_room_is_served_only_with_a_warning() -> None:
    (warning,) = settings_of(ROOM_PREFIX="*").findings
    assert (warning.variable, warning.is_warning) == ("ROOM_PREFIX", True)


def test_the_tenants_own_agent_needs_no_provider_key() -> None:
    assert settings_of(OPENAI_API_KEY="", AGENT="acme_agent:answer").provider.api_key is None
    (fault,) = faults_of(OPENAI_API_KEY="")
    assert (fault.variable, fault.check_id) == ("OPENAI_API_KEY", COMPLETE)


@pytest.mark.parametrize(
    "name", ["TENANT_ID", "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"]
)
def test_a_missing_required_setting_is_named_with_an_example(name: str) -> None:
    (fault,) = faults_of(**{name: ""})
    assert fault.check_id == COMPLETE
    assert str(fault) == f"{name}: is missing; for example {EXAMPLES[name]}"


@pytest.mark.parametrize("name", ["TENANT_ID", "LIVEKIT_URL", "LIVEKIT_API_KEY", "OPENAI_API_KEY"])
def test_an_empty_required_setting_is_told_from_a_missing_one(name: str) -> None:
    findings = read({**GOOD, name: ""})
    assert isinstance(findings, Findings)
    assert [fault.variable for fault in findings.faults] == [name]
    assert "is empty" in str(findings.faults[0])


@pytest.mark.parametrize(
    "text",
    [
        "your-api-key",
        "your_api_key_here",
        "YOUR-SECRET",
        "changeme",
        "change-me",
        "<your key>",
        "<secret>",
        "${LIVEKIT_API_KEY}",
        "{{ key }}",
        "xxxxxxxx",
        "APIxxxxxxxx",
        "sk-xxxx",
        "sk-...",
        "replace-me",
        "insert-key-here",
        "TODO",
        "...",
        "secret-goes-here",
    ],
)
def test_a_placeholder_is_no_key_and_no_secret(text: str) -> None:
    for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "OPENAI_API_KEY"):
        (fault,) = faults_of(**{name: text})
        assert (fault.variable, fault.check_id) == (name, WELLFORMED)
        assert "placeholder" in fault.problem


@pytest.mark.parametrize(
    "url",
    [
        "wss://your-project.livekit.cloud",
        "wss://<project>.livekit.cloud",
        "wss://xxxx.livekit.cloud",
        "<url>",
    ],
)
def test_a_placeholder_is_no_url(url: str) -> None:
    (fault,) = faults_of(LIVEKIT_URL=url)
    assert "placeholder" in fault.problem


@pytest.mark.parametrize("tenant", ["your-tenant", "changeme", "<tenant>"])
def test_a_placeholder_is_no_tenant(tenant: str) -> None:
    (fault,) = faults_of(TENANT_ID=tenant)
    assert "placeholder" in fault.problem


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TENANT_ID", "yourtravel"),
        ("TENANT_ID", "your-pizza"),
        ("TENANT_ID", "insertion-works"),
        ("LIVEKIT_API_KEY", "devkey"),
        ("LIVEKIT_API_SECRET", "secret"),
        ("OPENAI_API_KEY", "dummy"),
        ("LIVEKIT_URL", "wss://my-project-1a2b3c.livekit.cloud"),
        ("ROOM_PREFIX", "acme/"),
    ],
)
def test_what_only_resembles_a_placeholder_is_taken(name: str, text: str) -> None:
    settings_of(**{name: text})


@pytest.mark.parametrize("text", [" acme", "acme ", '"acme"', "'acme'", "ac\tme", "ac\x00me"])
def test_blanks_quotes_and_control_characters_around_a_value_are_refused(text: str) -> None:
    assert [fault.variable for fault in faults_of(TENANT_ID=text)] == ["TENANT_ID"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TENANT_ID", "Acme"),
        ("TENANT_ID", "acme--eu"),
        ("TENANT_ID", "a" * 64),
        ("LIVEKIT_API_KEY", "API key"),
        ("LIVEKIT_API_SECRET", "two words"),
        ("LIVEKIT_AGENT_NAME", "two words"),
        ("LIVEKIT_AGENT_NAME", "a" * 129),
        ("ROOM_PREFIX", "acme-*"),
        ("FOREIGN_KEY_FINGERPRINTS", "0f1e2d3c"),
        ("FOREIGN_KEY_FINGERPRINTS", "APIa1B2c3D4e5F6"),
        ("CLAIM_PUBLIC_KEY", "short"),
        ("CLAIM_PUBLIC_KEY", f"{_KEY},{_KEY},{_KEY}"),
        ("CLAIM_POLICY", "maybe"),
        ("TOKEN_RULE", "off"),
        ("RIVAL_CHECK", "optional"),
        ("PROVIDER_CHECK", "1"),
        ("ALLOW_INSECURE_URL", "maybe"),
        ("OPENAI_BASE_URL", "api.openai.com"),
        ("OPENAI_BASE_URL", "wss://api.openai.com"),
        ("AGENT", "acme_agent"),
        ("AGENT", "acme_agent:"),
        ("AGENT", "acme-agent:answer"),
        ("AGENT", "/agent/acme.py:answer"),
        ("MAX_CALLS", "0"),
        ("MAX_CALLS", "-1"),
        ("MAX_CALLS", "many"),
        ("MAX_CALLS", "1.5"),
        ("MAX_CALLS", "1_0"),
        ("MAX_CALLS", "9" * 400),
        ("MAX_CALL_SECONDS", "0"),
        ("CALL_MEMORY_LIMIT_MB", "0"),
        ("DRAIN_SECONDS", "-1"),
        ("DRAIN_SECONDS", "1h"),
        ("HURRY_SECONDS", "soon"),
        ("HEALTH_PORT", "65536"),
        ("HEALTH_PORT", "http"),
        ("HEALTH_HOST", "two words"),
        ("USAGE_URL", "ftp://control.example.com"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_malformed_setting_is_named_with_an_example_and_its_value_is_not_repeated(
    name: str, text: str
) -> None:
    (fault,) = [fault for fault in faults_of(**{name: text}) if fault.variable == name]
    assert fault.check_id == WELLFORMED
    assert fault.example == EXAMPLES[name]
    assert len(text) < 4 or text not in fault.problem


def test_every_example_is_a_value_that_is_taken() -> None:
    told = {name: text for name, text in EXAMPLES.items() if name not in ("AGENT_CONFIG",)}
    told |= {"OPENAI_API_KEY": "sk-proj-4f8a", "USAGE_SECRET": "9f86d081884c7d65"}
    settings_of(**told)


def test_all_faults_are_told_at_once() -> None:
    faults = faults_of(
        TENANT_ID="Acme",
        LIVEKIT_URL="ftp://x",
        LIVEKIT_API_KEY="changeme",
        LIVEKIT_API_SECRET="",
        OPENAI_API_KEY="",
        MAX_CALLS="many",
        CLAIM_POLICY="required",
        USAGE_URL="https://control.example.com/usage",
        AGENT_CONFIG="/nowhere/agent.yaml",
    )
    assert {fault.variable for fault in faults} == {
        *("TENANT_ID", "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "OPENAI_API_KEY"),
        *("MAX_CALLS", "CLAIM_PUBLIC_KEY", "USAGE_SECRET", "AGENT_CONFIG"),
    }
    assert len(faults) == 9
    assert all("\n" not in str(fault) and fault.example for fault in faults)


def test_exchanged_key_and_secret_are_told_as_such() -> None:
    faults = faults_of(LIVEKIT_API_KEY=SECRET, LIVEKIT_API_SECRET="APIa1B2c3D4e5F6")
    assert {fault.check_id for fault in faults} == {NOT_SWAPPED}
    assert SECRET not in "".join(map(str, faults))


@pytest.mark.parametrize("policy", ["required", "optional"])
def test_claims_cannot_be_asked_for_without_a_key_to_verify_them(policy: str) -> None:
    (fault,) = faults_of(CLAIM_POLICY=policy)
    assert fault.variable == "CLAIM_PUBLIC_KEY"


def test_a_usage_secret_without_an_url_is_a_warning() -> None:
    (warning,) = settings_of(USAGE_SECRET="s" * 32).findings
    assert warning.is_warning


def test_unusable_settings_still_tell_whose_they_are() -> None:
    findings = read(variables(LIVEKIT_API_SECRET=""))
    assert isinstance(findings, Findings)
    assert findings.tenant == "acme"
    assert findings.host == "acme-1a2b3c4d.livekit.cloud"
    assert findings.key_fingerprint
    assert len(findings.key_fingerprint) == 16


def test_no_secret_is_in_any_repr() -> None:
    settings = settings_of(USAGE_URL="https://a.example.com", USAGE_SECRET="canary-usage")
    shown = repr(settings) + str(settings) + repr(settings.credentials)
    for secret in (SECRET, GOOD["OPENAI_API_KEY"], GOOD["LIVEKIT_API_KEY"], "canary-usage"):
        assert secret not in shown


_texts = st.text(st.characters(exclude_characters="\0"), min_size=8, max_size=60)


@given(st.dictionaries(st.sampled_from([variable.name for variable in VARIABLES]), _texts))
@examples(max_examples=50, deadline=None)
def test_no_value_whatever_raises_and_no_fault_repeats_it(given_texts: dict[str, str]) -> None:
    result = read({**GOOD, **given_texts})
    assert isinstance(result, WorkerSettings | Findings)
    if isinstance(result, Findings):
        assert all(fault.problem and fault.variable for fault in result.faults)
        for name in ("LIVEKIT_API_SECRET", "OPENAI_API_KEY", "USAGE_SECRET"):
            secret = given_texts.get(name, "").strip()
            assert len(secret) < 8 or all(secret not in fault.problem for fault in result)
