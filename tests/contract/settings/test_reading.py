"""One reading for every program: what it says depends on what it is handed, and on no disk."""

from pathlib import PurePath

from contract.settings.reading import Reading, find_faults, read
from tests.contract.settings.stored_files import StoredFiles

_ENV = b"""TENANT_ID=acme
LIVEKIT_URL=wss://acme-1a2b3c4d.livekit.cloud
LIVEKIT_API_KEY=APIa1B2c3D4e5F6
LIVEKIT_API_SECRET_FILE=secrets/livekit
OPENAI_API_KEY_FILE=/run/secrets/openai
AGENT_CONFIG=agent.yaml
CRM_URL=https://crm.example.com
"""
_FILES = {
    "tenants/acme.env": _ENV,
    "tenants/secrets/livekit": b"tq7vN2xLrB9wKf4ZsE6hYj1pQc8mUd3g\n",
    "/run/secrets/openai": b"sk-0123456789\n",
    "tenants/agent.yaml": b"greeting: Hello\n",
}


def _read(*elsewhere: str, **changed: bytes | OSError) -> Reading:
    contents = _FILES | {"tenants/acme.env": changed.get("env", _ENV)}
    return read({}, PurePath("tenants/acme.env"), StoredFiles(contents), elsewhere=elsewhere)


def test_files_are_read_by_the_function_that_is_handed_in_and_lie_beside_the_env_file() -> None:
    reading = _read()
    assert reading.findings == ()
    assert reading.texts["LIVEKIT_API_SECRET"] == "tq7vN2xLrB9wKf4ZsE6hYj1pQc8mUd3g"
    assert reading.texts["OPENAI_API_KEY"] == "sk-0123456789"
    assert reading.agent_file.mapping == {"greeting": "Hello"}
    assert reading.agent_file.config.greeting == "Hello"
    assert reading.others == {"CRM_URL": "https://crm.example.com"}
    assert "sk-0123456789" not in repr(reading)


def test_faults_go_before_warnings() -> None:
    reading = _read(env=_ENV + b"MAX_CALLS=0\nMAX_CALLS=many\nTENANT=acme\n")
    assert [finding.is_warning for finding in reading.findings] == [False, True, True]
    assert [fault.variable for fault in reading.faults] == ["MAX_CALLS"]


def test_what_somebody_else_gives_may_be_missing_but_not_wrong() -> None:
    without = _ENV.replace(b"TENANT_ID=acme\n", b"CLAIM_POLICY=required\n")
    assert [fault.variable for fault in _read(env=without).faults] == [
        "TENANT_ID",
        "CLAIM_PUBLIC_KEY",
    ]
    elsewhere = ("TENANT_ID", "CLAIM_PUBLIC_KEY")
    assert _read(*elsewhere, env=without).faults == ()
    wrong = _ENV.replace(b"TENANT_ID=acme", b"TENANT_ID=Acme")
    assert [fault.variable for fault in _read(*elsewhere, env=wrong).faults] == ["TENANT_ID"]


def test_of_an_env_file_that_cannot_be_read_nothing_else_is_said() -> None:
    reading = _read(env=PermissionError(13, "Permission denied"))
    assert not reading.has_all_sources
    (fault,) = reading.faults
    assert str(fault) == (
        "--env-file: tenants/acme.env cannot be read: Permission denied; for example acme.env"
    )


def test_variables_without_files_are_judged_by_the_same_rules() -> None:
    texts = dict(_read().texts) | {"MAX_CALLS": "5000", "LIVEKIT_API_KEY": ""}
    assert [str(fault) for fault in find_faults(texts)] == [
        "MAX_CALLS: is not between 1 and 1000; for example 10",
        "LIVEKIT_API_KEY: is empty; for example APIa1B2c3D4e5F6",
    ]
