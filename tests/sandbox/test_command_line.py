"""`python -m sandbox`: each part alone."""

import re
import signal
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from project.connection import Project
from project.credentials import Credentials
from project.rooms import list_rooms
from sandbox.__main__ import app
from tests.sandbox.processes import Terminal, adopting_orphans, wait_until_gone


def test_help_offers_each_part_alone() -> None:
    help_text = CliRunner().invoke(app, ["--help"]).output
    for part in ("project", "speech", "tenant", "caller", "demo"):
        assert re.search(rf"(?m)^\W*{part} ", help_text), help_text


@pytest.mark.integration
async def test_a_project_alone_prints_its_three_values_and_ends_with_ctrl_c(
    tmp_path: Path,
) -> None:
    with adopting_orphans() as earlier_pids:
        terminal = Terminal([sys.executable, "-m", "sandbox", "project", "acme"], tmp_path / "log")
        terminal.wait_for("LIVEKIT_API_SECRET=", 60.0)
        printed = dict(line.split("=", 1) for line in terminal.output().split())
        credentials = Credentials(
            url=printed["LIVEKIT_URL"],
            api_key=printed["LIVEKIT_API_KEY"],
            api_secret=SecretStr(printed["LIVEKIT_API_SECRET"]),
        )
        async with Project(credentials) as project:
            assert await list_rooms(project) == ()
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(30) == 0
        assert wait_until_gone(earlier_pids, 10.0) == []
