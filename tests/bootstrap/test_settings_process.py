"""Settings that a child reads: the same as ever, but for the usage secret, which comes later."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from bootstrap.settings.settings import WorkerSettings, read
from bootstrap.settings_process import read_apart
from contract.settings.findings import Findings
from tests.bootstrap.tenants import GOOD, env_file

_USAGE = {"USAGE_URL": "https://usage.example.com/v1", "USAGE_SECRET": "s" * 32}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Have a good tenant's variables, and nothing else, in this process's environment."""
    for name in tuple(os.environ):
        if name not in ("PATH", "HOME", "TMPDIR"):
            monkeypatch.delenv(name)
    for name, text in GOOD.items():
        monkeypatch.setenv(name, text)
    return dict(os.environ)


def test_all_is_read_at_once_but_the_usage_secret_which_is_there_when_it_is_asked_for(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    path = env_file(tmp_path, "CRM_TOKEN=crm", **_USAGE)
    complete = read(environment, path)
    assert isinstance(complete, WorkerSettings)
    settings, secret = read_apart(path, is_terminal=False)
    assert isinstance(settings, WorkerSettings)
    assert secret
    assert settings == replace(complete, host=replace(complete.host, usage_secret=None))
    assert complete.host.usage_secret == SecretStr(_USAGE["USAGE_SECRET"])
    assert secret.complete(settings) == complete


def test_where_there_is_no_usage_secret_none_is_added(environment: dict[str, str]) -> None:
    settings, secret = read_apart(None, is_terminal=False)
    assert isinstance(settings, WorkerSettings)
    assert secret
    assert secret.complete(settings) == settings == read(environment)


def test_what_is_wrong_with_the_settings_is_told_as_ever(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    path = env_file(tmp_path, USAGE_URL=_USAGE["USAGE_URL"], MAX_CALLS="many")
    findings, _ = read_apart(path, is_terminal=False)
    assert isinstance(findings, Findings)
    assert findings == read(environment, path)
    assert {finding.variable for finding in findings.faults} == {"USAGE_SECRET", "MAX_CALLS"}
