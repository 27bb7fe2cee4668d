"""What a tenant may set in its worker's environment, and what would reach beyond its agent."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.tenants.env_rule import find_name_fault


@pytest.mark.parametrize(
    "name",
    [
        "AGENT",
        "ALLOW_INSECURE_URL",
        "CALL_MEMORY_LIMIT_MB",
        "CLAIM_POLICY",
        "CRM_TOKEN",
        "CRM_URL",
        "MAX_CALL_SECONDS",
        "OPENAI_ORG_ID",
        "PROVIDER_CHECK",
        "RIVAL_CHECK",
        "TOKEN_RULE",
        "USER_DIRECTORY_URL",
        "X",
    ],
)
def test_a_tenants_variables_and_its_own_names_may_be_set(name: str) -> None:
    assert find_name_fault(name) is None


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ("TENANT_ID ROOM_PREFIX LIVEKIT_URL LIVEKIT_API_KEY LIVEKIT_NEXT", "other settings"),
        ("OPENAI_API_KEY OPENAI_BASE_URL MAX_CALLS AGENT_CONFIG", "other settings"),
        ("CLAIM_PUBLIC_KEY FOREIGN_KEY_FINGERPRINTS", "other settings"),
        ("USAGE_URL USAGE_SECRET STATE_DIR HEALTH_PORT LOG_LEVEL", "whoever runs the worker"),
        ("CONTROL_TOKEN CONTROL_NEXT", "whoever runs the worker"),
        ("PYTHONSTARTUP PYTHONPATH PYTHONINSPECT PYTHONWARNINGS PYTHONNEXT", "a program obeys"),
        ("LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT MALLOC_ARENA_MAX GCONV_PATH", "a program obeys"),
        ("BASH_ENV ENV IFS PS4 SHELLOPTS BASHOPTS PATH HOME TMPDIR", "a program obeys"),
        ("HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY NEXT_PROXY", "a program obeys"),
        ("SSL_CERT_FILE SSLKEYLOGFILE REQUESTS_CA_BUNDLE OPENSSL_CONF NETRC", "a program obeys"),
        ("OPENAI_API_KEY_FILE CRM_TOKEN_FILE LIVEKIT_API_SECRET_FILE", "belong"),
        ("DOCKER_HOST LAUNCHER_FOLDER KUBERNETES_SERVICE_HOST", "a program obeys"),
        ("http_proxy Path crm_url A-B 1X BASH_FUNC_ls%%", "no name of a tenant's own"),
    ],
)
def test_what_reaches_beyond_the_agent_is_refused_by_name(names: str, problem: str) -> None:
    for name in names.split():
        fault = find_name_fault(name)
        assert fault is not None
        assert name in fault
        assert problem in fault


@given(st.one_of(st.text(max_size=12), st.sampled_from(sorted(os.environ))))
def test_whatever_is_free_is_a_name_that_an_environment_can_hold(name: str) -> None:
    if find_name_fault(name) is None:
        assert name.isascii()
        assert name == name.upper()
        assert not set(name) & set("=\0\n ")
