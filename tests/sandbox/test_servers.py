"""Projects on this machine: real livekit-servers."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.programs import ROOT
from project.connection import Project
from project.credentials import Credentials
from project.faults import UnknownKey
from project.rooms import create_room, list_rooms
from sandbox.servers import RunningProject, start_project
from tests.sandbox.processes import adopting_orphans, wait_until_gone

pytestmark = pytest.mark.integration


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningProject]:
    project = start_project("own", folder=tmp_path)
    try:
        yield project
    finally:
        project.kill()


async def _rooms(credentials: Credentials) -> set[str]:
    async with Project(credentials) as project:
        return {room.name for room in await list_rooms(project)}


async def test_two_servers_are_two_projects(acme: RunningProject, globex: RunningProject) -> None:
    async with Project(acme.credentials) as project:
        await create_room(project, "acme--only-here", agent_name="nobody")
    assert "acme--only-here" in await _rooms(acme.credentials)
    assert "acme--only-here" not in await _rooms(globex.credentials)
    foreign = Credentials(
        url=acme.url, api_key=globex.credentials.api_key, api_secret=globex.credentials.api_secret
    )
    with pytest.raises(UnknownKey):
        await _rooms(foreign)


async def test_two_keys_of_one_server_are_one_project(acme: RunningProject) -> None:
    assert await _rooms(acme.spare_credentials) == await _rooms(acme.credentials)


async def test_a_restarted_project_has_the_same_address_and_keys(own: RunningProject) -> None:
    killed_pid = own.pid
    own.restart()
    assert own.pid != killed_pid
    assert await _rooms(own.credentials) == set()


async def test_a_key_can_be_revoked(own: RunningProject) -> None:
    own.restart(key_is_valid=False)
    with pytest.raises(UnknownKey):
        await _rooms(own.credentials)
    assert await _rooms(own.spare_credentials) == set()


def test_a_server_dies_with_whoever_started_it(tmp_path: Path) -> None:
    starter = (
        "import os, pathlib, signal\n"
        "from sandbox.servers import start_project\n"
        f"start_project('orphan', folder=pathlib.Path({str(tmp_path)!r}))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with adopting_orphans() as earlier_pids:
        subprocess.run([sys.executable, "-c", starter], cwd=ROOT, timeout=60)
        assert wait_until_gone(earlier_pids, 10.0) == []
    assert "starting LiveKit server" in (tmp_path / "livekit-server-orphan.log").read_text()
