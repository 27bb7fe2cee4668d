"""Preflights of one tenant, and the search for secrets in all that they put out."""

import time
from collections.abc import Iterable

import pytest
from pydantic import SecretStr

from bootstrap.preflight import run
from bootstrap.preflight.report import Report, render_json
from bootstrap.preflight.report_text import render_text
from bootstrap.settings.settings import WorkerSettings, read
from contract.settings.findings import Findings
from project.connection import Project
from project.credentials import Credentials
from project.rooms import list_rooms

TENANT = "preflight"
PROVIDER_KEY = "sk-canary-5f1d0c2b7a"
CANARY_SECRET = "canary-secret-0123456789-0123456789-0123456789"
# The limit, and as much again for what may be left to do: leave, remove the rooms.
LONGEST_SECONDS = 2 * run._LIMIT_SECONDS


def canary(url: str) -> Credentials:
    """Give credentials that open nothing and must not be seen anywhere."""
    return Credentials(url, "APIcanary1b2c3d4", SecretStr(CANARY_SECRET))


def environment(credentials: Credentials, **changes: str) -> dict[str, str]:
    """Give a tenant's variables; the provider is left alone unless a test asks for it."""
    return {
        "TENANT_ID": TENANT,
        "LIVEKIT_URL": credentials.url,
        "LIVEKIT_API_KEY": credentials.api_key,
        "LIVEKIT_API_SECRET": credentials.api_secret.get_secret_value(),
        "OPENAI_API_KEY": PROVIDER_KEY,
        "PROVIDER_CHECK": "off",
    } | changes


def settings_of(credentials: Credentials, **changes: str) -> WorkerSettings:
    """Read a tenant's settings, which have to be whole."""
    settings = read(environment(credentials, **changes))
    assert isinstance(settings, WorkerSettings), settings
    return settings


class Ask:
    """Runs preflights and searches whatever they put out, however they end."""

    def __init__(self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
        self._caplog, self._capfd = caplog, capfd

    async def __call__(
        self,
        given: WorkerSettings | Findings,
        *,
        proxy: str | None = None,
        only: Iterable[str] | None = None,
        secrets: Iterable[str] = (),
    ) -> Report:
        began = time.monotonic()
        chosen = None if only is None else frozenset(only)
        report = await run.run(given, proxy=proxy, only=chosen)
        assert time.monotonic() - began < LONGEST_SECONDS
        hidden = {*secrets, *(given.secrets() if isinstance(given, WorkerSettings) else ())}
        self._search(report, hidden)
        return report

    def _search(self, report: Report, hidden: set[str]) -> None:
        shown = "\n".join(
            (
                render_text(report),
                render_json(report),
                self._caplog.text,
                *self._capfd.readouterr(),
            )
        )
        for secret in hidden:
            assert secret not in shown
        assert "eyJ" not in shown  # how every token begins
        assert "turn_password" not in shown.lower()


def failed(report: Report) -> tuple[list[str], int]:
    """Give the ids that failed, and the exit code."""
    return [line.id for line in report.faults], int(report.exit_code)


def detail_of(report: Report, check_id: str) -> str:
    """Give what one check said."""
    return next(line.detail for line in report.lines if line.id == check_id)


def outcome_of(report: Report, check_id: str) -> str:
    """Give one check's outcome."""
    return next(line.outcome.value for line in report.lines if line.id == check_id)


async def probe_rooms(credentials: Credentials, tenant: str = TENANT) -> list[str]:
    """List what a preflight left behind."""
    async with Project(credentials) as project:
        return [
            room.name
            for room in await list_rooms(project)
            if room.name.startswith(f"{tenant}--probe-")
        ]
