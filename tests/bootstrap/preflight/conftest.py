"""What every test of the preflight asks with."""

import logging

import pytest

from tests.bootstrap.preflight.asking import Ask


@pytest.fixture
def ask(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Ask:
    """Run a preflight, bounded in time, and search all output for secrets."""
    caplog.set_level(logging.DEBUG)
    return Ask(caplog, capfd)
