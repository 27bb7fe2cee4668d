"""The Docker Engine of our own: it starts, and ends with all that it started."""

import time
from pathlib import Path

import pytest

from sandbox.docker.engine import EngineFault, start_engine

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def test_an_engine_starts_leaves_the_network_alone_and_is_gone_when_killed(tmp_path: Path) -> None:
    interfaces = Path("/proc/net/dev").read_text().count(":")
    engine = start_engine(tmp_path)
    try:
        networks = engine.ask("network", "ls", "--format", "{{.Name}}").split()
        assert sorted(networks) == ["host", "none"]
        assert Path("/proc/net/dev").read_text().count(":") == interfaces
        assert not engine.has_image("nothing:here")
        with pytest.raises(EngineFault, match="docker inspect failed"):
            engine.inspect("nothing")
        socket = engine.host.removeprefix("unix://")
        assert processes_of(socket)
    finally:
        engine.kill()
    deadline = time.monotonic() + 30
    while commands := processes_of(str(Path(socket).parent)):
        assert time.monotonic() < deadline, commands
        time.sleep(0.05)


def processes_of(path_in_command: str) -> list[str]:
    """List the command lines of living processes that name a path."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if path_in_command in command:
            commands.append(command)
    return commands
